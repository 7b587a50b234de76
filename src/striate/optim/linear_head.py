"""Linear heads on fixed features: any mean loss with an L2 penalty, to convergence in float64.

With a cross-entropy it is multinomial logistic regression. L-BFGS (Liu and Nocedal, "On the limited
memory BFGS method", Mathematical Programming 45, 1989) takes few steps where the axes of the
features are those of their variance, and each is scaled by its curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_NOTHING = 1e-10  #: share of the largest variance below which an axis is rounding
_CURVATURE = 0.03  #: of a cross-entropy along its logit: 1/4 at most, less where it is certain
_MOST_STEPS = 500


@dataclass(frozen=True)
class Axes:
    """Principal axes of features around their mean."""

    mean: Tensor  #: (D,) float64
    axes: Tensor  #: (D, A) float64, orthonormal
    variances: Tensor  #: (A,) float64, of the features along the axes

    @classmethod
    def of(cls, features: Tensor) -> Axes:
        """Return the axes of features (N, D), without those along which nothing varies."""
        mean = features.double().mean(dim=0)
        centered = features.double() - mean
        few = len(features) < features.shape[1]
        gram = centered @ centered.T if few else centered.T @ centered
        variances, axes = torch.linalg.eigh(gram / len(features))
        kept = variances > max(_NOTHING * float(variances[-1]), torch.finfo(torch.float64).tiny)
        variances, axes = variances[kept], axes[:, kept]
        if few:
            axes = centered.T @ axes / (len(features) * variances).sqrt()
        return cls(mean, axes, variances)

    def apply(self, features: Tensor) -> Tensor:
        """Return features (N, D) along the axes: (N, A) float64."""
        return (features.double() - self.mean) @ self.axes


def fit_linear_head(
    features: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    penalty: float,
    start: Tensor,
    variances: Tensor,
    flat: float = 1e-4,
) -> Tensor:
    """Return the head (A + 1, K) that minimizes loss + penalty / 2 |weights|^2; last are biases.

    `features` (N, A) are float64 along their axes, of `variances` (A,); `start` (A + 1, K) is where
    to begin, and `flat` the largest slope at which to end.
    """
    reach = (_CURVATURE * variances + penalty).rsqrt()
    scales = torch.cat([reach, reach.new_ones(1)])[:, None]
    head = (start / scales).requires_grad_()
    steps = torch.optim.LBFGS(
        [head],
        max_iter=_MOST_STEPS,
        history_size=20,
        tolerance_grad=flat,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def measure() -> Tensor:
        steps.zero_grad()
        weights = head * scales
        value = loss(apply_head(weights, features), targets)
        value = value + penalty / 2 * weights[:-1].square().sum()
        value.backward()
        return value

    steps.step(measure)
    return (head * scales).detach()


def apply_head(head: Tensor, features: Tensor) -> Tensor:
    """Return the outputs (N, K) of a head (A + 1, K) for features (N, A)."""
    return torch.addmm(head[-1], features, head[:-1])
