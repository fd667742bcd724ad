"""TextWorld's houses: rooms, doors, keys, containers, and a thing to be done in four or five commands.

TextWorld draws map, objects and quest from a seed, Inform 7 compiles the game (a second each, the same bytes every
time) into `games/`, and Jericho's Z-machine plays it. The text is what the coin collector's example keeps of it: no
banner, blank lines or status line. The player knows a shortest way to the end, which TextWorld tracks, and mostly
does not take it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import gymnasium as gym
import textworld

from benchmarks.worlds.world import Player, World
from examples.textworld.engine import OUTSIDE, PLAIN, TEXT, WON, prose

GAMES = Path(__file__).parent / "games"
LOGGED, UNSEEN = tuple(range(1, 13)), tuple(range(13, 19))
ROOMS, OBJECTS, QUEST = 4, 8, (4, 5)
WISE, LEGAL = 0.2, 0.85  # the next right command; else a legal one; else one of these
ODD = ("look", "inventory", "dance", "open", "take moon", "go north", "go up", "unlock door with spoon", "examine me",
       "go west", "take all", "")


def compiled(seed: int) -> Path:
    """The game of a seed, compiled when first asked for."""
    path = GAMES / f"house-{seed}.z8"
    if not path.exists():
        options = textworld.GameOptions()
        options.seeds, options.path, options.force_recompile = seed, str(path), True
        options.nb_rooms, options.nb_objects, options.quest_length = ROOMS, OBJECTS, QUEST[seed % len(QUEST)]
        options.grammar.theme, options.grammar.only_last_action = "house", True
        textworld.generator.compile_game(textworld.generator.make_game(options), options)
    return path


class Houses(gym.Env[str, str]):
    """Plays one of some games: number `seed` modulo their count. Commands to the interpreter arrive as empty lines."""

    observation_space = action_space = TEXT

    def __init__(self, seeds: Sequence[int]):
        self.seeds = seeds
        self.game: textworld.Environment | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        number = int(self.np_random.integers(len(self.seeds))) if seed is None else seed % len(self.seeds)
        self.close()  # a fresh machine: a used one keeps every game in memory
        wanted = textworld.EnvInfos(policy_commands=True, admissible_commands=True)
        self.game = textworld.start(str(compiled(self.seeds[number])), wanted)
        state = self.game.reset()
        return prose(state.feedback), {"game": f"house-{self.seeds[number]}"} | self._known(state)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self.game is None:
            raise RuntimeError("step() before reset()")
        command = " ".join(action.split())
        state, _, _ = self.game.step("" if OUTSIDE.search(command) or not PLAIN.fullmatch(command) else command)
        text = prose(state.feedback)
        return text, float(text.endswith(WON)), WON in text, False, self._known(state)

    def close(self) -> None:
        if self.game is not None:
            self.game.close()
            self.game = None

    @staticmethod
    def _known(state: Any) -> dict[str, Any]:
        """What only the engine knows: the shortest way to the end, and every command that would do something."""
        return {"way": tuple(state.policy_commands or ()), "legal": tuple(state.admissible_commands or ())}


class House(World):
    """A family of games, its sessions going round them; `task` is the game."""

    longest = 25

    def __init__(self, name: str, seeds: Sequence[int]):
        self.name, self.seeds = name, seeds

    def engine(self) -> Houses:
        return Houses(self.seeds)

    def player(self, random: Random) -> Player:
        def act(text: str, info: Mapping[str, Any]) -> str:
            fate = random.random()
            if fate < WISE and info["way"]:
                return str(info["way"][0])
            return str(random.choice(info["legal"] if fate < LEGAL else ODD))

        return act


WORLDS = (House("house", LOGGED), House("house_unseen", UNSEEN))
