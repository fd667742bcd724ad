import textwrap
from dataclasses import dataclass, field, replace

import gymnasium as gym
from gymnasium import spaces

PREPARATIONS = {"chop": "chopped", "peel": "peeled", "grate": "grated"}
HEAT = {"fry": "fried", "boil": "boiled", "roast": "roasted"}
PANTRY = ("carrot", "onion", "potato", "cheese", "egg", "tomato")


@dataclass(frozen=True)
class Ingredient:
    name: str
    prepared: str = "whole"
    cooked: str = "raw"

    def __str__(self):
        return " ".join(w for w in (self.cooked, self.prepared, self.name) if w != "whole")


@dataclass
class Recipe:
    title: str
    steps: list = field(default_factory=list)

    def as_text(self):
        lines = [f"{i}. {s.cooked} and {s.prepared} {s.name}" for i, s in enumerate(self.steps, 1)]
        return f"Recipe for {self.title}:\n" + textwrap.indent("\n".join(lines), "  ")


class CookingEnv(gym.Env):
    """Follow a recipe: take, prepare, cook, and serve."""

    metadata = {"render_modes": []}

    def __init__(self, n_ingredients=3, max_steps=50):
        self.n_ingredients = n_ingredients
        self.max_steps = max_steps
        self.action_space = spaces.Text(60)
        self.observation_space = spaces.Text(800)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        chosen = self.np_random.permutation(len(PANTRY))[: self.n_ingredients]
        steps = []
        for i in chosen:
            prep = str(self.np_random.choice(["whole", *PREPARATIONS.values()]))
            heat = str(self.np_random.choice(["raw", *HEAT.values()]))
            steps.append(Ingredient(PANTRY[i], prep, heat))
        adjective = str(self.np_random.choice(["rustic", "royal", "humble"]))
        self.recipe = Recipe(f"{adjective} {steps[0].name} surprise", steps)
        self.counter = {}
        self.steps = 0
        return self.recipe.as_text() + "\n" + self.describe(), {"matching": 0}

    def describe(self):
        if not self.counter:
            return "Your counter is empty."
        return "On the counter: " + "; ".join(str(x) for x in self.counter.values()) + "."

    def matching(self):
        return sum(self.counter.get(s.name) == s for s in self.recipe.steps)

    def _work_on(self, name, table, verb):
        item = self.counter.get(name)
        if item is None:
            return f"There is no {name or 'such thing'} on the counter."
        attribute = "prepared" if table is PREPARATIONS else "cooked"
        current = getattr(item, attribute)
        if current not in ("whole", "raw"):
            return f"The {name} is already {current}."
        if attribute == "prepared" and item.cooked != "raw":
            return f"The {name} is too hot to {verb}."
        if attribute == "cooked" and self.np_random.random() < 0.1:
            self.counter[name] = replace(item, cooked="burnt")
            return f"Oh no, you burn the {name}!"
        self.counter[name] = replace(item, **{attribute: table[verb]})
        return f"You {verb} the {name}."

    def step(self, action):
        self.steps += 1
        before = self.matching()
        verb, _, noun = action.strip().lower().partition(" ")
        noun = noun.removeprefix("the ").strip()
        terminated = False
        bonus = 0.0
        if verb == "take":
            if noun not in PANTRY:
                text = f"The pantry holds only {', '.join(PANTRY)}."
            elif noun in self.counter:
                text = f"You already have a {noun}."
            else:
                self.counter[noun] = Ingredient(noun)
                text = f"You fetch a {noun}."
        elif verb == "discard":
            gone = self.counter.pop(noun, None)
            text = f"Into the bin goes the {gone}." if gone else "You cannot discard that."
        elif verb in PREPARATIONS:
            text = self._work_on(noun, PREPARATIONS, verb)
        elif verb in HEAT:
            text = self._work_on(noun, HEAT, verb)
        elif verb == "recipe":
            text = self.recipe.as_text()
        elif verb == "look":
            text = "You survey the kitchen."
        elif verb == "serve":
            perfect = before == len(self.recipe.steps) == len(self.counter)
            text = "The guests applaud!" if perfect else "The guests poke at their plates."
            bonus = 2.0 if perfect else -1.0
            terminated = True
        else:
            verbs = sorted(["take", "discard", "recipe", "look", "serve", *PREPARATIONS, *HEAT])
            text = f"You can: {', '.join(verbs)}."
        after = self.matching()
        truncated = self.steps >= self.max_steps and not terminated
        return f"{text}\n{self.describe()}", bonus + 0.5 * (after - before), terminated, truncated, {"matching": after}
