"""Linear heads are what scikit-learn and the normal equations give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional as F

from striate.optim.linear_head import Axes, apply_head, fit_linear_head


def features(images: int, length: int) -> torch.Tensor:
    generator = np.random.default_rng((images, length))
    scales = np.geomspace(1, 0.01, length)  # axes of very different lengths
    return torch.from_numpy(generator.normal(2, scales, (images, length)).astype(np.float32))


def fitted(x: torch.Tensor, y: torch.Tensor, loss: object, penalty: float, outputs: int):
    axes = Axes.of(x)
    start = torch.zeros(len(axes.variances) + 1, outputs, dtype=torch.float64)
    return axes, fit_linear_head(axes.apply(x), y, loss, penalty, start, axes.variances, 1e-9)


@pytest.mark.parametrize(("images", "length"), [(90, 8), (30, 60)])
@pytest.mark.parametrize("penalty", [1e-1, 1e-3])
def test_with_cross_entropy_it_is_the_logistic_regression_of_scikit_learn(
    images: int, length: int, penalty: float
):
    x, new = features(images, length), features(images + 1, length)
    labels = np.random.default_rng(0).integers(0, 3, images)
    axes, head = fitted(x, torch.from_numpy(labels), F.cross_entropy, penalty, 3)
    peer = LogisticRegression(C=1 / (penalty * images), solver="newton-cholesky", tol=1e-10)
    peer.fit(x.double().numpy(), labels)
    ours = apply_head(head, axes.apply(new)).softmax(dim=1)
    np.testing.assert_allclose(ours, peer.predict_proba(new.double().numpy()), atol=1e-5)
    np.testing.assert_allclose((axes.axes @ head[:-1]).T, peer.coef_, atol=1e-4)


def test_with_squared_errors_it_is_the_ridge_regression_of_scikit_learn():
    x, y = features(50, 6), features(50, 2).double()
    axes, head = fitted(x, y, lambda outputs, targets: F.mse_loss(outputs, targets), 0.02, 2)
    # a mean over two columns and images, not half a sum
    peer = Ridge(alpha=0.02 * 50 * 2 / 2, tol=1e-12).fit(x.double().numpy(), y.numpy())
    ours = apply_head(head, axes.apply(x))
    np.testing.assert_allclose(ours, peer.predict(x.double().numpy()), atol=1e-6)


@pytest.mark.parametrize(("images", "length"), [(90, 8), (30, 60)])
def test_axes_keep_distances_and_are_ordered_by_nothing_but_variance(images: int, length: int):
    x = features(images, length)
    axes = Axes.of(x)
    turned = axes.apply(x)
    assert turned.shape == (images, min(length, images - 1))
    torch.testing.assert_close(torch.cdist(turned, turned), torch.cdist(x.double(), x.double()),
                               atol=1e-6, rtol=0)  # fmt: skip
    torch.testing.assert_close(turned.square().mean(dim=0), axes.variances)
    torch.testing.assert_close(turned.mean(dim=0), torch.zeros_like(axes.variances), atol=1e-6,
                               rtol=0)  # fmt: skip


def test_features_that_are_all_the_same_leave_the_biases_alone():
    x, labels = torch.ones(8, 5), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
    axes, head = fitted(x, labels, F.cross_entropy, 1e-3, 2)
    assert head.shape == (1, 2)
    shares = apply_head(head, axes.apply(x))[0].softmax(dim=0)
    assert shares.tolist() == pytest.approx([0.75, 0.25], abs=1e-6)
