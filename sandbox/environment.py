"""Sandboxed environments behind Gymnasium's own interfaces: one copy as an `Env`, many as a `VectorEnv`.

Left out: rendering; a text environment's observation is its picture.
"""

import string
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from sandbox.errors import EnvironmentFault, WorkerDied
from sandbox.records import Answer, Reset
from sandbox.worker import Worker


class AnyText(spaces.Text):
    """Every text up to a length. Samples are made of printable ASCII."""

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length=max_length, min_length=0, charset=string.ascii_letters + string.digits + " .,:")

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Short texts: a long random one tests nothing that a short one does not."""
        if mask is None and probability is None:
            length = int(self.np_random.integers(0, min(self.max_length, 20) + 1))
            return "".join(str(c) for c in self.np_random.choice(list(self.characters), size=length))
        return str(super().sample(mask, probability))


def told(worker: Worker, answer: Answer) -> dict[str, Any]:
    """An answer's info, and under `unvouched` how many elements it ran that nobody vouched for."""
    return answer.info if worker.vouched is None else {**answer.info, "unvouched": len(answer.unvouched)}


class SandboxedEnv(gymnasium.Env[str, str]):
    """One copy of a worker's environment.

    Once its worker has been told what is vouched for, every info counts, under `unvouched`, what ran beside that.

    Without a seed the first reset draws one; later ones go on with the environment's own generator, as
    Gymnasium's do.

    Args:
        worker: kept open when this environment closes, for it may serve other copies.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, worker: Worker, text_characters: int = 100_000) -> None:
        self.worker = worker
        self.observation_space = AnyText(text_characters)
        self.action_space = AnyText(text_characters)
        self._id: int | None = worker.make(1)[0]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begins an episode; ``options={"observation": text}`` begins it where that text is shown.

        Raises:
            EnvironmentFault: the authored code failed.
            WorkerDied: its process did.
        """
        super().reset(seed=seed)
        if seed is None and self._np_random_seed is None:
            seed = self.np_random_seed % 2**63  # what crosses the pipe has 64 bits
        observation = (options or {}).get("observation")
        answer = self._ask(self.worker.reset_batch([Reset(self._copy(), seed, observation)])[0])
        return answer.observation, told(self.worker, answer)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """One step. Raises as `reset` does."""
        answer = self._ask(self.worker.step_batch([(self._copy(), action)])[0])
        return answer.observation, answer.reward, answer.terminated, answer.truncated, told(self.worker, answer)

    def close(self) -> None:
        if self._id is not None:
            if self.worker.alive:
                self.worker.drop([self._id])
            self._id = None

    def _copy(self) -> int:
        if self._id is None:
            raise WorkerDied("the environment is closed", "closed")
        return self._id

    def _ask(self, answer: Answer | EnvironmentFault) -> Answer:
        if isinstance(answer, EnvironmentFault):
            raise answer
        return answer


class SandboxedVectorEnv(VectorEnv[tuple[str, ...], tuple[str, ...], Any]):
    """Many copies of one worker's environment, stepped in one message.

    A copy that fails ends its episode: it is truncated with reward 0, and `info["fault"]` says why. Copies
    that ended are reset by the next step (Gymnasium's `NEXT_STEP`).
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, worker: Worker, num_envs: int, text_characters: int = 100_000) -> None:
        self.worker = worker
        self.num_envs = num_envs
        self.single_observation_space = AnyText(text_characters)
        self.single_action_space = AnyText(text_characters)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._ids = worker.make(num_envs)
        self._ended = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Resets all copies; with one seed, copy i gets ``seed + i``."""
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else list(seed)
        observation = (options or {}).get("observation")
        answers = self.worker.reset_batch([Reset(id, s, observation) for id, s in zip(self._ids, seeds, strict=True)])
        self._ended[:] = [isinstance(answer, EnvironmentFault) for answer in answers]
        return self._observations(answers), self._infos(answers)

    def step(self, actions: Sequence[str]) -> tuple[tuple[str, ...], Any, Any, Any, dict[str, Any]]:
        """Steps all copies.

        Returns:
            observations (num_envs texts), rewards (num_envs, float64), terminations and truncations
            (num_envs, bool) and infos in Gymnasium's form.
        """
        ended = self._ended
        going = [(id, action) for id, action, over in zip(self._ids, actions, ended, strict=True) if not over]
        over = [Reset(id) for id, done in zip(self._ids, ended, strict=True) if done]
        stepped = iter(self.worker.step_batch(going) if going else [])
        restarted = iter(self.worker.reset_batch(over) if over else [])
        answers = [next(restarted) if done else next(stepped) for done in ended]
        rewards = np.array([0.0 if isinstance(a, EnvironmentFault) else a.reward for a in answers])
        terminated = np.array([not isinstance(a, EnvironmentFault) and a.terminated for a in answers], dtype=np.bool_)
        truncated = np.array([isinstance(a, EnvironmentFault) or a.truncated for a in answers], dtype=np.bool_)
        self._ended = terminated | truncated
        return self._observations(answers), rewards, terminated, truncated, self._infos(answers)

    def close_extras(self, **kwargs: Any) -> None:
        if self.worker.alive:
            self.worker.drop(self._ids)

    def _observations(self, answers: Sequence[Answer | EnvironmentFault]) -> tuple[str, ...]:
        return tuple("" if isinstance(answer, EnvironmentFault) else answer.observation for answer in answers)

    def _infos(self, answers: Sequence[Answer | EnvironmentFault]) -> dict[str, Any]:
        infos: dict[str, Any] = {}
        for index, answer in enumerate(answers):
            info = {"fault": str(answer)} if isinstance(answer, EnvironmentFault) else told(self.worker, answer)
            if info:
                infos = self._add_info(infos, info, index)
        return infos
