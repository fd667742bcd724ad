"""Customer-service desk: look up records, fix tickets and close them."""
import dataclasses
import enum
import typing as t

import gymnasium as gym
from gymnasium import spaces


class Issue(enum.Enum):
    REFUND = "wants a refund"
    ADDRESS = "has moved house"
    UPGRADE = "asks for a better plan"


@dataclasses.dataclass
class Customer:
    cid: int
    name: str
    city: str
    plan: str = "basic"
    balance: float = 0.0
    notes: t.List[str] = dataclasses.field(default_factory=list)

    def card(self) -> str:
        notes = "; ".join(self.notes) or "none"
        return f"#{self.cid} {self.name}, {self.city}, plan={self.plan}, balance={self.balance:.2f}, notes: {notes}"


@dataclasses.dataclass
class Ticket:
    number: int
    customer: Customer
    issue: Issue
    detail: str
    is_open: bool = True

    def __str__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"Ticket {self.number} [{state}]: {self.customer.name} {self.issue.value} ({self.detail})"

    def is_resolved(self) -> bool:
        if self.issue is Issue.REFUND:
            return self.customer.balance >= float(self.detail)
        return self.detail in (self.customer.city, self.customer.plan)


NAMES = ("Ada Byron", "Grace Murray", "Alan Mathison", "Edsger Wybe", "Barbara Huberman")
CITIES = ("Oslo", "Lima", "Cairo", "Kyoto")
PLANS = ("silver", "gold")
USAGE = "Commands: tickets | show <id> | credit <id> <amount> | move <id> <city> | plan <id> <plan> | note <id> <text> | close <ticket>"


class CustomerServiceEnv(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self, n_tickets: int = 3):
        self.n_tickets = n_tickets
        self.action_space = spaces.Text(120)
        self.observation_space = spaces.Text(2000)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        rng = self.np_random
        self.customers = {i: Customer(i, n, CITIES[rng.integers(len(CITIES))]) for i, n in enumerate(NAMES, start=100)}
        self.tickets = {}
        for number, idx in enumerate(rng.permutation(len(NAMES))[: self.n_tickets], start=1):
            customer = self.customers[100 + int(idx)]
            issue = list(Issue)[int(rng.integers(3))]
            options_for = {Issue.REFUND: range(5, 30), Issue.ADDRESS: CITIES, Issue.UPGRADE: PLANS}
            detail = str(rng.choice(options_for[issue]))
            self.tickets[number] = Ticket(number, customer, issue, detail)
        return self._ticket_list() + "\n" + USAGE, {"open": self.n_tickets}

    def _ticket_list(self) -> str:
        return "\n".join(map(str, self.tickets.values()))

    def step(self, action):
        verb, _, rest = action.strip().partition(" ")
        reward = 0.0
        verb = verb.lower()
        if verb == "close":
            obs, reward = self._close(rest)
        else:
            obs = self._ticket_list() if verb == "tickets" else self._record(verb, rest)
        left = sum(ticket.is_open for ticket in self.tickets.values())
        return obs, reward, left == 0, False, {"open": left}

    def _close(self, text):
        ticket = self.tickets.get(int(text)) if text.isdecimal() else None
        if ticket is None or not ticket.is_open:
            return "There is no such open ticket.", 0.0
        if not ticket.is_resolved():
            return f"{ticket.customer.name} is not happy yet.", -0.5
        ticket.is_open = False
        return f"Ticket {ticket.number} closed. {ticket.customer.name} thanks you.", 1.0

    def _record(self, verb, rest):
        ident, _, value = rest.partition(" ")
        if verb not in ("show", "credit", "move", "plan", "note"):
            return f"Unknown command. {USAGE}"
        customer = self.customers.get(int(ident)) if ident.isdecimal() else None
        if customer is None:
            return f"No customer with id '{ident}'."
        if verb != "show" and not value.strip():
            return f"'{verb}' needs a value."
        if verb == "credit":
            try:
                customer.balance += min(float(value), 50.0)
            except ValueError:
                return f"'{value}' is not an amount."
        elif verb == "plan" and value not in PLANS:
            return f"Plans are: {', '.join(PLANS)}."
        elif verb == "plan":
            customer.plan = value
        elif verb == "move":
            customer.city = value.strip().title()
        elif verb == "note":
            customer.notes.append(value)
        return customer.card()
