"""TextWorld's coin collector behind Gymnasium's interface, text in and text out: this example's real world.

A game is a chain of four or five rooms of a house. The player starts at one end and wins by taking the coin
at the other. TextWorld draws the map, names the rooms (theme "house") and writes the prose (theme "basic",
which is short), Inform 7 compiles it, and Jericho's Z-machine plays it; nothing is simulated here.
Observations are what the game prints, less what is not prose: the banner, blank lines, the prompt with its
status line, and the questions after the end.

The games are in two disjoint sets: those the recorded agent played ("logged") and those a policy is
evaluated on ("eval"). They are compiled from fixed seeds and kept in `games.tar.xz`; the first use unpacks
them into `games/`. To compile them anew, a second each:

    python examples/textworld/engine.py

What it leaves out: TextWorld's wrappers that track a game's hidden state, which the texts do not need.
"""

import re
import shutil
import string
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Literal

import gymnasium
import textworld
from gymnasium.spaces import Text
from textworld.challenges.tw_coin_collector import coin_collector
from textworld.generator.text_grammar import Grammar

Split = Literal["logged", "eval"]

HERE = Path(__file__).parent
ARCHIVE = HERE / "games.tar.xz"
GAMES = HERE / "games"
SEEDS: dict[Split, list[int]] = {
    "logged": list(range(1000, 1060)),
    "eval": [seed for seed in range(2000, 2100) if seed not in (2023, 2044)],  # start like logged ones
}
ROOMS = (4, 5)

WON = "*** The End ***"
OUTSIDE = re.compile(r"(?i)\b(save|restore|(no|un)?(script|transcript)|record(ing)?|replay|restart|quit|q)\b")
PLAIN = re.compile(r"[A-Za-z0-9 ,.'-]{0,100}")
TEXT = Text(min_length=0, max_length=4096, charset=string.printable)


def name(seed: int) -> str:
    """The name of the game compiled from this seed."""
    return f"coin-{seed}"


def compile_games(archive: Path = ARCHIVE) -> None:
    """Compiles every game of both sets into one archive."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive, "w:xz", preset=9) as tar:
        for seed in (seed for seeds in SEEDS.values() for seed in seeds):
            options = textworld.GameOptions()
            options.seeds = seed
            options.path = f"{folder}/{name(seed)}.z8"
            options.grammar.only_last_action = True  # the objective names the coin's room, not the way there
            game = coin_collector.make({"level": ROOMS[seed % len(ROOMS)]}, options)
            for info in game.infos.values():
                info.desc = None
            options.grammar.theme = "basic"  # the rooms keep the names that theme "house" gave them
            game.change_grammar(Grammar(options.grammar, rng=options.rngs["grammar"]))
            textworld.generator.compile_game(game, options)
            tar.add(options.path, arcname=f"{name(seed)}.z8")
            print(f"{name(seed)}: {game.metadata['walkthrough']}", file=sys.stderr)
    shutil.rmtree(GAMES, ignore_errors=True)  # what was unpacked from the archive before this one


def unpack(folder: Path = GAMES) -> Path:
    """Unpacks the archive into the folder unless that is there; safe for processes that start together."""
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".games-"))
        with tarfile.open(ARCHIVE) as tar:
            tar.extractall(fresh, filter="data")
        try:
            fresh.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(fresh)
    return folder


def prose(raw: str) -> str:
    """What the game says, without banner, blank lines, prompt, status line and questions after the end."""
    said, end, _ = re.sub(r">\s+-= .* =-\d+/\d+\s*$", "", raw).partition(WON)
    lines = [line.strip() for line in said.splitlines() if not re.fullmatch(r"[\s$|\\/_>]*", line)]
    return "\n".join([*lines, end] if end else lines)


class TextWorldGames(gymnasium.Env[str, str]):
    """Plays one game of a set per episode.

    Actions are commands to the game's parser. Those to the interpreter (`OUTSIDE`), which would write files or start
    over, and those that are not `PLAIN` words, on which it can hang or crash, reach the game as an empty line.

    The reward is 1.0 for taking the coin, which terminates the episode, and 0.0 otherwise. `reset(seed=s)`
    plays the set's game number `s` modulo their number; without a seed the game is drawn from `np_random`.
    `info["game"]` is its name.

    Args:
        games: which set to play.
        max_steps: an episode is truncated after so many actions, refused ones included.
    """

    observation_space = TEXT
    action_space = TEXT

    def __init__(self, games: Split = "eval", max_steps: int = 10) -> None:
        self.names = [name(seed) for seed in SEEDS[games]]
        self.max_steps = max_steps
        self._folder = unpack()
        self._game: textworld.Environment | None = None
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        number = int(self.np_random.integers(len(self.names))) if seed is None else seed % len(self.names)
        self.close()  # a fresh machine each episode: a used one keeps every game it has read in memory
        self._game = textworld.start(str(self._folder / f"{self.names[number]}.z8"))
        self._steps = 0
        return prose(self._game.reset().feedback), {"game": self.names[number]}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self._game is None:
            raise RuntimeError("step() before reset()")
        command = " ".join(action.split())
        if OUTSIDE.search(command) or not PLAIN.fullmatch(command):
            command = ""  # the interpreter would act on it, wait for more, or crash
        state, _, _ = self._game.step(command)
        observation = prose(state.feedback)
        self._steps += 1
        won = observation.endswith(WON)
        return observation, float(won), won, not won and self._steps >= self.max_steps, {}

    def close(self) -> None:
        if self._game is not None:
            self._game.close()
            self._game = None


if __name__ == "__main__":
    compile_games()
