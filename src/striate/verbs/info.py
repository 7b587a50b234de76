"""API function that tells what a model file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate import storage
from striate.model_card.card import write_card
from striate.model_card.info import ModelInfo
from striate.model_card.reading import read_info
from striate.options import InfoOptions
from striate.verbs.answering import check_new, files_of


def info(model: str | Path, **options: Any) -> ModelInfo:
    """Return what a model file, the folder of a run, or an exported model says of itself.

    Options are those of `striate.options.InfoOptions`: `model_card` writes a card. An exported
    model needs no PyTorch. What is not known is left out. Raises what `load` raises, OptionError
    if the card would replace a file.

    >>> striate.info("runs/photos-lenet5").scores  # doctest: +SKIP
    """
    chosen = InfoOptions.read(options)
    if chosen.model_card:
        storage.check_output(chosen.model_card, files_of(model))
        check_new(chosen.model_card, overwrite=chosen.overwrite)
    told = read_info(Path(model))
    if chosen.model_card:
        storage.write(chosen.model_card, write_card(told))
    return told
