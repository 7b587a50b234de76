"""Folders of arrays: signals or images, their labels, splits, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from striate.data.readers import npy_folder
from striate.data.readers.scan import scan
from striate.errors import DataError

SIGNALS = np.random.default_rng(0).normal(0, 1, (6, 9)).astype(np.float32)
LABELS = np.array([0, 1, 0, 1, 0, 1])


def save(place: Path, arrays: Mapping[str, object]) -> Path:
    for name, values in arrays.items():
        file = place / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, np.asarray(values))
    return place


@pytest.mark.parametrize(
    ("signals", "labels"),
    [("x", "y"), ("X", "Y"), ("data", "labels"), ("signals", "labels"), ("X_train", "y_train"),
     ("train/x", "train/y"), ("train/data", "train/labels")],
)  # fmt: skip
def test_arrays_beside_each_other_are_signals_and_labels(
    signals: str, labels: str, tmp_path: Path
) -> None:
    listing = scan(save(tmp_path / "set", {signals: SIGNALS, labels: LABELS}))
    assert (listing.inputs, listing.layout, listing.class_names) == (
        "signal", "NPY arrays", ("0", "1"),
    )  # fmt: skip
    assert listing.arrays is not None
    assert np.array_equal(listing.arrays[:, :, 0], SIGNALS)
    split = "train" if "train" in signals else None
    assert [(each.label, each.split) for each in listing.samples] == [
        (label, split) for label in LABELS.tolist()
    ]


def test_folders_of_splits_and_names_of_classes(tmp_path: Path) -> None:
    arrays = {"train/X": SIGNALS, "train/y": LABELS, "test/X": SIGNALS[:2], "test/y": LABELS[:2],
              "class_names": ["still", "loud"]}  # fmt: skip
    listing = scan(save(tmp_path / "set", arrays))
    assert listing.class_names == ("still", "loud")
    assert [each.split for each in listing.samples] == ["train"] * 6 + ["test"] * 2
    assert [each.path for each in listing.samples][-1] == "set/x_test#1"


def test_images_in_arrays_are_images(tmp_path: Path) -> None:
    pixels = np.zeros((6, 5, 5), np.uint8)
    listing = scan(save(tmp_path, {"x": pixels, "y": LABELS}))
    assert (listing.inputs, len(listing.samples)) == ("image", 6)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x": SIGNALS, "y": LABELS[:5]}, ": x has 6 signals, but y 5 labels; they must be as "
         "many"),
        ({"x": SIGNALS}, ": has 'x', but no 'y' to go with it"),
        ({"y": LABELS}, ": has 'y', but no 'x' to go with it"),
        ({"train/x": SIGNALS, "train/y": LABELS, "test/x": SIGNALS},
         ": has 'x_test', but no 'y_test' to go with it"),
        ({"x": SIGNALS, "y": np.array([{}], object)},
         "/y.npy: not a signal: holds Python objects; save plain numbers"),
        ({"x": SIGNALS, "y": LABELS / 2}, ": y is float64, expected whole numbers or text"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(
    arrays: Mapping[str, object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        scan(save(tmp_path, arrays))
    assert str(caught.value) == f"{tmp_path}{told}"


def test_arrays_that_are_too_large_or_cannot_be_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, {"x": SIGNALS, "y": LABELS})

    def fail(file: Path) -> None:
        raise PermissionError(13, "Permission denied")

    for name, value, told in (
        ("LARGEST", 100, ": its arrays do not fit into memory; save the images as files"),
        ("read_npy", fail, "/x.npy: permission denied"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(npy_folder, name, value)
            with pytest.raises(DataError) as caught:
                scan(tmp_path)
        assert str(caught.value) == f"{tmp_path}{told}"


def test_class_folders_of_signals_are_no_arrays_of_a_set(tmp_path: Path) -> None:
    save(tmp_path, {"early/x": SIGNALS[0], "late/x": SIGNALS[1]})
    listing = scan(tmp_path)
    assert (listing.layout, listing.class_names) == ("class folders", ("early", "late"))


def test_an_array_without_labels_beside_class_folders_leaves_these_as_they_are(
    tmp_path: Path,
) -> None:
    save(tmp_path, {"x": SIGNALS, "early/a": SIGNALS[0], "late/b": SIGNALS[1]})
    listing = scan(tmp_path)
    assert (listing.layout, listing.class_names) == ("class folders", ("early", "late"))


def test_a_suffix_in_capital_letters_is_the_same_suffix(tmp_path: Path) -> None:
    save(tmp_path, {"x": SIGNALS, "y": LABELS})
    for name in "xy":
        (tmp_path / f"{name}.npy").rename(tmp_path / f"{name}.NPY")
    assert len(scan(tmp_path).samples) == 6
