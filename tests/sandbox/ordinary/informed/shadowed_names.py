'''Names that a careless sandbox trips over: list, obj, format, print, hidden, _getattr_.'''
import gymnasium as gym


class Format:
    def __init__(self, obj):
        self.obj = obj
        self.hidden_x = 1
        self._x = 2

    def format(self, *args):
        return f"{self.obj}/{args}"

    def print(self):
        return f"<{self.hidden_x}{self._x}>"


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.obj = Format("o")
        self._getattr_ = 5
        return self.obj.format(1, 2) + self.obj.print(), {}

    def step(self, action):
        _getitem_ = {"x": 1}
        list, dict = [action], "d"
        type_, id_ = type(self.obj), action
        printed = self.obj.print()
        _, __ = 3, 4
        text = f"{_getitem_} {list}{dict} {type_.__name__} {printed} {self._getattr_} {_ + __}"
        text += str(getattr(self, "_getattr_")) + str(hasattr(self, "_none")) + str(getattr(self, "_none", "d"))
        setattr(self, "_getattr_", 6)
        return text, 0.0, id_ == "y", False, {}
