"""Book meetings in a week's calendar without clashes."""
from __future__ import annotations

import re
from dataclasses import dataclass

import gymnasium as gym
from gymnasium import spaces

DAYS = ("mon", "tue", "wed", "thu", "fri")
OPENING, CLOSING = 9, 17


@dataclass(order=True)
class Slot:
    day: int
    start: int
    length: int
    title: str

    @property
    def end(self) -> int:
        return self.start + self.length

    def overlaps(self, other: Slot) -> bool:
        return self.day == other.day and self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"{DAYS[self.day]} {self.start:02d}:00-{self.end:02d}:00 {self.title}"


@dataclass(frozen=True)
class Request:
    who: str
    hours: int
    days: tuple[int, ...]

    def text(self) -> str:
        return f"{self.who} needs {self.hours}h on {' or '.join(DAYS[d] for d in self.days)}"


class CalendarEnv(gym.Env):
    metadata = {"render_modes": []}
    PEOPLE = ["alice", "bruno", "chen", "divya", "emeka"]
    BOOK = re.compile(r"book (?P<who>\w+) (?P<day>\w{3})\w* (?:at )?(?P<hour>\d{1,2})(?::00)?(?: (?:for )?(?P<len>\d)h?)?$")

    def __init__(self, n_requests: int = 4, max_steps: int = 40) -> None:
        self.n_requests, self.max_steps = n_requests, max_steps
        self.action_space = spaces.Text(80)
        self.observation_space = spaces.Text(2000)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        rng = self.np_random
        self.diary: list[Slot] = []
        while len(self.diary) < 8:
            slot = Slot(int(rng.integers(5)), int(rng.integers(OPENING, CLOSING - 2)), int(rng.integers(1, 4)), "busy")
            if slot.end <= CLOSING and not any(slot.overlaps(s) for s in self.diary):
                self.diary.append(slot)
        people = list(self.PEOPLE)
        rng.shuffle(people)
        self.requests = {
            who: Request(who, int(rng.integers(1, 4)), tuple(sorted(int(d) for d in rng.choice(5, size=2, replace=False))))
            for who in people[: self.n_requests]
        }
        self.steps = 0
        return self._requests() + "\nCommands: show [day], requests, book <who> <day> <hour> [for <n>h], cancel <who>, done.", {}

    def _requests(self) -> str:
        booked = {s.title for s in self.diary}
        return "\n".join(f"[{'x' if r.who in booked else ' '}] {r.text()}" for r in self.requests.values())

    def _show(self, day: str) -> str:
        chosen = [s for s in sorted(self.diary) if not day or DAYS[s.day] == day[:3]]
        return "\n".join(map(str, chosen)) or "Nothing booked."

    def _book(self, m: re.Match[str]) -> tuple[str, float]:
        request = self.requests.get(m["who"])
        if request is None:
            return f"{m['who']} has not asked for a meeting.", 0.0
        if m["day"] not in DAYS or DAYS.index(m["day"]) not in request.days:
            return f"{m['who']} cannot come on {m['day']}.", -0.1
        slot = Slot(DAYS.index(m["day"]), int(m["hour"]), int(m["len"] or request.hours), m["who"])
        if any(s.title == slot.title for s in self.diary):
            return f"{slot.title} already has a meeting; cancel it first.", 0.0
        if slot.length != request.hours:
            return f"{slot.title} needs exactly {request.hours}h.", -0.1
        if slot.start < OPENING or slot.end > CLOSING:
            return f"Meetings must fit between {OPENING}:00 and {CLOSING}:00.", -0.1
        for other in self.diary:
            if slot.overlaps(other):
                return f"That clashes with: {other}.", -0.1
        self.diary.append(slot)
        return f"Booked: {slot}.", 0.5

    def step(self, action: str):
        self.steps += 1
        text, reward, terminated = "Sorry, I did not understand. See the list of commands.", 0.0, False
        line = " ".join(action.lower().split())
        if match := self.BOOK.match(line):
            text, reward = self._book(match)
        elif line.split(" ")[0] == "show":
            text = self._show(line[4:].strip())
        elif line == "requests":
            text = self._requests()
        elif line.startswith("cancel "):
            kept = [s for s in self.diary if s.title != line[7:] or s.title == "busy"]
            if len(kept) < len(self.diary):
                text, reward = f"{line[7:]}'s meeting is cancelled.", -0.5
            else:
                text = f"{line[7:]} has no meeting."
            self.diary = kept
        elif line == "done":
            missing = sum(who not in {s.title for s in self.diary} for who in self.requests)
            text, reward, terminated = f"You close the calendar; {missing} requests are open.", 1.0 - missing, True
        return text, reward, terminated, self.steps >= self.max_steps and not terminated, {"booked": len(self.diary) - 8}
