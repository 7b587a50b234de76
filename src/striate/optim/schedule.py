"""Learning-rate schedules, as a function of the fraction of the training done."""

from __future__ import annotations

import math

from striate.options import Schedule

WARM_UP = 0.15  #: warm-up fraction of a one-cycle training
_LEAST = 1e-3  #: final rate of a cosine, as a fraction of the peak
_STEPS = (0.5, 0.75)  #: fractions of the training at which the rate is divided by ten
PLATEAU = 5  #: epochs without improvement after which the rate is divided by ten


def learning_rate(
    peak: float, progress: float, shape: Schedule, warm_up: float, drops: int = 0
) -> float:
    """Return the rate at `progress`: linear warm-up to the peak, then the schedule `shape`.

    constant: the peak. step: a tenth of it from half of the training, a hundredth from three
    quarters (He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385). cosine and one-cycle:
    half a cosine down to a thousandth (Loshchilov and Hutter 2017, section 3,
    https://arxiv.org/abs/1608.03983); one-cycle adds a warm-up (Smith and Topin 2018,
    https://arxiv.org/abs/1708.07120). PyTorch's OneCycleLR warms up by a cosine from a 25th over
    0.3 of the training, decays to a 250,000th and cycles the momentum from 0.95 to 0.85 and back;
    here the momentum is constant. plateau: a tenth for each of the `drops` (see `is_plateau`).
    """
    if progress < warm_up:
        return min(peak, peak * max(progress, 1e-3) / warm_up)
    done = min(1.0, (progress - warm_up) / (1 - warm_up))
    match shape:
        case "constant":
            return peak
        case "step":
            return peak / 10 ** sum(progress >= share for share in _STEPS)
        case "plateau":
            return peak / 10**drops
        case _:
            return peak * (_LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done)) / 2)


def is_plateau(epoch: int, best_epoch: int, last_drop: int) -> bool:
    """Return whether `PLATEAU` epochs passed since the best epoch and the last drop of the rate.

    The rate drops "when the error plateaus" (He et al. 2016, section 3.4).
    """
    return epoch - max(best_epoch, last_drop) >= PLATEAU
