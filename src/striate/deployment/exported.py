"""What was exported, and how it compares with its model."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import striate
from striate.deployment.body import example_rows
from striate.deployment.example import EXAMPLE
from striate.deployment.int8_proof import Int8Proof
from striate.deployment.int8_search import Int8
from striate.deployment.page import PAGE
from striate.deployment.proof import TOLERANCE, Compared
from striate.deployment.target import Target
from striate.errors import printable
from striate.model import Ensemble, Model
from striate.onnx_model import OnnxModel
from striate.text import count_noun, format_percent

PROOF = "proof.json"  #: name of its file
_BATCH = 32
_SECONDS = 1.0  # that two speeds are measured for, at least
_TURN = 0.05  # of which a turn takes so many


@dataclass(frozen=True)
class Exported:
    """A folder with an exported model, and its proof."""

    folder: Path
    target: Target
    sha256: str  #: of its file, or files one after the other
    size: int  #: bytes of all of them
    source_size: int
    rows: Compared  #: preprocessed images
    files: Compared  #: from the bytes of files
    plain: Compared  #: the same files, whole JPEGs decoded at their full size
    speed: dict[str, float]  #: images a second, in batches of 32 and one by one
    rounded: tuple[Int8, Int8Proof] | None = None  #: of a model in 8 bits

    @property
    def file(self) -> Path:
        """The file that is opened."""
        return self.folder / self.target.files[0]

    @property
    def example(self) -> Path:
        """The program that uses it."""
        return self.folder / EXAMPLE

    @property
    def page(self) -> Path:
        """The page that answers in a browser, where it was asked for."""
        return self.folder / PAGE

    def to_json(self) -> dict[str, Any]:
        """Return what the proof says."""
        return {
            "format": 1,
            "file": self.file.name,
            "sha256": self.sha256,
            "bytes": self.size,
            "source_bytes": self.source_size,
            "precision": "float32" if self.rounded is None else "int8",
            "tolerance": TOLERANCE,
            "preprocessed": self.rows.to_json(),
            "files": self.files.to_json(),
            "files_decoded_at_full_size": self.plain.to_json(),
            "int8": None if self.rounded is None else self._int8(*self.rounded),
            "images_per_second": self.speed,
            "versions": {
                "striate": striate.__version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        }

    def _int8(self, found: Int8, proof: Int8Proof) -> dict[str, Any]:
        floats = [layer.name for layer in found.floats]
        return {**proof.to_json(), "layers": found.layers, "float_layers": floats}

    def __str__(self) -> str:
        proved = self.rows if not self.files.images else self.files
        speed = self.speed[self.target.package]
        told = {
            "file": f"{printable(str(self.file))}, {self.size / 1e6:.1f} MB",
            "answers": f"{_agree(proved)}, {count_noun(proved.images, 'image')}",
            "at full size": _agree(self.plain),
            "speed": f"{speed:,.0f} images a second, {speed / self.speed['torch']:.1f} times "
            "that of PyTorch",
            "use": f"python {printable(str(self.example))} IMAGE...",
        }
        if self.page.is_file():
            shown = f"{printable(str(self.page))}, {self.page.stat().st_size / 1e6:.1f} MB"
            told["page"] = f"{shown}, opens in a browser"
        if self.plain.agrees:
            del told["at full size"]
        if self.rounded is not None:
            found, proof = self.rounded
            told |= {"int8": str(found), "accuracy": f"{proof}; {proof.verdict}"}
        return "\n".join(f"{name:<14}{text}" for name, text in told.items())


def _agree(compared: Compared) -> str:
    share = format_percent(compared.agreement)
    return f"{share} as the model, outputs within {compared.largest_difference:.1g}"


def measure_speeds(model: Model | Ensemble, exported: OnnxModel, name: str) -> dict[str, float]:
    """Return images a second of both, of preprocessed images; `name` is what the file is run by.

    They take turns, so that what else the machine does slows both.
    """
    found = dict[str, float]()
    for count, ending in ((_BATCH, ""), (1, "_one_by_one")):
        rows = example_rows(model, count).numpy()
        runs = {
            engine: partial(run.decode_and_reject, rows)
            for engine, run in (("torch", model), (name, exported))
        }
        turns, begun = list[dict[str, float]](), time.perf_counter()
        while not turns or time.perf_counter() - begun < _SECONDS:
            turns.append({engine: _take_turn(run) for engine, run in runs.items()})
        for engine in runs:
            found[engine + ending] = count / min(turn[engine] for turn in turns)
    return found


def _take_turn(run: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of several calls, of which the first does not count."""
    run()
    times, begun = list[float](), time.perf_counter()
    while not times or time.perf_counter() - begun < _TURN:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
