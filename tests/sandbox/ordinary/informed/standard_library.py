import bisect
import copy
import heapq
import itertools
import json
import math
import operator
import re
import string
import textwrap
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import asdict, astuple, dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum, Flag, IntEnum, auto
from fractions import Fraction
from functools import lru_cache, partial, reduce
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypedDict

import gymnasium as gym
from gymnasium import spaces


class Colour(Enum):
    RED = auto()
    BLUE = auto()

    @property
    def label(self) -> str:
        return self.name.title()

    def __str__(self) -> str:
        return self.label


class Perm(Flag):
    R = auto()
    W = auto()
    RW = R | W


class Level(IntEnum):
    LOW = 1
    HIGH = 5


class Pt(NamedTuple):
    x: int
    y: int = 0

    def moved(self, dx: int) -> "Pt":
        return self._replace(x=self.x + dx)


class Info(TypedDict, total=False):
    a: int
    b: str


Pair = namedtuple("Pair", ["left", "right"])


@dataclass(order=True)
class Item:
    sort_index: float = field(init=False, repr=False)
    name: str = "x"
    weight: float = 1.0
    tags: list = field(default_factory=list)

    def __post_init__(self):
        self.sort_index = self.weight


class Base:
    def who(self):
        return "Base"


class Left(Base):
    def who(self):
        return "Left>" + super().who()


class Right(Base):
    def who(self):
        return "Right>" + super().who()


class Diamond(Left, Right):
    def who(self):
        return "Diamond>" + super().who()


@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def accumulate():
    total = 0
    while True:
        got = yield total
        if got is None:
            return "ended"
        total += got


def make_counter(start=0):
    count = start

    def bump(by=1):
        nonlocal count
        count += by
        return count

    return bump


COUNT = 0
HANDLERS = {"a": lambda env, arg: f"A{arg}", "b": lambda env, arg: f"B{env.n}"}
WORDS = sorted({"delta", "alpha", "charlie", "bravo"}, key=len)


class World(gym.Env):
    def __init__(self):
        self.action_space = spaces.Text(20)
        self.observation_space = spaces.Text(1000)

    def reset(self, seed=None, options=None):
        global COUNT
        super().reset(seed=seed)
        COUNT = 0
        self.n = 0
        self.items = [Item("sword", 3.5), Item("apple", 0.5, ["food"]), Item("rope")]
        self.queue = deque(["p", "q"], maxlen=3)
        self.bump = make_counter(5)
        return ", ".join(sorted(WORDS)), Info(a=1, b="z")

    def step(self, action):
        global COUNT
        COUNT += 1
        self.n += 1
        out = []
        out.append(" ".join(i.name for i in sorted(self.items, key=attrgetter("weight", "name"), reverse=True)))
        out.append(str(max(self.items)) + str(sorted(self.items)[0].name))
        out.append(str(asdict(replace(self.items[0], name="axe"))) + str(astuple(self.items[1])))
        out.append(f"{Colour.RED} {Colour.RED!r} {Colour['BLUE'].value} {Colour(1).name} {[c.name for c in Colour]} {Perm.RW!r} {Perm.R in Perm.RW} {Level.HIGH + 1} {Level.LOW < Level.HIGH}")
        out.append(f"{Pt(1)} {Pt(1, 2).moved(3)} {Pt(1)._asdict()} {Pair(1, 2)} {Pair(1, 2).left} {Pt._fields}")
        out.append(Diamond().who() + str(fib(20)) + str(fib.cache_info().hits >= 0))
        gen = accumulate()
        next(gen)
        gen.send(3)
        out.append(str(gen.send(4)))
        try:
            gen.send(None)
        except StopIteration as stop:
            out.append(str(stop.value))
        out.append(str(self.bump()) + str(self.bump(by=3)))
        out.append(action.translate(str.maketrans("abc", "xyz", "l")) + string.ascii_lowercase[:3] + string.capwords("a b"))
        out.append(textwrap.dedent("""
            indented
              more""").strip() + textwrap.fill("word " * 20, width=30, initial_indent="* ") + textwrap.shorten("hello big world", 12))
        out.append(str(list(zip([1, 2], "ab", strict=True))) + str(list(itertools.product("ab", repeat=2))[:3]))
        try:
            list(zip([1], "ab", strict=True))
        except ValueError as e:
            out.append(str(e))
        out.append(str([list(g) for k, g in itertools.groupby([1, 1, 2])]) + str(list(itertools.pairwise([1, 2, 3]))) + str(list(itertools.accumulate([1, 2, 3], operator.mul))))
        out.append(str(partial(int, base=2)("101")) + str(reduce(lambda a, b: a * b, [1, 2, 3, 4])))
        c = Counter("banana")
        c.update("bb")
        c["z"] += 2
        out.append(str(c.most_common(2)) + str(c - Counter("b")) + str(sum(c.values())))
        d = defaultdict(lambda: defaultdict(int))
        d["a"]["b"] += 1
        out.append(str({k: dict(v) for k, v in d.items()}))
        cm = ChainMap({"a": 1}, {"a": 2, "b": 3})
        out.append(str(cm["a"] + cm["b"]) + str(sorted(cm)))
        od = OrderedDict(a=1, b=2)
        od.move_to_end("a")
        out.append(str(list(od)) + str(od.popitem(last=False)))
        h = [(3, "c"), (1, "a")]
        heapq.heapify(h)
        heapq.heappush(h, (2, "b"))
        out.append(str(heapq.heappop(h)) + str(heapq.nsmallest(1, h)))
        xs = [1, 3, 5]
        bisect.insort(xs, 4)
        out.append(str(xs) + str(bisect.bisect_left(xs, 3)))
        out.append(f"{math.sqrt(2):.3f} {math.inf > 1} {math.isclose(0.1 + 0.2, 0.3)} {math.gcd(12, 18)} {math.hypot(3, 4)} {math.comb(5, 2)}")
        out.append(str(Fraction(1, 3) + Fraction(1, 6)) + str(Decimal("1.005").quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)))
        out.append(json.dumps({"b": [1, None, True], "a": "é"}, sort_keys=True, indent=2) + str(json.loads('{"x": 1.5}')))
        m = re.match(r"(?P<verb>\w+)\s*(?P<rest>.*)", action)
        if m and (verb := m.group("verb")):
            out.append(f"{verb} {m.groupdict()} {m['rest']} {m.span()} {re.sub(r'[aeiou]', lambda k: k.group(0).upper(), action)}")
        out.append(HANDLERS.get(action, lambda *a: "?")(self, 3))
        out.append(str({i.name: i.weight for i in self.items if i.weight > 0.7}) + str({x % 2 for x in range(5)}))
        out.append("%-5s|%05.1f|%s" % ("ab", 2.25, {"a"}) + "{:>6}|{name!r}".format("x", name="n") + "{0[a]}".format({"a": 1}))
        nested = copy.deepcopy({"k": [1, {"z": 2}]})
        nested["k"][1]["z"] += 5
        out.append(str(nested) + str(0 < self.n <= 10 != 3) + str(isinstance(self.n, (int, float))))
        first, *middle, last = range(5)
        out.append(f"{first} {middle} {last} {dict(a=1, **{'b': 2})} {[*range(2), *'ab']} {max(*[1, 2], key=lambda v: -v)}")
        match action.split():
            case [word] if len(word) == 1:
                out.append(f"single {word}")
            case ["long", *rest]:
                out.append(f"rest {rest}")
            case _:
                out.append("other")
        self.queue.append(action)
        self.queue.rotate(1)
        out.append(str(self.queue) + str(list(reversed(self.queue))) + f"{COUNT}")
        return "\n".join(out), Decimal("0.5") and 0.5, self.n >= 5, False, {}
