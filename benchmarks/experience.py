"""Online experiential learning on lakes that no base was cloned on: five rounds of extracting and consolidating.

    python -m benchmarks.experience --json [--seeds 0 1 2]

A round lets the policy play the real lake bare, extracts experience from what happened (with `Statistics`: no large
model is asked), and consolidates it: the bare policy learns what it would do if it were told. Experience grows from
round to round; the teacher of a round is the policy that the round began with. Three ways beside each other, each from
its own sessions, with as many episodes, updates and tokens:

- items, on policy: self-distillation on what the bare policy plays;
- items, off policy: imitation of all that the policy played when it was told;
- sessions, on policy: as the first, but the teacher is told whole sessions instead of items, as many as fit into as
  many tokens as the items take.

Lakes, extraction, learning and judging have seeds of their own. What is judged is played in the real engine.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import show
from benchmarks.lakes import ACTION_TOKENS, HELD_OUT, STEPS, Knowledge, Lake, make_base, noted, record
from dreamer.acting import Policy, starts
from dreamer.learning.cloning import clone
from dreamer.learning.distillation import distil
from dreamer.learning.divergence import log_probabilities, surprise
from dreamer.policy import save
from dreamer.sections import Cloning, Distillation, Learning
from dreamer.sections import Policy as Acting
from dreamer.teaching.contexts import Contexts, privileged
from dreamer.teaching.experience import Experience, Experiences
from dreamer.teaching.extraction import Statistics
from dreamer.teaching.lesson import Lesson, lessons
from dreamer.teaching.transcript import transcript
from rollout.engines import Sampling, TransformersEngine
from rollout.episode import Episode
from rollout.figure import Figure, apart, difference, mean, proportion
from rollout.rehearsal import Rehearsal
from rollout.trajectory import Trajectory
from rollout.world import RealWorld

ROUNDS, COUNT, SESSIONS, TOKENS = 5, 4, 64, 1024  # of experiences: how many, of how many sessions, how long each
LEARNING = Learning(method="distillation", rounds=10, groups=32, episodes=2, learning_rate=1e-3)
PLAYED = LEARNING.groups * LEARNING.episodes  # episodes of an update
EXTRACTING, TEACHING, JUDGING = 100_000_000, 200_000_000, 1_000_000_000  # first of the seeds of each
LAKES, OTHERS = HELD_OUT + 1_000, HELD_OUT + 2_000  # first of the lakes to learn, and of those not to forget
SEED = 1_000_000  # starts from one round to the next
ON, OFF, RAW = "items, on policy", "items, off policy", "sessions, on policy"
SHARE = "share of episodes"


class Sessions:
    """Whole sessions as a teacher's contexts."""

    def __init__(self, texts: Sequence[str], seed: int):
        self.texts, self.random = texts, np.random.default_rng(seed)

    def draw(self, observation: str, session: Trajectory | None = None) -> str:
        return self.texts[self.random.integers(len(self.texts))]


@dataclass
class Course:
    """What became of one policy: of each round's episodes, whether they were won, and how long they took.

    Attributes:
        bare, turns: after each round, without experience; the first is the base's.
        told: before each round is consolidated, with its experience in context.
        elsewhere: told items of other lakes: the base's, and in the end.
        nats: of held-out sessions on other lakes, a token: the base's, and in the end.
    """

    bare: list[list[float]] = field(default_factory=list)
    turns: list[list[float]] = field(default_factory=list)
    told: list[list[float]] = field(default_factory=list)
    elsewhere: list[list[float]] = field(default_factory=list)
    nats: list[list[float]] = field(default_factory=list)


def play(policy: Policy, lake: Lake, first: int, count: int, told: Contexts | None = None) -> list[Episode]:
    """Episodes in the real engine, each told of an experience that is drawn for it, or of none."""
    rehearsal = Rehearsal(
        engine=TransformersEngine(policy.model, policy.chat.stop), chat=policy.chat, world=RealWorld(lake.make),
        sampling=Sampling(1.0, ACTION_TOKENS), max_turns=STEPS, concurrent=256, seed=first,
    )
    wanted = starts(first, count)
    if told is not None:
        wanted = [replace(start, system=privileged(None, told.draw(""))) for start in wanted]
    return rehearsal.play(wanted)


def wins(episodes: Sequence[Episode]) -> list[float]:
    return [episode.outcome for episode in episodes]


def extract(policy: Policy, lake: Lake, first: int, known: Sequence[Experience]
            ) -> tuple[list[Experience], list[list[Trajectory]]]:
    """Experiences, each from other sessions of the bare policy; and these sessions."""
    played = [episode.trajectory for episode in play(policy, lake, first, COUNT * SESSIONS)]
    parts = [played[number::COUNT] for number in range(COUNT)]
    extractor = Statistics(bool)
    return [extractor.extract(part, before, partial(fits, policy, TOKENS))
            for part, before in zip(parts, known, strict=True)], parts


def fits(policy: Policy, most: int, text: str) -> bool:
    return len(policy.chat.say(text)) <= most


def whole(policy: Policy, part: Sequence[Trajectory], most: int) -> str:
    """As many sessions as fit; one, if none does."""
    texts = list(map(transcript, part))
    joined = ["\n\n".join(texts[:count]) for count in range(1, len(texts))]
    return max((text for text in joined if fits(policy, most, text)), key=len, default=texts[0])


def consolidate(policy: Policy, lake: Lake, first: int, told: Contexts, seed: int) -> None:
    """On policy. Changes the policy."""

    def teach(number: int) -> list[Lesson]:
        episodes = play(policy, lake, first + number * PLAYED, PLAYED)
        return [lesson for episode in episodes for lesson in lessons(episode, policy.chat, told.draw(""))]

    distil(policy.model, policy.tokenizer, teach, LEARNING, Distillation(), Acting(), seed, lambda done: None)


def imitate(policy: Policy, lake: Lake, first: int, told: Contexts, seed: int) -> None:
    """Off policy: what the policy did when it was told, as if it had not been. Changes the policy."""
    episodes = play(policy, lake, first, LEARNING.rounds * PLAYED, told)
    bare = [policy.chat.tokens(episode.trajectory.model_copy(update={"system": None})) for episode in episodes]
    settings = Cloning(steps=LEARNING.rounds, batch=PLAYED, learning_rate=LEARNING.learning_rate)
    clone(policy.model, policy.tokenizer, bare, settings, seed)


def keeps(policy: Policy, seed: int, count: int) -> tuple[list[float], list[float]]:
    """Whether episodes on other lakes are won with items of theirs; and the nats a token of sessions there."""
    won, nats = list[float](), list[float]()
    for lake in map(Lake, range(OTHERS + 10 * seed, OTHERS + 10 * seed + 5)):
        random = np.random.default_rng(lake.number)
        known = [noted(lake, random, lake.ways) for _ in range(COUNT)]
        won += wins(play(policy, lake, JUDGING, count // 5, Sessions([each.text for each in known], 0)))
        shown = [record(lake, JUDGING + number, each) for number in range(10) for each in (Knowledge(), known[0])]
        nats += [each / tokens for each, tokens in surprise(
            partial(log_probabilities, policy.model), [policy.chat.tokens(session) for session in shown])]
    return won, nats


def course(arm: str, base: Path, lake: Lake, seed: int, count: int, folder: Path) -> Course:
    """Five rounds of one way."""
    found, policy, known = Course(), Policy(base), [Experience()] * COUNT
    learn: Callable[[Policy, Lake, int, Contexts, int], None] = imitate if arm == OFF else consolidate

    def judge() -> None:
        episodes = play(policy, lake, JUDGING, count)
        found.bare.append(wins(episodes))
        found.turns.append([float(len(episode.trajectory.turns)) for episode in episodes])

    def retain() -> None:
        won, nats = keeps(policy, seed, count)
        found.elsewhere.append(won)
        found.nats.append(nats)

    judge()
    retain()
    for number in range(ROUNDS):
        known, parts = extract(policy, lake, EXTRACTING + number * SEED, known)
        told: Contexts = Experiences(known, seed)
        if arm == RAW:
            sizes = [len(policy.chat.say(each.text)) for each in known]
            told = Sessions([whole(policy, part, most) for part, most in zip(parts, sizes, strict=True)], seed)
        found.told.append(wins(play(policy, lake, JUDGING, count, told)))
        learn(policy, lake, TEACHING + number * SEED, told, seed)
        place = folder / f"{arm}-{seed}-{number}"
        save(policy.model, policy.tokenizer, place)
        policy = Policy(place)  # whom the next round begins with, and is taught by
        judge()
        print(f"seed {seed}, {arm}, round {number + 1}: told {mean(found.told[-1])}, bare {mean(found.bare[-1])}, "
              f"{[len(each.items) for each in known]} items", file=sys.stderr, flush=True)
    retain()
    return found


def together(courses: Sequence[Course]) -> Course:
    """The episodes of several policies."""
    return Course(*([[value for part in parts for value in part]
                     for parts in zip(*(getattr(each, name) for each in courses), strict=True)]
                    for name in Course.__dataclass_fields__))


def figures(arm: str, run: Course) -> dict[str, Figure]:
    """What is shown of some policies; intervals are over episodes, with the policies as they are."""
    shown: dict[str, Figure] = {}
    changes = list[Figure]()
    for number, (bare, turns) in enumerate(zip(run.bare, run.turns, strict=True)):
        name = f"{arm}, round {number}" if number else f"{arm}, base"
        if number:
            told = run.told[number - 1]
            shown[f"{name}: success, in context"] = proportion(sum(told), len(told), SHARE)
            before = run.bare[number - 1]
            changes.append(apart(proportion(sum(bare), len(bare), SHARE), proportion(sum(before), len(before), SHARE)))
        shown[f"{name}: success, without"] = proportion(sum(bare), len(bare), SHARE)
        shown[f"{name}: turns, without"] = mean(turns, "turns")
    worst = min(changes, key=lambda each: each.high or 0.0)
    shown[f"{arm}: worst change of a round"] = worst.model_copy(
        update={"target": "no round significantly below the one before", "holds": (worst.high or 0.0) >= 0})
    shown[f"{arm}: told items on other lakes, changed by"] = difference(run.elsewhere[1], run.elsewhere[0], SHARE)
    shown[f"{arm}: held-out sessions on other lakes, changed by"] = mean(
        [after - before for before, after in zip(*run.nats, strict=True)], "nats a token")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--episodes", type=int, default=1000, help="to judge by, of all seeds together")
    parser.add_argument("--bases", type=Path, help="folder to keep bases in [default: none are kept]")
    options = parser.parse_args()
    courses: dict[str, list[Course]] = {arm: [] for arm in (ON, OFF, RAW)}
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            base = make_base(options.bases or Path(folder), seed).folder
            for arm, found in courses.items():
                count = -(-options.episodes // len(options.seeds))
                found.append(course(arm, base, Lake(LAKES + seed), seed, count, Path(folder)))
    shown: dict[str, Figure] = {}
    for arm, found in courses.items():
        shown |= figures(arm, together(found))
        for seed, one in zip(options.seeds, found, strict=True):
            last = one.bare[-1]
            shown[f"{arm}, seed {seed}: success, without, in the end"] = proportion(sum(last), len(last), SHARE)
    show(shown, options.json)


if __name__ == "__main__":
    main()
