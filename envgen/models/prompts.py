"""The prompts: for a first draft, the repair of a reply that cannot be used, the revision of a world not yet right."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from envgen.models.logged import wants
from envgen.models.material import Material, Step
from envgen.models.model import Prompt, estimate
from envgen.models.settings import ModelSettings
from envgen.models.sources import Sources, step_of
from envgen.models.trial import Difference, Example, Trial
from envgen.patterns import Patterns, usual_reward
from envgen.split import By
from envgen.steps import texts
from rollout.trajectory import Trajectory
from templates import prompt
from templates.quoting import Written, literal

BEFORE = 3  # turns before a difference that are told in full, and as many more as have so many characters
HISTORY = 1500
SKIPPED = 40  # actions before those
ATTEMPTS, SAID = 3, 2000  # earlier revisions that are told of, and characters of what was said of each
WORDS = ("words", "reward", "end", "unknown", "fault", "no state", "improbable")  # of ours; all else is from logs
TRIES, FULL = 3, 0.9  # how often to plan again, and the share of the room that is enough
FEWEST = 1000  # tokens for what a prompt shows of the sessions


class _Example(NamedTuple):
    """A step that went wrong, in words: what came before it, the step, what was expected, the lines that ran."""

    skipped: list[str]
    before: str
    earlier: list[Step]
    step: Step
    logged: Written
    expected: list[tuple[Written, str, Written]]
    lines: list[Written]


class _Difference(NamedTuple):
    """A kind of difference, in words."""

    title: Written
    examples: list[_Example]


class Prompts:
    """Writes prompts about one world.

    Args:
        sessions: the shown ones.
        patterns: of the same sessions.
        by: what tells the sessions that judge from these.
        settings: how long prompts may be, and what they may show.
    """

    def __init__(self, sessions: Sequence[Trajectory], patterns: Patterns, by: By, settings: ModelSettings):
        self.sessions = {session.id: session for session in sessions}
        self.settings, self.usual = settings, usual_reward(sessions)
        self.sources = Sources(sessions, patterns, by, settings.transitions)
        # No text can hold the digest of all texts. Where the logs lie does not matter.
        said = {"task", "system", "tools", "observation", "turns"}
        self.boundary = _mark(*(session.model_dump_json(include=said) for session in sessions))
        self.system = prompt("system.md.jinja", boundary=self.boundary, reply_tokens=settings.reply_tokens or 0,
                             transitions=settings.transitions)

    def draft(self) -> Prompt:
        """For a world from nothing."""
        def written(material: Material) -> Written:
            return prompt("draft.md.jinja", boundary=self.boundary, material=material, family=material.family,
                          characters=material.characters, longest=4 * material.longest,
                          transitions=self.settings.transitions)

        return Prompt(kind="draft", system=self.system, user=self._fitted(written))

    def repair(self, asked: Prompt, source: str | None, problem: str) -> Prompt:
        """For a reply that cannot be used.

        Args:
            asked: what it replied to.
            source: the file in it, if there is one.
            problem: what is wrong with it.
        """
        user = prompt("repair.md.jinja", asked=Written(asked.user), source=Written(source or ""), problem=problem,
                      mark=Written(_mark(self.boundary, source or "")))
        return Prompt(kind="repair", system=self.system, user=user)

    def revision(self, source: str, trial: Trial, earlier: Sequence[tuple[str, Trial]] = ()) -> Prompt:
        """For a world that is not yet right.

        Args:
            trial: of this source, with reports.
            earlier: revisions of it that were made already: what was said of each, and how it did.
        """
        assert trial.shown is not None
        report, lines = trial.shown, source.split("\n")
        told = [self._difference(each, lines) for each in trial.differences]

        def written(material: Material) -> Written:
            return prompt("revision.md.jinja", boundary=self.boundary, material=material, source=Written(source),
                          mark=Written(_mark(self.boundary, source)), differences=told, complaints=trial.complaints,
                          given=wants(source), sessions=report.sessions, steps=report.figures["step_probability"].n,
                          wrong=trial.wrong, nats=f"{trial.nats:.3f}", earlier=attempts)

        attempts = [(said[:SAID], Written(f"{each.nats:.3f} nats a step, {each.wrong:,} steps wrong" if each.shown
                                          else f"it cannot be used: {literal(each.problem or '')}"))
                    for said, each in earlier[-ATTEMPTS:]]
        user = self._fitted(written)
        while len(told) > 1 and estimate(user) > self._room:
            told.pop()
            user = self._fitted(written)
        return Prompt(kind="revision", system=self.system, user=user)

    @property
    def _room(self) -> int:
        """Tokens beside what holds for every world."""
        return self.settings.prompt_tokens - estimate(self.system)

    def _fitted(self, written: Callable[[Material], Written]) -> Written:
        """A prompt with as much of the sessions as there is room for."""
        fixed = estimate(written(self.sources.gather(0)))
        room = budget = max(FEWEST, self._room - fixed)
        user = written(self.sources.gather(budget))
        for _ in range(TRIES):  # a text that is told once takes less room than was planned
            spent = max(1, estimate(user) - fixed)
            if spent > FULL * room:
                break
            budget = min(budget * room // spent, 4 * room)
            user = written(self.sources.gather(budget))
        while estimate(user) > self._room and budget > FEWEST:
            budget = max(FEWEST, budget - (estimate(user) - self._room) - 50)
            user = written(self.sources.gather(budget))
        return user

    def _difference(self, difference: Difference, lines: Sequence[str]) -> _Difference:
        differs = ", ".join(each if each in WORDS else literal(each) for each in difference.differs)
        title = Written(f"{difference.count:,} × {literal(difference.action)}: {differs}")
        return _Difference(title, [self._example(each, lines) for each in difference.examples])

    def _example(self, example: Example, lines: Sequence[str]) -> _Example:
        session, turn = self.sessions[example.session], example.turn
        said = [step_of(session, number, self.usual) for number in range(turn + 1)]
        first, room = turn, HISTORY
        while first and (turn - first < BEFORE or room > 0):
            first -= 1
            room -= len(said[first].action) + len(said[first].answer or "")
        return _Example(
            skipped=[step.action for step in said[:first]][-SKIPPED:], before=texts(session)[first],
            earlier=said[first:-1], step=said[-1],
            logged=_told(session.turns[turn].reward, session.turns[turn].terminated),
            expected=[(Written(f", with probability {probability:.2g}" if probability < 0.995 else ""), text,
                       _told(reward, end)) for probability, text, reward, end in example.expected],
            lines=[Written(f"{number}: {literal(lines[number - 1].strip())}") for number in example.lines
                   if number <= len(lines)],
        )


def _told(reward: float | None, end: bool | None) -> Written:
    stated = "not logged" if reward is None else repr(reward)
    return Written(f"   [reward {stated}{', END' if end else ''}]")


def _mark(*texts: str) -> Written:
    """A digest, which no text can hold of itself."""
    return Written(hashlib.sha256("\0".join(texts).encode(errors="surrogatepass")).hexdigest()[:12])
