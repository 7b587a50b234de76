"""The list of images whose label is perhaps wrong, to edit and to leave out."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from striate.errors import DataError, OptionError, printable
from striate.model import Ensemble, Model
from striate.prediction.table import harmless
from striate.tasks.results import Results
from striate.tasks.suspects import DoubtsLabels, Suspects
from striate.text import count_noun

_HEADS = ("path", "split", "label", "suggested", "label_probability", "probability")


def check_doubts(model: Model | Ensemble) -> None:
    """Raise OptionError if the answers of a model are no probabilities of one class."""
    if not model.task.one_class:
        raise OptionError(
            "suspects are found by the probabilities of classes, of which an image has one, but "
            f"the task {model.task.name} gives none; leave out --suspects"
        )


def suspects_of(results: Results, data: str) -> Suspects:
    """Return the suspects among evaluated images. Raises DataError if nothing can be said."""
    if isinstance(results, DoubtsLabels) and results.suspects is not None:
        return results.suspects
    about, images = results.about, count_noun(len(results), "image")
    if about.unseen:
        raise DataError(
            f"{printable(data)}: the network answers these {images} alike, so it cannot tell which "
            "labels are wrong; use one that has learned more"
        )
    seen = f"{about.seen:,} of these {images} were" if about.seen else f"these {images} may be"
    raise DataError(
        f"{printable(data)}: {seen} used for training, and a network knows such labels by heart, "
        "right or wrong;\n--split test --leaked drop finds suspects among the others"
    )


def format_suspects(found: Mapping[str, Suspects]) -> str:
    """Return a table with a row for each suspect of each split, whose paths `--leave-out` reads.

    No cell is a formula to a spreadsheet: labels are prefixed with ', paths with ./ if needed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADS)
    for split, each in ((split, each) for split, own in found.items() for each in own.found):
        plain = harmless(each.path) == each.path and not each.path.startswith("#")
        path = each.path if plain else f"./{each.path}"
        names = map(harmless, (each.label, each.suggested))
        shares = (f"{each.label_probability:.6g}", f"{each.probability:.6g}")
        writer.writerow((path, split, *names, *shares))
    return text.getvalue()
