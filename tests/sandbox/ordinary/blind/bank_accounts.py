"""A bank teller's terminal with several kinds of accounts."""
from abc import ABC, abstractmethod
from decimal import Decimal

import gymnasium as gym
from gymnasium import spaces

CENT = Decimal("0.01")


class BankError(Exception):
    """Shown to the player."""


class Account(ABC):
    def __init__(self, number, owner, balance):
        self.number, self.owner = number, owner
        self._balance, self._entries = Decimal(balance), []

    @property
    def balance(self):
        return self._balance.quantize(CENT)

    def deposit(self, amount, memo="deposit"):
        self._balance += amount
        self._entries.append((memo, amount))

    def withdraw(self, amount, memo="withdrawal"):
        if self._balance - amount < self.floor:
            raise BankError("Insufficient funds in {}.".format(self.number))
        self.deposit(-amount, memo)

    @abstractmethod
    def month_end(self):
        """Charge fees or credit interest."""

    def statement(self):
        rows = self._entries[-6:] + [("balance", self.balance)]
        return "\n".join("{:<12} {:>9.2f}".format(*row) for row in rows)

    def __str__(self):
        return "{} {:<8} {:<6} {:>9.2f}".format(self.number, self.kind, self.owner, self.balance)


class Checking(Account):
    kind, floor = "checking", Decimal(-100)

    def month_end(self):
        if self._balance < 0:
            self.deposit(Decimal(-5), "overdraft")


class Savings(Account):
    kind, floor = "savings", Decimal(0)

    def month_end(self):
        self.deposit((self._balance * CENT).quantize(CENT), "interest")


class BankEnv(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self, goal=600, months=8):
        self.goal, self.months = Decimal(goal), months
        self.action_space, self.observation_space = spaces.Text(60), spaces.Text(1000)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.accounts = {}
        for number, cls, owner in [("A1", Checking, "you"), ("A2", Savings, "you"), ("A3", Checking, "landlord")]:
            self.accounts[number] = cls(number, owner, int(self.np_random.integers(100, 300)))
        self.month, self.rent_paid = 1, False
        return "Save {} and pay the rent (50 to A3) every month.\n{}".format(self.goal, "\n".join(map(str, self.accounts.values()))), {"month": 1}

    def _account(self, number, mine=True):
        account = self.accounts.get(number.upper())
        if account is None or (mine and account.owner != "you"):
            raise BankError("You have no access to account {}.".format(number))
        return account

    @staticmethod
    def _amount(text):
        try:
            value = Decimal(text).quantize(CENT)
            if value > 0:
                return value
        except ArithmeticError:
            pass
        raise BankError("'{}' is not a proper amount.".format(text))

    def _month_end(self):
        for account in self.accounts.values():
            account.month_end()
        wage = int(self.np_random.integers(80, 160))
        self.accounts["A1"].deposit(wage, "wages")
        fine = 0.0 if self.rent_paid else -1.0
        self.rent_paid, self.month = False, self.month + 1
        return "Month {} begins. Wages: {}.{}".format(self.month, wage, " You missed the rent!" if fine else ""), fine

    def step(self, action):
        reward, words = 0.0, action.lower().split()
        try:
            if words == ["accounts"]:
                text = "\n".join(map(str, self.accounts.values()))
            elif words == ["next"]:
                text, reward = self._month_end()
            elif len(words) == 2 and words[0] == "statement":
                text = self._account(words[1]).statement()
            elif len(words) == 4 and words[0] == "transfer":
                amount, source, target = self._amount(words[1]), self._account(words[2]), self._account(words[3], mine=False)
                source.withdraw(amount, "to " + target.number)
                target.deposit(amount, "from " + source.number)
                self.rent_paid |= target.number == "A3" and amount >= 50
                text = "Transferred {} from {} to {}.".format(amount, source.number, target.number)
            else:
                text = "Commands: accounts, statement <account>, transfer <amount> <from> <to>, next."
        except BankError as error:
            text, reward = str(error), -0.05
        won = self.accounts["A2"].balance >= self.goal
        return text, reward + won, won, not won and self.month > self.months, {"month": self.month}
