"""The trainings of a transferability study, in the order in which they run.

Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep neural networks?", NIPS
2014, section 2. https://arxiv.org/abs/1411.1792
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

#: A and B are trained from nothing; AnB takes the first n stages of A and is trained on B, as BnB
#: is of B's own; these are frozen, or with a plus fine-tuned
Kind = Literal["A", "B", "AnB", "AnB+", "BnB", "BnB+"]
TRANSFERS: tuple[Kind, ...] = ("AnB", "AnB+", "BnB", "BnB+")


@dataclass(frozen=True, slots=True)
class Treatment:
    """One training of the study."""

    kind: Kind
    n: int  #: stages whose weights are taken; 0: from nothing
    seed: int  #: from 0, of the repetition

    @property
    def name(self) -> str:
        """What the paper calls it: "A", "A3B+"."""
        return self.kind.replace("n", str(self.n))

    @property
    def data(self) -> Literal["A", "B"]:
        """What it is trained on."""
        return "A" if self.kind == "A" else "B"

    @property
    def source(self) -> Treatment | None:
        """The training whose first stages it takes; None: from nothing."""
        if not self.n:
            return None
        return Treatment("A" if self.kind.startswith("A") else "B", 0, self.seed)

    @property
    def frozen(self) -> bool:
        """Whether the stages taken stay as they are."""
        return self.kind in ("AnB", "BnB")

    @property
    def folder(self) -> str:
        """The name of its run in the folder of the study."""
        return f"{self.name}-seed{self.seed}"

    def options(self, study: Path, first_seed: int, seeds: int) -> dict[str, Any]:
        """Return the options of its training that differ from those of the others.

        The stages that start anew have another seed than those of the network from which the first
        ones come: drawn with the same, the stages of BnB would start where those of B had started,
        and what grew together once would do so again. What is fine-tuned trains as B from nothing
        does: all layers at one rate, norms by the batches.
        """
        if self.source is None:
            return {"weights": "none", "seed": first_seed + self.seed}
        count = str(self.n)
        trained = {"freeze": "none", "backbone_rate": 1.0, "norms": "train"}
        return {
            "weights": str(study / self.source.folder),
            "reuse": count,
            "seed": first_seed + seeds + self.seed,
            **({"freeze": count} if self.frozen else trained),
        }


def plan_study(depths: Sequence[int], seeds: int) -> Iterator[Treatment]:
    """Yield all trainings, seed by seed: the two bases, then each depth n of `depths`."""
    for seed in range(seeds):
        yield Treatment("A", 0, seed)
        yield Treatment("B", 0, seed)
        for n in depths:
            for kind in TRANSFERS:
                yield Treatment(kind, n, seed)
