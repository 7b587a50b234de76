"""Training images whose label is perhaps wrong, by heads that have not seen them.

A network knows its training labels by heart, with the wrong ones. So linear heads are fitted to its
features, each to four fifths of the images, and judge the last fifth. Where the network learned its
features from these very labels, they hold some of the wrong ones, and fewer are found.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.listing.columns import rows_in_split
from striate.data.listing.duplicates import content_ids
from striate.data.listing.listing import DecodedImages
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.evaluation.evaluate import EvaluationRun
from striate.evaluation.learning_curve import FeatureSet, fit_point
from striate.evaluation.read_features import check_finite
from striate.evaluation.rejection import read_training
from striate.evaluation.suspects_list import suspects_of
from striate.model import Ensemble, Model
from striate.optim.linear_head import Axes
from striate.prediction.embedding import make_front
from striate.progress import Progress
from striate.tasks import bind_task
from striate.tasks.suspects import Suspects, list_suspects

FOLDS = 5


def suspect_steps(run: EvaluationRun, data: str) -> Generator[Progress, None, dict[str, Suspects]]:
    """Return the suspects of the evaluated split, and of the training split unless all are judged.

    Raises DataError where nothing can be said of what was evaluated.
    """
    split = run.results.about.split
    found = {} if split == "train" else {split: suspects_of(run.results, data)}
    if split != "all" and (learned := (yield from find_train_suspects(run.model, run.decoded))):
        found["train"] = learned
    if not found:
        found[split] = suspects_of(run.results, data)
    return found


def find_train_suspects(
    model: Model | Ensemble, decoded: DecodedImages
) -> Generator[Progress, None, Suspects | None]:
    """Return the suspects in the training split; None where nothing can be said.

    So it is of an ensemble, of a network whose stages do not run one after another, of fewer images
    than folds, and where heads answer all alike. Features are cached. Raises ModelError for
    features that are not finite.
    """
    rows = rows_in_split(decoded.samples, "train")
    if isinstance(model, Ensemble) or not _has_front(model) or len(rows) < FOLDS:
        return None
    train = yield from read_training(model, decoded)
    features = check_finite(train.features, model.network_name)
    labels, digests = train.targets.numpy().astype(np.int64), decoded.records.digests[rows]
    groups = decoded.samples.groups
    alike = content_ids(digests) if groups is None else groups.ids[rows]
    names = model.task.spec.names
    rated = yield from rate_held_out(features, labels, names, draw_folds(labels, alike))
    return list_suspects(rated, labels, names, [decoded.samples.path(row) for row in rows.tolist()])


def _has_front(model: Model) -> bool:
    try:
        make_front(model)
    except OptionError:
        return False
    return True


def rate_held_out(
    features: torch.Tensor,
    labels: NDArray[np.int64],
    class_names: tuple[str, ...],
    folds: NDArray[np.int64],
) -> Generator[Progress, None, NDArray[np.float64]]:
    """Return probabilities (N, K) of images by heads fitted to the other folds (N,).

    `features` are (N, D). The penalty is that of the lowest loss on the fold that is judged.
    """
    task = bind_task(None, TargetSpec("label", class_names))
    scale = Axes.of(features).variances.sum().rsqrt()
    whole, targets = features.double() * scale, torch.from_numpy(labels)
    found = np.empty((len(labels), len(class_names)))
    for fold in range(FOLDS):
        yield Progress(fold, FOLDS, "heads")
        held = torch.from_numpy(folds == fold)
        seen = FeatureSet(whole[~held], targets[~held])
        judged = FeatureSet(whole[held], targets[held])
        if len(judged):
            point = fit_point(seen, judged, task, [np.arange(len(seen))])
            found[folds == fold] = task.decode(point.outputs[0]).numpy()
    yield Progress(FOLDS, FOLDS, "heads")
    return found


def draw_folds(labels: NDArray[np.int64], alike: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold (N,) of each image: of each class in equal parts, those `alike` together."""
    _, first, groups = np.unique(alike, return_index=True, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(first))
    order = order[np.argsort(labels[first][order], kind="stable")]
    folds = np.empty(len(first), np.int64)
    folds[order] = np.arange(len(first)) % FOLDS
    return folds[groups]
