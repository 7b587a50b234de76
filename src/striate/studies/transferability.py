"""A transferability study: its folder, its trainings one after the other, and its result.

All that is known of a training stands in its run folder, so a study that was killed goes on with
the training that it was in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Generator, Iterator
from pathlib import Path

from striate import storage
from striate.data.listing.listing import Listing
from striate.data.listing.samples import as_text
from striate.data.readers.scan import resolved
from striate.input_description import from_json
from striate.options import TrainOptions, TransferabilityOptions
from striate.progress import Progress
from striate.studies.finish_run import finish_run
from striate.studies.record import Study
from striate.studies.transfer.plan import Treatment, plan_study
from striate.studies.transfer.plot import draw_transferability
from striate.studies.transfer.result import Transferability, Trial
from striate.studies.transfer.sides import (
    Side,
    Staged,
    check_sides,
    find_sides,
    store_halves,
)
from striate.tasks import kind_of
from striate.training.events import Event, Finished, Note, Started, Step
from striate.training.run import Run
from striate.training.view import View

RESULT = "transferability.json"
#: options that a training chooses by its data or weights where they are left open: all trainings on
#: B have those of B from nothing
_PINNED = ("epochs", "batch", "learning_rate", "warmup", "weight_decay", "augment", "threads")


def run_study(
    a: Path, b: Path | None, options: TransferabilityOptions
) -> Generator[Event, None, Transferability]:
    """Train all networks of a study, or those that its folder lacks, and return the result.

    Raises DataError, OptionError, StorageError, BusyError, DivergedError.
    """
    sides = find_sides(a, b, options.classes_of_a, kind_of(options.task))
    staged = check_sides(sides, options.training())
    record = _begin(a, b, options, sides)
    folder = record.folder
    with record.lock():
        places = (a, b) if b else (yield from store_halves(sides, folder))
        trials, split = yield from _train_all(places, staged, options, folder)
        study = Transferability(
            folder, (sides[0].name, sides[1].name), str(staged.view.network), staged.stages,
            split, options.seeds, trials,
        )  # fmt: skip
        _write_result(study)
    return study


def _train_all(
    places: tuple[Path, Path], staged: Staged, options: TransferabilityOptions, folder: Path
) -> Generator[Event, None, tuple[tuple[Trial, ...], str]]:
    """Train what is planned, one after the other; return also the split of the scores."""
    planned = list(plan_study(staged.depths, options.seeds))
    trials, split = list[Trial](), ""
    for treatment in planned:
        chosen = _training_options(treatment, staged.view, options, folder)
        data = places["AB".index(treatment.data)]
        run = yield from _without_details(finish_run(data, folder / treatment.folder, chosen))
        trial, split = _read_trial(treatment, run)
        trials.append(trial)
        yield Note(
            f"{len(trials)} of {len(planned)}: {treatment.name}, seed {treatment.seed}: "
            f"{split} {trial.score.figure.title} {trial.score.shown}"
        )
    return tuple(trials), split


def _without_details(work: Generator[Event, None, Run]) -> Generator[Event, None, Run]:
    """Run a training, and leave out what it tells of its epochs."""
    with contextlib.closing(work):
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                return end.value
            if isinstance(event, Progress | Started | Step):
                yield event


def _training_options(
    treatment: Treatment, view: View, options: TransferabilityOptions, folder: Path
) -> TrainOptions:
    """Return the options of one training; those of B from nothing hold for all others on B."""
    given = options.training().given() | {
        "network": options.network or str(view.network),
        "size": view.size,
        "color": "gray" if view.channels == 1 else "rgb",
        "fit": view.preprocess.fit,
    }
    if treatment.source:
        base = Run(folder / Treatment("B", 0, treatment.seed).folder).read_options()
        given |= {name: base[name] for name in _PINNED}
    return TrainOptions.read(given | treatment.options(folder, options.seed, options.seeds))


def _read_trial(treatment: Treatment, run: Run) -> tuple[Trial, str]:
    """Return a training that has ended, and the split whose images its score is of."""
    told = [event for event in run.events() if event.get("event") == Finished.__name__]
    finished = from_json(Finished, told[-1])
    if finished.scores is None:
        raise storage.damaged(run.events_file, len(told), "it does not say how well it ended")
    score = finished.scores.figures[0]
    validation = finished.validation.get(score.figure.name, math.nan)
    return Trial(treatment, validation, score, finished.seconds), finished.scores.split


def _begin(
    a: Path, b: Path | None, options: TransferabilityOptions, sides: tuple[Side, Side]
) -> Study:
    """Begin the study in its folder, or go on with it. Raises OptionError, StorageError."""
    stems = [resolved(place).stem for place in (a, b) if place is not None]
    folder = options.out or storage.beside(Path("runs", "-".join(("transfer", *stems))), a)
    given = {name: value for name, value in options.given().items() if name != "out"}
    return Study.begin(folder, "transferability", _fingerprint(sides), given)


def _fingerprint(sides: tuple[Side, Side]) -> str:
    """Return the SHA-256 of path, target, split and content of all images, decoding none."""
    digest = hashlib.sha256()
    for name, side in zip("AB", sides, strict=True):
        for row, sample in enumerate(side.listing.samples):
            entry = [name, as_text(sample.path), sample.split, side.listing.targets.entry(row)]
            digest.update(json.dumps(entry).encode("ascii"))
        for content in _contents(side.listing):
            digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _contents(listing: Listing) -> Iterator[bytes]:
    """Yield what each image holds, of shards its SHA-256; then each mask, where it is a file."""
    if listing.arrays is not None:
        yield from (image.tobytes() for image in listing.arrays)
    if listing.shards is not None:
        yield listing.shards.table["digest"].tobytes()
    for file in listing.files():
        yield file.read_bytes() if file.is_file() else b""


def _write_result(study: Transferability) -> None:
    text = json.dumps(study.to_json(), indent=2)
    storage.write(study.folder / RESULT, text + "\n")
    for suffix in (".svg", ".png"):
        place = (study.folder / RESULT).with_suffix(suffix)
        storage.write(place, draw_transferability(study, suffix))
