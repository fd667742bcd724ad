"""What the configuration says of imagined steps reaches the rehearsal."""

from pathlib import Path

import pytest

from dreamer.acting import Policy
from dreamer.config import ConfigError, load
from dreamer.dreaming import in_dream
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.progress import Reporter
from dreamer.records import Logs
from dreamer.run import Run
from dreamer.store import Store
from rollout.rehearsal import Start
from rollout.world import DreamWorld
from sandbox import Sandbox
from tests.dreamer.doors import record
from tests.rollout.worlds import DAYS

LOGS = Logs(shown=1, selection=0, held_out=0, split=("session", (1, 0, 0)), files={}, rejected=0, approvals={}, turns=9,
            longest=9, usual_reward=0.0, worst_outcome=-2.0)


@pytest.mark.parametrize(("settings", "turns", "outcome"), [
    ([], 1, -2.0),
    (["learning.imagined_return=7"], 1, 7.0),
    (["learning.imagined=discount"], 6, 1.5),
    (["learning.imagined=discount", "learning.imagined_discount=0.1"], 6, pytest.approx(0.3)),
    (["learning.imagined=allow"], 6, 3.0),
])
def test_an_imagined_step_is_treated_as_configured(
    settings: list[str], turns: int, outcome: float, project: Path, sandbox: Sandbox
) -> None:
    config = load(project / "night.toml", settings)
    store, tokenizer = Store(project / "run"), train_tokenizer(record(10), 300)
    digest = store.save_policy(lambda folder: save(build_tiny(tokenizer, 1, 32, seed=0), tokenizer, folder))
    with (
        Run(config, store, Reporter(lambda event: None, None)) as run,
        sandbox.load(DAYS.replace("integers(1, 7)", "integers(6, 7)"), counting=True) as worker,
    ):
        worker.vouch([])  # nothing is known, so that all is imagined
        rehearsal = in_dream(run, LOGS, Policy(store.policy(digest)), DreamWorld(worker))
        (episode,) = rehearsal.play([Start(1, 1)])
    assert all(turn.imagined for turn in episode.trajectory.turns)
    assert (len(episode.trajectory.turns), episode.outcome) == (turns, outcome)


@pytest.mark.parametrize("setting", ["learning.imagined=maybe", "learning.imagined_discount=1.5"])
def test_what_cannot_be_done_with_imagined_steps_is_refused(setting: str, project: Path) -> None:
    with pytest.raises(ConfigError, match=r"night.toml.*'learning.imagined"):
        load(project / "night.toml", [setting])
