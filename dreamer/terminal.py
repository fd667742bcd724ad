"""Text from logs on a terminal or a page: seen as it is, obeyed never."""

import unicodedata

from rich.markup import escape

OBEYED = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # categories of what a terminal acts on, or does not show


def visible(text: str) -> str:
    """A text in which control and format characters are written out, and square brackets are no markup."""
    return escape(plain(text))


def plain(text: str) -> str:
    """A text in which control and format characters are written out; line breaks and tabs stay."""
    return text if text.isprintable() else "".join(map(_written, text))


def _written(sign: str) -> str:
    obeyed = sign not in "\n\t" and unicodedata.category(sign) in OBEYED
    return sign.encode("unicode_escape").decode() if obeyed else sign
