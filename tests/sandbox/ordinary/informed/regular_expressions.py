'''Commands by regular expression; json in the observation.'''
import json
import re

import gymnasium as gym

RULES = [
    (re.compile(r"turn (?P<how>on|off) the (?P<what>\w+ \w+)"), "turn"),
    (re.compile(r"set (?P<what>\w+) to (?P<value>\d+)"), "set"),
    (re.compile(r"call (\d{3})-(\d{4})"), "call"),
]


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = {"b": [], "a": {}}
        return json.dumps(self.state, sort_keys=True), {}

    def step(self, action):
        for pattern, name in RULES:
            if m := pattern.fullmatch(action):
                self.state["a"].update({name: m.groupdict() or list(m.groups())})
                break
        else:
            self.state["b"].append(re.sub(r"[aeiou]", lambda m: m.group().upper(), action))
        words = re.findall(r"\b\w{4}\b", action)
        out = json.dumps(self.state | {"words": words}, indent=1, sort_keys=True)
        return out, float(len(json.loads(out))), action == "stop", False, {}
