"""Where the model of a run comes from, as the folder of the run tells it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from striate import storage
from striate.errors import StorageError
from striate.input_description import from_json
from striate.legacy import upgrade_sample
from striate.provenance import Provenance, Scores, TrainingData
from striate.training.events import Finished
from striate.training.run import Run

#: keys of `environment.json`
_VERSIONS = ("striate", "torch", "python", "numpy", "pillow")


def find_provenance(run: Run, names: Sequence[str]) -> Provenance:
    """Return what the folder of a run tells of where its model comes from; `names` are its targets.

    What is damaged or not there is left out.
    """
    versions = dict[str, str]()
    try:
        environment = run.read_json("environment.json")
        versions = {name: str(environment[name]) for name in _VERSIONS if name in environment}
    except StorageError:
        pass
    return Provenance(versions, _find_data(run, names), scores=_find_scores(run))


def _find_scores(run: Run) -> Scores | None:
    """Return what the report of the finished training says."""
    found = [event for event in run.events() if event.get("event") == Finished.__name__]
    try:
        return from_json(Finished, found[-1]).scores if found else None
    except ValueError:
        return None


def _find_data(run: Run, names: Sequence[str]) -> TrainingData | None:
    images, found = Counter[str](), dict[str, Counter[str]]()
    try:
        place = PurePath(str(run.read_options().get("data")))
        for entry in storage.read_json_lines(run.images_file):
            if isinstance(entry, StorageError):
                return None
            split = str(upgrade_sample(entry).get("split"))
            images[split] += 1
            found.setdefault(split, Counter()).update(_names(entry))
        digest = hashlib.sha256(run.images_file.read_bytes()).hexdigest()
    except OSError:  # as StorageError is
        return None
    counted = any(found.values())
    per_name = {split: [each[name] for name in names] for split, each in found.items() if counted}
    return TrainingData(place.name, digest, dict(images), per_name)


def _names(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that an image has, or each of its boxes, as `Targets.entry` tells them."""
    yield from [entry["class"]] if "class" in entry else entry.get("labels", [])
    yield from (box["class"] for box in entry.get("boxes", []))
