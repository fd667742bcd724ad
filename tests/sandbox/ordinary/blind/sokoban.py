import copy

import gymnasium as gym
from gymnasium import spaces

# '#' wall, '@' player, '$' box, '.' goal, ' ' floor
LEVELS = (
    """\
#######
# .$  #
#  @  #
#  $. #
#     #
#######
""",
    """\
########
#      #
# $ .  #
#  @   #
# .  $ #
#      #
########
""",
)

MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


class SokobanEnv(gym.Env):
    """Push all the boxes onto the goals."""

    metadata = {"render_modes": ["ansi"]}

    def __init__(self, max_steps=100, render_mode="ansi"):
        self.max_steps = max_steps
        self.render_mode = render_mode
        self.action_space = spaces.Text(20)
        self.observation_space = spaces.Text(600)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        level = (options or {}).get("level")
        if level is None:
            level = int(self.np_random.integers(len(LEVELS)))
        rows = LEVELS[level].splitlines()
        if self.np_random.random() < 0.5:
            rows = [row[::-1] for row in rows]
        self.walls, self.goals, self.boxes = set(), set(), []
        for r, row in enumerate(rows):
            for c, ch in enumerate(row):
                if ch == "#":
                    self.walls.add((r, c))
                elif ch == ".":
                    self.goals.add((r, c))
                elif ch == "$":
                    self.boxes.append([r, c])
                elif ch == "@":
                    self.player = [r, c]
        self.height, self.width = len(rows), len(rows[0])
        self.undo_stack = []
        self.steps = self.pushes = 0
        return self.render(), {"level": level, "pushes": 0}

    def placed(self):
        return sum(tuple(box) in self.goals for box in self.boxes)

    def try_move(self, dr, dc):
        """Returns 'walk', 'push' or None when nothing can move."""
        target = [self.player[0] + dr, self.player[1] + dc]
        if tuple(target) in self.walls:
            return None
        snapshot = copy.deepcopy((self.player, self.boxes))
        kind = "walk"
        if target in self.boxes:
            beyond = [target[0] + dr, target[1] + dc]
            if tuple(beyond) in self.walls or beyond in self.boxes:
                return None
            self.boxes[self.boxes.index(target)] = beyond
            self.pushes += 1
            kind = "push"
        self.player = target
        self.undo_stack.append(snapshot)
        return kind

    def step(self, action):
        self.steps += 1
        before = self.placed()
        command = action.strip().lower()
        if command in MOVES:
            kind = self.try_move(*MOVES[command])
            text = "You " + kind + " " + command + "." if kind else "Something solid is in the way."
        elif command == "undo":
            if self.undo_stack:
                self.player, self.boxes = self.undo_stack.pop()
                text = "You think better of it."
            else:
                text = "There is nothing to undo."
        else:
            text = "Please say up, down, left, right or undo."
        after = self.placed()
        reward = -0.01 + 0.5 * (after - before)
        terminated = after == len(self.goals)
        if terminated:
            reward += 1
            text += " Every box is in place!"
        truncated = self.steps >= self.max_steps and not terminated
        return text + "\n" + self.render(), reward, terminated, truncated, {"pushes": self.pushes, "placed": after}

    def render(self):
        canvas = [[" "] * self.width for _ in range(self.height)]
        for symbol, cells in (("#", self.walls), (".", self.goals)):
            for r, c in cells:
                canvas[r][c] = symbol
        for r, c in self.boxes:
            canvas[r][c] = "*" if (r, c) in self.goals else "$"
        r, c = self.player
        canvas[r][c] = "+" if (r, c) in self.goals else "@"
        return "\n".join("".join(row) for row in canvas)
