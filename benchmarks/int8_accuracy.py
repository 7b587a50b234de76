"""What do trained models lose in 8 bits, and which of their layers stay in float?

    python benchmarks/int8_accuracy.py RUN... [--save]

Each run is rounded as `striate export --int8` does it, by its validation images; layers that cost
more than half a point stay in float. Both are then judged on the test images once, by the
leading figure of the task. The name of a row is that of the folder that the run is in. Prints one
JSON line; --save appends it to results/int8_accuracy.jsonl.
"""

from __future__ import annotations

import argparse
import copy
import datetime as dt
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from int8 import traced
from machines import keep, machine, say
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor, nn

from striate.data.listing.columns import rows_in_split
from striate.deployment.int8_proof import Int8Proof, calibration_batches, check_calibration
from striate.deployment.int8_search import Int8, search_int8
from striate.deployment.judged import Exported, Part, judge
from striate.deployment.quantize import calibrate
from striate.errors import ModelError
from striate.evaluation.evaluate import decode_views
from striate.evaluation.known import Known
from striate.evaluation.seen_images import find_root
from striate.model import Model
from striate.model_file import load
from striate.options import EvaluateOptions
from striate.runtimes import open_session
from striate.training.run import Run

ALLOWED = 0.01  #: drop of the leading figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "trained models",
            "machine": machine(),
            "threads": len(os.sched_getaffinity(0)),
            "versions": {each.__name__: each.__version__ for each in (torch, onnxruntime)},
            "models": {run.parent.name: judged(run) for run in asked.runs},
        }
    )
    print(line)
    if asked.save:
        keep("int8_accuracy", line)


def judged(folder: Path) -> dict[str, Any]:
    run = Run.open(folder)
    model = load(run.model_file)
    assert isinstance(model, Model)
    parts = parts_of(run, model)
    check_calibration(model, parts["validation"])
    batches = list(calibration_batches(model, parts["validation"]))
    truth = {split: judge(model, part, folder.parent.name) for split, part in parts.items()}

    def prove(candidate: ModelProto, split: str = "validation") -> Int8Proof:
        found = judge(Exported(model, Engine(candidate)), parts[split], folder.parent.name)
        return Int8Proof(truth[split], found, ALLOWED)

    calibrated = calibrate(traced(Answers(model), model.preprocess.row_shape), batches)
    try:
        found = search_int8(calibrated, batches, prove, ALLOWED)
    except ModelError as error:
        say(f"{folder.parent.name}: {error}")
        found = Int8(calibrated.quantize(), 0, (), (), 0.0)
    proof = prove(found.model, "test")
    say(f"{folder.parent.name}: {proof}; {proof.verdict}; {found}")
    before, after = proof.scores
    return {
        "network": model.network_name,
        "images": len(proof.before),
        "figure": before.figure.title,
        **{
            kind: f"{score.shown} ({score.interval})"
            for kind, score in (("float32", before), ("int8", after))
        },
        "drop": proof.drop,
        "paired": proof.paired and proof.paired.to_json(),
        "verdict": verdict(proof),
        "layers": found.layers,
        "floats": [layer.name for layer in found.floats],
        "rounding": found.rounding,
        "moved": found.moved,
    }


def verdict(proof: Int8Proof) -> str:
    if proof.paired is None:
        return "none"
    better = proof.paired.better
    return "no difference shown" if better is None else f"{('float32', 'int8')[better]} is better"


def parts_of(run: Run, model: Model) -> dict[str, Part]:
    data, known = Path(run.read_options()["data"]), Known.of(run)
    decoded = finished(decode_views(model, data, EvaluateOptions(), known and known.left_out))
    rows = {split: rows_in_split(decoded[0].samples, split) for split in ("validation", "test")}
    root = find_root(data)
    return {split: Part(decoded, some, split, root) for split, some in rows.items()}


def finished(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


class Answers(nn.Module):
    """What a model decodes of bytes (N, size, size, channels); its network has channels first."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = copy.deepcopy(model.network).to(memory_format=torch.contiguous_format)
        self.model = model

    def forward(self, rows: Tensor) -> Tensor:
        inputs, task = self.model.inputs(rows).contiguous(), self.model.task
        return task.decode(task.join(self.network(inputs), inputs))


class Engine:
    """Runs the body of a model in onnxruntime."""

    def __init__(self, body: ModelProto) -> None:
        self.session = open_session(body.SerializeToString())

    def decode_and_reject(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        decoded, *rejected = self.session.run(None, {"rows": rows})
        return decoded, rejected[0] if rejected else np.zeros(len(rows), np.bool_)


if __name__ == "__main__":
    main()
