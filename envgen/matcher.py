"""A matcher of templates: which of them says a line, and where its values are."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from envgen.tokens import JOINT, LONGEST_VALUE, MASK, SLOT, Tokens


class Matcher:
    """Finds the most specific of some templates (sorted by `specificity`) that fits a line."""

    def __init__(self, templates: Sequence[Tokens]):
        common = Counter(token for template in templates for token in set(template))
        self.exact: dict[str, int] = {}
        self.anchored: dict[str, list[int]] = defaultdict(list)
        self.fits: dict[int, Callable[[str], re.Match[str] | None]] = {}
        for number, template in enumerate(templates):
            literals = [token for token in template if SLOT not in token and MASK not in token]
            if len(literals) == len(template):
                self.exact.setdefault(JOINT.join(template), number)
            else:
                self.fits[number] = re.compile(expression(template), re.DOTALL).fullmatch
                self.anchored[min(literals, key=lambda token: (common[token], token), default="")].append(number)

    def find(self, line: Sequence[str]) -> tuple[int, list[tuple[int, int]]] | None:
        """The number of the template, and where in the line (as characters) the values are."""
        joined = JOINT.join(line)
        if joined in self.exact:
            return self.exact[joined], []
        for number in sorted(n for token in {"", *line} if token in self.anchored for n in self.anchored[token]):
            if found := self.fits[number](joined):
                spans = [found.span(group + 1) for group in range(len(found.groups()))]
                return number, [(a - joined.count(JOINT, 0, a), b - joined.count(JOINT, 0, b)) for a, b in spans]
        return None


def expression(template: Tokens) -> str:
    """The regular expression of a template over joined tokens, a group for every slot and every mask."""
    slot = rf"([^\s\x1f][^\x1f]*(?:\x1f[^\x1f]+){{0,{LONGEST_VALUE - 1}}}?)"
    masked = r"((?=[^\x1f]*(?:[\d\x02]|\[\]))[^\s\x1f][^\x1f]*?)"
    return JOINT.join(re.escape(token).replace(SLOT, slot).replace(MASK, masked) for token in template)
