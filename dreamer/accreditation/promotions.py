"""Which policy is promoted, and which were before: a history that is only ever added to."""

from datetime import UTC, datetime
from typing import Literal

from rollout.errors import UserError
from rollout.trajectory import Record


class PromotionError(UserError):
    """There is no policy to return to; the message says why."""


class Promotion(Record):
    """From now on this policy is the promoted one.

    Attributes:
        policy: digest.
        night: whose candidate it is.
        by: what it rests on: the kind of evidence, or the person who decided.
        at: when, ISO 8601.
        back: whether this takes the promotion before it back, so that `policy` is an earlier one.
    """

    policy: str
    night: int
    by: str
    at: str
    back: bool = False


class Promotions(Record):
    """All promotions of a run, the latest last."""

    version: Literal[1] = 1
    history: tuple[Promotion, ...] = ()

    @property
    def standing(self) -> tuple[Promotion, ...]:
        """Those that were not taken back; the last one is in force."""
        standing = list[Promotion]()
        for each in self.history:
            if each.back:
                standing.pop()
            else:
                standing.append(each)
        return tuple(standing)

    def promote(self, policy: str, night: int, by: str) -> "Promotions":
        """The history with one more promotion; the same one where it already is in force."""
        if self.standing and (self.standing[-1].policy, self.standing[-1].night) == (policy, night):
            return self
        return self._with(Promotion(policy=policy, night=night, by=by, at=_now()))

    def roll_back(self, by: str) -> "Promotions":
        """The history with a return to the policy that was promoted before.

        Args:
            by: who decided.

        Raises:
            PromotionError: nothing is promoted, or nothing was before.
        """
        if not self.standing:
            raise PromotionError("nothing is promoted, so there is nothing to take back")
        *earlier, last = self.standing
        if not earlier:
            raise PromotionError(f"{last.policy} of night {last.night} is the first policy that was promoted; "
                                 "there is none before it to return to")
        return self._with(earlier[-1].model_copy(update={"by": by, "at": _now(), "back": True}))

    def _with(self, promotion: Promotion) -> "Promotions":
        return self.model_copy(update={"history": (*self.history, promotion)})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
