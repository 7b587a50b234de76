"""A small model that tells classes apart by traits, judged on images that it has not seen.

It is additive: each trait becomes a few columns of zeros and ones, for which a logistic regression
has weights, so that a trait may speak for a class by its lowest, middle or highest values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

FOLDS = 5
#: quantiles of the values of a trait that are its cuts
_CUTS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
_MOST_NAMES = 16  #: values of a named trait that are told apart
_PENALTY = 3.0  #: of the squared weights, against the sum of the losses
_MOST_STEPS = 200
_LEAST_SPREAD = 1.0  #: gray levels, of a number of the corners


@dataclass(frozen=True)
class Traits:
    """Traits of N images."""

    numbers: Floats  #: (N, T), NaN where there is none
    named: NDArray[np.bool_]  #: (T,) whether the values are names, which have no order
    corners: Floats  #: (N, 4, P) colors of the four corners; P may be 0

    def select(self, rows: NDArray[np.bool_]) -> Traits:
        return Traits(self.numbers[rows], self.named, self.corners[rows])


@dataclass(frozen=True)
class TraitModel:
    """Weights of the columns that traits become."""

    centroids: Floats  #: (4, P, K) what the corners of a class have in common
    cuts: tuple[Floats, ...]  #: of each trait, ascending, or its names
    weights: Floats  #: (C + 1, K), last the biases

    @classmethod
    def fit(cls, traits: Traits, labels: Labels, classes: int) -> TraitModel:
        """Fit the model to labels (N,)."""
        centroids = _shrink_centroids(traits.corners, labels, classes)
        numbers, named = _numbers(traits, centroids)
        cuts = tuple(
            _names(values) if name else _cuts(values)
            for values, name in zip(numbers.T, named, strict=True)
        )
        return cls(centroids, cuts, _fit_weights(_columns(numbers, named, cuts), labels, classes))

    def predict(self, traits: Traits) -> Floats:
        """Return log-probabilities (N, K)."""
        columns = _columns(*_numbers(traits, self.centroids), self.cuts)
        scores = columns @ self.weights[:-1] + self.weights[-1]
        return scores - logsumexp(scores)


def predict_held_out(traits: Traits, labels: Labels, classes: int, seed: int = 0) -> Floats:
    """Return log-probabilities (N, K) of images by models that have not seen them.

    Of five folds, stratified by class, each is judged by a model of the other four.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    folds = np.empty(len(labels), np.int64)
    folds[order[np.argsort(labels[order], kind="stable")]] = np.arange(len(labels)) % FOLDS
    found = np.empty((len(labels), classes))
    for fold in range(FOLDS):
        held = folds == fold
        model = TraitModel.fit(traits.select(~held), labels[~held], classes)
        found[held] = model.predict(traits.select(held))
    return found


def _shrink_centroids(corners: Floats, labels: Labels, classes: int) -> Floats:
    """Return weights (4, P, K) of the numbers in which the corners of a class differ from all.

    Those that differ by no more than chance makes of so many weigh nothing: nearest shrunken
    centroids (Tibshirani et al. 2002, https://doi.org/10.1073/pnas.082099299).
    """
    middle, spread = corners.mean(axis=0), corners.std(axis=0) + _LEAST_SPREAD
    chance = math.sqrt(2 * math.log(max(2, middle.size * classes))) + 1
    weights = np.empty((*middle.shape, classes))
    for label in range(classes):
        own = corners[labels == label]
        size = math.sqrt(len(own)) if len(own) else 0.0
        apart = size * (own.mean(axis=0) - middle) / spread if size else np.zeros_like(middle)
        weights[..., label] = np.sign(apart) * np.maximum(0, np.abs(apart) - chance) / spread
    return weights


def _numbers(traits: Traits, centroids: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return traits with the likeness of each corner to each class, and which are named."""
    alike = np.einsum("ncp,cpk->nck", traits.corners, centroids).reshape(len(traits.corners), -1)
    named = np.concatenate([traits.named, np.zeros(alike.shape[1], np.bool_)])
    return np.concatenate([traits.numbers, alike], axis=1), named


def _cuts(values: Floats) -> Floats:
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, _CUTS)) if len(known) else np.zeros(0)


def _names(values: Floats) -> Floats:
    """Return the most frequent names."""
    names, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return names[np.argsort(-counts, kind="stable")[:_MOST_NAMES]]


def _columns(numbers: Floats, named: NDArray[np.bool_], cuts: tuple[Floats, ...]) -> Floats:
    """Return columns (N, C): whether a number reaches each cut, or is a name, or is missing."""
    found = list[Floats]()
    for values, name, own in zip(numbers.T, named, cuts, strict=True):
        if name:
            found.append((values[:, None] == own).astype(np.float64))
        else:
            found.append((values[:, None] >= own).astype(np.float64))
            found.append(np.isnan(values)[:, None].astype(np.float64))
    return np.concatenate(found, axis=1)


def _fit_weights(columns: Floats, labels: Labels, classes: int) -> Floats:
    """Return the weights (C + 1, K) of a multinomial logistic regression, last its biases."""
    inputs = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
    wanted = np.eye(classes)[labels]

    def measure(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(-1, classes)
        scores = inputs @ weights
        logs = scores - logsumexp(scores)
        slope = inputs.T @ (np.exp(logs) - wanted)
        slope[:-1] += _PENALTY * weights[:-1]
        penalty = _PENALTY / 2 * float((weights[:-1] ** 2).sum())
        return penalty - float((logs * wanted).sum()), slope.ravel()

    start = np.zeros(inputs.shape[1] * classes)
    options = {"maxiter": _MOST_STEPS}
    from scipy.optimize import minimize  # lazy: a third of a second

    found = minimize(measure, start, jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(-1, classes)


def logsumexp(scores: Floats) -> Floats:
    """Return the logarithm of the sum of exponentials of each row (N, K): (N, 1)."""
    most = scores.max(axis=1, keepdims=True)
    return most + np.log(np.exp(scores - most).sum(axis=1, keepdims=True))
