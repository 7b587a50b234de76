"""Equal images in different given splits are found, told with their number, and left out."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.data.check import Inspection, inspect
from striate.data.listing.columns import Records, Samples
from striate.data.listing.duplicates import find_duplicates
from striate.data.listing.samples import Finding, Record, Sample
from striate.errors import DataError
from striate.training.events import Finished, Note, Started

CLASSES = "cat", "dog"
#: of each class, by numbers of images: one of validation and two of test stand in an earlier split
SPLITS = {"train": (0, 1, 2, 3), "val": (3, 4), "test": (2, 4, 5)}
LEAKED = {"val": (3,), "test": (2, 4)}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(label: int, number: int, side: int = 16) -> np.ndarray:
    dark = np.random.default_rng((label, number)).integers(0, 60, (side, side, 3))
    dark[..., label] += 150
    return dark.astype(np.uint8)


def folder(splits: dict[str, tuple[int, ...]] = SPLITS, root: str = "set") -> str:
    for split, numbers in splits.items():
        for label, name in enumerate(CLASSES):
            place = Path(root, split, name)
            place.mkdir(parents=True, exist_ok=True)
            for number in numbers:
                Image.fromarray(pixels(label, number)).save(place / f"{split}{number}.png")
    return root


def manifest() -> str:
    files = sorted(Path(folder()).rglob("*.png"), reverse=True)  # train comes last
    rows = [f"{file},{file.parts[2]},{file.parts[1]}" for file in files]
    Path("set.csv").write_text("\n".join(["path,label,split", *rows]))
    return "set.csv"


def shards() -> str:
    striate.pack(folder(), "shards")
    return "shards"


def rows(split: str, side: int = 16) -> tuple[np.ndarray, np.ndarray]:
    both = [(pixels(label, n, side), label) for label in range(2) for n in SPLITS[split]]
    return np.array([x for x, _ in both]), np.array([y for _, y in both])


def npz() -> str:
    arrays = {split: rows(split) for split in SPLITS}
    named = {f"x_{split}": x for split, (x, _) in arrays.items()}
    np.savez("set.npz", **named, **{f"y_{split}": y for split, (_, y) in arrays.items()})
    return "set.npz"


def cifar() -> str:
    Path("set").mkdir()
    for split, file in (("train", "data_batch_1.bin"), ("test", "test_batch.bin")):
        x, y = rows(split, 32)
        records = [bytes([label]) + image.tobytes() for image, label in zip(x, y, strict=True)]
        Path("set", file).write_bytes(b"".join(records))
    return "set"


def mnist() -> str:
    Path("set").mkdir()
    for split, stem in (("train", "train"), ("test", "t10k")):
        x, y = rows(split)
        gray = x[..., 0]
        head = struct.pack(">4I", 0x803, *gray.shape)
        Path("set", f"{stem}-images-idx3-ubyte").write_bytes(head + gray.tobytes())
        labels = struct.pack(">2I", 0x801, len(y)) + y.astype(np.uint8).tobytes()
        Path("set", f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    return "set"


def given(inspection: Inspection) -> dict[str, int]:
    return {split: sum(counts.values()) for split, counts in inspection.splits.items()}


@pytest.mark.parametrize(
    ("layout", "count"),
    [(folder, 6), (manifest, 6), (shards, 6), (npz, 6), (cifar, 2), (mnist, 2)],
)
def test_images_of_an_earlier_split_are_found_and_can_be_dropped(
    layout: Callable[[], str], count: int
):
    root = layout()
    whole, left = inspect(root), inspect(root, "drop")
    for found in (whole, left):
        kinds = [finding.kind for finding in found.findings]
        assert kinds.count("leaked") == count
        assert not {"duplicate", "conflict"} & set(kinds)
    assert whole.images - left.images == count
    assert given(left)["train"] == given(whole)["train"] == 8
    assert given(left)["test"] == (2 if count == 6 else 4)


def test_an_equal_image_is_named_by_its_first_copy_in_the_earliest_split():
    found = inspect(folder()).findings
    assert [(f.path, f.detail) for f in found if "cat" in f.path] == [
        ("test/cat/test2.png", "train/cat/train2.png"),
        ("val/cat/val3.png", "train/cat/train3.png"),
        ("test/cat/test4.png", "val/cat/val4.png"),
    ]


def test_copies_in_one_split_are_duplicates_and_a_label_that_differs_is_told_as_well():
    images = [
        Sample("0", 0, "test"), Sample("1", 0, "train"), Sample("2", 0, "train"),
        Sample("3", 1, "test"), Sample("4", 0, "test"),
    ]  # fmt: skip
    records = [Record("ab" * 32, 9, 7, 1)] * 5
    named = Samples.of(images)
    found = find_duplicates(named, Records.of(records), named.labels)
    assert found == [
        Finding("leaked", "0", "1"),
        Finding("duplicate", "2", "1"),
        Finding("leaked", "3", "1"),
        Finding("leaked", "4", "1"),
        *(Finding("conflict", str(n), "0" if n == 3 else "3") for n in range(5)),
    ]


def test_where_no_split_is_given_nothing_is_leaked():
    folder()
    shutil.move("set/val/cat", "set/cat")
    shutil.copytree("set/cat", "set/cat/again")
    shutil.move("set/val/dog", "set/dog")
    for split in SPLITS:
        shutil.rmtree(Path("set", split))
    assert {finding.kind for finding in inspect("set").findings} == {"duplicate"}


def test_what_is_not_placed_counts_as_the_split_it_is_split_off():
    images = [Sample("0", 0), Sample("1", 0, "train"), Sample("2", 0, "test")]
    named = Samples.of(images)
    records = Records.of([Record("ab" * 32, 9, 7, 1)] * 3)
    found = find_duplicates(named, records, named.labels)
    assert found == [Finding("duplicate", "1", "0"), Finding("leaked", "2", "0")]


def test_check_tells_leakage_and_leaves_it_out_when_asked(capsys: pytest.CaptureFixture[str]):
    folder()
    assert main(["check", "set"]) == 0
    text = capsys.readouterr().out
    told = "6 leaked: in an earlier split too: figures flatter; --leaked drop leaves it out\n"
    assert told + "    test/cat/test2.png = train/cat/train2.png\n" in text
    assert text.startswith("set: 18 images")
    assert main(["check", "set", "--leaked", "drop"]) == 0
    assert capsys.readouterr().out.startswith("set: 12 images")
    assert not Path("augmented.png").exists()
    assert main(["check", "set", "--leaked", "never"]) == 2


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": (0, 1, 2), "test": (1, 2)}, "all 4 images of test are in an earlier split too"),
        ({"train": (0, 1), "val": (1,)}, "all 2 images of validation are in an earlier split too"),
    ],
)
def test_a_split_of_which_nothing_is_left_is_refused(splits: dict, message: str):
    folder(splits)
    (problem,) = inspect("set", "drop").problems
    assert problem == f"{message}; replace them"
    with pytest.raises(DataError) as refusal:
        striate.train("set", leaked="drop", progress=False)
    assert str(refusal.value) == f"set: {problem}"


def trained(leaked: str) -> tuple[list[str], dict, str]:
    """The notes before the first figure, evaluation.json and the report of a short training."""
    small = {"network": "resnet20", "size": 16, "threads": 1, "autotune": "no", "epochs": 1}
    events = list(striate.stream("set", leaked=leaked, out=f"run-{leaked}", **small))
    first = next(at for at, event in enumerate(events) if isinstance(event, Started))
    notes = [event.text for event in events[:first] if isinstance(event, Note)]
    assert isinstance(events[-1], Finished)
    home = Path(f"run-{leaked}")
    page = (home / "report.html").read_text("utf-8")
    return notes, json.loads((home / "evaluation.json").read_text()), page


def test_a_training_tells_leakage_before_and_beside_its_figures(
    capsys: pytest.CaptureFixture[str],
):
    folder()
    notes, evaluation, page = trained("keep")
    assert notes == [
        "leakage: 6 images are in an earlier split too: figures on them will be too good; "
        "--leaked drop leaves them out"
    ]
    assert (evaluation["images"], evaluation["leaked"]) == (6, 4)
    sentence = "Leakage: 4 of these 6 images are in train or validation too"
    assert sentence in page
    events = Path("run-keep/events.jsonl").read_text()
    assert events.index("leakage") < events.index('"Started"')
    assert main(["evaluate", "run-keep", "set", "--split", "validation"]) == 0
    text = capsys.readouterr().out
    told = "Leakage: 2 of these 4 images are in train too, so"
    assert text.index(told) < text.index("accuracy")
    again = striate.evaluate("run-keep", "set", leaked="drop")
    assert (len(again), again.about.leaked) == (2, 0)


def test_a_training_that_drops_what_is_leaked_judges_what_is_left():
    folder()
    notes, evaluation, page = trained("drop")
    assert notes == ["leakage: 6 images are in an earlier split too: left out"]
    assert (evaluation["images"], evaluation["leaked"]) == (2, 0)
    assert "Leakage:" not in page
    lines = map(json.loads, Path("run-drop/pictures.jsonl").read_text().splitlines())
    assert [line["split"] for line in lines].count(None) == 6
    assert json.loads(Path("run-drop/options.json").read_text())["leaked"] == "drop"
    assert striate.train(resume="run-drop", progress=False).finished
