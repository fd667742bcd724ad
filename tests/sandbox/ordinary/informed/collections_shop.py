'''Counter, defaultdict, deque, OrderedDict, ChainMap, namedtuple.'''
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple

import gymnasium as gym

Sale = namedtuple("Sale", ["name", "price"], defaults=[1])
PRICES = ChainMap({"pear": 3}, {"apple": 2, "pear": 9})


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.sold = Counter()
        self.history = deque(maxlen=3)
        self.by_letter = defaultdict(list)
        self.order = OrderedDict()
        return "open", {}

    def step(self, action):
        verb, _, name = action.partition(" ")
        if verb == "buy":
            sale = Sale(name, PRICES.get(name, 1))
            self.sold[name] += 1
            self.history.append(sale._replace(price=sale.price * self.sold[name]))
            self.by_letter[name[0]].append(sale)
            self.order[name] = self.order.pop(name, 0) + 1
        elif verb == "return":
            self.sold.subtract([name])
            self.sold += Counter()
            if self.history:
                self.history.popleft()
        last = self.history[-1] if self.history else None
        text = f"{self.sold.most_common(2)} {list(self.history)} {dict(self.by_letter)} {list(self.order.items())}"
        return text, last.price if last else 0, verb == "end", False, {"fields": list(Sale._fields)}
