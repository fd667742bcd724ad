"""Text from logs on a terminal: seen as it is, obeyed never."""

import unicodedata

from rich.markup import escape

OBEYED = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # categories of what a terminal acts on, or does not show


class _Written(dict[int, str]):
    """How each character is written, by its code; made as they come."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        obeyed = sign not in "\n\t" and unicodedata.category(sign) in OBEYED
        self[code] = sign.encode("unicode_escape").decode() if obeyed else sign
        return self[code]


_WRITTEN = _Written()


def written_out(text: str) -> str:
    """A text in which control and format characters are written out."""
    return text if text.isprintable() else text.translate(_WRITTEN)


def visible(text: str) -> str:
    """A text in which control and format characters are written out, and square brackets are no markup."""
    return escape(written_out(text))
