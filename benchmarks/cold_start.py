"""How long does one photograph take, from the command to its answer in a new process?

    python benchmarks/cold_start.py [--repeats 20] [--save]

Networks of 3 classes with random weights, LeNet-5 of 0.3 MB at 32 pixels and ResNet-18 of 45 MB at
224, exported or as they were trained, one JPEG of 640x480; PyTorch alone, imported and nothing
else, is what the export spares. They take turns, after a round that is not counted. Prints one JSON
line; --save appends it to results/cold_start.jsonl. About 3 minutes on 2 idle cores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import tempfile
from itertools import chain
from pathlib import Path
from statistics import fmean

import torch
from machines import Took, keep, machine, run, say
from predict_speed import photograph
from turns import spread

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.deployment.body import trace_body
from striate.deployment.onnx_file import assemble
from striate.deployment.target import Contents
from striate.model import Model
from striate.model_file import save
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

SIZES = {"lenet5": 32, "resnet18": 224}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cold-start-") as temporary:
        commands = write_commands(Path(temporary))
        turns: dict[str, list[Took]] = {name: [] for name in commands}
        for repeat in range(asked.repeats + 1):
            for name, command in commands.items():
                took = run(command, environment())
                say(f"{repeat}/{asked.repeats} {name}: {took.seconds:.2f} s")
                turns[name] += [took] * (repeat > 0)
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "predict",
            "machine": machine(),
            "threads": len(os.sched_getaffinity(0)),
            "n": asked.repeats,
            "others": round(fmean(each.others for each in chain(*turns.values())), 3),
            "commands": {
                name: {
                    "seconds": spread([each.seconds for each in found]),
                    "cpu_seconds": spread([each.cpu_seconds for each in found]),
                }
                for name, found in turns.items()
            },
        }
    )
    print(line)
    if asked.save:
        keep("cold_start", line)


def write_commands(folder: Path) -> dict[str, list[str]]:
    """Write the photograph and the models, and return what is run."""
    photograph(640, 480, seed=0).save(folder / "photo.jpg", quality=92)
    program = str(Path(sys.executable).with_name("striate"))
    commands = dict[str, list[str]]()
    for name, size in SIZES.items():
        model = make(name, size)
        save(model, folder / f"{name}.safetensors")
        content = assemble(Contents(trace_body(model), model))
        (folder / f"{name}.onnx").write_bytes(content)
        for file in (f"{name}.onnx", f"{name}.safetensors"):
            given = [str(folder / file), str(folder / "photo.jpg")]
            commands[f"striate predict {file} photo.jpg"] = [program, "predict", *given]
    return commands | {'python -c "import torch"': [sys.executable, "-c", "import torch"]}


def make(name: str, size: int) -> Model:
    torch.manual_seed(0)
    task = bind_task(None, TargetSpec("label", ("cat", "dog", "owl")))
    view = Preprocess(size, 3, "crop", (0.5,) * 3, (0.25,) * 3)
    spec = NetworkSpec.of(name)
    network = spec.build(classes=3, channels=3, size=size).eval()
    return Model(network, spec, task, view, SplitFractions(0.1, 0.1))


def environment() -> dict[str, str]:
    """Ours, with bytecode written as on a user's machine."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    main()
