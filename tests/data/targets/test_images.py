"""Images alone: any folder of images, or those of another layout, whose targets are forgotten."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.readers.scan import scan
from striate.errors import DataError, OptionError
from striate.tasks import bind_task, register
from tests.tasks.test_seam import Brightness, Glow, GlowResults


class Shade(Brightness):
    """How dark is it? Nobody says."""

    name, kind, blank = "shade", "image", Glow()

    def _wanted(self, targets):
        return targets.new_zeros((len(targets), 1)).float()

    def evaluate(self, batches, about):
        return GlowResults(about, np.concatenate([decoded for decoded, _ in batches]))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("striate.tasks._REGISTERED", {})
    register(Shade)


def draw(place: Path, count: int = 24) -> Path:
    random = np.random.default_rng(0)
    place.mkdir(parents=True)
    for number in range(count):
        pixels = random.integers(0, 256, (16, 16)).astype("uint8")
        Image.fromarray(pixels).save(place / f"{number:02}.png")
    return place


def paths(data: Path) -> list[str]:
    return [sample.path for sample in scan(data, "image").samples]


def test_a_folder_of_loose_images_needs_no_class_folders(tmp_path: Path):
    draw(tmp_path / "loose", 3)
    draw(tmp_path / "loose" / "more" / "deep", 1)
    listing = scan(tmp_path / "loose", "image")
    assert paths(tmp_path / "loose") == ["00.png", "01.png", "02.png", "more/deep/00.png"]
    assert (listing.layout, str(listing.targets.spec)) == ("folder of images", "no targets")
    assert listing.targets.values.shape == (4, 0)


def test_class_folders_are_a_folder_of_images_too(tmp_path: Path):
    draw(tmp_path / "cat", 2)
    draw(tmp_path / "dog", 1)
    assert paths(tmp_path) == ["cat/00.png", "cat/01.png", "dog/00.png"]
    assert not scan(tmp_path, "image").samples.labels.any()


def test_folders_that_are_all_called_as_splits_are_splits(tmp_path: Path):
    draw(tmp_path / "val", 1)
    draw(tmp_path / "train" / "anything", 2)
    listing = scan(tmp_path, "image")
    assert [(s.path, s.split) for s in listing.samples] == [
        ("train/anything/00.png", "train"),
        ("train/anything/01.png", "train"),
        ("val/00.png", "validation"),
    ]


def test_a_manifest_may_hold_nothing_but_paths(tmp_path: Path):
    draw(tmp_path / "a", 2)
    (tmp_path / "list.csv").write_text("path\na/00.png\na/01.png\n")
    assert paths(tmp_path / "list.csv") == ["a/00.png", "a/01.png"]
    (tmp_path / "list.csv").write_text("path,label\na/00.png,\na/01.png,dog\n")
    assert paths(tmp_path / "list.csv") == ["a/00.png", "a/01.png"]


def test_images_beside_masks_are_taken_and_masks_are_not(tmp_path: Path):
    draw(tmp_path / "images", 2)
    draw(tmp_path / "masks", 2)
    assert paths(tmp_path) == ["images/00.png", "images/01.png"]


def test_arrays_and_shards_of_classes_lose_their_classes(tmp_path: Path):
    pixels = np.arange(4 * 64).reshape(4, 8, 8).astype("uint8")
    np.savez(tmp_path / "digits.npz", x=pixels, y=np.arange(4) % 2)
    assert len(paths(tmp_path / "digits.npz")) == 4
    draw(tmp_path / "data" / "cat", 2)
    draw(tmp_path / "data" / "dog", 2)
    striate.pack(tmp_path / "data", tmp_path / "shards")
    assert len(paths(tmp_path / "shards")) == 4


def test_what_cannot_be_trained_on_is_said(tmp_path: Path):
    one = draw(tmp_path / "one", 1)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError) as none:
        scan(tmp_path / "none", "image")
    assert str(none.value) == f"{tmp_path}/none: the folder is empty; expected images"
    assert striate.check(one, task="shade").problems == (
        "there is one image; expected at least two: one to train on, one to validate",
    )
    shutil.copy(one / "00.png", one / "copy.png")
    assert striate.check(one, task="shade").problems == (
        "all 2 images are copies of one; expected at least two",
    )
    for name in ("a", "b"):
        (one / f"{name}.png").write_bytes(name.encode())
    for name in ("00", "copy"):
        (one / f"{name}.png").unlink()
    assert striate.check(one, task="shade").problems == (
        "none of the 2 images can be used; replace them",
    )
    test = draw(tmp_path / "parts" / "test").parent
    assert striate.check(test, task="shade").problems == (
        "there are no images to train on: all 24 are in test",
    )


def test_check_counts_images_and_names_the_task(tmp_path: Path):
    draw(tmp_path / "parts" / "train", 3)
    draw(tmp_path / "parts" / "val", 1)
    found = striate.check(tmp_path / "parts", task="shade")
    assert str(found).splitlines() == [
        f"{tmp_path}/parts: 4 images, no targets (train/validation/test folders)",
        "16 x 16 pixels; gray",
        "",
        "target  train  validation",
        "images      3           1  ████████████████████████",
        "",
        "1 leaked: in an earlier split too: figures flatter; --leaked drop leaves it out",
        "    val/00.png = train/00.png",
        "",
        "It can be trained on: shade.",
    ]
    loose = striate.check(draw(tmp_path / "loose"), task="shade")
    assert str(loose).splitlines()[0].endswith("loose: 24 images, no targets (folder of images)")


def test_a_task_of_images_alone_goes_all_the_way_and_through_shards(tmp_path: Path):
    data = draw(tmp_path / "loose")
    options = {"task": "shade", "network": "lenet5", "batch": 8, "threads": 1, "augment": "none"}
    run = striate.train(data, out=tmp_path / "run", epochs=2, learning_rate=0.02, **options)
    model = striate.load(run.folder)
    assert (model.task.name, model.class_names) == ("shade", ())
    assert striate.evaluate(model, data).scores()[0].value < 128
    summary = striate.pack(data, tmp_path / "shards", task="shade")
    assert str(summary).startswith(f"{tmp_path}/shards: 24 images in 1 shard")
    packed = striate.train(
        tmp_path / "shards", out=tmp_path / "again", epochs=2, learning_rate=0.02, **options
    )
    weights = [epoch.weights for epoch in run.epochs()]
    assert [epoch.weights for epoch in packed.epochs()] == weights
    with pytest.raises(OptionError) as other:
        bind_task("regression", scan(tmp_path / "shards").targets.spec)
    assert str(other.value) == (
        "the task regression needs numbers for every image, but the data give only a picture "
        "(no targets); leave out --task, or give images that have numbers"
    )
