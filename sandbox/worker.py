"""The parent's side of one worker: what can be asked of it, believing nothing that comes back.

Left out: the process itself (`link.py`).
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import orjson

from sandbox.errors import EnvironmentFault
from sandbox.limits import Limits
from sandbox.link import Link
from sandbox.records import (
    Answer,
    Chances,
    Element,
    Episode,
    Followed,
    Log,
    Move,
    Outcome,
    Reset,
    Script,
    Target,
    read_answers,
    read_followed,
)
from sandbox.wire import Channel

ACTIONS_PER_MESSAGE = 2048  # bounds the reply and the time of one message of whole episodes
COPIES_PER_MESSAGE = 256
CHARACTERS_PER_MESSAGE = 1 << 21
PARTS = 64  # messages of one piece of work, beside those that its runs allow
Shape = Callable[[list[Any]], list[Any]]


class Worker(Link):
    """Many concurrent copies of one environment source, in a confined process of their own.

    A misbehaving copy is answered for by an `EnvironmentFault` in its place; the death of the process raises
    `WorkerDied`, and every later call raises it again. Calls from several threads are taken one at a time.

    Attributes:
        elements: with counting, the branches and table elements that support refers to by number.
        vouched: those of them that were vouched for; None before the first `vouch`.
    """

    def __init__(self, channel: Channel, process: int, pid: int, limits: Limits) -> None:
        super().__init__(channel, process, pid, limits)
        self.elements: list[Element] = []
        self.vouched: frozenset[int] | None = None

    def load(self, source: str, policy: str, counting: bool) -> None:
        """Hands over the source; done once, by `Sandbox.load`.

        Raises:
            SourceRefused: the source cannot be run.
            WorkerDied: parsing or importing it killed the worker.
        """
        limits = {"text_characters": self._limits.text_characters, "copies": self._limits.copies}
        request = {"source": source, "policy": policy, "counting": counting, "limits": limits}
        elements = self._request("load", request, self._limits.load_seconds)
        if type(elements) is not list:
            raise self._violation("a malformed list of elements")
        for number, item in enumerate(elements):
            if type(item) is not list or [type(part) for part in item] != [str, int, str]:
                raise self._violation("a malformed list of elements")
            self.elements.append(Element(number, *item))

    # Requests

    def make(self, count: int) -> list[int]:
        """New environment copies, not yet reset.

        Raises:
            EnvironmentFault: the environment cannot be created.
        """
        return self._ids(self._request("make", count), count)

    def drop(self, ids: Sequence[int]) -> None:
        """Forgets copies; unknown ids are passed over."""
        if ids and self._ended is None:
            self._request("drop", list(ids))

    def copy(self, ids: Sequence[int]) -> list[int | EnvironmentFault]:
        """Copies of copies, in the same state; a fault where a state cannot be copied."""
        reply = self._items("copy", list(ids), len(ids))
        return [item if type(item) is int else self._fault(item) for item in reply]

    def reset_batch(self, requests: Sequence[Reset]) -> list[Answer | EnvironmentFault]:
        """Starts copies again; one answer or fault for each request, in order."""
        return self._batch("reset", [(r.id, r.seed, r.observation) for r in requests], _starts)

    def step_batch(self, requests: Sequence[tuple[int, str]]) -> list[Answer | EnvironmentFault]:
        """Steps copies by id and action; one answer or fault for each request, in order."""
        return self._batch("step", list(requests), list)

    def episodes(self, scripts: Sequence[Script]) -> list[Episode]:
        """Whole episodes of given actions, each on a new copy."""
        out: list[Episode] = []
        for group in _groups(scripts):
            payload = [(script.seed, script.observation, list(script.actions)) for script in group]
            reply = self._items("episodes", payload, len(group))
            for script, item in zip(group, reply, strict=True):
                out.append(self._episode(item, len(script.actions)))
        return out

    def expand(self, id: int, action: str, limit: int = 256) -> list[Outcome] | None:
        """Every way that a step can fall, from a copy of the state; the original is unchanged.

        Args:
            limit: most runs of the step, and most alternatives of one draw.

        Returns:
            Outcomes whose probabilities sum to 1, those that look alike and lead to equal states being one;
            None where chance cannot be enumerated within the limit.

        Raises:
            EnvironmentFault: the copy cannot be stepped at all.
        """
        (found,) = self._expand([([id], action, None)], limit, limit)
        return None if found is None else found.outcomes

    def expand_reset(self, observation: str | None = None, limit: int = 256) -> list[Outcome] | None:
        """Every way that a reset can fall, on a new copy. See `expand`."""
        (found,) = self._expand([([None], observation, None)], limit, limit)
        return None if found is None else found.outcomes

    def search(self, id: int, action: str, target: Target, budget: int = 20_000, width: int = 256, most: int = 1024
               ) -> Chances:  # fmt: skip
        """Ways that a step can fall which give one answer, where all ways are too many to run; see `sandbox/search.py`.

        The sum of their probabilities is a lower bound of the answer's.

        Args:
            budget: most runs of the step.
            width: beginnings kept while draw after draw is decided; wider finds more of what shows late.
            most: outcomes returned with a copy each. Drop them when done.

        Raises:
            EnvironmentFault: the copy cannot be stepped at all.
        """
        return self._search([id], [1.0], action, target, budget, width, most)

    def search_reset(self, observation: str | None, target: Target, budget: int = 20_000, width: int = 256,
                     most: int = 1024) -> Chances:  # fmt: skip
        """Ways that a reset, begun from `observation` if that is not None, can fall which give one answer."""
        return self._search([None], [1.0], observation, target, budget, width, most)

    def sample(self, id: int, action: str, count: int, seed: int = 0, most: int = 1024) -> Chances:
        """What a step led to in `count` simulations, each outcome with its share; the same for the same seed.

        Args:
            most: outcomes returned with a copy each. Drop them when done.

        Raises:
            EnvironmentFault: the copy cannot be stepped or copied.
        """
        return self._sample(id, action, count, seed, most)

    def sample_reset(self, observation: str | None, count: int, seed: int = 0, most: int = 1024) -> Chances:
        """What a reset led to in `count` simulations."""
        return self._sample(None, observation, count, seed, most)

    def chances(self, id: int | None, text: str | None, target: Target | None = None, *, forks: int = 256,
                patience: int = 1, budget: int = 20_000, width: int = 256, samples: int = 1000, guided: int = 0,
                seed: int = 0, most: int = 1024) -> Chances:  # fmt: skip
        """The ways that a step can fall, found as well as it can be done within the limits.

        Enumerated where there are no more than `forks` scripts of draws; else searched, where there is a target;
        and simulated where there is none, or the search met nothing but chance that no script decides.

        Args:
            id: a copy, and `text` the action; or None, and `text` what the reset begins from (None: a drawn start).
            guided: runs by which to estimate what a search has not met; with 0 its lower bound is kept.
            patience: up to so many times `forks` are run where the probability of those that were promises an end.
        """
        (whole,) = self._expand([([id], text, None)], forks, forks * patience)
        if whole is not None:
            return whole
        ((_, found),) = self._found([id], [1.0], text, target, budget, width, samples, guided, seed, most)
        return found

    def chances_each(self, moves: Sequence[Move], *, forks: int = 256, patience: int = 1, budget: int = 20_000,
                     width: int = 256, samples: int = 1000, guided: int = 0, most: int = 1024
                     ) -> list[list[tuple[float, Chances]]]:  # fmt: skip
        """The ways that steps of many copies can fall, in few messages: for each move, the ways and the weight of the
        copies that have them. See `chances`.

        Copies that are not enumerated are searched as one. Where one was not, those of the same move that come after it
        are not tried.
        """
        found: list[list[tuple[float, Chances]]] = [[] for _ in moves]
        open_: list[int | None] = [None] * len(moves)  # the first copy of each move that is not enumerated
        left = [(number, place) for number, move in enumerate(moves) for place in range(len(move.ids))]
        try:
            while left:
                wholes = self._expand(_messages(moves, left[:COPIES_PER_MESSAGE]), forks, forks * patience)
                for (number, place), whole in zip(left, wholes, strict=False):
                    if whole is None:
                        open_[number] = place if open_[number] is None else open_[number]
                    elif open_[number] is None:
                        found[number].append((moves[number].weights[place], whole))
                left = [(number, place) for number, place in left[len(wholes) :] if open_[number] is None]
            for move, first, ways in zip(moves, open_, found, strict=True):
                if first is not None:
                    ways += self._found(move.ids[first:], move.weights[first:], move.action, move.target, budget, width,
                                        samples, guided, move.seed, most)
        except EnvironmentFault:
            self.drop([each.id for done in found for _, ways in done for each in ways.outcomes if each.id is not None])
            raise
        return found

    def follow(self, logs: Sequence[Log]) -> list[Followed]:
        """Follows logs in copies of their states, in few messages; the originals are unchanged.

        Raises:
            EnvironmentFault: there is no room for the copies.
            ValueError: the logs cannot be sent: they are too long, or hold what is no text.
        """
        payload = [(log.id, log.actions, log.observations, log.rewards, log.ends, log.goes_on) for log in logs]
        reply = self._in_parts("follow", payload, sum(2 * len(log.actions) for log in logs))
        if type(reply) is dict:
            raise self._fault(reply)
        if type(reply) is not list or len(reply) != len(logs):
            raise self._violation("a reply of the wrong length")
        found = [read_followed(item, log) for item, log in zip(reply, logs, strict=True)]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            raise self._violation("a malformed account of a log")
        return known

    def vouch(self, elements: Iterable[int] | None = None) -> frozenset[int]:
        """With counting: declares elements to be known from reality; answers tell of all others in `unvouched`.

        Args:
            elements: by number, as another worker of the same source may have learnt them; for None all that resets
                and steps exercised so far. Added to those already vouched for.

        Returns:
            All elements vouched for.
        """
        numbers = None if elements is None else sorted(set(elements))
        if numbers and not 0 <= numbers[0] <= numbers[-1] < len(self.elements):
            raise ValueError(f"vouch: this source has {len(self.elements)} elements, numbered from 0")
        reply = self._request("vouch", numbers)
        if type(reply) is not list or not all(type(n) is int and 0 <= n < len(self.elements) for n in reply):
            raise self._violation("malformed elements")
        self.vouched = frozenset(reply)
        return self.vouched

    def check(self) -> list[str]:
        """Sentences on what does not hold of Gymnasium's interface; none where all is well."""
        reply = self._request("check", None)
        if type(reply) is not list or not all(type(item) is str for item in reply):
            raise self._violation("a malformed list of complaints")
        return reply

    def support(self) -> dict[int, int]:
        """With counting: in how many resets and steps each element ran, by its number; those never run are absent."""
        reply = self._request("support", None)
        if type(reply) is not list or not all(
            type(item) is list and [type(part) for part in item] == [int, int] for item in reply
        ):
            raise self._violation("malformed counts")
        counts = dict(reply)
        if not all(0 <= number < len(self.elements) for number in counts):
            raise self._violation("counts of elements that do not exist")
        return counts

    # Checking replies

    def _items(self, operation: str, payload: Any, count: int) -> list[Any]:
        reply = self._request(operation, payload)
        if type(reply) is not list or len(reply) != count:
            raise self._violation("a reply of the wrong length")
        return reply

    def _batch(self, operation: str, payload: list[Any], shape: Shape) -> list[Answer | EnvironmentFault]:
        refused: dict[int, EnvironmentFault] = {}
        try:
            reply = self._items(operation, payload, len(payload))
        except ValueError:
            # A text that cannot be sent costs its own request, not the batch.
            refused = {i: fault for i, item in enumerate(payload) if (fault := self._unsendable(item))}
            if not refused:
                raise
            sendable = [item for i, item in enumerate(payload) if i not in refused]
            reply = self._items(operation, sendable, len(sendable))
        answers = read_answers(shape(reply), self._limits.text_characters)
        if None in answers:
            answers = [answer or self._fault(item) for answer, item in zip(answers, reply, strict=True)]
        for index in sorted(refused):
            answers.insert(index, refused[index])
        return answers

    def _unsendable(self, item: tuple[Any, ...]) -> EnvironmentFault | None:
        try:
            length = len(orjson.dumps(item))
        except TypeError as error:
            return EnvironmentFault(f"the request cannot be sent: {error}", "request")
        if length > 8 * self._limits.text_characters:
            return EnvironmentFault(f"the request has {length} bytes, which is too long", "request")
        return None

    def _ids(self, reply: Any, count: int) -> list[int]:
        if type(reply) is dict:
            raise self._fault(reply)
        if type(reply) is not list or len(reply) != count or not all(type(id) is int for id in reply):
            raise self._violation("malformed ids")
        return reply

    def _episode(self, item: Any, actions: int) -> Episode:
        if type(item) is not list or len(item) != 2 or type(item[0]) is not list or len(item[0]) > actions + 1:
            raise self._violation("a malformed episode")
        answers = read_answers(_starts(item[0][:1]) + item[0][1:], self._limits.text_characters)
        if None in answers:
            raise self._violation("a malformed answer")
        return Episode(answers, None if item[1] is None else self._fault(item[1]))

    def _expand(
        self, moves: Sequence[tuple[Sequence[int | None], str | None, Target | None]], hoped: int, limit: int
    ) -> list[Chances | None]:
        """Of each copy in turn, as many as one report holds; None where there are too many ways."""
        payload = [
            (ids, text, goal and (goal.observation, goal.reward, goal.terminated)) for ids, text, goal in moves
        ]
        shapes = [list if id is not None else _starts for ids, _, _ in moves for id in ids]
        reply = self._in_parts("expand", (payload, hoped, limit), len(shapes) * limit)
        if type(reply) is dict:
            raise self._fault(reply)
        if type(reply) is not list or not 0 < len(reply) <= len(shapes):
            raise self._violation("a reply of the wrong length")
        found: list[Chances | None] = []
        for shape, item in zip(shapes, reply, strict=False):
            if type(item) is list and item and not item[0]:
                raise self._violation("an expansion without outcomes")
            found.append(None if item is None else self._chances("enumerate", item, shape))
        return found

    def _found(
        self, ids: Sequence[int | None], weights: Sequence[float], text: str | None, target: Target | None, budget: int,
        width: int, samples: int, guided: int, seed: int, most: int,
    ) -> list[tuple[float, Chances]]:  # fmt: skip
        """All copies searched as one, or else each simulated."""
        if target is not None:
            found = self._search(ids, weights, text, target, budget, width, most, guided, seed)
            if found.outcomes or not found.undetermined:
                return [(math.fsum(weights), found)]
        return [(weight, self._sample(id, text, samples, seed + number, most))
                for number, (id, weight) in enumerate(zip(ids, weights, strict=True))]

    def _search(
        self, ids: Sequence[int | None], weights: Sequence[float], text: str | None, target: Target, budget: int,
        width: int, most: int, samples: int = 0, seed: int = 0,
    ) -> Chances:  # fmt: skip
        if min(budget, width, most) < 1:
            raise ValueError("search: budget, width and most are at least 1")
        logged = (target.observation, target.reward, target.terminated)
        whole = math.fsum(weights)
        payload = (ids, [weight / whole for weight in weights], text, logged, budget, width, most, samples, seed)
        reply = self._in_parts("search", payload, budget + samples)
        return self._chances("search", reply, list if ids != [None] else _starts)

    def _sample(self, id: int | None, text: str | None, count: int, seed: int, most: int) -> Chances:
        if min(count, most) < 1 or not 0 <= seed < 2**63:
            raise ValueError("sample: count and most are at least 1, the seed has no sign and 63 bits")
        reply = self._in_parts("sample", (id, text, count, seed, most), count)
        return self._chances("sample", reply, list if id is not None else _starts)

    def _in_parts(self, operation: str, payload: Any, runs: int) -> Any:
        """Asks until there is more than a ticket to go on with."""
        reply = self._request(operation, payload)
        for _ in range(PARTS + runs // 8):
            if type(reply) is not int:
                return reply
            reply = self._request("go_on", reply)
        raise self._violation("a search without an end")

    def _chances(self, regime: Literal["enumerate", "search", "sample"], reply: Any, shape: Shape) -> Chances:
        """A report; what was searched and has an error was met under guidance."""
        if type(reply) is dict:
            raise self._fault(reply)
        if type(reply) is not list or [type(part) for part in reply] != [list, float, bool, int, int, float]:
            raise self._violation("a malformed report")
        found, probability, exhaustive, runs, undetermined, error = reply
        if not 0.0 <= probability <= 1.0 or not 0.0 <= error < math.inf:
            raise self._violation("a probability out of range")
        how = "guided" if regime == "search" and error else regime
        return Chances(how, self._outcomes(found, shape), probability, exhaustive, runs, undetermined, error)

    def _outcomes(self, reply: list[Any], shape: Shape) -> list[Outcome]:
        out: list[Outcome] = []
        for item in reply:
            if type(item) is not list or len(item) != 4:
                raise self._violation("a malformed outcome")
            probability, answer, id, digest = item
            if type(probability) is not float or not 0.0 <= probability <= 1.0 + 1e-9:
                raise self._violation("a probability out of range")
            if not (id is None or type(id) is int) or type(digest) is not str:
                raise self._violation("a malformed outcome")
            known = read_answers(shape([answer]), self._limits.text_characters)[0]
            out.append(Outcome(probability, known or self._fault(answer), id, digest))
        return out


def _starts(items: list[Any]) -> list[Any]:
    """A reset's items in the form of a step's: reward 0, not ended. What is no list stays as it is."""
    return [
        [item[0], 0.0, False, False, *item[1:]] if type(item) is list and 2 <= len(item) <= 4 else item
        for item in items
    ]


def _messages(moves: Sequence[Move], asked: Sequence[tuple[int, int]]) -> list[tuple[list[int], str, Target | None]]:
    """The first copies, each by its move's number and its place there, as one message of bounded length asks for them.
    """
    out: list[tuple[list[int], str, Target | None]] = []
    length = 0
    for number, group in itertools.groupby(asked, key=lambda one: one[0]):
        action, target = moves[number].action, moves[number].target
        length += len(action) + len(target.observation if target else "")
        if out and length > CHARACTERS_PER_MESSAGE:
            break
        out.append(([moves[number].ids[place] for _, place in group], action, target))
    return out


def _groups(scripts: Iterable[Script]) -> Iterable[list[Script]]:
    """Scripts in messages of bounded length."""
    group: list[Script] = []
    actions = 0
    for script in scripts:
        if group and actions + len(script.actions) > ACTIONS_PER_MESSAGE:
            yield group
            group, actions = [], 0
        group.append(script)
        actions += len(script.actions) + 1
    if group:
        yield group
