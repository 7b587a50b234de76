"""NPZ files: which arrays are read, which are refused, and that nothing in them is unpickled."""

import contextlib
import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from striate.data.listing.listing import Listing
from striate.data.readers import npz
from striate.data.readers.scan import scan
from striate.errors import DataError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def images(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def saved(**arrays: Any) -> Listing:
    np.savez_compressed("a.npz", **arrays)
    return scan("a.npz")


def refused(**arrays: Any) -> str:
    with pytest.raises(DataError) as refusal:
        saved(**arrays)
    return str(refusal.value)


def rows(listing: Listing) -> list[tuple[str, str, str | None]]:
    names = listing.class_names
    return [(sample.path, names[sample.label], sample.split) for sample in listing.samples]


X, Y = images(4, 5, 3), np.array([7, 3, 7, 12])


@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("images", "labels"), ("X", "Y")])
def test_two_arrays_are_images_and_labels(x: str, y: str, here: Path):
    listing = saved(**{x: X, y: Y})
    assert (listing.root, listing.layout) == (here.resolve(), "NPZ")
    assert listing.class_names == ("3", "7", "12")
    expected = ["7", "3", "7", "12"]
    x = x.lower()
    assert rows(listing) == [(f"a.npz/{x}#{row}", name, None) for row, name in enumerate(expected)]
    assert np.array_equal(listing.arrays, X[..., None])


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("X_train", "Y_train", "X_valid", "Y_valid", "X_test", "Y_test"),
        ("train_x", "train_y", "dev_x", "dev_y", "eval_x", "eval_y"),
        ("images_train", "labels_train", "images_val", "labels_val", "images_test", "labels_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
    ],
)
def test_pairs_of_arrays_are_splits(names: tuple[str, ...]):
    train, validation, test = images(3, 4, 4, 3), images(1, 4, 4, 3), images(2, 4, 4, 3)
    arrays = [train, np.array([[3], [1], [3]]), validation, np.array([1]), test, np.array([3, 1])]
    listing = saved(**dict(zip(names, arrays, strict=True)))
    assert listing.class_names == ("1", "3")
    expected = [("3", "train"), ("1", "train"), ("3", "train"), ("1", "validation")]
    assert [(name, split) for _, name, split in rows(listing)] == [
        *expected,
        ("3", "test"),
        ("1", "test"),
    ]
    assert np.array_equal(listing.arrays, np.concatenate([train, validation, test]))


@pytest.mark.parametrize("dtype", ["int8", "uint16", ">i4", "uint64"])
def test_labels_may_be_whole_numbers_of_any_kind(dtype: str):
    listing = saved(x=X, y=Y.astype(dtype))
    assert [name for _, name, _ in rows(listing)] == ["7", "3", "7", "12"]


def test_labels_may_be_text():
    listing = saved(x=X, y=np.array(["owl", "cat", "owl", "ünk"]))
    assert listing.class_names == ("cat", "owl", "ünk")
    assert [name for _, name, _ in rows(listing)] == ["owl", "cat", "owl", "ünk"]


def test_class_names_stand_in_their_own_order():
    names = np.array(["owl", "cat", "dog"])
    assert saved(x=X, y=np.array([2, 0, 2, 0]), class_names=names).class_names == tuple(names)
    listing = saved(x=X, y=np.array(["dog", "cat", "cat", "dog"]), class_names=names)
    assert listing.class_names == tuple(names)
    assert [sample.label for sample in listing.samples] == [2, 1, 1, 2]


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8"])
def test_floats_from_0_to_1_are_scaled_to_the_nearest(dtype: str):
    listing = saved(x=(X / 255).astype(dtype), y=Y)
    assert listing.arrays is not None
    assert listing.arrays.dtype == np.uint8
    assert np.array_equal(listing.arrays, X[..., None])


def test_floats_are_rounded_not_cut():
    x = np.array([[[0.4, 0.6, 253.5]]]) / 255
    listing = saved(x=x, y=np.array([7]))
    assert listing.arrays is not None
    assert listing.arrays.ravel().tolist() == [0, 1, 254]


def test_arrays_in_column_order_are_read_right():
    listing = saved(x=np.asfortranarray(X), y=Y)
    assert np.array_equal(listing.arrays, X[..., None])


def test_arrays_of_other_names_are_not_read():
    objects = np.array([{}], dtype=object)
    assert len(saved(x=X, y=Y, ids=np.arange(9), notes=objects).samples) == 4


def arrays(**changes: Any) -> dict[str, Any]:
    return {"x": X, "y": Y, **changes}


PAIR = "expected arrays 'x' and 'y', or 'x_train' and 'y_train'"
SHAPES = "expected (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no arrays": ({}, f"{PAIR}, found none"),
    "other arrays": ({"left": X, "right": Y}, f"{PAIR}, found 'left', 'right'"),
    "misspelled array": (
        arrays(x_tset=X, y_tset=Y),
        "no array is called 'x_tset'; did you mean 'x_test'?",
    ),
    "no labels": ({"x_train": X}, "has 'x_train', but no 'y_train' to go with it"),
    "no images": ({"labels": Y}, "has 'labels', but no 'images' to go with it"),
    "splits and all": (
        arrays(x_train=X, y_train=Y),
        "'x' and 'x_train' hold the same images or splits; keep one pair of arrays a split",
    ),
    "two validation splits": (
        {f"{a}_{p}": v for a, v in (("x", X), ("y", Y)) for p in ("val", "valid")},
        "'x_val' and 'x_valid' hold the same images or splits; keep one pair of arrays a split",
    ),
    "objects": (
        arrays(x=np.array([object] * 4, dtype=object)),
        (
            "x holds Python objects, a pickle that can run any program when read; "
            "save plain numbers or text"
        ),
    ),
    "numbers that are no pixels": (
        arrays(x=X.astype(np.int32)),
        "x is int32, expected uint8 (0 to 255) or float (0 to 1)",
    ),
    "floats up to 255": (
        arrays(x=X.astype(np.float32)),
        f"x is float32 with values from {X.min()} to {X.max()}, expected 0 to 1",
    ),
    "not a number": (
        arrays(x=np.full((4, 5, 3), np.nan)),
        "x is float64 with values from nan to nan, expected 0 to 1",
    ),
    "rows of pixels": (arrays(x=X.reshape(4, 15)), f"x has shape (4, 15), {SHAPES}"),
    "channels first": (
        arrays(x=images(4, 3, 8, 9)),
        f"x has shape (4, 3, 8, 9), {SHAPES}; move the channels to the end",
    ),
    "four channels": (arrays(x=images(4, 8, 9, 4)), f"x has shape (4, 8, 9, 4), {SHAPES}"),
    "empty": (
        arrays(x=X[:0], y=Y[:0]),
        "x has shape (0, 5, 3, 1): it holds no images",
    ),
    "other counts": (
        arrays(y=Y[:3]),
        "x has 4 images, but y 3 labels; they must be as many",
    ),
    "one-hot labels": (
        arrays(y=np.eye(4, 6)),
        "y has shape (4, 6), expected one label an image; turn one-hot rows into numbers",
    ),
    "one label": (arrays(y=np.array(3)), "y has shape (), expected one label an image"),
    "float labels": (arrays(y=Y / 2), "y is float64, expected whole numbers or text"),
    "labels in bytes": (
        arrays(y=np.array([b"cat"] * 4)),
        "y is |S3, expected whole numbers or text",
    ),
    "negative labels": (arrays(y=-Y), "y holds the label -12, expected 0 or more"),
    "numbers and text": (
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": np.array(["cat"] * 4)},
        "y_test and y_train mix numbers and text; use one of the two",
    ),
    "label beyond the names": (
        arrays(class_names=np.array([f"kind {n}" for n in range(12)])),
        "image 3 has label 12, expected 0 to 11; the file is damaged or of another data set",
    ),
    "text beyond the names": (
        arrays(y=np.array(["owl", "cat", "emu", "cat"]), class_names=np.array(["cat", "owl"])),
        "the label 'emu' is not in class_names",
    ),
    "names that are no text": (
        arrays(class_names=np.arange(13)),
        "class_names is int64 of shape (13,), expected a list of texts",
    ),
    "name given twice": (
        arrays(class_names=np.array(["cat", "owl", "cat"])),
        "class_names holds 'cat' 2 times; give every class a name of its own",
    ),
    "empty name": (
        arrays(class_names=np.array(["cat", ""])),
        "class_names holds an empty name; give every class a name of its own",
    ),
    "sizes that differ": (
        {"x_train": X, "y_train": Y, "x_test": images(4, 5, 2), "y_test": Y},
        (
            "images are 5 x 3 x 1 in a.npz/x_train, but 5 x 2 x 1 in a.npz/x_test; "
            "make them one size"
        ),
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused_by_its_array(content: dict[str, Any], message: str):
    start = "a.npz/y: " if message.startswith("image 3") else "a.npz: "
    assert refused(**content) == start + message


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def refusal(content: bytes) -> str:
    Path("a.npz").write_bytes(content)
    with pytest.raises(DataError) as raised:
        scan("a.npz")
    return str(raised.value)


def header(*shape: int) -> bytes:
    buffer = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


LABELS = ("y.npy", npy(Y))
BROKEN = {
    "empty": (b"", "not a whole .npz file: file is not a zip file"),
    "cut": (zipped(LABELS)[:-30], "not a whole .npz file: file is not a zip file"),
    "no array": (
        zipped(("x.npy", b"cat"), LABELS),
        "x is no NumPy array: EOF: reading magic string, expected 8 bytes got 3",
    ),
    "a pickle named like an array": (
        zipped(("x.npy", pickle.dumps([1, 2])), LABELS),
        (
            "x is no NumPy array: the magic string is not correct; "
            "expected b'\\x93NUMPY', got b'\\x80\\x04\\x95\\t\\x00\\x00'"
        ),
    ),
    "array that is cut": (
        zipped(("x.npy", npy(X)[:-7]), LABELS),
        "x says it is uint8 of shape (4, 5, 3), 60 bytes, but 53 follow",
    ),
    "array with more behind it": (
        zipped(("x.npy", npy(X) + bytes(7)), LABELS),
        "x says it is uint8 of shape (4, 5, 3), 60 bytes, but 67 follow",
    ),
    "header that lies": (
        zipped(("x.npy", npy(X).replace(b"(4, 5, 3), ", b"(4, 5, 3e9)")), LABELS),
        "x is no NumPy array: shape is not valid: (4, 5, 3000000000.0)",
    ),
    "huge shape": (
        zipped(("x.npy", header(4, 5, 30_000) + bytes(60)), LABELS),
        "x says it is uint8 of shape (4, 5, 30000), 600,000 bytes, but 60 follow",
    ),
    "twice": (
        zipped(("x.npy", npy(X)), ("X.npy", npy(X)), LABELS),
        "holds the array 'x' twice; keep one of them",
    ),
    "too many": (
        zipped(*((f"{n}.npy", b"") for n in range(1001))),
        "1,001 arrays; at most 1,000 are read",
    ),
    "negative shape": (
        zipped(("x.npy", header(-4, -5, 3) + bytes(60)), LABELS),
        "x says it is uint8 of shape (-4, -5, 3), 60 bytes, but 60 follow",
    ),
}


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_array_format_is_read(version: tuple[int, int]):
    buffer = io.BytesIO()
    npy_format.write_array(buffer, X, version)
    Path("a.npz").write_bytes(zipped(("x.npy", buffer.getvalue()), LABELS))
    assert np.array_equal(scan("a.npz").arrays, X[..., None])


def test_an_array_of_an_unknown_version_is_refused():
    unknown = bytearray(npy(X))
    unknown[6] = 9
    said = refusal(zipped(("x.npy", bytes(unknown)), LABELS))
    assert said.startswith("a.npz: x is no NumPy array: ")


def test_a_changed_byte_of_the_pixels_is_seen_in_the_checksum():
    content = zipped(("x.npy", npy(X)), LABELS)
    at = content.index(X.tobytes()) + 30
    changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    assert refusal(changed) == "a.npz: not a whole .npz file: bad crc-32 for file 'x.npy'"


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_is_refused(content: bytes, message: str):
    assert refusal(content) == f"a.npz: {message}"


def test_more_than_fits_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(npz, "LARGEST", 3 * 2**20)
    content = zipped(("x.npy", bytes(5 * 2**20)), LABELS, method=zipfile.ZIP_DEFLATED)
    assert refusal(content) == "a.npz: unpacks to 5 MiB; at most 3 MiB are read"


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(npz, "_SUSPECT", 3 * 2**20)
    content = zipped(("x.npy", bytes(5 * 2**20)), LABELS, method=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sizes = [(info.file_size, info.compress_size) for info in archive.infolist()]
    times = sum(size for size, _ in sizes) // sum(size for _, size in sizes)
    assert times > 900
    message = f"a.npz: unpacks to {times:,} times its size, 5 MiB, as no images do"
    assert refusal(content) == message


class Canary:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_nothing_is_unpickled(here: Path):
    objects = np.array([Canary()] * 4, dtype=object)
    seen: list[str] = []
    sys.addaudithook(lambda event, _: seen.append(event) if event == "pickle.find_class" else None)
    refused(x=objects, y=Y)
    refused(x=X, y=objects)
    refused(x=X, y=Y, class_names=objects)
    assert seen == []
    assert not (here / "ran").exists()


GOOD = zipped(("x.npy", npy(X)), LABELS, method=zipfile.ZIP_DEFLATED)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=5
    )
)
def test_a_changed_byte_is_read_or_refused_but_never_raises_otherwise(changes):
    content = bytearray(GOOD)
    for at, byte in changes:
        content[at] = byte
    Path("a.npz").write_bytes(content)
    with contextlib.suppress(DataError):
        assert len(scan("a.npz").samples) == 4
