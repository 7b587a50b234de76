"""Folders, manifests and arrays of signals: listed, decoded, and what is odd about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from striate.data.cache.decoded import decode_images
from striate.data.check import inspect
from striate.data.listing.listing import DecodedImages
from striate.data.readers.scan import scan
from striate.data.signals.signal_input import SignalInput
from striate.errors import DataError
from tests.data.signals.beats import KINDS, LENGTH, beat, write_folders


@pytest.fixture
def beats(tmp_path: Path) -> Path:
    return write_folders(tmp_path / "beats", 6)


def decoded(data: Path, length: int = LENGTH, channels: int = 1) -> DecodedImages:
    return decode_images(scan(data), SignalInput(length, channels))


def findings(data: Path) -> list[tuple[str, str, str]]:
    return [(each.kind, each.path, each.detail) for each in inspect(data).findings]


def test_class_folders_of_csv_and_npy_are_signals(beats: Path) -> None:
    listing = scan(beats)
    assert (listing.inputs, listing.layout, listing.class_names) == (
        "signal", "class folders", KINDS,
    )  # fmt: skip
    rows = decoded(beats).pixels
    assert (rows.shape, rows.dtype) == ((18, LENGTH, 1), np.float32)
    expected = np.stack([beat(kind, seed) for kind in KINDS for seed in range(6)])
    assert np.allclose(rows[:, :, 0], expected, rtol=1e-6)


def test_a_check_counts_signals_samples_and_channels(beats: Path) -> None:
    inspection = inspect(beats)
    assert str(inspection).splitlines()[:3] == [
        f"{beats}: 18 signals in 3 classes (class folders)",
        f"{LENGTH} samples; 1 channel",
        "",
    ]
    assert inspection.trainable
    assert inspection.to_json()["inputs"] == "signal"


def test_folders_of_splits_are_told(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_folders(tmp_path / "beats" / split, 2)
    listing = scan(tmp_path / "beats")
    assert (listing.inputs, listing.class_names) == ("signal", KINDS)
    assert [sample.split for sample in listing.samples] == ["train"] * 6 + ["test"] * 6


def test_a_folder_with_an_image_is_one_of_images(beats: Path, photos: Path) -> None:
    image = next((photos / "flat").iterdir())
    (beats / "wide" / "a.png").write_bytes(image.read_bytes())
    listing = scan(beats)
    assert (listing.inputs, len(listing.samples)) == ("image", 1)


def test_what_is_odd_is_named_with_its_file(beats: Path) -> None:
    np.save(beats / "early" / "flat.npy", np.zeros(LENGTH))
    np.save(beats / "early" / "gap.npy", [1.0, np.nan, 2.0])
    np.save(beats / "normal" / "long.npy", np.arange(LENGTH + 5.0))
    np.save(beats / "normal" / "two.npy", np.random.default_rng(0).normal(0, 1, (LENGTH, 2)))
    (beats / "wide" / "none.csv").write_text("")
    (beats / "wide" / "words.csv").write_text("1\n2\nhello\n")
    assert findings(beats) == [
        ("constant", "early/flat.npy", ""),
        ("not a number", "early/gap.npy", "sample 2 of 3"),
        ("other length", "normal/long.npy", f"{LENGTH + 5} samples, not {LENGTH}"),
        ("other channels", "normal/two.npy", "2, not 1"),
        ("empty", "wide/none.csv", ""),
        ("not a signal", "wide/words.csv", "line 3 has 'hello'"),
    ]
    rows = decoded(beats)
    assert len(rows) == 18 + 2
    assert [sample.path for sample in rows.samples][-7] == "normal/long.npy"


def test_unusable_signals_leave_no_row_between_the_others(beats: Path) -> None:
    (beats / "early" / "00.csv").write_text("")
    expected = [beat("early", seed) for seed in range(1, 6)]
    expected += [beat(kind, seed) for kind in KINDS[1:] for seed in range(6)]
    assert np.allclose(decoded(beats).pixels[:, :, 0], np.stack(expected), rtol=1e-6)


def test_the_same_signal_in_two_files_is_a_copy(beats: Path) -> None:
    np.save(beats / "early" / "copy.npy", beat("early", 1))
    assert findings(beats) == [("duplicate", "early/copy.npy", "early/01.npy")]


def test_a_changed_file_is_read_anew(beats: Path) -> None:
    first = np.array(decoded(beats).pixels)
    np.save(beats / "early" / "01.npy", beat("early", 99))
    second = np.array(decoded(beats).pixels)
    changed = np.flatnonzero((first != second).any(axis=(1, 2)))
    assert changed.tolist() == [1]


def test_a_manifest_of_signals_has_targets_of_any_kind(beats: Path) -> None:
    lines = [f"{kind}/00.csv,{at + 0.5},{at}" for at, kind in enumerate(KINDS)]
    (beats / "numbers.csv").write_text("\n".join(["path,pulse,age", *lines]) + "\n")
    listing = scan(beats / "numbers.csv")
    assert (listing.inputs, listing.layout, listing.targets.spec.kind) == (
        "signal", "manifest", "numbers",
    )  # fmt: skip
    assert listing.targets.values.tolist() == [[0.5, 0.0], [1.5, 1.0], [2.5, 2.0]]


@pytest.mark.parametrize(
    ("name", "shape"), [("x", (4, 9)), ("signals", (4, 9)), ("signals", (4, 9, 2))]
)
def test_arrays_of_an_npz_file_are_signals(
    name: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    values = np.random.default_rng(1).normal(0, 1, shape)
    labels = "y" if name == "x" else "labels"
    np.savez(tmp_path / "a.npz", **{name: values, labels: [0, 1, 0, 1]})
    listing = scan(tmp_path / "a.npz")
    channels = shape[2] if len(shape) == 3 else 1
    assert (listing.inputs, listing.class_names) == ("signal", ("0", "1"))
    assert np.array_equal(
        decoded(tmp_path / "a.npz", 9, channels).pixels,
        values.reshape(4, 9, channels).astype(np.float32),
    )


def test_text_as_an_array_of_signals_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", signals=np.array([["a", "b"]]), labels=[0])
    with pytest.raises(DataError) as caught:
        scan(tmp_path / "a.npz")
    assert str(caught.value) == (
        f"{tmp_path}/a.npz: signals is <U1 of shape (1, 2, 1), expected numbers "
        "(N, length, channels)"
    )
