"""Learning-rate range test: raise the rate every step until the loss explodes.

Smith 2017, section 3.3, https://arxiv.org/abs/1506.01186.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import median
from typing import Any

from striate import hardware
from striate.data.loader import Batch
from striate.distributed.group import Group
from striate.options import RateOptions
from striate.progress import Progress
from striate.training.checkpoint import TrainState
from striate.training.pending import LossError
from striate.training.prepare import prepare_data
from striate.training.setup import build_training
from striate.training.step import Training, train_batches, train_step

FADE = 0.9  #: decay of the smoothed loss per step
EXPLODED = 4.0  #: the test ends at this multiple of the lowest smoothed loss
BELOW = 4.0  #: suggested rate: the rate of the lowest smoothed loss divided by this
FIRST = 10  #: first steps, at rates too low to learn; their median loss is the start value
_FELL = 0.05  #: least decrease that counts, as a fraction of the start loss, and
_CHANCE = 2.5  #: as a multiple of the noise between batches; the larger applies
_ROWS = 20  #: most evenly spaced rows of the printed table


@dataclass(frozen=True)
class RateTest:
    """Loss at every learning rate tried, and the suggested rate."""

    network: str
    optimizer: str
    batch: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]  #: at each rate, before the update
    smoothed: tuple[float, ...]
    start: float  #: the median loss of the first steps
    suggested: float | None  #: None: the loss did not decrease
    exploded_rate: bool  #: the loss exploded, or the test ended before the highest rate

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    def __str__(self) -> str:
        most = min(max(self.smoothed), 2 * self.start)
        lines = [f"{'rate':>9}  {'smoothed loss':>13}"]
        for rate, loss, mark in self._rows():
            bar = "#" * round(30 * min(1, loss / most))
            lines.append(f"{rate:>9.2g}  {loss:>13.3f}  {bar:<30}  {mark}".rstrip())
        return "\n".join((*lines, self._verdict()))

    def _rows(self) -> list[tuple[float, float, str]]:
        """Return rates, smoothed losses and marks: every few steps, the minimum and the last.

        The suggested rate, which lies between two steps, has the loss of the nearest one.
        """
        count = len(self.rates)
        least = _find_lowest(self.smoothed)
        shown = {*range(0, count, max(1, -(-count // _ROWS))), least, count - 1}
        rows = [
            (self.rates[at], self.smoothed[at], "<- minimum" * (at == least))
            for at in sorted(shown)
        ]
        if self.suggested is None:
            return rows
        suggested = self.suggested
        near = min(range(count), key=lambda at: abs(log(self.rates[at] / suggested)))
        return sorted([*rows, (suggested, self.smoothed[near], "<- suggested")])

    def _verdict(self) -> str:
        what = f"{self.network} with {self.optimizer} and {self.batch} images a step"
        end = (
            f"the loss exploded at {self.rates[-1]:.2g}"
            if self.exploded_rate
            else "it never exploded"
        )
        if self.suggested is None:
            least = min(self.smoothed[FIRST - 1 :] or self.smoothed[-1:])
            return (
                f"{what}: no rate up to {self.rates[-1]:.2g} lowered the loss by more than batches "
                f"differ, from {self.start:.3g} to {least:.3g}; {end}; a larger --batch or more "
                "--steps tell more"
            )
        return (
            f"{what}: a learning rate of {self.suggested:.2g}, a quarter of "
            f"{BELOW * self.suggested:.2g}, where the smoothed loss was lowest; {end}"
        )


def find_rate_steps(data: Path, options: RateOptions) -> Generator[Progress, None, RateTest]:
    """Run the range test; writes nothing but the image cache.

    Raises DataError, OptionError or StorageError as `train` does.
    """
    device, chosen = hardware.choose_device(options.device), options.training()
    with hardware.restored_settings():
        dataset = yield from prepare_data(data, chosen)
        training = yield from build_training(dataset, chosen, device, Group())
        rates, losses = list[float](), list[float]()
        ratio = (options.highest / options.lowest) ** (1 / (options.steps - 1))
        for rate, loss in _rising(training, options.lowest, ratio):
            rates.append(rate)
            losses.append(loss)
            if len(rates) == options.steps or find_explosion(losses):
                break
            yield Progress(len(rates), options.steps, "steps")
    smoothed = smooth(losses)
    ended = len(rates) < options.steps or find_explosion(losses)
    return RateTest(
        str(dataset.view.network), training.recipe.options.optimizer, training.recipe.batch,
        tuple(rates), tuple(losses), tuple(smoothed), median(losses[:FIRST]),
        suggest(rates, losses), ended,
    )  # fmt: skip


def smooth(losses: Sequence[float]) -> list[float]:
    """Bias-corrected exponential moving average."""
    found, kept = list[float](), 0.0
    for number, loss in enumerate(losses, 1):
        kept = FADE * kept + (1 - FADE) * loss
        found.append(kept / (1 - FADE**number))
    return found


def find_explosion(losses: Sequence[float]) -> bool:
    """Return whether the loss is more than `EXPLODED` times its minimum.

    Medians of three losses keep a single outlier batch from setting the minimum or the explosion.
    """
    smoothed = smooth(losses)
    least = min(median(losses[:3]), *smoothed[FIRST - 1 :], smoothed[-1])
    return min(smoothed[-1], median(losses[-3:])) > EXPLODED * least


def suggest(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """Return a quarter of the rate at the lowest smoothed loss; None if the loss did not decrease.

    The decrease must exceed batch noise: the smoothed loss averages about 19 batches, the start
    value ten.
    """
    first, smoothed = losses[:FIRST], smooth(losses)
    if len(losses) <= FIRST:
        return None
    least = _find_lowest(smoothed)
    start, steps = median(first), pairwise(losses[: least + 1])
    std = 1.05 * median(abs(one - other) for one, other in steps)  # for normally distributed losses
    chance = std * ((1 - FADE) / (1 + FADE) + 1 / FIRST) ** 0.5
    gone = max(_FELL * start, _CHANCE * chance)
    return rates[least] / BELOW if start - smoothed[least] > gone else None


def _find_lowest(smoothed: Sequence[float]) -> int:
    """Return the step of the lowest smoothed loss, but for the first, which rest on few batches."""
    first = min(FIRST, len(smoothed)) - 1
    return min(range(first, len(smoothed)), key=smoothed.__getitem__)


def _rising(training: Training, rate: float, ratio: float) -> Iterator[tuple[float, float]]:
    """Yield each rate with the loss of its step; stop when the loss is not finite."""
    state = TrainState()
    training = training.begin_epoch(state)
    for batch in _endless(training, state):
        before, seen = state.loss_sum, state.seen
        try:
            train_step(training, state, batch, rate)
            training.pending.flush(state)
        except LossError:
            return
        yield rate, (state.loss_sum - before) / (state.seen - seen)
        rate *= ratio


def _endless(training: Training, state: TrainState) -> Iterator[Batch]:
    while True:
        yield from train_batches(training, state)
        state.next_epoch()
