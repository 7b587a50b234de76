"""The plan of a comparison: successive halving, in epochs that are fixed before it begins.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
AISTATS 2016, https://arxiv.org/abs/1502.07943.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Plan:
    """Up to which epoch each network is trained in each rung, and which are too slow."""

    epochs: dict[str, tuple[int, ...]]  #: network -> epochs at the end of each rung
    too_slow: dict[str, float]  #: network -> seconds that were its first share


def survivors(networks: int) -> list[int]:
    """Return how many networks train in each rung: all, the better half of them, ..., one."""
    counts = [networks]
    while counts[-1] > 1:
        counts.append((counts[-1] + 1) // 2)
    return counts


def make_plan(seconds_per_epoch: Mapping[str, float], budget: float) -> Plan:
    """Divide `budget` seconds among networks and rungs.

    Each rung gets the same time, and each network in it the same share, so that a slow one is
    trained for fewer epochs. One of which no epoch fits into its first share is left out, the
    slowest first, as its share is then free for the others. The fastest is never left out, and
    trains for one epoch at least.
    """
    left, too_slow = dict(seconds_per_epoch), dict[str, float]()
    while True:
        shares = _shares(len(left), budget)
        slowest = max(left, key=left.__getitem__)
        if len(left) == 1 or left[slowest] <= shares[0]:
            break
        too_slow[slowest] = shares[0]
        del left[slowest]
    return Plan(
        {name: tuple(max(1, int(share / took)) for share in shares) for name, took in left.items()},
        too_slow,
    )


def _shares(networks: int, budget: float) -> list[float]:
    """Return the seconds of a network from the start to the end of each rung."""
    counts = survivors(networks)
    return list(accumulate(budget / len(counts) / count for count in counts))
