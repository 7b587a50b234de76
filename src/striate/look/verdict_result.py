"""What a verdict on maps says, in words and as charts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from striate.look.class_maps import Floats
from striate.look.verdict import Curves
from striate.plotting.chart import Axis, Chart, Line
from striate.plotting.shapes import ORANGE, PEN
from striate.text import capitalize, count_noun, format_percent

#: mean rank correlation with random weights from which a map shows the image, not the training
WORTHLESS, DOUBTFUL = 0.7, 0.4
_SURE = 0.05  #: p-value below which what was found is more than chance


@dataclass(frozen=True)
class Verdict:
    """Whether the maps of some images can be believed."""

    deletion: Curves
    insertion: Curves
    correlations: Floats  #: (N, networks): with the map of the same output with random weights
    rated: str = "probability"  #: what the curves follow

    def __len__(self) -> int:
        return len(self.correlations)

    @property
    def beaten(self) -> tuple[Floats, Floats]:
        """Return the share of random orders (N,) that deletion and insertion beat."""
        (low, lows), (high, highs) = self.deletion.areas, self.insertion.areas
        return _share(low[:, None] < lows), _share(high[:, None] > highs)

    @property
    def faster(self) -> tuple[int, int]:
        """Return in how many images deletion and insertion beat the mean of the random orders."""
        (low, lows), (high, highs) = self.deletion.areas, self.insertion.areas
        return int((low < lows.mean(axis=1)).sum()), int((high > highs.mean(axis=1)).sum())

    @property
    def worthless(self) -> bool:
        """Whether the maps hardly change when the weights are random."""
        return bool(self.correlations.mean() >= WORTHLESS)

    def __str__(self) -> str:
        return f"{self._against_chance()} {self._against_random_weights()}"

    def _against_chance(self) -> str:
        n, orders = len(self), self.deletion.of_random.shape[1]
        if n == 1:
            down, up = (round(orders * float(share[0])) for share in self.beaten)
            return (
                f"Deleting what the map calls important lowers the {self.rated} faster than {down} "
                f"of {orders} random orders, inserting it raises it faster than {up} of {orders}. "
                "One image says little: give several."
            )
        down, up = self.faster
        return (
            f"Deleting what the map calls important lowers the {self.rated} faster than chance in "
            f"{down} of {n} images ({_weigh(down, n)}), inserting it raises it faster in {up} of "
            f"{n} ({_weigh(up, n)})."
        )

    def _against_random_weights(self) -> str:
        mean, (n, networks) = float(self.correlations.mean()), self.correlations.shape
        told = (
            f"rank correlation {mean:.2f}, {count_noun(n, 'image')}, "
            f"{count_noun(networks, 'network')} with random weights"
        )
        if self.worthless:
            return (
                f"The map hardly changes with the weights ({told}): it shows the image and not "
                "what was learned, and is worthless as an explanation."
            )
        if mean >= DOUBTFUL:
            return f"The map is in part the same with other weights ({told}): read it with doubt."
        return f"The map changes with the weights ({told}): it is more than the image."

    def charts(self) -> tuple[Chart, Chart]:
        """Return deletion and insertion, means over the images, the map beside random orders."""
        down, up = (share.mean() for share in self.beaten)
        return (
            self._chart(self.deletion, "deleted", float(down)),
            self._chart(self.insertion, "inserted", float(up)),
        )

    def _chart(self, curves: Curves, done: str, beaten: float) -> Chart:
        shares = np.linspace(0, 100, curves.of_map.shape[1]).tolist()
        mean, others = curves.of_map.mean(axis=0), curves.of_random.mean(axis=0)
        random = [
            Line(_points(shares, each), "random orders" * (number == 0), PEN, 1, opacity=0.25)
            for number, each in enumerate(others)
        ]
        ours = Line(_points(shares, mean), "the map's order", ORANGE, 2.5)
        whole = (0.0, 1.0) if self.rated == "probability" else None
        return Chart(
            (*random, ours),
            f"{capitalize(done)}: beats {format_percent(beaten, 0)} of random orders",
            Axis(f"pixels {done}, in percent", (0, 100)),
            Axis(self.rated, whole),
        )


def _points(shares: list[float], heights: Floats) -> tuple[tuple[float, float], ...]:
    return tuple(zip(shares, heights.tolist(), strict=True))


def _share(won: np.ndarray) -> Floats:
    return won.mean(axis=1, dtype=np.float32)


def _weigh(wins: int, n: int) -> str:
    """Say whether so many of n are more than a coin gives; a one-sided sign test."""
    p = sum(math.comb(n, k) for k in range(wins, n + 1)) / 2**n
    return f"p = {p:.2g}" if p < _SURE else f"no more than chance, p = {p:.2g}"
