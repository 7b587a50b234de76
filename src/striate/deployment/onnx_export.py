"""From a model to a folder: the ONNX file, its proof, and a program that uses it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from striate import storage
from striate.data.cache.stream import gather
from striate.deployment.example import write_example
from striate.deployment.exported import PROOF, Exported, measure_speeds
from striate.deployment.int8_proof import Int8Proof, calibration_batches, check_calibration
from striate.deployment.int8_search import Int8, search_int8
from striate.deployment.judged import Exported as Judged
from striate.deployment.judged import Part, judge
from striate.deployment.onnx_file import OnnxTarget
from striate.deployment.openvino_file import OpenvinoTarget
from striate.deployment.page import read_runtime, write_page
from striate.deployment.proof import TOLERANCE, Compared, compare, pair_files, pair_rows
from striate.deployment.pt2_file import Pt2Target
from striate.deployment.quantize import calibrate
from striate.deployment.target import Contents, Target
from striate.errors import OptionError, ProofError
from striate.model import Ensemble, Model, one_network
from striate.onnx_model import OnnxModel
from striate.options import ExportOptions
from striate.progress import Progress
from striate.runtimes import open_session
from striate.tasks.results import Results
from striate.text import count_noun, list_names

#: by their names, as `--to` takes them
TARGETS: dict[str, Target] = {
    "onnx": OnnxTarget(),
    "openvino": OpenvinoTarget(),
    "pt2": Pt2Target(),
}


def export_steps(
    model: Model | Ensemble,
    source: Path,
    part: Part,
    held_out: Part,
    folder: Path,
    options: ExportOptions,
) -> Generator[Progress, None, Exported]:
    """Write a model, what proves it, a program that uses it, and a page into a folder.

    Answers are compared on the images of `part`, and on those of them that are files of their own;
    8 bits are calibrated on these, and judged on those that are held out. Raises what `trace_body`
    and `search_int8` raise, ProofError where answers differ or 8 bits lose too much.
    """
    content = source.read_bytes()
    runtime = read_runtime(options.page, model) if options.page else None
    target = TARGETS[options.to]
    steps = partial(Progress, total=3, what="steps")
    yield steps(0)
    batch = None if options.batch == "any" else options.batch
    body = target.trace(model)
    yield steps(1)
    allowed = options.allowed_drop / 100
    rounded = _round(model, body, part, held_out, allowed) if options.int8 else None
    if rounded is not None:
        body = rounded[0].model
    yield steps(2)
    precision = "float32" if rounded is None else "int8"
    digest = hashlib.sha256(content).hexdigest()
    target.write(folder, Contents(body, model, precision, digest, batch))
    proved = _prove(model, part, folder, target, len(content), options.images, rounded)
    if rounded is None:
        _check(proved)
    storage.write(folder / PROOF, json.dumps(proved.to_json(), indent=2) + "\n")
    rejects = model.rejection is not None
    program = write_example(model.task, model.preprocess, target, rejects=rejects, batch=batch)
    storage.write(proved.example, program)
    if runtime is not None:
        storage.write(proved.page, write_page(model, proved.file.read_bytes(), runtime))
    return proved


def _round(
    model: Model | Ensemble, body: ModelProto, part: Part, held_out: Part, allowed: float
) -> tuple[Int8, Int8Proof]:
    """Return the body in 8 bits, and what that costs on the images that are held out.

    Raises ModelError where it costs too much on those of `part`, ProofError on those held out.
    """
    alone = one_network(model, "--int8")
    check_calibration(alone, part)

    def prove(images: Part, before: Results, candidate: ModelProto) -> Int8Proof:
        engine = Judged(alone, _open_body(alone, candidate))
        return Int8Proof(before, judge(engine, images, "int8"), allowed)

    batches = list(calibration_batches(alone, part))
    of_search = partial(prove, part, judge(alone, part, "float32"))
    found = search_int8(calibrate(body, batches), batches, of_search, allowed)
    before = judge(alone, held_out, "float32", held_out.known)
    proof = prove(held_out, before, found.model)
    if not proof.holds:
        raise ProofError(
            f"in 8 bits {proof}, more than the {100 * allowed:g} points allowed and than on "
            "the images that 8 bits were chosen on;\n"
            "export it without --int8, or allow more by --allowed-drop; nothing was written"
        )
    return found, proof


def _open_body(model: Model, body: ModelProto) -> OnnxModel:
    """Open a body, without the preprocessing of a whole file."""
    session = open_session(body.SerializeToString())
    name, channels = session.get_inputs()[0].name, model.preprocess.row_shape[-1]

    def run(rows: NDArray[Any]) -> list[NDArray[Any]]:
        found: Any = session.run(None, {name: np.ascontiguousarray(rows[..., :channels])})
        return found

    return OnnxModel(
        run, model.task, model.preprocess, model.network_name, model.facts, "int8", sha256=""
    )


def _prove(
    model: Model | Ensemble,
    part: Part,
    folder: Path,
    target: Target,
    source_size: int,
    most: int,
    rounded: tuple[Int8, Int8Proof] | None,
) -> Exported:
    """Compare the answers of a file with those of its model, on `most` images."""
    exported = target.open(folder)
    first = part.decoded[0]
    rows = part.rows[np.linspace(0, len(part.rows) - 1, min(len(part.rows), most)).astype(int)]
    ((pixels, _),) = gather(first.pixels, first.masks, iter([rows]))
    shown = [first.samples[int(row)].path for row in rows]
    files = [file for file in (part.root / path for path in shown) if file.is_file()]
    by_file = compare(model, pair_files(model, exported, files))
    scales = model.preprocess.inputs == "image" and not model.task.own_size  # large JPEGs
    return Exported(
        folder,
        target,
        exported.sha256,
        sum((folder / name).stat().st_size for name in target.files),
        source_size,
        compare(model, pair_rows(model, exported, pixels, shown)),
        by_file,
        compare(model, pair_files(model, exported, files, scaled=False)) if scales else by_file,
        measure_speeds(model, exported, target.package),
        rounded,
    )


def _check(proved: Exported) -> None:
    """Raise ProofError where answers differ, with the images."""
    for compared in (proved.rows, proved.files):
        if not compared.agrees:
            raise _differing(compared)


def _differing(compared: Compared) -> ProofError:
    named = list_names(list(compared.different)) or "none by its answer"
    return ProofError(
        f"{len(compared.different):,} of {count_noun(compared.images, 'image')} are answered "
        f"otherwise by the export, whose outputs differ by up to "
        f"{compared.largest_difference:.2g} ({TOLERANCE:g} is allowed)\n"
        f"images: {named}; nothing was written"
    )


def check_exported(model: Model | Ensemble, shown: str) -> None:
    """Raise OptionError for a model that answers nothing about images."""
    verb, _ = model.task.used_by
    if verb != "predict":
        raise OptionError(
            f"{shown}: only what answers about images is exported; this model is for striate {verb}"
        )
