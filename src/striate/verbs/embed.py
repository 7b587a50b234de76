"""`striate embed`: images as vectors, for tools of one's own."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from striate import storage
from striate.model import Model, one_network
from striate.options import EmbedOptions
from striate.prediction.embedding import Embedding, embed_images, write
from striate.prediction.parquet import check_parquet
from striate.verbs import display
from striate.verbs.answering import files_of
from striate.verbs.using import loaded_model


def embed(
    model: str | Path | Model, data: str | Path, *, progress: bool = False, **options: Any
) -> Embedding:
    """Return what the stages of a model before its head make of every image of a folder.

    Options are those of `striate.options.EmbedOptions`; with `out`, the features are written
    there. Raises DataError when no image is usable, OptionError for a stage that does not exist.

    >>> found = striate.embed("runs/photos-lenet5", "photos")  # doctest: +SKIP
    >>> found.features.shape  # doctest: +SKIP
    (120, 84)
    """
    chosen, source = EmbedOptions.read(options), Path(data)
    if chosen.out:
        storage.check_output(chosen.out, chain(files_of(model), [source]))
        check_parquet(chosen.out, "an .npz file")
    loaded = one_network(loaded_model(model, chosen), "embed")
    work = embed_images(
        loaded, source, chosen.stage, leave_out=chosen.leave_out, largest_megabytes=chosen.largest
    )
    found = display.show_progress(work, None if progress else Console(quiet=True))
    if chosen.out:
        write(chosen.out, found)
    return found
