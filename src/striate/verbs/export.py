"""API function that exports a model for other runtimes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from striate import storage
from striate.data.listing.columns import rows_in_split
from striate.data.listing.samples import Split
from striate.deployment.exported import Exported
from striate.deployment.judged import Part
from striate.deployment.onnx_export import check_exported, export_steps
from striate.errors import OptionError, printable
from striate.evaluation.evaluate import decode_views
from striate.evaluation.known import Known, run_of
from striate.model import Ensemble, Model
from striate.model_file import load
from striate.options import EvaluateOptions, ExportOptions
from striate.progress import drain
from striate.verbs import display
from striate.verbs.answering import files_of
from striate.verbs.judging import recorded_images


def export(
    model: str | Path, *, out: str | Path | None = None, progress: bool = False, **options: Any
) -> Exported:
    """Write a model as one ONNX graph, prove that it answers the same, and show how it is used.

    Options are those of `striate.options.ExportOptions`. The folder `out` (default: "exports" and
    the name of the run) gets `model.onnx`, whose input is images (N, H, W, 3) uint8 of any size,
    `proof.json` and `answer.py`, with `page` also `answer.html`. Raises ProofError where an answer
    differs, on the images of the run or those given; what `load` and `evaluate` raise. No model is
    then written.
    """
    chosen = ExportOptions.read(options)
    source = next(iter(files_of(model)))
    loaded = load(model, network=chosen.network)
    check_exported(loaded, printable(str(model)))
    part, held_out = _find_parts(model, loaded, chosen)
    name = Path(model).name if Path(model).is_dir() else Path(model).stem
    folder = storage.make_folder(Path(out) if out else Path("exports") / name)
    try:
        work = export_steps(loaded, source, part, held_out, folder, chosen)
        return display.show_progress(work, None if progress else Console(quiet=True))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _find_parts(
    model: str | Path, loaded: Model | Ensemble, options: ExportOptions
) -> tuple[Part, Part]:
    """Return images to compare answers on, and those that a model in 8 bits is judged on.

    These are the images of validation and of test of the run, or twice all that are given. Raises
    OptionError if none are known, DataError if they cannot be used.
    """
    run = run_of(model)
    data = options.data or recorded_images(run)
    if data is None:
        raise OptionError(
            f"{printable(str(model))}: does not know which images it was trained on; name some to "
            "compare answers on, as in --data photos"
        )
    known = Known.of(run) if options.data is None else None
    asked = EvaluateOptions(largest=options.largest)
    decoded = drain(decode_views(loaded, data, asked, known.left_out if known else None))

    def part(split: Split) -> Part | None:
        rows = rows_in_split(decoded[0].samples, split)
        return Part(decoded, rows, split, data, known) if len(rows) else None

    images = part("validation") or Part(decoded, np.arange(len(decoded[0])), "all", data)
    return images, part("test") or images
