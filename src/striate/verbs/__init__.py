"""The verbs of striate as Python functions: what the command line and the package's root offer."""

from striate.verbs.looking import check, compare_networks, describe, memory, networks
from striate.verbs.training import find_rate, stream, train, verify
from striate.verbs.using import evaluate, predict

__all__ = [
    "check",
    "compare_networks",
    "describe",
    "evaluate",
    "find_rate",
    "memory",
    "networks",
    "predict",
    "stream",
    "train",
    "verify",
]
