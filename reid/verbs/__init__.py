"""The verbs: rooms put in a row. Each module has a dataclass of settings and `run`, which takes one."""
