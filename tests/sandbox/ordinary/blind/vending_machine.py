from decimal import Decimal, InvalidOperation

import gymnasium as gym
from gymnasium import spaces

COINS = (200, 100, 50, 20, 10, 5)  # in cents

SLOTS = {
    "A1": ("crisps", 120),
    "A2": ("peanuts", 95),
    "B1": ("chocolate", 150),
    "B2": ("mints", 60),
    "C1": ("water", 100),
    "C2": ("cola", 180),
}


def money(cents):
    return f"${cents // 100}.{cents % 100:02d}"


def make_change(amount):
    """Greedy change; yields (coin, how_many)."""
    for coin in COINS:
        n, amount = divmod(amount, coin)
        if n:
            yield coin, n


class VendingMachineEnv(gym.Env):
    """Buy the snacks your friends asked for with a limited purse."""

    metadata = {"render_modes": []}

    def __init__(self, max_steps=45):
        self.max_steps = max_steps
        self.action_space = spaces.Text(max_length=40)
        self.observation_space = spaces.Text(max_length=800)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.stock = {slot: int(self.np_random.integers(1, 4)) for slot in SLOTS}
        wanted = self.np_random.choice(list(SLOTS), size=2, replace=False)
        self.wishes = [SLOTS[str(slot)][0] for slot in wanted]
        self.purse = {200: 1, 100: 2, 50: 2, 20: 3, 10: 2, 5: 2}
        self.credit = 0
        self.bought = []
        self.steps = 0
        self.jammed = False
        return f"The machine hums. Your friends want: {', '.join(self.wishes)}. You have {money(self.cash)}.", {"cash": self.cash}

    @property
    def cash(self):
        return sum(coin * n for coin, n in self.purse.items())

    @staticmethod
    def parse_coin(text):
        """'50', '50c' and '0.50' all mean fifty cents."""
        try:
            return int(Decimal(text) * 100) if "." in text else int(text.rstrip("c"))
        except (InvalidOperation, ValueError, OverflowError):
            return None

    def step(self, action):
        self.steps += 1
        reward = 0.0
        verb, _, arg = action.strip().lower().partition(" ")
        if verb == "insert":
            obs = self._insert(self.parse_coin(arg))
        elif verb == "press":
            obs, reward = self._press(arg.upper())
        elif verb == "refund":
            obs = f"{self._pay_out()} comes back." if self.credit else "Nothing to refund."
        elif verb in ("kick", "shake"):
            self.jammed = False
            obs = "Clunk! Something falls into place."
            reward = -0.05
        elif verb == "read":
            obs = "\n".join(f"{slot} {name:<10}{money(price)} x{self.stock[slot]}" for slot, (name, price) in SLOTS.items())
        elif verb == "purse":
            obs = ", ".join(f"{n} x {coin}c" for coin, n in self.purse.items() if n) or "Your purse is empty."
        else:
            obs = f"You cannot '{action}'. Try: read, purse, insert <coin>, press <slot>, refund, kick."
        done = all(w in self.bought for w in self.wishes)
        reward += 1.0 if done else 0.0
        info = {"cash": self.cash, "credit": self.credit, "bought": list(self.bought)}
        return f"{obs}\n[{money(self.credit)}]", reward, done, self.steps >= self.max_steps and not done, info

    def _insert(self, coin):
        if coin not in COINS:
            return "The slot rejects it. Coins: " + ", ".join(f"{c}c" for c in COINS) + "."
        if not self.purse[coin]:
            return f"You have no {coin}c coin."
        self.purse[coin] -= 1
        self.credit += coin
        return f"You insert {coin}c."

    def _pay_out(self):
        amount, self.credit = self.credit, 0
        for coin, n in make_change(amount):
            self.purse[coin] += n
        return money(amount)

    def _press(self, slot):
        if slot not in SLOTS:
            return "That button does nothing.", 0.0
        name, price = SLOTS[slot]
        if self.jammed:
            return "The machine is jammed.", 0.0
        if not self.stock[slot]:
            return f"The {name} is sold out.", 0.0
        if self.credit < price:
            return f"The display flashes {money(price)}.", 0.0
        if self.np_random.random() < 0.25:
            self.jammed = True
            return f"The {name} gets stuck behind the glass!", 0.0
        self.stock[slot] -= 1
        self.credit -= price
        self.bought.append(name)
        return f"A {name} drops into the tray. Change: {self._pay_out()}.", 0.5 if name in self.wishes else -0.3
