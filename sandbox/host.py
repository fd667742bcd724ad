"""The worker's side of the protocol: keeps environment copies and answers one request at a time.

Runs after `confinement.confine`, so nothing here may open, import or ask the kernel for anything. One copy's
mistake is an answer about that copy; only running out of memory ends the process, for nothing can be relied
on after it.

Left out: deadlines, which the parent holds.
"""

import gc
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from sandbox.clone import NotCopyable, clone
from sandbox.conformance import complaints
from sandbox.copies import Copy, Fault
from sandbox.decks import Deck
from sandbox.enumeration import Undetermined
from sandbox.errors import SourceRefused
from sandbox.program import Program, line_of
from sandbox.tryouts import Tryouts
from sandbox.wire import read_frame, write_frame

LARGEST = 2**63


class Host:
    """Everything one worker knows."""

    def __init__(self, program: Program, limits: dict[str, Any]) -> None:
        self.program = program
        self.copies: dict[int, Copy] = {}
        self._next = 0
        self._text = limits["text_characters"]
        self._most = limits["copies"]
        self._hits = program.hits
        self._counts: dict[int, int] = {}
        self._vouched: set[int] | None = None
        self.tally = True  # False while steps are tried out
        self.operations: dict[str, Callable[[Any], Any]] = {
            "make": self.make,
            "drop": self.drop,
            "reset": self.reset,
            "step": self.step,
            "episodes": self.episodes,
            "copy": self.copy,
            "check": self.check,
            "support": lambda _: list(self._counts.items()),
            "vouch": self.vouch,
            **Tryouts(self).operations,
        }

    # Copies

    def create(self) -> Copy:
        try:
            return Copy(self.program.environment())
        except MemoryError:
            raise
        except BaseException as error:
            raise self.fault(error, "creating the environment (called without arguments)") from None

    def keep(self, copy: Copy) -> int:
        if len(self.copies) >= self._most:
            raise Fault(f"more than {self._most} copies in one worker", "copies")
        self._next += 1
        self.copies[self._next] = copy
        return self._next

    def keep_all(self, copies: Sequence[Copy | None]) -> list[int | None]:
        """Keeps each that is one, or none of them.

        Raises:
            Fault: there is no room for so many.
        """
        kept: list[int | None] = []
        try:
            for copy in copies:
                kept.append(None if copy is None else self.keep(copy))
        except Fault:
            self.drop([id for id in kept if id is not None])
            raise
        return kept

    def make(self, count: int) -> Any:
        made: list[int] = []
        try:
            for _ in range(count):
                made.append(self.keep(self.create()))
        except Fault as fault:
            self.drop(made)
            return fault.record
        return made

    def drop(self, ids: list[int]) -> None:
        for id in ids:
            self.copies.pop(id, None)

    def copy(self, ids: list[int]) -> list[Any]:
        out: list[Any] = []
        for id in ids:
            try:
                source = self.copies[id]
                out.append(self.keep(Copy(clone(source.environment, {}), source.ready)))
            except (NotCopyable, RecursionError) as error:
                out.append(Fault(str(error), "copy").record)
        return out

    def fault(self, error: BaseException, doing: str) -> Fault:
        return Fault(f"{doing} raised {self.program.describe(error)}", "raised", line_of(error))

    # Reset and step

    def reset(self, requests: list[tuple[int, int | None, str | None]]) -> list[Any]:
        return [self._answer(self.begin, *request) for request in requests]

    def step(self, requests: list[tuple[int, str]]) -> list[Any]:
        out: list[Any] = []
        copies, take = self.copies, self.take
        for id, action in requests:
            try:
                out.append(take(copies[id], action))
            except Fault as fault:
                out.append(fault.record)
            except KeyError:
                out.append({"fault": f"there is no copy {id}", "reason": "copy", "line": None})
        return out

    def _answer(self, operation: Callable[..., Any], id: int, *arguments: Any) -> Any:
        copy = self.copies.get(id)
        if copy is None:
            return Fault(f"there is no copy {id}", "copy").record
        try:
            return operation(copy, *arguments)
        except Fault as fault:
            return fault.record

    def begin(self, copy: Copy, seed: int | None, observation: str | None) -> list[Any]:
        """Resets one copy: ``[observation, info]`` and, with counting, what it ran."""
        copy.ready = False
        if self._hits:
            self._hits.clear()
        options = None if observation is None else {"observation": observation}
        try:
            returned = copy.environment.reset(seed=seed, options=options)
        except MemoryError:
            raise
        except Undetermined:
            raise
        except BaseException as error:
            copy.why = "reset failed"
            raise self.fault(error, "reset") from None
        if type(returned) is not tuple or len(returned) != 2:
            raise Fault(f"reset must return (observation, info), not {shape(returned)}", "arity")
        answer: list[Any] = [self._observation(returned[0], "reset"), self._info(returned[1], "reset")]
        copy.ready = True
        copy.why = ""
        if self._hits is not None:
            self._tell_support(answer)
        return answer

    def take(self, copy: Copy, action: str) -> list[Any]:
        """Steps one copy: ``[observation, reward, terminated, truncated, info]`` and, with counting, what it ran."""
        if not copy.ready:
            raise Fault(f"{copy.why}: call reset first", "order")
        if self._hits:
            self._hits.clear()
        try:
            returned = copy.environment.step(action)
        except MemoryError:
            raise
        except Undetermined:
            raise
        except BaseException as error:
            copy.ready, copy.why = False, "an earlier step failed"
            raise self.fault(error, "step") from None
        copy.ready, copy.why = False, "an earlier step failed"
        if type(returned) is not tuple or len(returned) != 5:
            raise Fault(
                f"step must return (observation, reward, terminated, truncated, info), not {shape(returned)}",
                "arity",
            )
        observation, reward, terminated, truncated, info = returned
        if type(observation) is not str or len(observation) > self._text or not observation.isascii():
            observation = self._observation(observation, "step")
        if type(reward) is not float or not -1.8e308 < reward < 1.8e308:
            reward = self._reward(reward)
        if type(terminated) is not bool or type(truncated) is not bool:
            name, value = ("terminated", terminated) if type(terminated) is not bool else ("truncated", truncated)
            raise Fault(f"{name} must be True or False, not {shape(value)}", "flag")
        if type(info) is not dict or info:
            info = self._info(info, "step")
        if terminated or truncated:
            copy.why = "the episode has ended"
        else:
            copy.ready = True
        if self._hits is not None:
            return self._tell_support([observation, reward, terminated, truncated, info])
        return [observation, reward, terminated, truncated, info]

    # Support

    def _tell_support(self, answer: list[Any]) -> list[Any]:
        """Adds what ran, and what of it was never vouched for, where there is such."""
        hits = self._hits or {}
        seen = sorted(hits)
        if self.tally:
            for number in seen:
                self._counts[number] = self._counts.get(number, 0) + 1
        answer.append(seen)
        vouched = self._vouched
        if vouched is not None and not vouched.issuperset(hits):
            answer.append([number for number in seen if number not in vouched])
        return answer

    def vouch(self, elements: list[int] | None) -> list[int]:
        """Adds elements to those vouched for, all that were exercised so far for None; all of them now."""
        if self._vouched is None:
            self._vouched = set()
        self._vouched.update(self._counts if elements is None else elements)
        return sorted(self._vouched)

    # Checking what authored code returned. Subclasses of str, int and float are read by the base class's own
    # methods.

    def _observation(self, value: Any, doing: str) -> str:
        if not isinstance(value, str):
            raise Fault(f"{doing} must return a text as observation, not {shape(value)}", "observation")
        text = str.__str__(value)
        if len(text) > self._text:
            raise Fault(
                f"{doing} returned an observation of {len(text)} characters, of {self._text} allowed",
                "length",
            )
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Fault(f"{doing} returned an observation with lone surrogates, which is not text", "unicode") from None
        return text

    def _reward(self, value: Any) -> float:
        if isinstance(value, float):
            reward = float.__float__(value)
        elif isinstance(value, int):
            try:
                reward = int.__float__(value)
            except OverflowError:
                reward = float("inf")
        else:
            raise Fault(f"the reward must be a number, not {shape(value)}", "reward")
        if not -1.8e308 < reward < 1.8e308:
            raise Fault(f"the reward must be finite, not {reward!r}", "reward")
        return reward

    def _info(self, value: Any, doing: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Fault(f"{doing} must return a dict as info, not {shape(value)}", "info")
        plain = self.plain(value, "info", 16)
        if not isinstance(plain, dict):
            raise Fault(f"{doing} must return a dict as info", "info")
        return plain

    def plain(self, value: Any, path: str, depth: int) -> Any:
        """JSON data equal to an authored value.

        Raises:
            Fault: the value has no JSON form.
        """
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._observation(value, path)
        if depth == 0:
            raise Fault(f"{path} is nested too deeply", "info")
        if isinstance(value, str):
            return self._observation(value, path)
        if isinstance(value, float):
            number = float.__float__(value)
            if number - number != 0:
                raise Fault(f"{path} is {number!r}, which is not finite", "info")
            return number
        if isinstance(value, int):
            whole = int.__int__(value)
            if not -LARGEST <= whole < LARGEST:
                raise Fault(f"{path} is an integer of more than 64 bits", "info")
            return whole
        if isinstance(value, dict):
            out = {}
            for key, item in dict.items(value):
                name = self.plain(key, path, 1) if not isinstance(key, tuple) else None
                if name is None and key is not None:
                    raise Fault(f"{path} has a key that is {shape(key)}, where texts are expected", "info")
                name = name if isinstance(name, str) else str(name)
                out[name] = self.plain(item, f"{path}[{name[:40]!r}]", depth - 1)
            return out
        if isinstance(value, list):
            items = Deck.__iter__(value) if type(value) is Deck else list.__iter__(value)
            return [self.plain(item, path, depth - 1) for item in items]
        if isinstance(value, tuple):
            return [self.plain(item, path, depth - 1) for item in tuple.__iter__(value)]
        if isinstance(value, set | frozenset):
            kept = set.__iter__(value) if isinstance(value, set) else frozenset.__iter__(value)
            members = [self.plain(item, path, depth - 1) for item in kept]
            return sorted(members, key=lambda member: (type(member).__name__, orjson.dumps(member)))
        raise Fault(f"{path} holds {shape(value)}, where plain data is expected", "info")

    # Episodes

    def episodes(self, scripts: list[tuple[int | None, str | None, list[str]]]) -> list[Any]:
        return [self._episode(*script) for script in scripts]

    def _episode(self, seed: int | None, observation: str | None, actions: list[str]) -> list[Any]:
        answers: list[Any] = []
        try:
            copy = self.create()
            answers.append(self.begin(copy, seed, observation))
            take = self.take
            for action in actions:
                answers.append(take(copy, action))
                if not copy.ready:
                    break
        except Fault as fault:
            return [answers, fault.record]
        return [answers, None]

    # Trying out, which does not count as support

    def check(self, _: None) -> list[str]:
        self.tally = False
        try:
            return complaints(self)
        finally:
            self.tally = True


def shape(value: Any) -> str:
    """A value in words, without asking the value."""
    if isinstance(value, tuple):
        return f"a tuple of {tuple.__len__(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def serve(descriptor: int) -> None:
    """Answers requests until the parent closes the pipe. The first request is the source to load."""
    host: Host | None = None
    gc.set_threshold(50_000, 20, 50)
    while frame := read_frame(descriptor):
        number, operation, payload = orjson.loads(frame)
        line = None
        try:
            if host is None:
                program = Program(payload["source"], payload["policy"], payload["counting"])
                host = Host(program, payload["limits"])
                elements = [[e.kind, e.line, e.label] for e in program.elements]
                reply = orjson.dumps([number, "ok", elements])
            else:
                reply = orjson.dumps([number, "ok", host.operations[operation](payload)])
        except SourceRefused as refusal:
            record = {
                "message": refusal.args[0],
                "reason": refusal.reason,
                "line": refusal.line,
                "remedy": refusal.remedy,
            }
            reply = orjson.dumps([number, "refused", record])
        except MemoryError as error:
            line = line_of(error)
            host = None
            gc.collect()
            write_frame(descriptor, orjson.dumps([number, "memory", line]))
            return
        write_frame(descriptor, reply)
