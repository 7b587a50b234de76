"""Receptive fields along one axis of the image, as exact fractions, without torch.

Source of the closed form: Araujo, Norris, Sim 2019, Computing receptive fields of convolutional
neural networks, https://distill.pub/2019/computing-receptive-fields
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from striate.arithmetic.sizes import span


@dataclass(frozen=True, slots=True)
class Axis:
    """Unit o sees `size` pixels around `start + o * jump`; pixel 0 is the image's first.

    Receptive fields may extend beyond the image, into its padding.
    """

    size: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)  #: pixels between neighboring centers; 0: all see the same
    start: Fraction = Fraction(0)

    def slide(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Axis:
        """Return the axis after a convolution or pooling."""
        reach = span(kernel, dilation) - 1
        center = self.start + (Fraction(reach, 2) - padding) * self.jump
        return Axis(self.size + reach * self.jump, self.jump * stride, center)

    def transpose(self, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
        """Return the axis after a transposed convolution; `size` is the largest of its units."""
        reach = span(kernel, dilation) - 1
        step = self.jump / stride
        taps = reach // stride if dilation == 1 else Fraction(reach, stride)
        center = self.start + (padding - Fraction(reach, 2)) * step
        return Axis(self.size + taps * self.jump, step, center)

    def resize(self, ratio: Fraction, taps: int) -> Axis:
        """Return the axis after interpolation of `taps` neighbors; `ratio` is old size over new."""
        center = self.start + (ratio / 2 - Fraction(1, 2)) * self.jump
        return Axis(self.size + (taps - 1) * self.jump, self.jump * ratio, center)

    def shift(self, units: int | Fraction, step: int = 1) -> Axis:
        """Return every `step`-th unit, starting at `units`."""
        return Axis(self.size, self.jump * step, self.start + units * self.jump)

    def merge(self, count: int) -> Axis:
        """Return the joint receptive field of `count` neighbors, as after global pooling."""
        reach = (count - 1) * self.jump
        return Axis(self.size + reach, Fraction(0), self.start + reach / 2)

    def ends(self, unit: int) -> tuple[Fraction, Fraction]:
        """Return the first and last pixel that a unit sees."""
        center = self.start + unit * self.jump
        return center - (self.size - 1) / 2, center + (self.size - 1) / 2


def union(axes: Iterable[Axis], count: int) -> Axis:
    """Return the receptive field of `count` units that combine several branches.

    If a branch has jump 0, so has the union; for other unequal jumps the union is an upper bound,
    not exact.
    """
    seen = set(axes)
    if len(seen) == 1:
        return seen.pop()
    jump = Fraction(0) if any(axis.jump == 0 for axis in seen) else max(a.jump for a in seen)
    outer = [
        (low - unit * jump, high - unit * jump)
        for axis in seen
        for unit in (0, count - 1)
        for low, high in [axis.ends(unit)]
    ]
    low, high = min(low for low, _ in outer), max(high for _, high in outer)
    return Axis(high - low + 1, jump, (low + high) / 2)
