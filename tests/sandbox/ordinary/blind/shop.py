import re
from collections import namedtuple

import gymnasium as gym
from gymnasium.spaces import Text

Item = namedtuple("Item", ["name", "price", "stock"])

CATALOGUE = [
    Item("apple", 2, 10),
    Item("bread", 4, 5),
    Item("cheese", 7, 4),
    Item("milk", 3, 6),
    Item("honey", 9, 2),
]

BUY = re.compile(r"^(?:buy|purchase)\s+(?:(\d+)\s+)?([a-z]+?)s?$")
RETURN = re.compile(r"^(?:return|refund)\s+([a-z]+?)s?$")


class ShopEnv(gym.Env):
    """Buy everything on the shopping list without overspending."""

    metadata = {"render_modes": []}
    HELP = "Commands: list, buy [n] <item>, return <item>, basket, haggle, checkout."

    def __init__(self, budget=40, max_steps=50):
        self.budget = budget
        self.max_steps = max_steps
        self.action_space = Text(100)
        self.observation_space = Text(1000)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._money = (options or {}).get("budget", self.budget)
        self._shelf = {}
        for item in CATALOGUE:
            bump = int(self.np_random.integers(-1, 2))
            self._shelf[item.name] = item._replace(price=item.price + bump)
        names = [i.name for i in CATALOGUE]
        picked = self.np_random.choice(len(names), size=3, replace=False)
        self._wanted = {names[i]: int(self.np_random.integers(1, 3)) for i in picked}
        self._basket = {}
        self._discount = 0
        self._haggled = False
        self._t = 0
        wants = ", ".join(f"{n} x {name}" for name, n in sorted(self._wanted.items()))
        return f"You enter the shop with ${self._money}. Your list: {wants}. {self.HELP}", {"wanted": dict(self._wanted)}

    @property
    def total(self):
        gross = sum(self._shelf[n].price * k for n, k in self._basket.items())
        return max(0, gross - self._discount)

    def _missing(self):
        return {n: k - self._basket.get(n, 0) for n, k in self._wanted.items() if self._basket.get(n, 0) < k}

    def step(self, action):
        self._t += 1
        cmd = action.strip().lower()
        reward, done = 0.0, False
        if cmd == "list":
            rows = sorted(self._shelf.values(), key=lambda it: (it.price, it.name))
            obs = "\n".join(f"{it.name:<8} ${it.price} ({it.stock} left)" for it in rows)
        elif cmd == "basket":
            if self._basket:
                obs = "Basket: " + ", ".join(f"{k} {n}" for n, k in self._basket.items()) + f". Total ${self.total}."
            else:
                obs = "Your basket is empty."
        elif cmd == "haggle":
            if self._haggled:
                obs = "The shopkeeper has heard enough of that."
            else:
                self._haggled = True
                if self.np_random.random() < 0.5:
                    self._discount += 3
                    obs = "'Fine, three dollars off,' sighs the shopkeeper."
                else:
                    obs = "The shopkeeper laughs at you."
        elif m := BUY.match(cmd):
            obs = self._buy(m.group(2), int(m.group(1) or 1))
        elif m := RETURN.match(cmd):
            obs = self._return(m.group(1))
        elif cmd == "checkout":
            if self.total > self._money:
                obs = f"You owe ${self.total} but have only ${self._money}."
                reward = -0.2
            else:
                done = True
                self._money -= self.total
                missing = self._missing()
                reward = 1.0 if not missing else -0.5 * len(missing)
                obs = f"You pay ${self.total} and keep ${self._money}."
                obs += " The list is complete!" if not missing else f" You forgot: {', '.join(missing)}."
        else:
            obs = f"The shopkeeper looks puzzled by '{action}'. {self.HELP}"
            reward = -0.05
        truncated = self._t >= self.max_steps and not done
        return obs, reward, done, truncated, {"total": self.total, "money": self._money}

    def _buy(self, name, qty):
        if name not in self._shelf:
            return f"We do not sell {name}."
        item = self._shelf[name]
        if qty < 1:
            return "How many?"
        if item.stock < qty:
            return f"Only {item.stock} {name} left."
        self._shelf[name] = item._replace(stock=item.stock - qty)
        self._basket[name] = self._basket.get(name, 0) + qty
        return f"You put {qty} {name} in the basket. Total ${self.total}."

    def _return(self, name):
        if not self._basket.get(name):
            return f"You have no {name} to put back."
        self._basket[name] -= 1
        if self._basket[name] == 0:
            del self._basket[name]
        self._shelf[name] = self._shelf[name]._replace(stock=self._shelf[name].stock + 1)
        return f"You put one {name} back."
