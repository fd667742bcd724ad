"""A tiny stock market: buy low, sell high."""
from __future__ import annotations

import math
from collections import defaultdict, deque, namedtuple
from typing import Deque, Dict

import gymnasium as gym
from gymnasium import spaces

Asset = namedtuple("Asset", "symbol drift volatility start")
Trade = namedtuple("Trade", "day side symbol quantity price")

ASSETS = (
    Asset("GRAIN", 0.000, 0.03, 20.0),
    Asset("STEEL", 0.004, 0.05, 50.0),
    Asset("TULIP", -0.010, 0.15, 10.0),
)
FEE = 0.01


class MarketEnv(gym.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, cash: float = 1000.0, days: int = 11, memory: int = 5) -> None:
        super().__init__()
        self.initial_cash = cash
        self.days = days
        self.memory = memory
        self.action_space = spaces.Text(30)
        self.observation_space = spaces.Text(1200)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self._cash = self.initial_cash
        self._day = 1
        self._price = {a.symbol: a.start for a in ASSETS}
        self._history: Dict[str, Deque[float]] = {a.symbol: deque([a.start], maxlen=self.memory) for a in ASSETS}
        self._holdings: defaultdict[str, int] = defaultdict(int)
        self._trades: list[Trade] = []
        return "The market opens.\n" + self._ticker(), self._info()

    @property
    def worth(self) -> float:
        return self._cash + sum(n * self._price[s] for s, n in self._holdings.items())

    def _info(self) -> dict:
        return {"day": self._day, "cash": round(self._cash, 2), "worth": round(self.worth, 2)}

    def _ticker(self) -> str:
        prices = "  ".join(f"{s} {p:.2f}" for s, p in self._price.items())
        return f"Day {self._day}/{self.days}  {prices}  | cash {self._cash:.2f}, worth {self.worth:.2f}"

    def _advance(self) -> float:
        before = self.worth
        for asset in ASSETS:
            shock = self.np_random.random() + self.np_random.random() - 1.0
            self._price[asset.symbol] *= math.exp(asset.drift + asset.volatility * shock * 2)
            self._history[asset.symbol].append(self._price[asset.symbol])
        self._day += 1
        return (self.worth - before) / self.initial_cash

    def _trade(self, side: str, symbol: str, amount: str) -> str:
        symbol = symbol.upper()
        if symbol not in self._price:
            return f"{symbol} is not traded here."
        price = self._price[symbol]
        limit = int(self._cash // (price * (1 + FEE))) if side == "buy" else self._holdings[symbol]
        try:
            quantity = limit if amount == "all" else int(amount)
        except ValueError:
            return f"'{amount}' is not a quantity."
        if quantity <= 0 or quantity > limit:
            return f"You can {side} between 1 and {limit} {symbol}." if limit else f"You cannot {side} any {symbol}."
        sign = 1 if side == "buy" else -1
        self._holdings[symbol] += sign * quantity
        self._cash -= sign * quantity * price + FEE * quantity * price
        self._trades.append(Trade(self._day, side, symbol, quantity, price))
        return f"You {side} {quantity} {symbol} at {price:.2f}."

    def _chart(self, symbol: str) -> str:
        history = self._history.get(symbol.upper())
        if history is None:
            return f"No chart for {symbol}."
        mean = sum(history) / len(history)
        spread = math.sqrt(sum((p - mean) ** 2 for p in history) / len(history))
        return f"{symbol.upper()}: {' '.join(f'{p:.2f}' for p in history)} (mean {mean:.2f}, deviation {spread:.2f})"

    def step(self, action: str):
        reward = 0.0
        match action.lower().split():
            case ["buy" | "sell" as side, symbol, amount]:
                text = self._trade(side, symbol, amount)
            case ["buy" | "sell" as side, symbol]:
                text = self._trade(side, symbol, "1")
            case ["chart", symbol]:
                text = self._chart(symbol)
            case ["portfolio"]:
                held = [f"{n} {s}" for s, n in sorted(self._holdings.items()) if n]
                text = "You hold " + (", ".join(held) or "nothing") + "."
            case ["trades"]:
                text = "; ".join(f"d{t.day} {t.side} {t.quantity} {t.symbol} @ {t.price:.2f}" for t in self._trades[-5:]) or "No trades."
            case ["wait"] | ["next"]:
                reward = self._advance()
                text = "The bell rings." if reward >= 0 else "The bell rings gloomily."
            case _:
                text = "Orders: buy/sell <symbol> [n|all], chart <symbol>, portfolio, trades, wait."
        bankrupt = self.worth < 1.0
        closed = self._day > self.days
        if closed:
            profit = self.worth - self.initial_cash
            text += f" The market closes. Profit: {profit:+.2f}."
        return text + "\n" + self._ticker(), reward, bool(bankrupt or closed), False, self._info()
