"""MNIST-IDX and binary CIFAR: images, labels and names as written, and every damage named."""

import contextlib
import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.data.listing.listing import Listing
from striate.data.readers.scan import scan
from striate.errors import DataError

CIFAR10_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{array.ndim + 1}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def random_images(count: int, *shape: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def mnist(prefix: str, count: int, *, zipped: bool = False, mark: str = "-") -> np.ndarray:
    """Write images of 4 x 3 whose labels count up from 2."""
    images, labels = random_images(count, 4, 3), np.arange(2, count + 2, dtype=np.uint8) % 10
    for stem, array in (("images", images), ("labels", labels)):
        name = f"{prefix}-{stem}{mark}idx{array.ndim}-ubyte"
        data = idx(array)
        if zipped:
            Path(name + ".gz").write_bytes(gzip.compress(data))
        else:
            Path(name).write_bytes(data)
    return images


def cifar(name: str, labels: list[tuple[int, ...]]) -> np.ndarray:
    """Write records of label bytes and an image; returns the images (N, 32, 32, 3)."""
    planes = random_images(len(labels), 3, 32, 32, seed=len(name))
    records = [bytes(label) + plane.tobytes() for label, plane in zip(labels, planes, strict=True)]
    Path(name).write_bytes(b"".join(records))
    return planes.transpose(0, 2, 3, 1)


def rows(listing: Listing) -> list[tuple[str, int, str | None]]:
    return [(sample.path, sample.label, sample.split) for sample in listing.samples]


def refused(root: str = ".") -> str:
    with pytest.raises(DataError) as refusal:
        scan(root)
    return str(refusal.value)


@pytest.mark.parametrize(("zipped", "mark"), [(False, "-"), (True, "-"), (False, "."), (True, ".")])
def test_mnist_is_read_under_any_of_its_names(zipped: bool, mark: str, here: Path):
    train = mnist("train", 3, zipped=zipped, mark=mark)
    test = mnist("t10k", 2, zipped=zipped, mark=mark)
    Path(".DS_Store").touch()
    Path("README.md").touch()
    listing = scan(".")
    assert (listing.root, listing.layout) == (here.resolve(), "MNIST-IDX")
    assert listing.class_names == tuple("0123456789")
    ending = f"images{mark}idx3-ubyte" + (".gz" if zipped else "")
    assert rows(listing) == [
        (f"train-{ending}#0", 2, "train"),
        (f"train-{ending}#1", 3, "train"),
        (f"train-{ending}#2", 4, "train"),
        (f"t10k-{ending}#0", 2, "test"),
        (f"t10k-{ending}#1", 3, "test"),
    ]
    assert listing.arrays is not None
    assert listing.arrays.dtype == np.uint8
    assert np.array_equal(listing.arrays, np.concatenate([train, test])[..., None])
    assert [(finding.kind, finding.path) for finding in listing.findings] == [
        ("hidden", ".DS_Store")
    ]


def test_cifar_10_is_read_with_its_names():
    second = cifar("data_batch_2.bin", [(9,), (3,)])
    first = cifar("data_batch_1.bin", [(7,)])
    test = cifar("test_batch.bin", [(1,)])
    listing = scan(".")
    assert (listing.layout, listing.class_names) == ("CIFAR-10", CIFAR10_NAMES)
    assert rows(listing) == [
        ("data_batch_1.bin#0", 7, "train"),
        ("data_batch_2.bin#0", 9, "train"),
        ("data_batch_2.bin#1", 3, "train"),
        ("test_batch.bin#0", 1, "test"),
    ]
    assert np.array_equal(listing.arrays, np.concatenate([first, second, test]))


def test_the_names_of_cifar_10_are_those_of_its_file():
    cifar("data_batch_1.bin", [(7,)])
    Path("batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert scan(".").class_names == tuple("abcdefghij")


def test_cifar_100_is_read_with_its_fine_labels():
    train = cifar("train.bin", [(19, 99), (3, 42)])
    test = cifar("test.bin", [(7, 5)])
    Path("fine_label_names.txt").write_text("\n".join(f"kind {n}" for n in range(100)))
    listing = scan(".")
    assert (listing.layout, listing.class_names[42]) == ("CIFAR-100", "kind 42")
    assert rows(listing) == [
        ("train.bin#0", 99, "train"),
        ("train.bin#1", 42, "train"),
        ("test.bin#0", 5, "test"),
    ]
    assert np.array_equal(listing.arrays, np.concatenate([train, test]))


OTHER = "the file is damaged or of another data set"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def write(name: str, content: bytes) -> None:
    Path(name).unlink(missing_ok=True)
    Path(name).write_bytes(content)


def shortened(name: str, kept: int) -> None:
    write(name, Path(name).read_bytes()[:kept])


def zipped(content: bytes, kept: int | None = None, checksum: bytes = b"") -> None:
    """Replace the images of MNIST by a gzip file, cut or with other last bytes."""
    Path(IMAGES).unlink()
    zipped = gzip.compress(content)
    write(IMAGES + ".gz", (zipped[: -len(checksum)] + checksum if checksum else zipped)[:kept])


DAMAGE: dict[str, tuple[Callable[[], object], str]] = {
    "no labels": (
        lambda: Path(LABELS).unlink(),
        f"{LABELS}: no such file; it holds the labels of {IMAGES}",
    ),
    "header cut": (
        lambda: shortened(IMAGES, 9),
        f"{IMAGES}: ends after 9 bytes; download it again",
    ),
    "other magic number": (
        lambda: write(IMAGES, struct.pack(">4I", 2049, 3, 4, 3) + bytes(36)),
        f"{IMAGES}: starts with the number 2,049, expected 2,051, the mark of its kind",
    ),
    "web page": (
        lambda: write(IMAGES, b"<html>404 not found</html>"),
        f"{IMAGES}: starts with the number 1,013,478,509, expected 2,051, the mark of its kind",
    ),
    "no images": (
        lambda: write(IMAGES, struct.pack(">4I", 2051, 0, 4, 3)),
        f"{IMAGES}: its header says 0 x 4 x 3, which is nothing",
    ),
    "cut": (
        lambda: shortened(IMAGES, 16 + 25),
        f"{IMAGES}: its header says 3 x 4 x 3, 36 bytes, but 25 follow; download it again",
    ),
    "too long": (
        lambda: write(IMAGES, Path(IMAGES).read_bytes() + b"x"),
        f"{IMAGES}: its header says 3 x 4 x 3, 36 bytes, but more follow; download it again",
    ),
    "header that lies": (
        lambda: write(IMAGES, struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 2**31) + bytes(36)),
        (
            f"{IMAGES}: its header says 4,294,967,295 x 4,294,967,295 x 2,147,483,648, "
            f"{(2**32 - 1) ** 2 * 2**31:,} bytes, but fewer follow; download it again"
        ),
    ),
    "gzip cut": (
        lambda: zipped(idx(random_images(3, 4, 3)), 30),
        f"{IMAGES}.gz: not a whole gzip file; download it again",
    ),
    "not gzip": (
        lambda: (Path(IMAGES).unlink(), write(IMAGES + ".gz", b"<html>")),
        f"{IMAGES}.gz: not a whole gzip file; download it again",
    ),
    "gzip with a wrong checksum": (
        lambda: zipped(idx(random_images(3, 4, 3)), checksum=b"wrong"),
        f"{IMAGES}.gz: not a whole gzip file; download it again",
    ),
    "gzip of more than the header says": (
        lambda: zipped(idx(random_images(3, 4, 3)) + bytes(10_000_000)),
        f"{IMAGES}.gz: its header says 3 x 4 x 3, 36 bytes, but more follow; download it again",
    ),
    "counts that differ": (
        lambda: write(LABELS, idx(np.array([1, 2], np.uint8))),
        f"{LABELS}: 2 labels, but 3 images in {IMAGES}; download both again",
    ),
    "label out of range": (
        lambda: write(LABELS, idx(np.array([1, 2, 10], np.uint8))),
        f"{LABELS}: image 2 has label 10, expected 0 to 9; {OTHER}",
    ),
    "sizes that differ": (
        lambda: (
            write("t10k-images-idx3-ubyte", idx(random_images(2, 5, 3))),
            write("t10k-labels-idx1-ubyte", idx(np.array([4, 6], np.uint8))),
        ),
        (
            f".: images are 4 x 3 x 1 in {IMAGES}, but 5 x 3 x 1 in t10k-images-idx3-ubyte; "
            "make them one size"
        ),
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_mnist_is_refused_by_file(damage: Callable[[], object], message: str):
    mnist("train", 3)
    damage()
    assert refused() == message


CIFAR_DAMAGE: dict[str, tuple[Callable[[], object], str]] = {
    "cut": (
        lambda: shortened("test_batch.bin", 6_000),
        "test_batch.bin: 6,000 bytes, expected a multiple of 3,073; download it again",
    ),
    "empty": (
        lambda: write("data_batch_1.bin", b""),
        "data_batch_1.bin: 0 bytes, expected a multiple of 3,073; download it again",
    ),
    "label out of range": (
        lambda: cifar("data_batch_1.bin", [(7,), (2,), (10,)]),
        f"data_batch_1.bin: image 2 has label 10, expected 0 to 9; {OTHER}",
    ),
    "too few names": (
        lambda: write("batches.meta.txt", b"cat\ndog\ndog\n"),
        "batches.meta.txt: 2 different class names in 3 lines, expected 10; download it again",
    ),
    "names that are no text": (
        lambda: write("batches.meta.txt", b"\xff" * 40),
        "batches.meta.txt: not UTF-8 text; download it again",
    ),
}


@pytest.mark.parametrize(("damage", "message"), CIFAR_DAMAGE.values(), ids=CIFAR_DAMAGE)
def test_damaged_cifar_is_refused_by_file(damage: Callable[[], object], message: str):
    cifar("data_batch_1.bin", [(7,), (2,)])
    cifar("test_batch.bin", [(1,), (4,)])
    damage()
    assert refused() == message


@pytest.mark.parametrize("names", ["data_batch_1 test_batch batches.meta", "train test meta"])
def test_the_pickled_edition_of_cifar_is_refused_unread(names: str, here: Path):
    for name in names.split():
        (here / name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    assert refused() == (
        ".: CIFAR as pickles, which can run any program when read; "
        "download its 'binary version' instead"
    )
    assert not (here / "ran").exists()


def test_folders_are_read_as_classes_although_a_train_bin_lies_beside_them(here: Path):
    for name in ("cat/1.jpg", "dog/2.jpg"):
        (here / name).parent.mkdir()
        (here / name).touch()
    (here / "train.bin").touch()
    assert scan(".").layout == "class folders"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 51), byte=st.integers(0, 255), kept=st.integers(0, 60))
def test_a_changed_byte_is_read_or_refused_but_never_raises_otherwise(
    at: int, byte: int, kept: int
):
    mnist("train", 3)
    content = bytearray(Path(IMAGES).read_bytes())
    content[at] = byte
    write(IMAGES, bytes(content[:kept]))
    with contextlib.suppress(DataError):
        assert len(scan(".").samples) == 3
