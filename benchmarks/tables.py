"""Writes docs/tables/*.md and docs/images/speed.svg from benchmarks/results/*.jsonl.

python benchmarks/tables.py [--check]

The last line a file has for each set of images, or device, becomes a table. With --check they are
only compared. Needs the standard library alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tabulated import (
    alike,
    bars,
    contest,
    detection,
    foretold,
    gpu,
    int8,
    learning,
    look,
    made,
    networks,
    predicting,
    reading,
    serving,
    steering,
    tasks,
    transfer,
    vision,
)

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TABLES = ROOT / "docs" / "tables"
SPEED = ROOT / "docs" / "images" / "speed.svg"
NOT_YET = "Not measured yet.\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if they differ")
    check = parser.parse_args().check
    made = [*tables(), (SPEED, bars.bars(last("folder_to_model")))]
    different = [path for path, text in made if not path.is_file() or path.read_text() != text]
    if check:
        for path in different:
            print(f"{path.relative_to(ROOT)} differs from the results", file=sys.stderr)
        return int(bool(different))
    TABLES.mkdir(parents=True, exist_ok=True)
    for path, text in made:
        path.write_text(text)
    return 0


def tables() -> Iterable[tuple[Path, str]]:
    """Each table's file and what it must hold."""
    for name, (source, table) in QUESTIONS.items():
        yield table_file(name, source, "\n".join(filter(None, map(table, last(source)))))
    records = last("tasks")
    rivals = last("street_baselines"), last("without_network")
    yield table_file("tasks", "tasks", tasks.tasks(records, *rivals) if records else "")


def table_file(name: str, source: str, body: str) -> tuple[Path, str]:
    origin = f"<!-- made by benchmarks/tables.py from benchmarks/results/{source}.jsonl -->"
    return TABLES / f"{name}.md", f"{origin}\n\n{body or NOT_YET}"


def last(source: str) -> list[dict[str, Any]]:
    """What was measured last of each set of images, or device."""
    results = RESULTS / f"{source}.jsonl"
    lines = results.read_text().splitlines() if results.is_file() else []
    return list({record["data"]: record for record in map(_read, lines)}.values())


#: words of results that were measured under earlier names
_RENAMED = {
    '"pictures"': '"images"',
    '"pictures_per_second"': '"images_per_second"',
    '"optimiser"': '"optimizer"',
    '"warm_up"': '"warmup"',
    '"smoothing"': '"label_smoothing"',
    '"average"': '"ema"',
    "--optimiser ": "--optimizer ",
    "--warm-up ": "--warmup ",
    "--smoothing ": "--label-smoothing ",
    "a picture at a time": "an image at a time",
    "Lanczos enlargement, sharpened": "sharpened Lanczos enlargement",
    '"its mean over places"': '"the mean of the code over places"',
}


def _read(line: str) -> dict[str, Any]:
    for before, now in _RENAMED.items():
        line = line.replace(before, now)
    return json.loads(line)


#: each table: where its lines come from, and what it makes of one
QUESTIONS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "correlation": ("correlation", vision.correlation),
    "folder_to_model": ("folder_to_model", contest.folder_to_model),
    "equal_accuracy": ("folder_to_model", contest.equal_accuracy),
    "degradation": ("degradation", learning.degradation),
    "defaults": ("defaults", learning.defaults),
    "augmentation": ("augmentation", vision.augmentation),
    "forecast": ("forecast", foretold.forecast),
    "serving": ("serving", serving.serving),
    "gpu_cifar": ("gpu_cifar", gpu.cifar),
    "gpu_resnet": ("gpu_resnet", gpu.resnet),
    "int8_speed": ("int8", int8.speed),
    "int8_accuracy": ("int8_accuracy", int8.accuracy),
    "million": ("million", reading.million),
    "detection": ("detection", detection.detection),
    "region_looks": ("regions", detection.region_looks),
    "region_recall": ("regions", detection.region_recall),
    "scaled_decoding": ("scaled_decoding", reading.scaled_decoding),
    "feature_maps": ("feature_maps", look.feature_maps),
    "class_maps": ("class_maps", look.class_maps),
    "report_page": ("report_page", reading.report_page),
    "near_duplicates": ("near_duplicates", reading.near_duplicates),
    "shortcuts": ("shortcuts", learning.shortcuts),
    "new_classes": ("new_classes", alike.new_classes),
    "code_features": ("code_features", alike.code_features),
    "one_class": ("one_class", alike.one_class),
    "faces": ("faces", alike.faces),
    "steering": ("steering", steering.steering),
    "rejection": ("rejection", learning.rejection),
    "augment_with": ("augment_with", made.augment_with),
    "matrix_rate": ("matrix_rate", networks.matrix_rate),
    "predict_speed": ("predict_speed", predicting.predict_speed),
    "cold_start": ("cold_start", predicting.cold_start),
    "fleet": ("fleet", predicting.fleet),
    "predict_memory": ("predict_memory", predicting.predict_memory),
    "peak_memory": ("peak_memory", networks.peak_memory),
    "transfer": ("transfer", transfer.frozen),
    "transfer_photographs": ("transfer", transfer.photographs),
    "transfer_defaults": ("transfer_defaults", transfer.defaults),
    "transferability": ("transferability", learning.transferability),
    "template_against_network": ("template_against_network", vision.template_against_network),
}


if __name__ == "__main__":
    sys.exit(main())
