"""Whether an environment may be begun again: from a text of its own, and after it was played.

Told the first text of a session it must begin; told a text from the middle of one it may refuse, for that claims
nothing, but what it takes must allow what was logged next. And an environment that was played and is begun again from
a seed must do as a new one does from this seed, whatever was done in it before.
"""

from collections.abc import Sequence

from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.steps import steps
from rollout.figure import Figure, proportion
from rollout.trajectory import Trajectory
from sandbox import Answer, Reset, Script, Worker

TOLD = 200  # different first texts told
ENTERED = 200  # different steps entered from the text before them
PLAYED = 64  # sessions played one after the other in one environment
SEEDS = 710_000_000  # first of the seeds begun with; no rehearsal uses them


def match_entries(worker: Worker, sessions: Sequence[Trajectory], comparer: Comparer) -> dict[str, Figure]:
    """Figures on beginning again.

    Returns:
        `starts_taken`, the share of different first texts that the environment begins from when told; `entry_taken`,
        the share of different logged steps that can be entered from the text before; `entry_contradicted`, the share
        of those after which it is sure of other answers than the logged one; `forgets`, the share of sessions that go
        in an environment played before as they go in a new one.
    """
    belief = Belief(worker, comparer)
    firsts = list({session.observation.text: session for session in sessions}.values())[:TOLD]
    begun = [bool(belief.replay(session.model_copy(update={"turns": session.turns[:1]}), drawn=False)[0].outcomes)
             for session in firsts]
    entered = [step for session in _single_steps(sessions) for step in belief.replay(session, drawn=False)]
    taken = [step for step in entered if step.outcomes and comparer.compared(step.turn)]
    as_new = _as_new(worker, sessions[:PLAYED])
    return {
        "starts_taken": proportion(sum(begun), len(begun), unit="share of first texts"),
        "entry_taken": proportion(len(taken), len(entered), unit="share of steps"),
        "entry_contradicted": proportion(sum(step.contradicted for step in taken), len(taken), unit="share of steps"),
        "forgets": proportion(sum(as_new), len(as_new), unit="share of sessions"),
    }


def _single_steps(sessions: Sequence[Trajectory]) -> list[Trajectory]:
    """Different logged steps as sessions of their own, evenly picked."""
    found = {(before, turn.action.text, text, turn.reward, turn.terminated): session.model_copy(update={
        "observation": session.observation if number == 0 else session.turns[number - 1].observation, "turns": (turn,)})
        for session in sessions for number, (before, turn, text) in enumerate(steps(session))}
    return list(found.values())[:: 1 + len(found) // ENTERED]


def _as_new(worker: Worker, sessions: Sequence[Trajectory]) -> list[bool]:
    """For each session but the first: does an environment that played those before it do as a new one does?"""
    scripts = [Script([turn.action.text for turn in session.turns], SEEDS + number)
               for number, session in enumerate(sessions)]
    (copy,) = worker.make(1)
    said = [_play(worker, copy, script) for script in scripts]
    worker.drop([copy])
    return [one == new.answers for one, new in zip(said, worker.episodes(scripts), strict=True)][1:]


def _play(worker: Worker, copy: int, script: Script) -> list[Answer]:
    """What a copy answers to a script, until it ends or breaks."""
    said = list[Answer]()
    (answer,) = worker.reset_batch([Reset(copy, script.seed)])
    for action in script.actions:
        if not isinstance(answer, Answer):
            return said
        said.append(answer)
        if answer.terminated or answer.truncated:
            return said
        (answer,) = worker.step_batch([(copy, action)])
    return [*said, answer] if isinstance(answer, Answer) else said
