"""A family of frozen lakes, and a tiny policy that can use what it is told of one.

Every lake is Gymnasium's FrozenLake-v1 on a map of its own, told by the engine of `examples/frozen_lake`. The policy
is cloned from recorded agents on many lakes: some know nothing of the lake, most were told something of it in their
system prompt, and go by that. So on a lake that it never saw, the policy does poorly by itself and well when told: what
a large model does, because it can read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import gymnasium as gym
import numpy as np
from gymnasium.envs.toy_text.frozen_lake import generate_random_map
from transformers import AddedToken

from dreamer.acting import Policy
from dreamer.learning.cloning import clone
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.production import find_engine
from dreamer.sections import Cloning
from dreamer.teaching.contexts import privileged
from dreamer.teaching.extraction import finding
from dreamer.teaching.transcript import transcript
from rollout.chat import Chat
from rollout.trajectory import Trajectory, Turn

FrozenLakeText = find_engine("examples/frozen_lake/engine.py:FrozenLakeText", Path(__file__).parent.parent)

SIZE, FROZEN, STARTS, STEPS = 4, 0.75, 3, 20  # squares a side, share of ice, first squares, most actions
TRAINING, HELD_OUT = 0, 1_000_000  # first of the lakes that a base is cloned on, and of all others
LAYERS, HIDDEN, ACTION_TOKENS = 2, 64, 4
LAKES = 1500  # that it is cloned on
CLONING = Cloning(steps=3000, batch=16, learning_rate=3e-3)
MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
FAVOURED = 0.49  # how often an agent that knows nothing of a square takes its favourite action there


def square(row: int, column: int) -> str:
    """What is told on a square, counted from 0."""
    return f"Row {row + 1}, column {column + 1}."


# Goals lie below, on the right, so an agent that knows no more goes there, in steps.
HABITS = {square(row, column): "right" if row == SIZE - 1 or ((row + column) % 2 and column < SIZE - 1) else "down"
          for row in range(SIZE) for column in range(SIZE)}


@dataclass(frozen=True)
class Lake:
    """One map: `generate_random_map` by its number, on which more squares than one are starts."""

    number: int

    @cached_property
    def rows(self) -> list[str]:
        """The map in Gymnasium's letters."""
        board = [list(row) for row in generate_random_map(SIZE, FROZEN, self.number)]
        free = [place for place in self._ways(board) if place not in ((0, 0), (SIZE - 1, SIZE - 1))]
        chosen = np.random.default_rng(self.number).permutation(len(free))[: STARTS - 1]
        for row, column in (free[number] for number in chosen):
            board[row][column] = "S"
        return ["".join(row) for row in board]

    @cached_property
    def ways(self) -> dict[str, str]:
        """Of every square from which the goal can be reached, by what is told on it: the next action there."""
        return {square(*place): action for place, action in self._ways([list(row) for row in self.rows]).items()}

    @staticmethod
    def _ways(board: list[list[str]]) -> dict[tuple[int, int], str]:
        """One shortest way to the goal from everywhere, by breadth-first search from there."""
        ways, wave = dict[tuple[int, int], str](), [(SIZE - 1, SIZE - 1)]
        while wave:
            row, column = wave.pop(0)
            for action, (down, right) in MOVES.items():
                before = row - down, column - right
                inside = 0 <= before[0] < SIZE and 0 <= before[1] < SIZE
                if inside and board[before[0]][before[1]] in "FS" and before not in ways:
                    ways[before] = action
                    wave.append(before)
        return ways

    def make(self) -> gym.Env[str, str]:
        """The real engine."""
        return FrozenLakeText(desc=self.rows, max_steps=STEPS)

    @cached_property
    def engine(self) -> gym.Env[str, str]:
        """One real engine, to record in."""
        return self.make()


@dataclass(frozen=True)
class Knowledge:
    """What an agent knows of a lake: of what is told on a square, the action that helps and those that do not.

    Attributes:
        text: the same as a context; empty of an agent that was told nothing.
    """

    helps: dict[str, str] = field(default_factory=dict)
    harms: set[tuple[str, str]] = field(default_factory=set)
    text: str = ""


def learnt(sessions: Sequence[Trajectory]) -> Knowledge:
    """What sessions show: the last action on each square of those that were won, and what the others ended with."""
    knowledge = Knowledge(text="\n\n".join(map(transcript, sessions)))
    for session in sessions:
        squares = [session.observation.text, *(turn.answer or "" for turn in session.turns)]
        acted = [(place, turn.action.text) for place, turn in zip(squares, session.turns, strict=False)]
        if session.outcome:
            knowledge.helps.update(acted)
        elif session.stop == "terminated":
            knowledge.harms.add(acted[-1])
    return knowledge


def noted(lake: Lake, random: np.random.Generator, surely: Iterable[str] = ()) -> Knowledge:
    """Items about some squares of a lake, in any order, as they would be extracted from sessions there.

    Args:
        surely: squares of which most are among them; of the others it may be few.
    """
    share, listed = random.random(), set(surely)
    helps = {place: action for place, action in lake.ways.items()
             if random.random() < (0.9 if place in listed else share)}
    harms = {(place, action) for place in lake.ways for action in MOVES
             if action != lake.ways[place] and random.random() < 0.1 * share}
    items = [finding(place, action, True) for place, action in helps.items()]
    items += [finding(place, action, False) for place, action in harms]
    return Knowledge(helps, harms, "\n".join(f"- {items[place]}" for place in random.permutation(len(items))))


def record(lake: Lake, seed: int, knowledge: Knowledge, number: int = 0) -> Trajectory:
    """One session of an agent in the real engine; `seed` sets its start and its chance."""
    env, random = lake.engine, np.random.default_rng([seed, 1])
    told, _ = env.reset(seed=seed)
    first, turns = told, list[Turn]()
    while not turns or not (turns[-1].terminated or turns[-1].truncated):
        best, share = (knowledge.helps[told], 0.97) if told in knowledge.helps else (HABITS[told], FAVOURED)
        weights = {action: share if action == best else (1 - share) / 3 for action in MOVES
                   if (told, action) not in knowledge.harms or action == knowledge.helps.get(told)}
        action = str(random.choice(list(weights), p=np.array(list(weights.values())) / sum(weights.values())))
        told, reward, terminated, truncated, _ = env.step(action)
        turns.append(Turn(action=action, observation=told, reward=float(reward), terminated=terminated,
                          truncated=truncated))
    return Trajectory.model_validate({
        "id": f"lake-{lake.number}-{number:04d}", "source": "real", "observation": first, "turns": tuple(turns),
        "system": privileged(None, knowledge.text) if knowledge.text else None,
        "outcome": sum(turn.reward or 0.0 for turn in turns), "seed": seed, "policy": "recorded agent",
        "stop": "terminated" if turns[-1].terminated else "truncated",
    })


def won(lake: Lake, seed: int) -> Trajectory:
    """A session that reached the goal, of an agent that knows most of its way."""
    random = np.random.default_rng([seed, 2])
    known = Knowledge({place: action for place, action in lake.ways.items() if random.random() < 0.9})
    return next(session for attempt in range(1_000)
                if (session := record(lake, 1_000 * seed + attempt, known, attempt)).outcome)


def recorded(lake: Lake) -> list[Trajectory]:
    """Sessions of agents on one lake: that know nothing, that were told items, and that were told of other sessions."""
    random, seed = np.random.default_rng(lake.number), lake.number
    if seed % 2:
        other = learnt([won(lake, seed)])
    else:
        other = learnt([record(lake, 1_000 * seed + attempt, Knowledge()) for attempt in range(random.integers(1, 5))])
    known = [Knowledge(), other]
    for start in range(seed, seed + 3):
        way = record(lake, start, Knowledge(lake.ways))
        known.append(noted(lake, random, [way.observation.text, *(turn.answer or "" for turn in way.turns)]))
    # The items of each of the last three are of the way from its own start.
    return [record(lake, seed + max(0, number - 2), each, number) for number, each in enumerate(known)]


def concepts() -> dict[str, str]:
    """What a context is made of, each with the words that it means. Each is one token, whose embedding begins as the
    sum of theirs: a large model brings the words of a line together in its first layers; a tiny one has no room.
    """
    found = {action: "" for action in MOVES} | {privileged(None, ""): ""}
    for place in HABITS:
        for action in MOVES:
            found[f"{place}\n> {action}\n"] = f"{place}{action}"
            for helps in (True, False):
                item = finding(place, action, helps)
                found[f"- {item}"] = found[f"- {item}\n"] = f"{place}{action}{item.rpartition(' ')[2]}"
    return found


def make_base(folder: Path, seed: int, cloning: Cloning = CLONING, lakes: int = LAKES) -> Policy:
    """The policy of a seed, cloned on sessions of many lakes; kept in the folder, and found there again."""
    place = folder / f"base-{seed}"
    if not place.exists():
        sessions = [session for lake in map(Lake, range(TRAINING + seed * lakes, TRAINING + (seed + 1) * lakes))
                    for session in recorded(lake)]
        tokenizer = train_tokenizer(sessions, vocabulary=300)
        tokenizer.add_tokens([AddedToken(concept, normalized=False) for concept in concepts()])
        model, chat = build_tiny(tokenizer, LAYERS, HIDDEN, seed), Chat(tokenizer)
        embeddings = model.get_input_embeddings().weight.data
        for concept, words in concepts().items():
            if words:
                embeddings[chat.say(concept)[0]] = embeddings[chat.say(words)[:-1]].sum(dim=0)
        clone(model, tokenizer, [chat.tokens(session) for session in sessions], cloning, seed)
        with TemporaryDirectory(dir=folder) as whole:  # so that a killed benchmark leaves no half checkpoint
            save(model, tokenizer, Path(whole) / place.name)
            (Path(whole) / place.name).rename(place)
    return Policy(place)
