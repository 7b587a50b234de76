"""The verbs of striate as Python functions: what the command line and the package's root offer."""

from striate.verbs.looking import check, describe, memory, networks, side_by_side
from striate.verbs.training import find_rate, stream, train, verify
from striate.verbs.using import evaluate, predict

__all__ = [
    "check",
    "describe",
    "evaluate",
    "find_rate",
    "memory",
    "networks",
    "predict",
    "side_by_side",
    "stream",
    "train",
    "verify",
]
