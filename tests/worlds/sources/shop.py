"""A small shop: ten coins, three wares, and a supper that needs bread and cheese."""

import re
import string

import gymnasium as gym

PRICES = {"bread": 3, "cheese": 4, "wine": 5}
STOCK = 2
COINS = 10
FORM = re.compile(r"You have (\d+) coins and hold (\d) bread, (\d) cheese, (\d) wine\.")


class Shop(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.coins = COINS
        self.held = {ware: 0 for ware in PRICES}
        text = (options or {}).get("observation")
        if text is not None:
            found = FORM.fullmatch(text)
            if not found:
                raise ValueError("no shop looks like that")
            self.coins = int(found[1])
            self.held = {ware: int(count) for ware, count in zip(PRICES, found.groups()[1:], strict=True)}
            spent = sum(PRICES[ware] * self.held[ware] for ware in PRICES)
            if self.coins + spent > COINS or max(self.held.values()) > STOCK:
                raise ValueError("no purse holds that")
        return self.tell(), {"actions": self.actions()}

    def tell(self):
        return f"You have {self.coins} coins and hold {', '.join(f'{self.held[ware]} {ware}' for ware in PRICES)}."

    def actions(self):
        buy = ["buy " + ware for ware in PRICES if PRICES[ware] <= self.coins and self.held[ware] < STOCK]
        return [*buy, *("return " + ware for ware in PRICES if self.held[ware] > 0), "pay"]

    def step(self, action):
        verb, _, ware = action.partition(" ")
        if action == "pay":
            supper = self.held["bread"] > 0 and self.held["cheese"] > 0
            reward = 1.0 + 0.5 * self.held["wine"] if supper else -1.0
            return "Supper is ready." if supper else "You go to bed hungry.", reward, True, False, {}
        if action not in self.actions():
            if verb == "buy" and ware in PRICES:
                text = "You cannot afford it." if PRICES[ware] > self.coins else "It is sold out."
            else:
                text = "The keeper shrugs."
            return text, -0.05, False, False, {"actions": self.actions()}
        if verb == "buy":
            self.coins -= PRICES[ware]
            self.held[ware] += 1
        else:
            self.coins += PRICES[ware] - 1
            self.held[ware] -= 1
        return self.tell(), 0.0, False, False, {"actions": self.actions()}
