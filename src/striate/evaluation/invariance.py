"""What networks do when images are distorted: their score, and how many answers change."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.stream import gather
from striate.data.listing.columns import rows_in_split
from striate.data.listing.listing import PixelStream, Rows
from striate.data.prefetch import prefetch
from striate.errors import DataError, OptionError, printable
from striate.evaluation.evaluate import Views, decode_views, evaluate_rows
from striate.evaluation.invariance_result import Invariance, Point
from striate.evaluation.known import Known
from striate.evaluation.seen_images import find_root
from striate.layers.fold_norms import fold_norms
from striate.metrics.estimates import from_hits
from striate.model import Ensemble, Model, to_device
from striate.options import EvaluateOptions, SplitChoice
from striate.progress import Progress
from striate.tasks.results import Decided, Results
from striate.vision.distortions import DISTORTIONS, Distortion, Pixels, distort

#: most images that are distorted, unless another number is asked for
MOST_IMAGES = 500


@dataclass(frozen=True)
class Distorted:
    """A view's images, each distorted when it is read."""

    source: NDArray[np.uint8] | PixelStream
    masks: NDArray[np.uint8] | None
    kind: str
    level: float
    seed: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows: Any) -> Pixels:
        """Rows (N,) -> (N, size, size, channels)."""
        return distort(self.source[rows], self.kind, self.level, rows, self.seed)

    def batches(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Rows]:
        """Yield the images of each array of rows, distorted, and their masks as they are.

        A thread distorts the next batch while the network has this one.
        """
        asked = list(wanted)
        seen = gather(self.source, self.masks, iter(asked))
        yield from prefetch(
            Rows(distort(pixels, self.kind, self.level, rows, self.seed), masks)
            for rows, (pixels, masks) in zip(asked, seen, strict=True)
        )


@dataclass(frozen=True)
class _Judge:
    """Evaluates one model on the same rows of its images, distorted or not."""

    model: Model | Ensemble
    decoded: Views
    rows: NDArray[np.int64]
    split: SplitChoice
    root: Path
    shown: str
    known: Known | None
    options: EvaluateOptions
    seed: int

    def judge(self, kind: str, level: float) -> Results:
        """Return the results on images distorted by one level of a kind."""
        decoded = tuple(
            replace(view, pixels=Distorted(view.pixels, view.masks, kind, level, self.seed))
            for view in self.decoded
        )
        run = evaluate_rows(
            self.model, decoded, self.rows, self.split, self.root,
            shown=self.shown, known=self.known, batch=self.options.batch,
        )  # fmt: skip
        return run.results


def measure_steps(
    models: Mapping[str, Model | Ensemble],
    data: Path,
    options: EvaluateOptions,
    *,
    most: int = MOST_IMAGES,
    seed: int = 0,
    known: Mapping[str, Known | None] | None = None,
) -> Generator[Progress, None, Invariance]:
    """Evaluate models, by the names they are shown by, on images distorted in every way.

    Of the split up to `most` images are drawn by `seed`, the same for all models; the folder is
    divided as of the first. The split defaults to test, or to all images of a folder that is new
    to the first model. Raises OptionError for models of different tasks, DataError as
    `evaluate_steps` does.
    """
    if most < 1:
        raise OptionError(f"images to distort must be 1 or more, but {most:,} came")
    _check_tasks(models)
    known, judges = known or {}, list[_Judge]()
    first, *_ = models.values()
    for shown, model in models.items():
        alike = replace(model, fractions=first.fractions)
        decoded = yield from decode_views(alike, data, options, options.leave_out)
        seen = known.get(shown)
        if not judges:
            new = seen is not None and not seen.are(decoded[0].records)
            split: SplitChoice = options.split or ("all" if new else "test")
            rows = draw_rows(decoded, split, most, seed, shown)
        else:
            split, rows = judges[0].split, judges[0].rows
            _check_images(decoded, judges[0].decoded, shown)
        root = find_root(data)
        faster = _folded(alike)
        judges.append(_Judge(faster, decoded, rows, split, root, shown, seen, options, seed))
    return (yield from _measure(judges))


def _folded(model: Model | Ensemble) -> Model | Ensemble:
    """Return a model with fewer operations and the same answers, up to rounding."""
    if isinstance(model, Ensemble):
        return replace(model, members=tuple(map(_fold, model.members)))
    return _fold(model)


def _fold(model: Model) -> Model:
    if not model.spec.ours:
        return model
    device = next(model.network.parameters()).device
    return replace(model, network=to_device(fold_norms(model.network), device))


def _check_images(decoded: Views, first: Views, shown: str) -> None:
    if len(decoded[0]) != len(first[0]):
        raise DataError(
            f"{printable(shown)} can read {len(decoded[0]):,} of the images and the first model "
            f"{len(first[0]):,}; measure them apart"
        )


def _check_tasks(models: Mapping[str, Model | Ensemble]) -> None:
    (name, first), *others = models.items()
    for other, model in others:
        if model.task.figures[0] != first.task.figures[0]:
            raise OptionError(
                f"{printable(name)} is judged by {first.task.figures[0].title}, "
                f"{printable(other)} by {model.task.figures[0].title}; measure them apart"
            )


def draw_rows(
    decoded: Views, split: SplitChoice, most: int, seed: int, shown: str
) -> NDArray[np.int64]:
    """Return up to `most` rows of a split, ascending."""
    rows = rows_in_split(decoded[0].samples, None if split == "all" else split)
    if not len(rows):
        raise DataError(
            f"{printable(shown)}: no image is in the {split} split; --split all takes every image"
        )
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def _measure(judges: list[_Judge]) -> Generator[Progress, None, Invariance]:
    first = judges[0]
    reasons = {name: _reason(kind, first) for name, kind in DISTORTIONS.items()}
    kinds = [kind for name, kind in DISTORTIONS.items() if not reasons[name]]
    total = len(judges) * (1 + sum(len(kind.levels) - 1 for kind in kinds))
    done, points, plain = 0, list[Point](), list[Results]()
    for judge in judges:
        base = judge.judge(kinds[0].name, kinds[0].levels[0])
        plain.append(base)
        done += 1
        yield Progress(done, total, "distortions")
        for kind in kinds:
            points.append(_point(judge.shown, kind, kind.levels[0], base, base))
            for level in kind.levels[1:]:
                found = judge.judge(kind.name, level)
                points.append(_point(judge.shown, kind, level, found, base))
                done += 1
                yield Progress(done, total, "distortions")
    samples, split = first.decoded[0].samples, first.split
    of = len(rows_in_split(samples, None if split == "all" else split))
    return Invariance(
        tuple(plain),
        of,
        tuple(points),
        {name: reason for name, reason in reasons.items() if reason},
        {kind.name: _strip(first, kind) for kind in kinds},
    )


def _reason(kind: Distortion, judge: _Judge) -> str:
    """Say why a kind is not for these images; "" if it is."""
    if kind.moves and judge.model.task.placed:
        return "what is asked for may move with the image"
    if kind.colored and all(view.pixels.shape[3] == 1 for view in judge.decoded):
        return "the network sees gray"
    return ""


def _point(shown: str, kind: Distortion, level: float, found: Results, base: Results) -> Point:
    changed = None
    if isinstance(found, Decided) and isinstance(base, Decided):
        different = found.decisions != base.decisions
        rows = different.reshape(len(found), -1).any(axis=1)
        changed = from_hits(int(rows.sum()), len(rows))
    return Point(shown, kind.name, level, kind.show(level), found.scores()[0], changed)


def _strip(judge: _Judge, kind: Distortion) -> Pixels:
    """Return the first image at each level, (L, size, size, channels)."""
    view, row = judge.decoded[0], judge.rows[:1]
    image = np.asarray(view.pixels[row])
    seed = judge.seed
    return np.concatenate([distort(image, kind.name, level, row, seed) for level in kind.levels])
