"""How long from photographs to a validated network that begins with the weights of another?

    python benchmarks/transfer.py FOLDER [--on resnet18 efficientnet_lite0 photographs] [--save]

FOLDER is one of photo_sets.py. With resnet18 (random weights, for the time) and efficientnet_lite0
(those of a package, for the accuracy) all libraries begin with the same tensors, freeze all but a
new last layer, and train that for ten epochs in float32, as their own guides have it; the test
images are among those validated on. "striate, whole passes" is striate without what it keeps of the
frozen layers. With photographs each does what its first page says, and is judged on the test
images. Contenders take turns as in folder_to_model.py. Prints one JSON line for each; --save
appends it to results/transfer.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import shared_weights
from machines import keep, machine, say
from turns import Turn, summary, take_turn

FROZEN = {
    "striate": "striate_train.py",
    "striate, whole passes": "striate_whole.py",
    "Keras": "keras3.py",
    "fastai": "fast_ai.py",
    "Lightning": "lightning_fit.py",
    "timm": "timm_train.py",
    "PyTorch": "plain_torch.py",
}
PHOTOGRAPHS = {
    "striate": "striate_photos.py",
    "striate from nothing": "striate_nothing.py",
    "fastai": "fastai_fine_tune.py",
    "Keras": "keras_tutorial.py",
}
WIDTHS = {"resnet18": 512, "efficientnet_lite0": 1280}  #: of what the last layer sees
QUESTIONS = (*WIDTHS, "photographs")
BATCH, EPOCHS = 32, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--on", nargs="+", choices=QUESTIONS, default=QUESTIONS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--epochs", type=int, help="for a quick look; not to be saved")
    parser.add_argument("--only", nargs="+", choices={**FROZEN, **PHOTOGRAPHS})
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if asked.save and (asked.epochs or asked.only or asked.repeats < 3):
        parser.error("--save takes a whole measurement: no --epochs, no --only, 3 repeats or more")
    if not (asked.folder / "test").is_dir():
        parser.error(f"no folder {asked.folder / 'test'}; photo_sets.py makes one")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    for question in asked.on:
        known = PHOTOGRAPHS if question == "photographs" else FROZEN
        contenders = {k: v for k, v in known.items() if not asked.only or k in asked.only}
        line = json.dumps(measure(question, contenders, asked))
        print(line, flush=True)
        if asked.save:
            keep("transfer", line)


def measure(question: str, contenders: dict[str, str], asked: argparse.Namespace) -> dict[str, Any]:
    """All contenders in turn; a first round of one epoch is not counted."""
    turns: dict[str, list[Turn]] = {name: [] for name in contenders}
    frozen = question in WIDTHS
    network, folder = (question if frozen else "efficientnet_lite0"), asked.folder.resolve()
    epochs = asked.epochs or (EPOCHS if frozen else 1)
    with tempfile.TemporaryDirectory(prefix="transfer-") as place:
        weights = Path(place, "weights.safetensors")
        shared_weights.WRITE[network](weights)
        folder = merged(folder, Path(place, folder.name)) if frozen else folder
        images = {part.name: len(list(part.glob("*/*"))) for part in sorted(folder.iterdir())}
        classes = len(list((folder / "train").iterdir()))
        params = classes * (WIDTHS[network] + 1)
        given = [
            str(folder),
            "--network",
            network,
            "--batch",
            str(BATCH),
            "--weights",
            str(weights),
        ]
        for seed in range(asked.repeats + 1):
            for name, file in contenders.items():
                counted = epochs if seed else 1
                turn = take_turn(
                    file,
                    [*given, "--epochs", str(counted), "--seed", str(seed)],
                    params if frozen and not name.startswith("striate") else None,
                )
                say(f"{question} {seed}/{asked.repeats} {name}: {turn.seconds:.1f} s")
                if seed:
                    turns[name].append(turn)
    first = statistics.median(turn.seconds for turn in turns[next(iter(turns))])
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": f"{asked.folder.name}, {question}",
        "question": "frozen" if frozen else question,
        "images": images,
        "classes": classes,
        "network": network,
        "epochs": epochs,
        "batch": BATCH,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "others": round(max(turn.others for name in turns for turn in turns[name]), 3),
        "n": asked.repeats,
        "contenders": {name: summary(turns[name], first) for name in turns},
    }


def merged(folder: Path, place: Path) -> Path:
    """The same images, with those of the test among those to validate on."""
    for part in ("train", "validation", "test"):
        into = place / ("train" if part == "train" else "validation")
        shutil.copytree(folder / part, into, dirs_exist_ok=True)
    return place


if __name__ == "__main__":
    main()
