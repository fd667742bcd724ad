"""A toy shell over an in-memory file system. Find and collect the hidden token."""
from __future__ import annotations

import copy
import shlex
from typing import Any, Iterator

import gymnasium as gym
from gymnasium import spaces

TEMPLATE: dict[str, Any] = {
    "home": {"guest": {"notes.txt": "The token was moved yesterday.", "todo.txt": "water plants"}},
    "etc": {"motd": "Welcome to ToyOS.", "conf": {}},
    "var": {"log": {"boot.log": "all systems nominal"}, "tmp": {}},
    "srv": {"data": {}},
}


class FileSystem:
    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.cwd: list[str] = []

    def resolve(self, path: str) -> list[str]:
        parts = [] if path.startswith("/") else list(self.cwd)
        for piece in path.split("/"):
            if piece == "..":
                if parts:
                    parts.pop()
            elif piece not in ("", "."):
                parts.append(piece)
        return parts

    def get(self, parts: list[str]) -> Any:
        node = self.root
        for p in parts:
            if not isinstance(node, dict):
                raise NotADirectoryError(p)
            node = node[p]
        return node

    def walk(self, node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        for name, child in node.items():
            full = f"{prefix}/{name}"
            yield full, child
            if isinstance(child, dict):
                yield from self.walk(child, full)


class ShellEnv(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self, max_steps: int = 80) -> None:
        self.max_steps = max_steps
        self.action_space = spaces.Text(max_length=200)
        self.observation_space = spaces.Text(min_length=0, max_length=4000)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.fs = FileSystem(copy.deepcopy(TEMPLATE))
        folders = [path for path, node in self.fs.walk(self.fs.root) if isinstance(node, dict)]
        where = folders[int(self.np_random.integers(len(folders)))]
        self.token = "".join(str(d) for d in self.np_random.integers(0, 10, size=4))
        self.fs.get(self.fs.resolve(where))["token.txt"] = f"token={self.token}"
        self.fs.cwd = ["home", "guest"]
        self.steps = 0
        return f"ToyOS 1.0. Find token.txt and run 'submit <number>'.\n{self.prompt}", {"cwd": "/home/guest"}

    @property
    def prompt(self) -> str:
        return "/" + "/".join(self.fs.cwd) + " $"

    def step(self, action: str):
        self.steps += 1
        reward, terminated = 0.0, False
        try:
            name, *args = shlex.split(action)
        except ValueError:
            name, args = "", []
        if name == "submit" and len(args) == 1:
            terminated = args[0] == self.token
            reward = 1.0 if terminated else -0.2
            out = "Token accepted." if terminated else "Wrong token."
        else:
            handler = getattr(self, f"do_{name}", None)
            if handler is None:
                out = f"{name or '(nothing)'}: command not found"
            else:
                try:
                    out = handler(*args)
                except KeyError as exc:
                    out = f"{name}: no such file or directory: {exc.args[0]}"
                except NotADirectoryError as exc:
                    out = f"{name}: not a directory near {exc}"
                except TypeError:
                    out = f"{name}: wrong number of arguments"
        truncated = not terminated and self.steps >= self.max_steps
        return f"{out}\n{self.prompt}", reward, terminated, truncated, {"cwd": "/" + "/".join(self.fs.cwd)}

    def do_ls(self, path: str = ".") -> str:
        node = self.fs.get(self.fs.resolve(path))
        if isinstance(node, str):
            return path
        return "  ".join(n + "/" if isinstance(c, dict) else n for n, c in sorted(node.items())) or "(empty)"

    def do_cd(self, path: str = "/") -> str:
        parts = self.fs.resolve(path)
        if not isinstance(self.fs.get(parts), dict):
            return f"cd: not a directory: {path}"
        self.fs.cwd = parts
        return ""

    def do_cat(self, path: str) -> str:
        node = self.fs.get(self.fs.resolve(path))
        return f"cat: {path}: is a directory" if isinstance(node, dict) else node

    def do_echo(self, *words: str) -> str:
        return " ".join(words)
