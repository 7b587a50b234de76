"""How well "none of these" works: classes left out in turn, made images, a folder of the user's.

A limit is fitted to validation images. Whether it rejects what is unknown is tried on what can be
had: for each class, linear heads on the network's features learn all others, and images of that
class are shown to them; images that show nothing are made; and a folder may hold what must be
rejected.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.listing.columns import rows_in_split
from striate.data.listing.listing import DecodedImages
from striate.data.loader import load_split
from striate.errors import DataError, OptionError, printable
from striate.evaluation.learning_curve import FeatureSet, fit_point
from striate.evaluation.rejection_result import Foreign, LeftOut, RejectionResult
from striate.evaluation.seen_images import SeenImages
from striate.metrics.binary import estimate_area_under_roc
from striate.metrics.estimates import from_hits
from striate.model import Model
from striate.optim.linear_head import Axes, apply_head, fit_linear_head
from striate.options import EvaluateOptions
from striate.prediction.embedding import make_front
from striate.prediction.predictor import Predictor
from striate.progress import Progress
from striate.rejection import Rejection
from striate.tasks.results import NONE_OF_THESE, Results, RightOrWrong
from striate.tasks.task import Task
from striate.training.features import code_name, compute_features
from striate.vision.foreign import FOREIGN, make_foreign

MOST_LEFT_OUT = 20  #: classes that are left out in turn
LEAST_CLASSES = 3  #: below it one class or none is left to be known
_MADE = 40  #: images of each made kind
_BATCH = 64


@dataclass(frozen=True)
class Known:
    """Features of known images, their targets, and the energy of their outputs."""

    images: FeatureSet
    energy: Tensor = field(repr=False)  #: (N,)


def check_rejection(model: Model, options: EvaluateOptions) -> None:
    """Raise OptionError where a model cannot reject, or nothing says what it rejects."""
    model.task.energy(torch.zeros(1, model.task.outputs))
    make_front(model)
    if NONE_OF_THESE in model.class_names:
        raise OptionError(f"a class is named {NONE_OF_THESE!r}, as an image that is rejected")
    if options.foreign and not (options.reject or (options.reject is None and model.rejection)):
        raise OptionError(
            "foreign needs a model that rejects images; give --reject 0.05 too, which has it "
            "reject about 5 % of the known ones"
        )


def fit_rejection(
    model: Model, decoded: DecodedImages, share: float
) -> Generator[Progress, None, Rejection]:
    """Return the rejection of a share of known images, fitted to the validation images.

    Raises DataError without training or validation images.
    """
    train = yield from read_training(model, decoded)
    rows = rows_in_split(decoded.samples, "validation")
    if not len(rows) or not len(train):
        raise DataError(
            "no image is in the validation split, or none in the train split, so nothing tells "
            "which images are known"
        )
    validation = read_known(model, decoded, rows)
    return Rejection.fit(train.features, validation.images.features, validation.energy, share)


def read_training(model: Model, decoded: DecodedImages) -> Generator[Progress, None, FeatureSet]:
    """Return features and targets of the training images; features are cached."""
    front, device = make_front(model).eval(), next(model.network.parameters()).device
    rows = rows_in_split(decoded.samples, "train")
    images = load_split(decoded, "train", model.preprocess, device)
    digests = decoded.records.digests[rows]
    with model.spec.explained():
        found = yield from compute_features(front, images, digests, code_name(model.spec))
    features = torch.from_numpy(np.array(found.features[0], np.float32))
    return FeatureSet(features, _targets(model, decoded, rows))


def read_known(model: Model, decoded: DecodedImages, rows: NDArray[np.int64]) -> Known:
    """Return features, targets and energies of some rows of decoded images."""
    pixels = SeenImages(decoded, rows)
    parts = [np.arange(at, min(at + _BATCH, len(rows))) for at in range(0, len(rows), _BATCH)]
    seen = [model.features(torch.from_numpy(pixels[part])) for part in parts]
    features = torch.cat([each.cpu() for each, _ in seen])
    energy = torch.cat([model.task.energy(each).cpu() for _, each in seen])
    return Known(FeatureSet(features, _targets(model, decoded, rows)), energy)


def _targets(model: Model, decoded: DecodedImages, rows: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.asarray(decoded.targets.aligned(model.task.spec).values[rows]))


def leave_out_classes(
    task: Task, train: FeatureSet, validation: FeatureSet, shown: FeatureSet, share: float
) -> Generator[Progress, None, tuple[LeftOut, ...]]:
    """Return how images `shown` of each class fare with heads that never saw that class.

    With more than MOST_LEFT_OUT classes, so many are drawn. A class without images shown, and one
    without which no validation image is left, is passed over.
    """
    names = task.spec.names
    if len(names) < LEAST_CLASSES:
        return ()
    drawn = np.random.default_rng(0).permutation(len(names))[:MOST_LEFT_OUT]
    heads, found = _Heads.of(task, train, validation), list[LeftOut]()
    for number, column in enumerate(sorted(drawn.tolist())):
        yield Progress(number, len(drawn), "classes left out")
        told = heads.leave_out(column, shown, share)
        if told is not None:
            found.append(told)
    return tuple(found)


@dataclass(frozen=True)
class _Heads:
    """Linear heads on features along their axes."""

    task: Task
    train: FeatureSet
    validation: FeatureSet
    axes: Axes
    scale: Tensor  #: makes the mean square length of the features 1
    penalty: float  #: of the lowest loss on the validation images, with all classes

    @classmethod
    def of(cls, task: Task, train: FeatureSet, validation: FeatureSet) -> _Heads:
        plain = Axes.of(train.features)
        scale = plain.variances.sum().rsqrt()
        ours = FeatureSet(train.features.double() * scale, train.targets)
        theirs = FeatureSet(validation.features.double() * scale, validation.targets)
        penalty = fit_point(ours, theirs, task, [np.arange(len(train))]).penalty
        axes = Axes(plain.mean * scale, plain.axes, plain.variances * scale**2)
        return cls(task, train, validation, axes, scale, penalty)

    def leave_out(self, column: int, shown: FeatureSet, share: float) -> LeftOut | None:
        """Return what becomes of images of a class that the head has not seen."""
        ours, theirs, held = (
            self.task.members(each.targets)[:, column]
            for each in (self.train, self.validation, shown)
        )
        if not held.any() or held.all() or theirs.all() or ours.all():
            return None
        energy = self._energies(~ours, (self.validation.features[~theirs], shown.features))
        fitted = Rejection.fit(
            self.train.features[~ours], self.validation.features[~theirs], energy[0], share
        )
        scores = fitted.score(shown.features, energy[1]).double().numpy()
        rejected, truth = scores > fitted.limit, held.numpy()
        return LeftOut(
            self.task.spec.names[column],
            from_hits(int(rejected[truth].sum()), int(truth.sum())),
            from_hits(int(rejected[~truth].sum()), int((~truth).sum())),
            estimate_area_under_roc(scores, truth),
        )

    def _energies(self, kept: Tensor, asked: tuple[Tensor, ...]) -> list[Tensor]:
        """Return the energies of features (N, D) under a head fitted to the kept images."""
        start = torch.zeros(len(self.axes.variances) + 1, self.task.outputs, dtype=torch.float64)
        ours = self.axes.apply(self.train.features[kept].double() * self.scale)
        targets, variances = self.train.targets[kept], self.axes.variances
        head = fit_linear_head(ours, targets, self.task.loss, self.penalty, start, variances)
        along = (self.axes.apply(each.double() * self.scale) for each in asked)
        return [self.task.energy(apply_head(head, each)) for each in along]


def judge_rejection(
    model: Model,
    results: Results,
    rejected: NDArray[np.bool_],
    pixels: SeenImages,
    own: DecodedImages,
    options: EvaluateOptions,
) -> Generator[Progress, None, RejectionResult]:
    """Return what a model rejects of evaluated images `pixels`, and of what the options ask for.

    With `reject` classes are left out, whose heads learn from the images `own` of the run; with
    it, and with `foreign`, made images are tried too.
    """
    assert model.rejection is not None
    correct = None
    if isinstance(results, RightOrWrong):
        right = (results.correct, results.correct[~rejected])
        every, rest = (from_hits(int(each.sum()), len(each)) for each in right)
        correct = every, rest
    found = RejectionResult(
        model.rejection.share, from_hits(int(rejected.sum()), len(rejected)), correct
    )
    if options.reject:
        train = yield from read_training(model, own)
        validation = read_known(model, own, rows_in_split(own.samples, "validation")).images
        shown = read_known(model, pixels.decoded, pixels.rows).images
        left_out = yield from leave_out_classes(
            model.task, train, validation, shown, options.reject
        )
        found = replace(
            found,
            validation=len(validation),
            left_out=left_out,
            classes=len(model.class_names),
        )
    if options.reject or options.foreign:
        foreign = try_foreign(model, pixels, options.foreign, options.largest)
        found = replace(found, foreign=foreign)
    return found


def try_made(model: Model, known: SeenImages) -> Iterator[Foreign]:
    """Yield how many of each kind of made images a model rejects."""
    some = known[np.arange(min(_MADE, len(known)))]
    for kind, what in FOREIGN.items():
        size, channels = model.preprocess.size, model.preprocess.channels
        pixels = make_foreign(kind, _MADE, size, channels, known=some)
        _, rejected = model.decode_and_reject(pixels)
        yield Foreign(kind, what, from_hits(int(rejected.sum()), len(rejected)))


def try_folder(model: Model, folder: Path, largest_megabytes: int) -> Foreign:
    """Return how many images of a folder a model rejects. Raises DataError if none can be read."""
    predictor = Predictor(model, largest_megabytes=largest_megabytes)
    read = [each for each in predictor.predict([folder]) if not each.error]
    if not read:
        raise DataError(f"{printable(str(folder))}: none of its images could be read")
    rejected = sum(each.rejected for each in read)
    return Foreign(str(folder), "given as foreign", from_hits(rejected, len(read)))


def try_foreign(
    model: Model, known: SeenImages, folder: Path | None, largest_megabytes: int
) -> tuple[Foreign, ...]:
    """Return what becomes of made images and of those of a folder."""
    own = [] if folder is None else [try_folder(model, folder, largest_megabytes)]
    made = try_made(model, known) if model.preprocess.inputs == "image" else ()
    return tuple(chain(own, made))
