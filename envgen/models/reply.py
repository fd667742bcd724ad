"""The code in a reply."""

import ast
import re

from envgen.models.model import Reply

BLOCK = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
OPENED = re.compile(r"^[ \t]*(?:```+|~~~+)[^\n`]*\n", re.MULTILINE)


class NoCode(ValueError):
    """A reply holds no file; the message says so to whoever wrote it."""


def code(reply: Reply) -> str:
    """The file in a reply: its longest block with a class in it, or all of it where it is nothing but Python.

    Raises:
        NoCode: there is none, or it was cut off.
    """
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


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
