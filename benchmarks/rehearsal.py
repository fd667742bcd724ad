"""What rehearsal costs beside its own engine, and beside TRL's environment loop.

    python -m benchmarks.rehearsal --json [--engines transformers vllm] [--concurrent 64 1000] [--rounds 3]
                                          [--layers 4 --hidden 256] [--parts ceiling trl turns thousands parity]

- **ceiling**: tokens a second of rehearsal in an authored environment (in its sandbox, with support counted) over those
  of the same engine given the very same prompts and drawing the very same tokens in a bare loop: no environment, no
  words, no records. This is the limit that rehearsal cannot pass.
- **trl**: episodes a second over those of TRL's own `environment_factory` loop, same tiny model, same game, same ids,
  with a step that answers at once and with one that takes 20 ms (see `tool_game`).
- **turns**: seconds a generated token of 20-turn episodes over those of 2-turn ones (transformers engine).
- **thousands**: `dream rehearse` with 10,000 episodes, killed in the middle and gone on with: how many different
  episodes there are in the end, and how memory grows from the first tenth to the last.
- **parity**: the greatest difference between vLLM's log-probabilities and the model's, before and after its weights
  change, with tied and with untied embeddings.

Both sides of every ratio are measured in turns in one run, so that a busy machine slows both; the value is the median
over the rounds, the interval their range. Models are from a configuration, with random weights: actions are mostly cut
at their greatest length. On a GPU: `--layers 12 --hidden 1024` is 120 M parameters, in bf16.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar
from zlib import crc32

import orjson
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from benchmarks import show, tool_game
from dreamer.acting import starts
from dreamer.policy import load, save, train_tokenizer
from rollout.chat import Chat
from rollout.engines import Engine, Sampling, TransformersEngine
from rollout.engines.vllm import VllmEngine
from rollout.episode import Episode
from rollout.figure import Figure
from rollout.rehearsal import Rehearsal
from rollout.trajectory import Trajectory
from rollout.world import DreamWorld, RealWorld
from sandbox import Pool, Sandbox

WORLD = '''
import gymnasium as gym


class Doors(gym.Env):
    """A corridor of doors whose numbers depend on everything that was said."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.turn = 0
        self.door = int(self.np_random.integers(0, 1000))
        return f"You stand before door {self.door} and it is dark here.", {}

    def step(self, action):
        self.turn += 1
        self.door = (self.door * 31 + len(action)) % 1000
        return f"You walked on and now stand before door {self.door}.", 0.1, self.turn == TURNS, False, {}
'''
ACTION_TOKENS = 16
LENGTH = 2048
T = TypeVar("T")
PARTS = ("ceiling", "trl", "turns", "thousands", "parity")
SLOW = 0.02  # seconds a step


def from_config(folder: Path, layers: int, hidden: int, tied: bool = False) -> None:
    """Save a Llama with random weights, in bf16 where there is a GPU, and a tokenizer trained on the world's texts."""
    texts = [f"You {did} before door {number} and it is dark here." for number in range(200)
             for did in ("stand", "walked on and now stand")]
    tokenizer = train_tokenizer([
        Trajectory.model_validate({"id": str(number), "source": "real", "observation": text,
                                   "turns": ({"action": "walk on", "observation": text},)})
        for number, text in enumerate(texts)
    ])
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=4 * hidden, num_hidden_layers=layers,
        num_attention_heads=max(4, hidden // 64), max_position_embeddings=8192, tie_word_embeddings=tied,
        initializer_range=0.06, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    ))
    save(model.bfloat16() if torch.cuda.is_available() else model, tokenizer, folder)


def open_engine(name: str, folder: Path, model: PreTrainedModel, stop: int, concurrent: int) -> Engine:
    if name == "vllm":
        return VllmEngine(folder, stop, LENGTH, concurrent)
    return TransformersEngine(model, stop)


@contextmanager
def dreaming(turns: int) -> Iterator[DreamWorld]:
    """The authored world in its sandbox."""
    with Sandbox() as sandbox, Pool(sandbox, WORLD.replace("TURNS", str(turns)), workers=1, counting=True) as pool:
        yield DreamWorld(pool)


def said(episodes: Sequence[Episode]) -> int:
    """Tokens of the policy."""
    return sum(sum(episode.tokens.mask) for episode in episodes)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def questions(episode: Episode) -> list[list[int]]:
    """The history before each action."""
    tokens = episode.tokens
    begins = [place for place, mine in enumerate(tokens.mask) if mine and (place == 0 or not tokens.mask[place - 1])]
    return [tokens.prompt + tokens.completion[:place] for place in begins]


def alone(engine: Engine, episodes: Sequence[Episode], sampling: Sampling, concurrent: int) -> int:
    """The engine by itself, asked what the episodes asked it, by as many at once. Returns tokens."""
    waiting = [(crc32(f"0/episode/{episode.number}".encode()), questions(episode)) for episode in reversed(episodes)]
    live: dict[int, list[list[int]]] = {}
    tokens = 0
    while waiting or live:
        while waiting and len(live) < concurrent:
            seed, asked = waiting.pop()
            number = engine.open(seed)
            live[number] = asked[1:]
            engine.ask(number, asked[0], sampling)
        for number, completion in engine.step().items():
            tokens += len(completion.ids)
            if live[number]:
                engine.ask(number, live[number].pop(0), sampling)
            else:
                engine.close(number)
                del live[number]
    return tokens


def spread(values: Sequence[float], n: int, target: float, unit: str, least: bool = True) -> Figure:
    """The median, with the range as interval."""
    middle = median(values)
    return Figure(value=middle, low=min(values), high=max(values), n=n, unit=unit,
                  target=f"{'≥' if least else '≤'} {target}", holds=middle >= target if least else middle <= target)


def ceiling(names: Sequence[str], sizes: Sequence[int], layers: int, hidden: int, rounds: int) -> dict[str, Figure]:
    figures = {}
    with TemporaryDirectory() as scratch, dreaming(turns=4) as world:
        folder = Path(scratch)
        from_config(folder, layers, hidden)
        model, tokenizer = load(folder)
        chat, sampling = Chat(tokenizer), Sampling(max_tokens=ACTION_TOKENS)
        for name in names:
            engine = open_engine(name, folder, model, chat.stop, max(sizes))
            for concurrent in sizes:
                rehearsal = Rehearsal(engine, chat, world, sampling, max_turns=4, concurrent=concurrent,
                                      max_length=LENGTH)
                count = max(256, concurrent)
                rehearsal.play(starts(0, concurrent))  # warms up
                shares, speeds = [], []
                for _ in range(rounds):
                    engine.load(model)  # nothing of the round before is remembered
                    episodes, took = timed(partial(rehearsal.play, starts(0, count)))
                    engine.load(model)
                    tokens, bare = timed(partial(alone, engine, episodes, sampling, concurrent))
                    shares.append((said(episodes) / took) / (tokens / bare))
                    speeds.append(said(episodes) / took)
                figures[f"{name}, {concurrent} episodes at once: tokens a second over the engine's alone"] = spread(
                    shares, rounds * count, 0.9, "ratio")
                figures[f"{name}, {concurrent} episodes at once: tokens a second"] = Figure(
                    value=median(speeds), low=min(speeds), high=max(speeds), n=rounds * count, unit="1/s")
            del engine
    return figures


def trl(rounds: int, concurrent: int = 64, turns: int = 5) -> dict[str, Figure]:
    figures = {}
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tool_game.build(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        chat = Chat(tokenizer)
        for seconds, target in ((0.0, 1.5), (SLOW, 8.0)):
            world = RealWorld(partial(tool_game.CorridorText, turns, seconds), hands=1 if seconds == 0 else concurrent)
            rehearsal = Rehearsal(
                TransformersEngine(model, chat.stop), chat, world, Sampling(max_tokens=32), max_turns=turns,
                concurrent=concurrent, max_length=4096, system=tool_game.instructions(tokenizer),
            )
            rehearsal.play(starts(0, 4))  # warms up
            shares = []
            for _ in range(rounds):
                episodes, took = timed(partial(rehearsal.play, starts(0, concurrent)))
                if any(len(episode.trajectory.turns) != turns for episode in episodes):
                    raise RuntimeError(f"not every episode took {turns} turns")
                theirs, _, _ = tool_game.trl_episodes(folder, concurrent, concurrent, turns, seconds)
                shares.append(theirs / took)
            step = "a step that answers at once" if seconds == 0 else f"a step of {1000 * seconds:.0f} ms"
            figures[f"episodes a second over TRL's environment_factory, {step}"] = spread(
                shares, rounds * concurrent, target, "ratio")
    return figures


def turns(rounds: int, layers: int, hidden: int, concurrent: int = 64) -> dict[str, Figure]:
    with TemporaryDirectory() as scratch, dreaming(turns=1000) as world:
        from_config(Path(scratch), layers, hidden)
        model, tokenizer = load(scratch)
        chat = Chat(tokenizer)
        rehearsal = Rehearsal(TransformersEngine(model, chat.stop), chat, world, Sampling(max_tokens=ACTION_TOKENS),
                              max_turns=2, concurrent=concurrent, max_length=LENGTH)
        shares = []
        for _ in range(rounds):
            cost = {}
            for length in (2, 20):
                rehearsal.engine.load(model)
                played = replace(rehearsal, max_turns=length)
                episodes, took = timed(partial(played.play, starts(0, concurrent * 20 // length)))
                cost[length] = took / said(episodes)
            shares.append(cost[20] / cost[2])
    return {"time a generated token, 20 turns over 2": spread(shares, rounds, 1.3, "ratio", least=False)}


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def thousands(count: int = 10_000) -> dict[str, Figure]:
    """Kill a long rehearsal in its middle, go on, and count."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        from_config(folder / "policy", 2, 64)
        (folder / "doors.py").write_text(WORLD.replace("TURNS", "4"))
        command = [sys.executable, "-m", "dreamer.cli", "rehearse", str(folder / "doors.py"), "--policy",
                   str(folder / "policy"), "--episodes", str(count), "--to", str(folder / "out"),
                   "--set", f"policy.action_tokens={ACTION_TOKENS}"]
        journal = folder / "out" / "journal.jsonl"
        held: dict[int, int] = {}  # bytes, by tenths of the episodes

        def ended() -> int:
            return journal.read_bytes().count(b"\n") if journal.exists() else 0

        began = time.perf_counter()
        for until in (count // 2, count):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and (until == count or ended() < until):
                held.setdefault(10 * ended() // count, resident(process.pid))
                time.sleep(0.2)
            if until < count:
                process.send_signal(signal.SIGKILL)
            if process.wait() not in (0, -signal.SIGKILL):
                raise RuntimeError(f"{command} failed; run it by hand")
        took = time.perf_counter() - began
        with open(folder / "out" / "episodes.jsonl", "rb") as lines:
            numbers = Counter(orjson.loads(line)["id"] for line in lines)
    twice = sum(times - 1 for times in numbers.values())
    growth = held[9] / held[max(6, min(tenth for tenth in held if tenth > 5))]
    return {
        "episodes of 10,000 after SIGKILL in the middle": Figure(
            value=len(numbers), n=count, target=f"{count:,}", holds=len(numbers) == count, unit="episodes"),
        "episodes counted twice": Figure(value=twice, n=count, target="0", holds=twice == 0, unit="episodes"),
        "memory at nine tenths over memory at six": Figure(
            value=growth, n=count, target="≤ 1.1", holds=growth <= 1.1, unit="ratio"),
        "episodes a second, both starts included": Figure(value=count / took, n=count, unit="1/s"),
    }


def parity() -> dict[str, Figure]:
    figures = {}
    for tied in (False, True):
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            from_config(folder, 2, 128, tied)
            model, tokenizer = load(folder)
            engine = VllmEngine(folder, int(tokenizer.eos_token_id), LENGTH, 8)
            prompt = tokenizer("You stand before door 7 and it is dark here.")["input_ids"]
            before = engine.difference(model, prompt)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.mul_(0.9)
            engine.load(model)
            after = engine.difference(model, prompt)
            del engine  # vLLM takes its process with it: the next may only begin when this one is gone
        for when, gap in (("before", before), ("after", after)):
            figures[f"vLLM against the model, {'tied' if tied else 'untied'}, {when} a sync"] = Figure(
                value=gap, n=16, target="≤ 0.001", holds=gap <= 1e-3, unit="nats")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--engines", nargs="+", default=["transformers", "vllm"])
    parser.add_argument("--concurrent", nargs="+", type=int, default=[64, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args()
    figures: dict[str, Figure] = {}
    work: dict[str, Callable[[], dict[str, Figure]]] = {
        "ceiling": lambda: ceiling(asked.engines, asked.concurrent, asked.layers, asked.hidden, asked.rounds),
        "trl": lambda: trl(asked.rounds),
        "turns": lambda: turns(asked.rounds, asked.layers, asked.hidden),
        "thousands": thousands,
        "parity": parity,
    }
    for part in asked.parts:
        print(f"{part} …", file=sys.stderr)
        figures |= work[part]()
    show(figures, asked.json)


if __name__ == "__main__":
    main()
