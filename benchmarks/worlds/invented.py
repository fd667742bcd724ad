"""Three games of our own that nobody can have read about: words replaced throughout, actions permuted, rules changed.

The engine is a file of `sources/`, which is also a faithful source: an author's ceiling is what it scores.
"""

from collections import deque
from itertools import permutations
from math import log
from pathlib import Path
from random import Random
from typing import ClassVar

import gymnasium as gym

from benchmarks.worlds.sources.embers import WAYS as STEPS
from benchmarks.worlds.sources.embers import Embers
from benchmarks.worlds.sources.lantern import WORDS, Lantern, compare
from benchmarks.worlds.sources.urns import DRAUGHT, FORM, MOST, WAYS, WELL, Urns
from benchmarks.worlds.world import Expert, Skilled
from rollout.trajectory import Trajectory

SOURCES = Path(__file__).parent / "sources"


class Invented(Skilled):
    """A source of that name, and its class."""

    made: ClassVar[type[gym.Env[str, str]]]
    err = 0.05

    def engine(self) -> gym.Env[str, str]:
        return self.made()

    @property
    def source(self) -> str:
        """The engine's code, faithful by itself."""
        return (SOURCES / f"{self.name}.py").read_text(encoding="utf-8")


class Kiln(Invented):
    """All is shown; maps never repeat."""

    name, made, odd, skill = "embers", Embers, ("left", "mor mor", "hum", "Vey", ""), 0.3

    def expert(self, random: Random) -> Expert:
        shown = ""

        def wise(said: str, text: str) -> str:
            nonlocal shown
            shown = text if "Soles" in text else shown
            return way(shown)

        return wise

    def anything(self, random: Random) -> str:
        return random.choice(tuple(STEPS))


def way(text: str) -> str:
    """The first step of a shortest way to the bell, losing no sole, then a random one where there is none."""
    env = Embers()
    board = text[text.index("Soles"):]
    open_, seen = deque([(board, "")]), {board}
    while open_:
        here, first = open_.popleft()
        for step in STEPS:
            env.reset(options={"observation": here})
            after, reward, ended, _, _ = env.step(step)
            if ended and reward > 0:
                return first or step
            if ended or reward < 0 or (after := after[after.index("Soles"):]) in seen:
                continue
            seen.add(after)
            open_.append((after, first or step))
    return "mor"


class Cart(Invented):
    """Fields, ways in one direction, chance at the well."""

    name, made, odd, skill = "urns", Urns, ("tro", "tro Zed", "go Arn", "gax urn", "hum", "Zill"), 0.45

    def expert(self, random: Random) -> Expert:
        last = FORM.search("")

        def wise(said: str, text: str) -> str:
            nonlocal last
            last = FORM.fullmatch(text) or last
            if last is None:
                raise ValueError(f"no cart is told: {text!r}")
            hall, sparks, urn, due = last[1], int(last[2]), last[3].removeprefix("at "), last[4]
            if urn == hall:
                return "gax"
            if urn == "aboard" and hall == due:
                return "pudor"
            goal = due if urn == "aboard" else urn
            if hall == WELL and sparks < MOST - 2:
                return "zill"
            return f"tro {toward(hall, WELL if sparks < 4 else goal)}"

        return wise

    def anything(self, random: Random) -> str:
        return random.choice((*(f"tro {hall}" for hall in WAYS), "gax", "pudor", "zill"))

    def surprise(self, session: Trajectory) -> list[float]:
        found, sparks = [], 0
        for text, turn in zip((session.observation.text, *(turn.answer or "" for turn in session.turns)),
                              session.turns, strict=False):
            sparks = int(told[2]) if (told := FORM.fullmatch(text)) else sparks
            after = FORM.fullmatch(turn.answer or "")
            drew = turn.action.text == "zill" and after is not None and (turn.answer or "").startswith("The well hums")
            ways = [min(MOST, sparks + more) for more in DRAUGHT]
            found.append(log(len(ways) / ways.count(int(after[2]))) if drew and after is not None else 0.0)
        return found

    def won(self, session: Trajectory) -> bool:
        return session.turns[-1].reward == 15.0


def toward(hall: str, goal: str) -> str:
    """The next hall on a shortest way."""
    open_, came = deque([hall]), {hall: list[str]()}
    while open_:
        here = open_.popleft()
        if here == goal and came[here]:
            return came[here][0]
        for after in WAYS[here]:
            if after not in came:
                came[after] = [*came[here], after]
                open_.append(after)
    return WAYS[hall][0]


class Code(Invented):
    """What lies under the lantern is hidden, and the voice that tells of it is chance."""

    name, made, odd, skill = "lantern", Lantern, ("vash", "vash orv tal", "vash orv orv tal", "open", "ulm tal"), 0.3
    CODES: ClassVar[tuple[tuple[str, ...], ...]] = tuple(permutations(WORDS, 3))

    def left(self, codes: tuple[tuple[str, ...], ...], action: str, answer: str) -> tuple[tuple[str, ...], ...]:
        """Which codes an answer leaves possible, whatever it says at the end."""
        guess, said = tuple(action.split()[1:]), answer.split()
        if answer.startswith("The lantern opens"):
            return tuple(code for code in codes if code == guess)
        if answer.startswith("Steady"):
            told = (int(said[1].rstrip(",")), int(said[3].rstrip(".")))
            return tuple(code for code in codes if code != guess and compare(code, guess) == told)
        if answer.startswith("A voice"):
            return tuple(code for code in codes if said[3].rstrip(".") in code)
        return codes

    def expert(self, random: Random) -> Expert:
        codes = self.CODES

        def wise(said: str, text: str) -> str:
            nonlocal codes
            codes = self.left(codes, said, text)
            return "ulm" if len(codes) > 60 and random.random() < 0.5 else f"vash {' '.join(random.choice(codes))}"

        return wise

    def anything(self, random: Random) -> str:
        return "ulm" if random.random() < 0.2 else f"vash {' '.join(random.sample(WORDS, 3))}"

    def surprise(self, session: Trajectory) -> list[float]:
        codes, found = self.CODES, []
        for turn in session.turns:
            answer = turn.answer or ""
            after = self.left(codes, turn.action.text, answer)
            if "Dark." in answer:
                after = after[:1]
            found.append(log(len(codes) / len(after)) + (log(3) if answer.startswith("A voice") else 0.0))
            codes = after
        return found


WORLDS = (Kiln(), Cart(), Code())
