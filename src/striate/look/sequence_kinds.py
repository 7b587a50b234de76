"""What can be drawn of a model on sequences of DNA: motifs, and what each letter adds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.data.signals.sequence_input import SequenceInput
from striate.errors import OptionError
from striate.look.attributions import draw_attributions
from striate.look.known_motifs import read_known_motifs
from striate.look.motifs import draw_motifs
from striate.look.sheet import Sheet
from striate.look.signal_kinds import read_rows
from striate.model import Model
from striate.options import LookOptions
from striate.prediction.signals import sequence_sources

_MOST = 5000  #: sequences whose best places make motifs
_FEW = 8  #: sequences whose letters are drawn


def look_at_sequences(
    model: Model, data: Path | None, options: LookOptions
) -> Iterator[tuple[str, Sheet]]:
    """Yield name and sheet of what is asked for: `filters`, by default, or `classes`.

    Filters are logos of what kernels respond to in the sequences of `data`, or their weights
    without; classes show what each letter of the first eight sequences adds to the answer. Raises
    OptionError for anything else, DataError for data without sequences.
    """
    if options.show not in (None, "filters", "classes") or options.layers or options.like:
        raise OptionError(
            "of a model on sequences look draws --show filters, of the first layer, and --show "
            "classes; leave out other kinds, --layers and --like"
        )
    if options.motifs and (data is None or options.show == "classes"):
        raise OptionError("--motifs names the logos of sequences: give these, and --show filters")
    if options.show == "classes":
        if data is None:
            raise OptionError("sequences are needed, as in: striate look MODEL sites.fa")
        codes, names = _read(model, data, _FEW)
        yield "letters", draw_attributions(model, codes, names, options.channel)
        return
    codes = None if data is None else _read(model, data, _MOST)[0]
    known = options.motifs and read_known_motifs(options.motifs)
    yield "motifs", draw_motifs(model, codes, known)


def _read(model: Model, data: Path, most: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the codes (N, size, 1) and names of the first usable sequences."""
    view = model.preprocess
    assert isinstance(view, SequenceInput)
    return read_rows(view, data, sequence_sources([data]), most)
