"""JSON in texts: the key paths of its leaves, and the schema that several records have."""

import json
import re
from collections.abc import Callable, Collection, Sequence

JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
IDS = re.compile(r"\d.*\d.*\d.*\d|^\d+$|^(?=.*\d)(?=.*[A-Z])[A-Z\d]{4,}$", re.DOTALL)  # keys that name things

Leaf = tuple[str, int, int]  # name of a field, and where in the text its value is


def scan(text: str, start: int, end: int) -> tuple[tuple[Leaf, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """The leaves of valid JSON, by key path, and the keys of its objects, by path. Keys that are ids become "*".

    Signs of which paths are made are written "_" in keys.
    """
    leaves: list[Leaf] = []
    objects: list[tuple[str, list[str]]] = []
    stack: list[tuple[str, list[str] | None]] = []  # path, and keys if it is an object
    waiting = False  # for a key
    for found in JSON_TOKEN.finditer(text, start, end):
        token = found[0]
        if token in "}]":
            stack.pop()
        elif token == ",":
            waiting = bool(stack) and stack[-1][1] is not None
        elif waiting and token[0] == '"':
            keys = stack[-1][1]
            assert keys is not None
            key = json.loads(token)
            keys.append("*" if IDS.search(key) else re.sub(r"[.\[\]]", "_", key) or "_")
            waiting = False
        elif token != ":":
            path = _below(stack)
            empty = re.compile(r"[{\[]\s*[}\]]").match(text, found.start())
            if empty and path:
                leaves.append((path, found.start(), empty.end()))
            elif token not in "{[":
                quotes = token[0] == '"'
                leaves.append((path, found.start() + quotes, found.end() - quotes))
            if token == "{":
                objects.append((path, []))
                stack.append((path, objects[-1][1]))
                waiting = not empty
            elif token == "[":
                stack.append((path + "[]", None))
    return tuple(leaves), tuple((path, tuple(keys)) for path, keys in objects)


def _below(stack: list[tuple[str, list[str] | None]]) -> str:
    if not stack:
        return ""
    path, keys = stack[-1]
    return path if keys is None else f"{path}.{keys[-1]}" if path else keys[-1]


def overlap(keys: Collection[str], others: Collection[str]) -> float:
    """Jaccard's index of two sets of keys."""
    one, other = set(keys), set(others)
    return len(one & other) / len(one | other) if one | other else 1.0


def renamed(name: str, is_map: Callable[[str, str, str], bool]) -> str:
    """A key path with "*" for the keys of maps; `is_map` sees the object's path, and the new one with key and "*"."""
    path: list[str] = []
    renamed: list[str] = []
    for piece in name.split("."):
        bare = piece.partition("[")[0]
        star = "*" + piece[len(bare) :]
        starred = bool(bare) and is_map(".".join(path), ".".join([*renamed, piece]), ".".join([*renamed, star]))
        renamed.append(star if starred else piece)
        path.append(piece)
    return ".".join(renamed)


def schema(names: Sequence[str], optional: set[str], quoted: set[str]) -> str:
    """JSON with fields at its leaves, in quotes where they are always strings."""
    def write(path: str, below: list[str]) -> str:
        if below == [""]:
            return f'"<{path}>"' if path in quoted else f"<{path}>"
        lists = [name for name in below if name.startswith("[]")]
        if lists:
            return f"[{write(path + '[]', [name[2:].removeprefix('.') for name in lists])}, ...]"
        keys: dict[str, list[str]] = {}
        for name in below:
            key = re.match(r"[^.\[]*", name)
            assert key is not None
            keys.setdefault(key[0], []).append(name[len(key[0]) :].removeprefix("."))
        inner = []
        for key_, rest in keys.items():
            full = f"{path}.{key_}" if path else key_
            inner.append(f'"{key_}{"?" if full in optional else ""}": {write(full, rest)}')
        return "{" + ", ".join(inner) + "}"

    return write("", list(names)) if names else "{}"
