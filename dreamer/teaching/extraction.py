"""Who says what sessions teach: the statistics of what they brought, or a language model that reads them one by one.

Nothing but the sessions themselves is looked at, how they ended included.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from dreamer.teaching.experience import Experience, Item
from dreamer.teaching.transcript import transcript
from envgen.models.correspondence import BudgetSpent
from envgen.models.model import Prompt, Reply
from rollout.figure import apart, proportion
from rollout.trajectory import Trajectory
from templates import prompt

ITEMS = 2  # of one session, at most
FEWEST = 3  # sessions with an action, and without it, that can make an item: of one, an oddity is made
SYSTEM = "You note what can be learnt from episodes of an agent, in short items."


class Extractor(Protocol):
    """Makes experience of sessions."""

    def extract(self, sessions: Sequence[Trajectory], known: Experience, fits: Callable[[str], bool]) -> Experience:
        """What was known, and what these sessions teach on top.

        Args:
            fits: whether a text is within the limit of an experience.
        """


def finding(observation: str, action: str, helps: bool) -> str:
    """What an action brings after an observation, in one line."""
    return f"{' '.join(observation.split())} > {action}: {'success' if helps else 'failure'}"


class Statistics:
    """Which actions, after which observation, were followed by success more, or less, often than the others there.

    It needs no model, and knows nothing of the world: it is for text worlds whose observations recur. Of a session, the
    last action after each observation counts, so that trials are independent. The surest items come first.

    Args:
        succeeded: whether an outcome is a success. Sessions without outcome teach nothing.
    """

    def __init__(self, succeeded: Callable[[float], bool]):
        self.succeeded = succeeded

    def extract(self, sessions: Sequence[Trajectory], known: Experience, fits: Callable[[str], bool]) -> Experience:
        found = list[tuple[float, Item, str]]()
        for observation, acted in self._acted(sessions).items():
            for action, trials in acted.items():
                others = [won for other, each in acted.items() if other != action for won, _ in each]
                if min(len(trials), len(others)) < FEWEST:
                    continue
                here = proportion(sum(won for won, _ in trials), len(trials))
                gain = apart(here, proportion(sum(others), len(others)))
                sure = max(gain.low or 0.0, -(gain.high or 0.0))
                if sure > 0:
                    helps = (gain.low or 0.0) > 0
                    sources = tuple(session for won, session in trials if won == helps)
                    item = Item(text=finding(observation, action, helps), sources=sources)
                    found.append((sure, item, finding(observation, action, not helps)))
        found.sort(key=lambda each: -each[0])
        return known.without(opposite for _, _, opposite in found).add((item for _, item, _ in found), fits)

    def _acted(self, sessions: Sequence[Trajectory]) -> dict[str, dict[str, list[tuple[bool, str]]]]:
        """By observation and action: whether each session succeeded in which it came last, and its id."""
        acted: defaultdict[str, defaultdict[str, list[tuple[bool, str]]]] = defaultdict(lambda: defaultdict(list))
        for session in sessions:
            if session.outcome is None:
                continue
            heard = [session.observation.text, *(turn.answer or "" for turn in session.turns[:-1])]
            last = dict(zip(heard, (turn.action.text for turn in session.turns), strict=True))
            for observation, action in last.items():
                acted[observation][action].append((self.succeeded(session.outcome), session.id))
        return {observation: dict(actions) for observation, actions in acted.items()}


class Reader:
    """A language model that reads sessions one by one, each beside what was learnt before it.

    Of a session for which its budget or its memory is too small, nothing is learnt.

    Args:
        ask: asks the model.
    """

    def __init__(self, ask: Callable[[Prompt], Reply]):
        self.ask = ask

    def extract(self, sessions: Sequence[Trajectory], known: Experience, fits: Callable[[str], bool]) -> Experience:
        for session in sessions:
            asked = prompt("extract.md.jinja", known=[item.text for item in known.items], session=transcript(session))
            try:
                lines = self.ask(Prompt(kind="extract", system=SYSTEM, user=asked)).text.splitlines()
            except BudgetSpent:  # or too long for the policy
                continue
            noted = [line[2:].strip(' "') for line in map(str.strip, lines) if line.startswith("- ")]
            known = known.add((Item(text=text, sources=(session.id,)) for text in noted[:ITEMS] if text), fits)
        return known
