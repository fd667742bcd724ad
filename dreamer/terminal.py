"""Text from logs on a terminal or a page: seen as it is, obeyed never."""

import unicodedata

from rich.markup import escape

OBEYED = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # categories of what a terminal acts on, or does not show


def visible(text: str) -> str:
    """A text in which control and format characters are written out, and square brackets are no markup."""
    return escape(plain(text))


def plain(text: str) -> str:
    """A text in which control and format characters are written out; line breaks and tabs stay."""
    return text if text.isprintable() else text.translate(_WRITTEN)


class _Written(dict[int, str]):
    """How each character is written, by its code."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        obeyed = sign not in "\n\t" and unicodedata.category(sign) in OBEYED
        return self.setdefault(code, sign.encode("unicode_escape").decode() if obeyed else sign)


_WRITTEN = _Written()
