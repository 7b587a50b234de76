"""Generated images that join those to train on, and no others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from striate import hardware
from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.samples import SPLITS, Record, Sample
from striate.data.listing.target_spec import NEEDS
from striate.data.prepare import PreparedImages
from striate.data.targets.classes import ClassTargets
from striate.errors import OptionError, printable
from striate.model import Model, one_network
from striate.model_file import load
from striate.tasks.task import MadeImages
from striate.text import list_names
from striate.training.run import Run

_FOLDER = "generated"  #: where their paths say that they are


@dataclass(frozen=True)
class ImageGenerator:
    """A run whose model makes images of classes."""

    run: Run
    model: Model
    sha256: str  #: of the model file

    @classmethod
    def open(cls, folder: Path) -> ImageGenerator:
        """Load the model of a run. Raises OptionError for another than a run of one network."""
        run = Run.open(folder)
        model = one_network(load(run.model_file), "augment_with")
        return cls(run, model, hashlib.sha256(run.model_file.read_bytes()).hexdigest())

    @property
    def shown(self) -> str:
        """The run, as it was given."""
        return printable(str(self.run.folder))

    def __str__(self) -> str:
        return f"{self.model.network_name} of {self.shown}, SHA-256 {self.sha256}"

    def check_fits(self, images: PreparedImages) -> None:
        """Raise OptionError unless it makes images of these classes, as networks here see them.

        Nor may it have learned from images that are to judge what is trained.
        """
        decoded, spec, own = images.decoded, images.decoded.targets.spec, self.model.class_names
        if spec.kind != "label":
            raise OptionError(
                f"{self.shown}: generated images have a class, but the task needs "
                f"{NEEDS[spec.kind]} for every image; leave out augment_with"
            )
        if set(own) != set(spec.names):
            made, wanted = list_names(own) if own else "no class", list_names(spec.names)
            raise OptionError(
                f"{self.shown}: it makes images of {made}, but those to train on are of {wanted}; "
                "give a generator of the same classes"
            )
        made, wanted = self.model.preprocess.describe(), images.preprocess.describe()
        if made != wanted:
            raise OptionError(
                f"{self.shown}: it makes images of {made}, but this training takes {wanted}; "
                "choose size, color and fit as in that run"
            )
        learned = {each["sha256"] for each in self.run.samples() if each["split"] == SPLITS[0]}
        judges = np.flatnonzero(decoded.samples.splits != 0)
        digests = (bytes(digest).hex() for digest in decoded.records.digests[judges])
        if seen := sum(digest in learned for digest in digests):
            raise OptionError(
                f"{self.shown}: it learned from {seen:,} of the {len(judges):,} images that judge "
                "this training, whose figures would flatter; train it on the same images with the "
                "same validation and test"
            )

    def make(self, count: int) -> MadeImages:
        """Make images of all classes in turn, the same on any number of threads."""
        with hardware.restored_settings():
            torch.set_num_threads(1)
            blocks = list(self.model.task.generate(self.model.network, count, seed=0))
        return MadeImages(*(np.concatenate(each) for each in zip(*blocks, strict=True)))


def add_generated(
    images: PreparedImages, generator: ImageGenerator, count: int | None
) -> PreparedImages:
    """Return the images with generated ones to train on: as many as there are, or `count`.

    All of them are in memory then. Raises OptionError for a generator that does not fit.
    """
    generator.check_fits(images)
    decoded = images.decoded
    if not isinstance(decoded.pixels, np.ndarray):
        raise OptionError(
            f"{generator.shown}: generated images join those that are decoded once, but these are "
            "streamed, as they do not fit into the cache; leave out augment_with"
        )
    pixels, labels = generator.make(count or len(rows_in_split(decoded.samples, "train")))
    spec = decoded.targets.spec
    labels = np.array([spec.names.index(name) for name in generator.model.class_names])[labels]
    samples, records = _described(pixels, labels)
    joined = Samples.concat([decoded.samples, samples])
    if groups := decoded.samples.groups:
        ids = np.concatenate([groups.ids, np.full(len(samples), len(groups.names))])
        joined = joined.with_groups(replace(groups, names=(*groups.names, _FOLDER), ids=ids))
    near = decoded.near
    if near:
        alike_to_none = np.full(len(samples), -1, near.groups.dtype)
        near = near._replace(groups=np.concatenate([near.groups, alike_to_none]))
    decoded = replace(
        decoded,
        pixels=np.concatenate([decoded.pixels, pixels]),
        samples=joined,
        records=replace(
            decoded.records, table=np.concatenate([decoded.records.table, records.table])
        ),
        targets=ClassTargets(spec, np.concatenate([decoded.targets.values, labels])),
        near=near,
    )
    return replace(images, decoded=decoded)


def _described(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[Samples, Records]:
    """Return samples and records of images (N, H, W, C) to train on."""
    _, height, width, channels = pixels.shape
    digests = (hashlib.sha256(image.tobytes()).hexdigest() for image in pixels)
    records = Records.of([Record(digest, width, height, channels) for digest in digests])
    named = enumerate(labels.tolist())
    return Samples.of(Sample(f"{_FOLDER}/{at}", label, "train") for at, label in named), records
