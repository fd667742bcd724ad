'''Chained and swapped assignment, while/else, walrus, del, global counters reset by hand, star arguments.'''
import gymnasium as gym


class Machine:
    def __init__(self, *values, **names):
        self.stack = list(values)
        self.names = names
        self.a = self.b = 0

    def run(self, words):
        match words[0], len(words):
            case "push", 2:
                self.stack.append(int(words[1]))
            case "swap", 1 if len(self.stack) >= 2:
                self.stack[-1], self.stack[-2] = self.stack[-2], self.stack[-1]
                self.a, self.b = self.b + 1, self.a
            case "pop", 1 if self.stack:
                del self.stack[-1]
                self.names.setdefault("popped", []).append(len(self.stack))


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.machine = Machine(4, 2, mode="m")
        return str(self.machine.stack), {}

    def step(self, action):
        self.machine.run(action.split())
        i = 0
        while i < len(self.machine.stack):
            if self.machine.stack[i] == 3:
                found = i
                break
            i += 1
        else:
            found = None
        if (n := len(self.machine.stack)) > 3:
            note = f"{n} deep"
        else:
            note = "shallow" if n else "empty"
        text = f"{self.machine.stack} {found} {note} {self.machine.names} {self.machine.a}{self.machine.b}"
        return text, 0.0, n == 0, False, {"stack": tuple(self.machine.stack), "set": {n, 1}}
