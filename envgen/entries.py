"""Whether an environment may be begun again: from a text of its own, and after it was played.

Told the first text of a session it must begin; told a text from the middle of one it may refuse, for that claims
nothing, but what it takes must allow what was logged next. And an environment that was played and is begun again from
a seed must do as a new one does from this seed, whatever was done in it before. Where drawn starts are too many to
know, the judge tells it the first texts (`belief.py`), and so what it dreams from drawn starts must be what it expects
when told, or else another world would be judged than the one that is rehearsed in.
"""

from collections.abc import Sequence

from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.frequencies import frequencies
from envgen.steps import steps
from rollout.figure import Figure, proportion
from rollout.trajectory import Trajectory, Turn
from sandbox import Answer, Episode, Reset, Script, Worker

TOLD = 200  # different first texts told
ENTERED = 200  # different steps entered from the text before them
PLAYED = 100  # sessions whose actions are played in it
SEEDS = 710_000_000  # first of the seeds begun with; no rehearsal uses them


def match_entries(judged: Belief, sessions: Sequence[Trajectory]) -> dict[str, Figure]:
    """Figures on beginning again.

    Args:
        judged: the belief that sessions were judged by.
        sessions: logged.

    Returns:
        `starts_taken`, the share of different first texts that the environment begins from when told; `entry_taken`,
        the share of different logged steps that can be entered from the text before; `entry_contradicted`, the share
        of those after which it is sure of other answers than the logged one; `forgets`, the share of sessions that go
        in an environment played before as they go in a new one; `drawn_off`, where drawn starts are too many to know:
        how far episodes from them are from what it expects where it is told their first texts, by the share of steps
        that cannot be, or by which an answer comes too often or seldom, whichever is larger.
    """
    worker, comparer = judged.worker, judged.comparer
    belief = Belief(worker, comparer, drawn=False)
    firsts = list({session.observation.text: session for session in sessions}.values())[:TOLD]
    begun = [bool(scored[0].outcomes) for scored in belief.replays(
        [session.model_copy(update={"turns": session.turns[:1]}) for session in firsts])]
    entered = [step for scored in belief.replays(_single_steps(sessions)) for step in scored]
    taken = [step for step in entered if step.outcomes and comparer.compared(step.turn)]
    scripts = [Script([turn.action.text for turn in session.turns], SEEDS + number)
               for number, session in enumerate(sessions[:PLAYED])]
    new = worker.episodes(scripts)
    as_new = _as_new(worker, scripts, new)
    off = Figure(value=None, n=0) if judged.knows_starts() else _off(worker, scripts, new)
    return {
        "starts_taken": proportion(sum(begun), len(begun), unit="share of first texts"),
        "entry_taken": proportion(len(taken), len(entered), unit="share of steps"),
        "entry_contradicted": proportion(sum(step.contradicted for step in taken), len(taken), unit="share of steps"),
        "forgets": proportion(sum(as_new), len(as_new), unit="share of sessions"),
        "drawn_off": off,
    }


def _off(worker: Worker, scripts: Sequence[Script], new: Sequence[Episode]) -> Figure:
    """How far episodes from drawn starts are from what is expected where their first texts are told."""
    dreamed = list(Belief(worker, drawn=False).replays(filter(None, map(_dreamed, scripts, new))))
    impossible = [step.contradicted or not step.outcomes for scored in dreamed for step in scored]
    frequency = max((each.off for each in frequencies(dreamed, Comparer())), default=0.0)
    share = sum(impossible) / len(impossible) if impossible else 0.0
    return Figure(value=max(frequency, share), n=len(impossible), unit="share of steps")


def _single_steps(sessions: Sequence[Trajectory]) -> list[Trajectory]:
    """Different logged steps as sessions of their own, evenly picked."""
    found = {(before, turn.action.text, text, turn.reward, turn.terminated): (session, number)
             for session in sessions for number, (before, turn, text) in enumerate(steps(session))}
    return [session.model_copy(update={
        "observation": session.observation if number == 0 else session.turns[number - 1].observation,
        "turns": (session.turns[number],),
    }) for session, number in list(found.values())[:: 1 + len(found) // ENTERED]]


def _as_new(worker: Worker, scripts: Sequence[Script], new: Sequence[Episode]) -> list[bool]:
    """For each script but the first: does an environment that played those before it do as a new one did?"""
    (copy,) = worker.make(1)
    said = [_play(worker, copy, script) for script in scripts]
    worker.drop([copy])
    return [one == other.answers for one, other in zip(said, new, strict=True)][1:]


def _play(worker: Worker, copy: int, script: Script) -> list[Answer]:
    """What a copy answers to a script, until it ends or breaks."""
    said = list[Answer]()
    begun = worker.reset_batch([Reset(copy, script.seed)])
    for answer in [*begun, *worker.step_batch([(copy, action) for action in script.actions])]:
        if not isinstance(answer, Answer):
            break
        said.append(answer)
        if answer.terminated or answer.truncated:  # what follows is refused
            break
    return said


def _dreamed(script: Script, episode: Episode) -> Trajectory | None:
    """An episode of the environment as a session; None where nothing was done in it."""
    if len(episode.answers) < 2:
        return None
    first, *answers = episode.answers
    turns = tuple(Turn(action=action, observation=answer.observation, reward=answer.reward,
                       terminated=answer.terminated, truncated=answer.truncated)
                  for action, answer in zip(script.actions, answers, strict=False))
    return Trajectory(id=f"seed {script.seed}", source="dreamed", observation=first.observation, turns=turns)
