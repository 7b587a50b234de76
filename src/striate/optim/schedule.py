"""The learning rate as a function of progress, the share of the training that is done."""

from __future__ import annotations

import math

from striate.options import Schedule

WARM_UP = 0.15  #: share of a one-cycle training in which the learning rate rises
_LEAST = 1e-3  #: share of the highest rate that a cosine ends at
_STEPS = (0.5, 0.75)  #: shares of the training at which the rate is divided by ten
PLATEAU = 5  #: epochs without a better validation after which the rate is divided by ten


def learning_rate(
    peak: float, progress: float, shape: Schedule, warm_up: float, drops: int = 0
) -> float:
    """Linear rise to the peak over a share `warm_up`, then the shape.

    constant: the peak. step: a tenth of it from half of the training, a hundredth from three
    quarters (He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385). cosine and one-cycle:
    half a cosine down to a thousandth (Loshchilov and Hutter 2017, section 3,
    https://arxiv.org/abs/1608.03983); what makes it one cycle is the rise (Smith and Topin 2018,
    https://arxiv.org/abs/1708.07120). PyTorch's OneCycleLR rises by a cosine from a 25th over 0.3
    of the training, falls to a 250,000th and moves the momentum from 0.95 to 0.85 and back; here
    the momentum stays. plateau: a tenth for each of the `drops` (see `is_plateau`).
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
    """Whether neither a better validation nor a lower rate came for `PLATEAU` epochs.

    As the rate falls "when the error plateaus" (He et al. 2016, section 3.4).
    """
    return epoch - max(best_epoch, last_drop) >= PLATEAU
