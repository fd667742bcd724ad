"""The code in a reply: a whole file, or changes to the one that was asked about."""

import ast
import re

from envgen.models.model import Reply

BLOCK = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
OPENED = re.compile(r"^[ \t]*(?:```+|~~~+)[^\n`]*\n", re.MULTILINE)
CHANGE = re.compile(r"^<{7} SEARCH[ \t]*\n(.*?)^={7}[ \t]*\n(.*?)^>{7} REPLACE[ \t]*$", re.MULTILINE | re.DOTALL)
BEGUN = re.compile(r"^<{7} SEARCH", re.MULTILINE)
QUOTED = 300  # characters of a passage, in a message


class NoCode(ValueError):
    """A reply holds no file; the message says so to whoever wrote it."""


def code(reply: Reply, source: str | None = None) -> str:
    """The file in a reply: its longest block with a class in it, or all of it where it is nothing but Python; or what
    its changes make of the file that was asked about.

    Args:
        source: the file that was asked about, if there is one.

    Raises:
        NoCode: there is none, it was cut off, or a change fits nowhere.
    """
    if source is not None and BEGUN.search(reply.text):
        return _changed(reply, source)
    blocks = [block for _, block in BLOCK.findall(reply.text) if "class " in block]
    if blocks:
        return str(max(blocks, key=len))
    if reply.cut or OPENED.search(BLOCK.sub("", reply.text)):
        raise NoCode("The reply was cut off before the end of the file. Write a shorter one: fewer words, no tables "
                     "that a rule can replace.")
    if "class " not in reply.text or not _is_python(reply.text):
        raise NoCode("The reply holds no Python block with a class in it. The whole file must stand in one block that "
                     "begins with a line ```python and ends with a line ```.")
    return reply.text


def words(reply: Reply) -> str:
    """What a reply says beside its code."""
    return CHANGE.sub("", BLOCK.sub("", reply.text)).strip()


def _changed(reply: Reply, source: str) -> str:
    """A file after changes, each made in what those before it left."""
    changes = CHANGE.findall(reply.text)
    if reply.cut or len(changes) < len(BEGUN.findall(reply.text)):
        raise NoCode("A change is not closed: each is a line <<<<<<< SEARCH, the old lines, a line =======, the new "
                     "lines, a line >>>>>>> REPLACE.")
    source = source.rstrip("\n") + "\n"
    for number, (old, new) in enumerate(changes, start=1):
        whole = bool(old.strip()) and f"\n{source}".count(f"\n{old}") == 1
        if not whole:  # it may have been cut within a line, which is as good where it stands there once
            old, new = old.removesuffix("\n"), new.removesuffix("\n")
        found = source.count(old) if old.strip() else 0
        if not whole and found != 1:
            raise NoCode(f"Change {number} fits {found or 'no'} places: its old lines must stand in the file exactly "
                         f"once, whole and to the space, after the changes before it. These are: {old[:QUOTED]!r}")
        source = f"\n{source}".replace(f"\n{old}", f"\n{new}", 1)[1:] if whole else source.replace(old, new)
    return source


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
