"""Targets of tasks that meet classes which none of their training images shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from striate.data.listing.columns import Records, Samples
from striate.data.listing.samples import Finding
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.class_problems import find_open_problems
from striate.data.targets.classes import ClassTargets


@dataclass(frozen=True, eq=False)
class OpenTargets(ClassTargets):
    """One class an image, which may be one that a model was not trained on."""

    @classmethod
    def of(cls, class_names: Sequence[str], images: Samples) -> OpenTargets:
        """Return the classes of samples, which are their labels."""
        return cls(TargetSpec("open", tuple(class_names)), images.labels)

    def aligned(self, spec: TargetSpec) -> OpenTargets:
        """Return the targets numbered as by the model; classes it does not know follow its own."""
        strange = (name for name in self.spec.names if name not in spec.names)
        names = (*spec.names, *strange)
        place = np.array([names.index(name) for name in self.spec.names])
        return OpenTargets(replace(spec, names=names), place[self.labels])

    def problems(
        self, images: Samples, candidates: Samples, findings: Sequence[Finding]
    ) -> tuple[str, ...]:
        """Return why there is nothing to train on; a class may be in any of the splits."""
        return find_open_problems(self.spec.names, images, candidates, findings)

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing: a class needs no second image."""
        return ()
