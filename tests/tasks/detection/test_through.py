"""Boxes go all the way, from check to predict, by a task that looks for one object an image."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.data.augment.boxes import move_boxes
from striate.errors import OptionError
from striate.metrics.box_matching import match_boxes
from striate.metrics.boxes import estimate_boxes
from striate.tasks import register
from striate.tasks.detection.answer import BoxAnswer
from striate.tasks.detection.drawing import draw_targets, make_legend
from striate.tasks.figures import Figure, Score
from striate.tasks.results import About, Baseline
from striate.tasks.sections import Section, Tile, Tiles
from striate.tasks.task import Task

OVERLAP = Figure("ap50", "AP50", higher_is_better=True, form="share")


@dataclass(frozen=True)
class OneBoxResults:
    about: About
    true: np.ndarray = field(repr=False)
    found: np.ndarray = field(repr=False)

    def __len__(self):
        return len(self.true)

    def scores(self):
        figure = estimate_boxes(match_boxes(self.true, self.found, 1), resamples=50).ap50
        return (Score(OVERLAP, figure.value, *figure.bounds, len(self)),)

    def baseline(self):
        return Baseline(0.0, "finding nothing")

    def remarks(self):
        return iter(())

    def sections(self):
        yield Section("AP", "", (Tiles((Tile("", "AP50"),)),))

    def to_json(self):
        return {"shape": list(self.true.shape), "scale": float(self.true[0, 0, 6])}


class OneBox(Task):
    """Where is it? The network answers with four shares of the side."""

    name, kind, figures, blank = "one-box", "boxes", (OVERLAP,), BoxAnswer()
    outputs = 4

    def loss(self, outputs, targets):
        assert targets.shape[1:] == (1, 6)
        there = targets[:, 0, 4] >= 0
        far = (outputs - targets[:, 0, :4] / 32).abs().mean(dim=1)
        return (far * there).mean()

    def count(self, outputs, targets):
        return {"far": self.loss(outputs, targets)[None].double() * len(targets)}

    def zero_sums(self):
        return {"far": torch.zeros(1, dtype=torch.float64)}

    def measure(self, sums, images):
        return {"ap50": 1 - float(sums["far"][0]) / images}

    def augment(self, targets, plan, share):
        return move_boxes(targets, plan)

    def draw(self, pixels, target):
        return draw_targets(pixels, target, self.spec)

    def legend(self, targets):
        return make_legend(targets, self.spec)

    def decode(self, outputs):
        rest = outputs.new_tensor([0.9, 0]).expand(len(outputs), 2)
        return torch.cat([32 * outputs, rest], dim=1)[:, None]

    def restore(self, decoded, preprocess, size):
        corners = preprocess.restore_boxes(decoded[:, :4], *size)
        return np.column_stack([corners, decoded[:, 4:]])

    def answer(self, decoded, top):
        return BoxAnswer.of(decoded, self.spec, top)

    def evaluate(self, batches, about):
        found, true = zip(*batches, strict=True)
        return OneBoxResults(about, np.concatenate(true), np.concatenate(found))


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Bright squares on dark images of 64 x 48 pixels, twice the input."""
    draws, lines = np.random.default_rng(0), ["image,xmin,ymin,xmax,ymax,class"]
    (tmp_path / "squares").mkdir()
    for number in range(120):
        pixels = draws.integers(0, 60, (48, 64))
        left, top, side = draws.integers(2, 40), draws.integers(2, 24), draws.integers(12, 22)
        pixels[top : top + side, left : left + side] += 180
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"squares/{number}.png")
        lines.append(f"{number}.png,{left},{top},{left + side},{top + side},square")
    (tmp_path / "squares/boxes.csv").write_text("\n".join(lines))
    return tmp_path / "squares/boxes.csv"


def test_boxes_go_all_the_way(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    register(OneBox)
    assert striate.check(squares, task="one-box", out="sheet.png", augment="strong").trainable
    options = {"network": "lenet5", "size": 32, "batch": 16, "threads": 1, "seed": 1}
    striate.train(
        squares,
        task="one-box",
        out="run",
        epochs=25,
        learning_rate=0.003,
        optimizer="adamw",
        **options,
    )
    striate.pack(squares, "shards")
    striate.train(
        "shards",
        task="one-box",
        out="again",
        epochs=25,
        learning_rate=0.003,
        optimizer="adamw",
        **options,
    )
    networks = (striate.load(run).network.parameters() for run in ("run", "again"))
    weights = zip(*networks, strict=True)
    assert all(torch.equal(one, other) for one, other in weights)
    listed = [json.loads(line) for line in Path("run/pictures.jsonl").read_text().splitlines()]
    assert listed[0]["boxes"][0]["class"] == "square"
    evaluation = striate.evaluate("run", squares, split="test")
    (score,) = evaluation.scores()
    assert score.value > 0.3
    assert evaluation.to_json()["scale"] == pytest.approx(4)  # a pixel of the input is 2 x 2
    picture = squares.parent / "7.png"
    (answer,) = striate.predict("run", [picture], overlays="drawn", out="found.csv")
    (box,) = answer.boxes
    assert 0 <= box.corners[0] < box.corners[2] <= 64
    assert np.asarray(Image.open("drawn/7.png")).shape == (48, 64, 3)
    assert "square,0.900000," in Path("found.csv").read_text()
    with pytest.raises(OptionError, match="the model answers with boxes, which is no pict"):
        striate.predict("run", [picture], masks="masks")
    with pytest.raises(OptionError) as raised:
        striate.train(squares, task="one-box", augment_params="mixup=0.5", **options)
    assert str(raised.value) == (
        "the task one-box cannot learn from blended images; leave mixup out of --augment-params"
    )
