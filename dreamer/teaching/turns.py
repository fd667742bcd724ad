"""Self-distillation one action at a time, from histories of approved sessions; no environment is needed.

The student is asked what it would do next in a session that somebody played. Nothing answers: the teacher, who has seen
another session, says what it would have done.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from dreamer.dreaming import round_name
from dreamer.learning.learners import contexts, taught
from dreamer.learning.update import improve
from dreamer.reading import approved
from dreamer.records import Base, Update
from dreamer.run import Run
from dreamer.teaching.contexts import TeachingError
from rollout.chat import Chat
from rollout.engines import Sampling, say_all
from rollout.episode import Episode, Tokens
from rollout.trajectory import Trajectory, Turn


@dataclass(frozen=True)
class History:
    """A session up to an observation.

    Attributes:
        session: its number.
        turns: how many of its turns lie back.
        ids: what the policy sees.
    """

    session: int
    turns: int
    ids: list[int]


def histories(sessions: Sequence[Trajectory], chat: Chat, most: int) -> list[History]:
    """Every place of the sessions at which their agent acted, but for those behind more than `most` tokens."""
    found = []
    for number, session in enumerate(sessions):
        seen = chat.prompt(session.observation.text, session.instructions)
        for place, turn in enumerate(session.turns):
            if len(seen) > most:
                break
            found.append(History(number, place, seen))
            seen = chat.follow(seen, chat.say(turn.action.text), turn.answer or "")
    return found


def distil_sessions(run: Run, base: Base) -> Update:
    """Rounds of single actions and updates, on histories drawn from the approved sessions."""
    config, policy, sessions = run.config, run.policy(base.policy), approved(run)
    engine, drawn, chance = run.engine(policy), contexts(run, policy), random.Random(config.seed)
    places = histories(sessions, policy.chat, config.policy.max_length - config.policy.action_tokens)
    if not places:
        raise TeachingError("every approved session begins with more than policy.max_length tokens; raise it")
    sampling = Sampling(config.policy.temperature, config.policy.action_tokens)
    count = config.learning.groups * config.learning.episodes

    def play(number: int) -> list[Episode]:
        chosen = chance.choices(places, k=count)
        seeds = [chance.getrandbits(32) for _ in chosen]
        said = say_all(engine, [place.ids for place in chosen], sampling, seeds, config.rehearsal.concurrent)
        episodes = []
        for each, (place, done) in enumerate(zip(chosen, said, strict=True)):
            session = sessions[place.session]
            turns = (*session.turns[: place.turns], Turn(action=policy.chat.action(done.ids)))
            tried = session.model_copy(update={
                "id": f"{round_name(number)}-{each:06d}", "source": "dreamed", "turns": turns, "outcome": None,
                "stop": None, "policy": base.policy, "night": run.store.night, "round": number,
                "group": place.session, "approval": None,
            })
            tokens = Tokens(place.ids, done.ids, [1] * len(done.ids), done.logprobs)
            episodes.append(Episode(each, tried, (tokens,)))
        run.store.save_episodes(round_name(number), episodes)
        return episodes

    def context(tried: Trajectory) -> str:
        assert tried.group is not None
        return drawn.draw(tried.observation.text, sessions[tried.group])

    return improve(run, policy, engine, play, "learn", taught(run, policy, engine, context), round_name)
