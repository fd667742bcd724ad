from enum import IntEnum

import gymnasium as gym
from gymnasium import spaces


class Outcome(IntEnum):
    LOSS = -1
    PUSH = 0
    WIN = 1


SUITS = "♣♦♥♠"
RANKS = "A 2 3 4 5 6 7 8 9 10 J Q K".split()
VALUES = {r: int(r) if r.isdigit() else 11 if r == "A" else 10 for r in RANKS}


class Shoe:
    def __init__(self, rng):
        self._rng = rng
        self._cards = []

    def draw(self):
        if not self._cards:
            self._cards = [r + s for r in RANKS for s in SUITS]
            self._rng.shuffle(self._cards)
        return self._cards.pop()


def hand_value(hand):
    ranks = [card[:-1] for card in hand]
    total = sum(VALUES[r] for r in ranks)
    aces = ranks.count("A")
    while total > 21 and aces:
        total -= 10
        aces -= 1
    return total


class BlackjackEnv(gym.Env):
    """Several hands of blackjack with a stack of chips."""

    metadata = {"render_modes": []}

    def __init__(self, chips=100, hands=8):
        self.start_chips = chips
        self.n_hands = hands
        self.action_space = spaces.Text(20)
        self.observation_space = spaces.Text(400)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shoe = Shoe(self.np_random)
        self.chips = self.start_chips
        self.played = 0
        self.bet = 0
        self.player, self.dealer = [], []
        return f"You sit down with {self.chips} chips. Place a bet: 'bet 10'.", {"chips": self.chips}

    def _table(self, reveal=False):
        dealer = " ".join(self.dealer) if reveal else self.dealer[0] + " ??"
        return f"You: {' '.join(self.player)} ({hand_value(self.player)}). Dealer: {dealer}."

    def _settle(self):
        mine = hand_value(self.player)
        if mine <= 21:
            while hand_value(self.dealer) < 17:
                self.dealer.append(self.shoe.draw())
        theirs = hand_value(self.dealer)
        if mine > 21 or mine < theirs <= 21:
            outcome = Outcome.LOSS
        else:
            outcome = Outcome.PUSH if mine == theirs else Outcome.WIN
        gain = int(outcome) * self.bet
        text = f"{self._table(reveal=True)} {outcome.name.title()}: {gain:+d} chips."
        self.chips += gain
        self.bet = 0
        self.played += 1
        return text, gain / 10

    def step(self, action):
        cmd, *args = action.lower().split() or [""]
        reward = 0.0
        if cmd == "bet" and self.bet:
            obs = "You have already bet. Hit, stand or double?"
        elif cmd == "bet":
            try:
                amount = int(args[0])
            except (IndexError, ValueError):
                amount = 0
            if 0 < amount <= self.chips:
                self.bet = amount
                self.player = [self.shoe.draw(), self.shoe.draw()]
                self.dealer = [self.shoe.draw(), self.shoe.draw()]
                obs = self._table()
                if hand_value(self.player) == 21:
                    obs, reward = self._settle()
                    obs = "Blackjack! " + obs
            else:
                obs = f"Bet between 1 and {self.chips} chips."
        elif cmd in ("hit", "stand", "double") and not self.bet:
            obs = "Place a bet first."
        elif cmd == "hit":
            self.player.append(self.shoe.draw())
            obs = self._table()
            if hand_value(self.player) >= 21:
                obs, reward = self._settle()
        elif cmd == "double" and (len(self.player) > 2 or self.chips < 2 * self.bet):
            obs = "You cannot double now."
        elif cmd in ("stand", "double"):
            if cmd == "double":
                self.bet *= 2
                self.player.append(self.shoe.draw())
            obs, reward = self._settle()
        else:
            obs = f"'{action}'? The dealer knows bet <n>, hit, stand and double."
        done = self.chips <= 0 or self.played >= self.n_hands
        if done:
            obs += f" You leave the table with {self.chips} chips."
        return obs, reward, done, False, {"chips": self.chips, "played": self.played}
