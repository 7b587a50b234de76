"""From a learning curve to a forecast: a power law for each resample, and what it gives further on.

Intervals are percentiles of a bootstrap over the validation images and the random parts of the
training images together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.evaluation.forecast import AHEAD, ClassForecast, Expected, Forecast
from striate.evaluation.group_errors import GroupErrors, resample_groups
from striate.evaluation.learning_curve import CurvePoint, FeatureSet, strata_of
from striate.metrics.bootstrap import summarize
from striate.metrics.estimates import Estimate
from striate.metrics.power_law import EXPONENTS, PowerLaws, fit_power_laws
from striate.tasks.figures import Figure
from striate.tasks.task import Task
from striate.text import count_noun

RESAMPLES = 500
LEAST = 8  #: training images of a class on average below which nothing is said at all
JUDGES = 50  #: validation images below which the same holds
WRONG = 5  #: validation images that must be wrong for a curve to be one
MISFIT = 10.0  #: mean square residual, over that of chance, from which on a law does not fit
_CURVE = 121  #: places at which the law is drawn

Floats = NDArray[np.float64]


def make_forecast(
    points: Sequence[CurvePoint],
    train: FeatureSet,
    validation: FeatureSet,
    task: Task,
    *,
    source: str,
    seed: int,
) -> Forecast:
    """Return the forecast of a learning curve measured on validation images."""
    groups = resample_groups(points, validation, task, RESAMPLES, seed)
    sizes = np.array([point.size for point in points])
    draws = np.array([point.draws for point in points])
    whole = _Extrapolation.of(groups[0], sizes, draws, task.figures[0], EXPONENTS[None], seed)
    counts = np.bincount(strata_of(train.targets), minlength=len(groups))
    no_law = whole.no_law(len(groups) - 1)
    exponents = whole.resampled.exponent[:, None]  # those of a class alone would be noise
    classes = tuple(
        ClassForecast(
            name,
            int(images),
            _Extrapolation.of(group, sizes, draws, task.figures[0], exponents, seed).expected(),
            lawful=not no_law,
        )
        for name, images, group in zip(task.spec.names, counts, groups[1:], strict=False)
    )
    return Forecast(
        figure=task.figures[0],
        source=source,
        images=len(train),
        sizes=tuple(sizes.tolist()),
        draws=tuple(draws.tolist()),
        points=whole.points(),
        floor=float(whole.law.floor[0]),
        scale=float(whole.law.scale[0]),
        exponent=float(whole.law.exponent[0]),
        expected=whole.expected(),
        spread=float(groups[0].spread[-1]),
        curve=whole.curve(),
        doubts=(*no_law, *whole.vague()),
        classes=classes,
    )


@dataclass(frozen=True)
class _Extrapolation:
    """The laws of a group of images."""

    errors: GroupErrors
    sizes: NDArray[np.int64]  #: (S,)
    draws: NDArray[np.int64]  #: (S,)
    figure: Figure
    law: PowerLaws  #: of the observed errors
    resampled: PowerLaws  #: R
    shake: Floats  #: (R,) from one set of training images to another

    @classmethod
    def of(
        cls,
        errors: GroupErrors,
        sizes: NDArray[np.int64],
        draws: NDArray[np.int64],
        figure: Figure,
        exponents: Floats,
        seed: int,
    ) -> _Extrapolation:
        weights = (sizes * draws).astype(np.float64)  # the variance falls as the size grows
        shaken, shake = errors.shaken(seed)
        middle = exponents if len(exponents) == 1 else np.median(exponents, keepdims=True)
        law = fit_power_laws(sizes, errors.observed[None], weights, middle)
        laws = fit_power_laws(sizes, shaken, weights, exponents)
        return cls(errors, sizes, draws, figure, law, laws, shake)

    def expected(self) -> Expected:
        """Return the figure now, with twice the images, and the gain."""
        size = int(self.sizes[-1])
        (now,), (twice,) = self.law.at(size), self.law.at(AHEAD * size)
        nows, twices = self.resampled.at(size), self.resampled.at(AHEAD * size)
        return Expected(
            self._figure(now, nows),
            self._figure(twice, twices + self.shake),
            summarize(now - twice, nows - twices, self.errors.images),
        )

    def points(self) -> tuple[Estimate, ...]:
        """Return the figure at each size."""
        pairs = zip(self.errors.observed, self.errors.resampled.T, strict=True)
        return tuple(self._figure(value, column) for value, column in pairs)

    def curve(self) -> tuple[tuple[float, float, float, float], ...]:
        """Return the law's figure, with its interval, from the smallest size to twice all."""
        ends = self.sizes[0], AHEAD * self.sizes[-1]
        found = list[tuple[float, float, float, float]]()
        for size in np.geomspace(*ends, _CURVE).tolist():
            each = self._figure(float(self.law.at(size)[0]), self.resampled.at(size))
            found.append((size, each.value, *each.bounds))
        return tuple(found)

    def _figure(self, error: float, resampled: Floats) -> Estimate:
        """Return the figure of an error; a share stays one."""
        if not self.figure.higher_is_better:
            return summarize(error, np.maximum(resampled, 0), self.errors.images)
        return summarize(1 - error, np.clip(1 - resampled, 0, 1), self.errors.images)

    def no_law(self, classes: int) -> tuple[str, ...]:
        """Return every reason why the errors follow no law, the most serious first."""
        return tuple(filter(None, (self._few(classes), self._flat(), self._odd())))

    def vague(self) -> tuple[str, ...]:
        """Return why a law does not tell the gain; nothing where it does."""
        return () if self.expected().clear else ("the interval of the gain holds 0",)

    def _few(self, classes: int) -> str:
        images, judged = int(self.sizes[-1]), self.errors.images
        if images < LEAST * max(1, classes):
            return f"{count_noun(images, 'training image')} are too few for a curve"
        if judged < JUDGES:
            return f"{count_noun(judged, 'validation image')} are too few to measure a gain by"
        wrong = self.errors.observed[-1] * judged
        if self.figure.form == "share" and wrong < WRONG:
            return (
                f"only {round(wrong)} of {count_noun(judged, 'validation image')} "
                f"{'is' if round(wrong) == 1 else 'are'} wrong: what is left to gain is less than "
                "they can show"
            )
        return ""

    def _flat(self) -> str:
        fall = self.errors.resampled[:, 0] - self.errors.resampled[:, -1]
        if np.nanpercentile(fall, 2.5) > 0:
            return ""
        return f"the curve does not rise beyond its noise from {self.sizes[0]:,} images on"

    def _odd(self) -> str:
        """Say that the curve lies off the law by far more than random parts differ."""
        noise = self.errors.spread**2 / self.draws
        missed = self.errors.observed - np.array([self.law.at(size)[0] for size in self.sizes])
        free = len(self.sizes) - 3
        if (missed**2).sum() <= MISFIT * free * noise.mean():
            return ""
        return "no power law fits the curve"
