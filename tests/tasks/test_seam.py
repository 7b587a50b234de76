"""A task that striate has never seen goes all the way, from check to predict."""

import json
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.tasks import register
from striate.tasks.figures import Figure, Score
from striate.tasks.results import About, Baseline
from striate.tasks.sections import Remark, Section, Tile, Tiles
from striate.tasks.task import Task
from striate.training.events import Epoch, Started

ERROR = Figure("error", "error", higher_is_better=False, form="number", unit="of 255")


@dataclass(frozen=True)
class Glow:
    """The brightness of one image."""

    brightness: float = 0.0
    csv_columns: ClassVar[tuple[str, ...]] = ("brightness",)
    columns: ClassVar[tuple[str, ...]] = ("brightness",)

    def csv_cells(self):
        return (f"{self.brightness:.1f}",)

    cells = csv_cells

    def details(self):
        return (("", "brightness"), ("brightness", f"{self.brightness:.1f}"))

    def to_json(self):
        return {"brightness": self.brightness}


@dataclass(frozen=True)
class GlowResults:
    about: About
    errors: np.ndarray = field(repr=False)

    def __len__(self):
        return len(self.errors)

    def scores(self):
        mean, half = self.errors.mean(), 2 * self.errors.std() / len(self) ** 0.5
        return (Score(ERROR, float(mean), float(mean - half), float(mean + half), len(self)),)

    def baseline(self):
        return Baseline(80.0, "always answering with 128")

    def remarks(self):
        yield Remark("Brightness is easy.")

    def sections(self):
        yield Section("Error", "", (Tiles((Tile(f"{self.errors.mean():.1f}", "error"),)),))

    def to_json(self):
        return {"error": float(self.errors.mean())}


class Brightness(Task):
    """How bright is it? The classes' names are numbers from 0 to 255."""

    name, kind, figures, blank = "brightness", "label", (ERROR,), Glow()
    outputs = 1

    def _wanted(self, targets):
        return torch.tensor([float(name) / 255 for name in self.spec.names])[targets][:, None]

    def loss(self, outputs, targets):
        return (outputs - self._wanted(targets)).square().mean()

    def count(self, outputs, targets):
        return {"distance": (outputs - self._wanted(targets)).abs().double().sum(dim=0)}

    def zero_sums(self):
        return {"distance": torch.zeros(1, dtype=torch.float64)}

    def measure(self, sums, images):
        return {"error": 255 * float(sums["distance"][0]) / images}

    def decode(self, outputs):
        return 255 * outputs[:, 0]

    def answer(self, decoded, top):
        return Glow(float(decoded))

    def evaluate(self, batches, about):
        names = np.array([float(name) for name in self.spec.names])
        return GlowResults(about, np.concatenate([abs(d - names[t]) for d, t in batches]))


@pytest.fixture
def lamps(tmp_path):
    random = np.random.default_rng(0)
    for name in ("020", "128", "230"):
        (tmp_path / "lamps" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(int(name) + random.normal(0, 9, (16, 16)), 0, 255)
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / f"lamps/{name}/{number}.png")
    return tmp_path / "lamps"


def test_a_task_of_ones_own_goes_all_the_way(lamps, tmp_path, monkeypatch):
    monkeypatch.setattr("striate.tasks._REGISTERED", {})  # and what is registered goes with it
    register(Brightness)
    options = {
        "task": "brightness",
        "network": "lenet5",
        "batch": 8,
        "threads": 1,
        "augment": "none",
    }
    assert striate.check(lamps).trainable
    assert striate.find_rate(lamps, steps=20, **options).losses
    run = striate.train(lamps, out=tmp_path / "whole", epochs=4, learning_rate=0.02, **options)
    first = striate.stream(lamps, out=tmp_path / "cut", epochs=4, learning_rate=0.02, **options)
    started = next(event for event in first if isinstance(event, Started))
    assert (started.task, started.figure) == ("brightness", ERROR)
    next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same
    best = min(run.epochs(), key=lambda epoch: epoch.validation["error"])
    assert [epoch.epoch for epoch in run.epochs() if epoch.best][-1] == best.epoch
    assert best.validation_error < 60
    report = run.report_file.read_text("utf-8")
    assert "Brightness is easy." in report
    assert "accuracy" not in report.lower()
    assert json.loads((run.folder / "evaluation.json").read_text()).keys() == {"error"}
    model = striate.load(run.folder)
    assert isinstance(model.task, Brightness)
    results = striate.evaluate(model, lamps, out=tmp_path / "page.html")
    assert results.scores()[0].value < 60
    dark, bright = striate.predict(model, lamps / "020/0.png", lamps / "230/0.png")
    assert dark.brightness < bright.answer.brightness
    text = (
        striate.predict(model, lamps, out=tmp_path / "all.csv")
        and (tmp_path / "all.csv").read_text()
    )
    assert text.splitlines()[0] == "path,brightness,error,notes"
