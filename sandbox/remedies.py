"""What to write instead of a name, an attribute or a module that the sandbox does not have.

Left out: refusals of syntax, whose remedies stand where they are found (`normalise.py`).
"""

UNAVAILABLE_NAMES = {
    "open": "An environment keeps everything it needs in the module itself.",
    "input": "Actions arrive as the argument of step().",
    "eval": "Parse the text with split(), re or int() instead.",
    "exec": "Write the code out.",
    "compile": "Write the code out.",
    "globals": "Use a module-level dict of your own.",
    "locals": "Use a dict of your own.",
    "vars": "List the attributes you need.",
    "dir": "List the attributes you need.",
    "breakpoint": "Remove it.",
    "memoryview": "Use bytes or a list.",
    "id": "Number your objects yourself; addresses differ from run to run.",
    "__import__": "Use an import statement.",
    "__builtins__": "Call the built-in by its name.",
    "__file__": "An environment has no file; keep its data in the module.",
    "__loader__": "Remove it.",
    "__spec__": "Remove it.",
    "exit": "Return terminated=True from step() instead.",
    "quit": "Return terminated=True from step() instead.",
}

ATTRIBUTE_REMEDIES = {
    "__dict__": "List the attributes you need.",
    "__new__": "Call the class itself.",
    "__subclasses__": "Keep a list of the classes yourself.",
    "__setattr__": "Assign the attribute, or use object.__setattr__(self, name, value) in a frozen dataclass.",
    "__getattribute__": "Use getattr(object, name, default).",
    "__getattr__": "Define the attributes in __init__.",
    "__doc__": "Keep the text in a constant.",
    "__del__": "Do the work in step() or reset().",
    "__init_subclass__": "Fill a module-level dict after the class definitions.",
}

IMPORT_REMEDIES = {
    "numpy": "Use self.np_random, lists and the math module.",
    "time": "An environment has no clock: count steps.",
    "datetime": "An environment has no clock: count steps.",
    "os": "Keep the data in the module.",
    "sys": "Leave it out.",
    "secrets": "Draw from self.np_random.",
    "uuid": "Number things yourself.",
}
