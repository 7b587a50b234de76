"""A sealed file is read back whole or refused with its reason; nothing in it is ever run."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import random
import socket
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import tensorfile
from striate.errors import ModelError, StorageError

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(7)}
DESCRIPTION = {"format": 1, "names": ["Zürich", "猫", "a\nb", "caf\udce9"], "share": 0.1}
ZEROS = "0" * 64


def forged(header: dict[str, Any] | str, data: bytes = b"", *, text: str = "{}") -> bytes:
    """A file with any header and description, whose digest is right."""
    marks = {"striate": text, "sha256": ZEROS}
    if isinstance(header, dict):
        header = json.dumps({"__metadata__": marks, **header}, separators=(",", ":"))
    raw = header.encode("utf-8", "surrogatepass")
    raw += b" " * (-len(raw) % 8)
    blob = len(raw).to_bytes(8, "little") + raw + data
    digest = hashlib.sha256(blob).hexdigest()
    return blob.replace(f'"sha256":"{ZEROS}"'.encode(), f'"sha256":"{digest}"'.encode(), 1)


def refusal(path: Path, content: bytes) -> str:
    """Why a file of that content is refused, without the path and the advice around it."""
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        tensorfile.read(path)
    message = str(caught.value)
    before, after = f"{path}: not a striate model: ", "; give a model.safetensors of a run"
    assert message.startswith(before)
    assert message.endswith(after)
    assert message.isprintable()
    return message.removeprefix(before).removesuffix(after)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return tensorfile.seal(TENSORS, DESCRIPTION)


KINDS = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8]


def test_what_was_written_is_read(path: Path) -> None:
    wide = torch.rand(2, 4, 3, 5).to(memory_format=torch.channels_last)
    tensors = {str(kind): torch.arange(5).to(kind) for kind in KINDS}
    tensors |= {
        "wide": wide,
        "view": wide[:, 1],
        "none": torch.empty(0, 3),
        "one": torch.tensor(4.5),
    }
    tensorfile.write(path, tensors, DESCRIPTION)
    description, read = tensorfile.read(path)
    assert description == DESCRIPTION
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].equal(tensor)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_weights_that_learn_are_written_without_their_gradient(path: Path) -> None:
    tensorfile.write(path, {"weight": torch.nn.Parameter(torch.ones(3))}, {})
    assert not tensorfile.read(path)[1]["weight"].requires_grad


def test_other_programs_of_safetensors_read_it(path: Path) -> None:
    tensorfile.write(path, TENSORS, DESCRIPTION)
    assert safetensors.torch.load_file(path)["weight"].equal(TENSORS["weight"])


def test_a_header_of_any_length_is_read(path: Path) -> None:
    """A header of 1,152 bytes begins as a pickle does: with 80 04."""
    lengths: set[int] = set()
    for extra in range(1, 2200, 7):
        path.write_bytes(tensorfile.seal(TENSORS, {"note": "x" * extra}))
        assert tensorfile.read(path)[0] == {"note": "x" * extra}
        lengths.add(int.from_bytes(path.read_bytes()[:8], "little"))
    assert {640, 896, 1152, 1408} <= lengths


@pytest.mark.parametrize("note", [ZEROS, f'"sha256":"{ZEROS}"', "0" * 200, f'\\"sha256":"{ZEROS}'])
def test_a_description_may_hold_what_looks_like_the_digest(path: Path, note: str) -> None:
    for _ in range(8):  # the order of the two marks in the header is drawn anew
        path.write_bytes(tensorfile.seal({}, {"note": note}))
        assert tensorfile.read(path)[0] == {"note": note}


def test_a_number_that_is_none_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        tensorfile.seal({}, {"loss": float("nan")})


def test_any_flipped_bit_is_refused(path: Path, sealed: bytes) -> None:
    where = random.Random(11).sample(range(8 * len(sealed)), 400)
    for bit in where:
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refusal(path, bytes(flipped))


def test_any_truncation_is_refused(path: Path, sealed: bytes) -> None:
    lengths = {len(sealed) * k // 64 for k in range(64)} | {len(sealed) - k for k in range(1, 17)}
    for length in lengths:
        assert refusal(path, sealed[:length])
    assert refusal(path, sealed + b"\0") == (
        "damaged: its bytes do not match the SHA-256 recorded in it"
    )


def test_a_changed_weight_is_damage(path: Path, sealed: bytes) -> None:
    assert refusal(path, sealed[:-1] + b"\x01") == (
        "damaged: its bytes do not match the SHA-256 recorded in it"
    )


def test_a_file_that_another_wrote_is_told_apart(path: Path) -> None:
    reason = "safetensors, but not written by striate: it has no description"
    foreign = [
        safetensors.torch.save(TENSORS),
        safetensors.torch.save(TENSORS, {"format": "pt"}),
        forged('{"__metadata__":{"sha256":"' + ZEROS + '"}}'),
        forged('{"__metadata__":{"striate":"{}","sha256":"abc"}}'),
        forged('{"__metadata__":{"striate":"{}","sha256":5}}'),
        forged('{"__metadata__":{"striate":{},"sha256":"' + ZEROS + '"}}'),
        forged('{"__metadata__":{"striate":"{}","sha256":"' + "\\ud800" * 64 + '"}}'),
    ]
    for content in foreign:
        assert refusal(path, content) == reason


class Canary:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


_found: list[str] = []
_listening = False


def _hear(event: str, details: tuple[Any, ...]) -> None:
    if _listening and event == "pickle.find_class":
        _found.append(".".join(map(str, details)))


@pytest.fixture(scope="module")
def _audited() -> None:
    sys.addaudithook(_hear)  # stays until the process ends


@pytest.fixture
def canary(_audited: None, tmp_path: Path) -> Iterator[Canary]:
    """Fails the test when the canary was unpickled, or anything else."""
    global _listening  # a hook of the interpreter has no other place
    place = tmp_path / "hatched"
    pickle.loads(pickle.dumps(Canary(place)))
    assert place.is_dir()
    place.rmdir()
    _found.clear()
    _listening = True
    yield Canary(place)
    _listening = False
    assert not place.exists()
    assert _found == []


@pytest.mark.usefixtures("_audited")
def test_the_ear_hears_a_pickle(tmp_path: Path) -> None:
    global _listening
    _listening = True
    pickle.loads(pickle.dumps(Canary(tmp_path / "hatched")))
    _listening = False
    assert _found.pop() == "posix.mkdir"


ZIP = "a zip archive, as torch.save writes: it may hold a pickle, which can run code"
PICKLE = "a pickle, which can run code when it is read"


def torch_file(what: object, *, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save(what, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def array_file(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def tar_of(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        entry = tarfile.TarInfo("pickle")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def zip_of(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", content)
    return file.getvalue()


def clothes(canary: Canary) -> dict[str, tuple[bytes, str]]:
    """What a pickle may come in, and why it is refused."""
    objects = np.array([canary, None], dtype=object)
    bare = {
        protocol: pickle.dumps({"model": canary}, protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    }
    plain = "{:,} bytes that are not a safetensors file".format
    return {
        "model.pt": (torch_file({"model": canary}, zipped=True), ZIP),
        "weights.pth": (torch_file({"weight": torch.ones(3)}, zipped=True), ZIP),
        "legacy.ckpt": (torch_file({"model": canary}, zipped=False), PICKLE),
        "objects.npy": (array_file(objects), "a NumPy array"),
        "objects.npz": (zip_of(array_file(objects)), ZIP),
        "pickle.zip": (zip_of(bare[4]), ZIP),
        "pickle.gz": (gzip.compress(bare[4]), "a gzip archive"),
        "pickle.tar": (tar_of(bare[2]), plain(10_240)),
        "old.pkl": (bare[0], plain(len(bare[0]))),
        "old.joblib": (bare[1], plain(len(bare[1]))),
        **{f"{k}.safetensors": (bare[k], PICKLE) for k in range(2, pickle.HIGHEST_PROTOCOL + 1)},
    }


def test_a_pickle_in_any_clothing_is_refused_and_never_opened(
    canary: Canary, tmp_path: Path
) -> None:
    for name, (content, reason) in clothes(canary).items():
        assert refusal(tmp_path / name, content) == reason, name
        refusal(tmp_path / "model.safetensors", content)


def test_a_pickle_inside_a_sealed_file_stays_bytes(canary: Canary, path: Path) -> None:
    content = pickle.dumps(canary)
    tensor = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    tensorfile.write(path, {"weight": tensor}, {"note": content.decode("latin-1")})
    description, tensors = tensorfile.read(path)
    assert description == {"note": content.decode("latin-1")}
    assert tensors["weight"].equal(tensor)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes that are not a safetensors file"),
        (b"{}", "2 bytes that are not a safetensors file"),
        (b"This is a text about models.\n", "29 bytes that are not a safetensors file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "an HDF5 file, as Keras writes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "508 bytes that are not a safetensors file"),
        (array_file(np.arange(5.0)), "a NumPy array"),
        (bytes(3000), "3,000 bytes that are not a safetensors file"),
        (b"\xff" * 8 + b"{}", "10 bytes that are not a safetensors file"),
        ((2**63).to_bytes(8, "little") + b"{}" * 40, "88 bytes that are not a safetensors file"),
        ((81).to_bytes(8, "little") + b"{}" * 40, "88 bytes that are not a safetensors file"),
        (
            (4_000_008).to_bytes(8, "little") + b"{}".ljust(4_000_008),
            "its header has 4,000,008 bytes, more than 4,000,000",
        ),
        (
            (8).to_bytes(8, "little") + b"{nothing",
            "its header is not JSON as safetensors has it: Expecting property name enclosed in "
            "double quotes: line 1 column 2 (char 1)",
        ),
        (
            (5).to_bytes(8, "little") + b'{"\xff"}' + b"    ",
            "its header is not JSON as safetensors has it: 'utf-8' codec can't decode byte 0xff "
            "in position 2: invalid start byte",
        ),
        (
            forged('{"a":' * 100_000 + "5" + "}" * 100_000),
            "its header is not JSON as safetensors has it: maximum recursion depth exceeded while "
            "decoding a JSON object from a unicode string",
        ),
        (
            forged('{"a":{},"b":{},"a":{}}'),
            "its header is not JSON as safetensors has it: a name stands in it twice",
        ),
        (
            forged('{"__metadata__":{"striate":"{}","striate":"[]"}}'),
            "its header is not JSON as safetensors has it: a name stands in it twice",
        ),
        (forged('{"__metadata__":[3,5]}'), "its metadata is not a table"),
        (forged({}, text="[3, 5]"), "its description is not a table"),
        (forged({}, text='{"a": 3, "a": 5}'), "damaged: a name stands in it twice"),
        (
            forged({}, text="[" * 100_000),
            "damaged: maximum recursion depth exceeded while decoding a JSON array from a unicode "
            "string",
        ),
        (forged({}, text="hello"), "damaged: Expecting value: line 1 column 1 (char 0)"),
        (
            forged({"w": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}}, bytes(4)),
            "damaged: 'F4'",
        ),
    ],
    ids=range(22),
)
def test_what_is_no_model_is_refused_with_the_reason(
    path: Path, content: bytes, reason: str
) -> None:
    assert refusal(path, content) == reason


def entry(first: int, last: int, shape: list[int] | None = None, dtype: str = "F32") -> Any:
    shape = [(last - first) // 4] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry(0, 8), "b": entry(4, 12)},
        {"a": entry(0, 4), "b": entry(8, 12)},
        {"a": entry(0, 4)},
        {"a": entry(0, 400)},
        {"a": entry(8, 4, [1])},
        {"a": entry(0, 12, [4])},
        {"a": entry(0, 12, [-3])},
        {"a": entry(0, 12, [2**62, 4])},
        {"a": entry(0, 0, [2**63, 0])},
        {"a": entry(0, 12, [3], "X9")},
        {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12.5]}},
        {"a": {"dtype": "F32", "shape": 3, "data_offsets": [0, 12]}},
        {"a": {"dtype": "F32", "shape": [float("nan")], "data_offsets": [0, 12]}},
        {"a": {"shape": [3], "data_offsets": [0, 12]}},
        {"a": 5},
        {"a\x1b[31m": entry(0, 8, [1])},
    ],
    ids=range(16),
)
def test_tensors_that_are_not_where_they_are_said_to_be_are_refused(
    path: Path, header: dict[str, Any]
) -> None:
    assert refusal(path, forged(header, bytes(12))).startswith("damaged: ")


def test_too_many_tensors_are_refused_at_once(path: Path) -> None:
    many = forged({f"w{number}": entry(0, 0) for number in range(25_000)})
    started = time.process_time()
    assert refusal(path, many) == "it holds 25,001 tensors, more than 20,000"
    assert time.process_time() - started < 2


def test_a_reason_is_cut_where_a_name_in_it_is_endless(path: Path) -> None:
    reason = refusal(path, forged({"n" * 100_000: entry(4, 8)}, bytes(12)))
    assert len(reason) == 303


def test_a_file_that_cannot_be_read_is_a_storage_error(path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        tensorfile.read(path)
    assert str(caught.value) == f"{path}: no such file or directory"
    with pytest.raises(StorageError) as caught:
        tensorfile.read(path / "deeper\n")
    assert str(caught.value) == rf"{path}/deeper\n: no such file or directory"


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
    for odd in (tmp_path / "pipe", tmp_path / "socket", tmp_path, Path("/dev/zero")):
        with pytest.raises(ModelError) as caught:
            tensorfile.read(odd)
        assert str(caught.value) == (
            f"{odd}: not a striate model: not a regular file; give a model.safetensors of a run"
        )


def test_a_failed_write_keeps_the_file_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensorfile.write(path, TENSORS, {"number": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        tensorfile.write(path, TENSORS, {"number": 2})
    size = len(path.read_bytes())
    assert str(caught.value) == f"{path}: the disk is full; {size} bytes are needed"
    assert tensorfile.read(path)[0] == {"number": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "I64", "U8", "BOOL", "C64", "F8_E4M3", "F4", "?"]),
        "shape": st.lists(st.sampled_from([0, 1, 2, 3, -1, 2**31, 2**63, 2**64]), max_size=3),
        "data_offsets": st.lists(st.sampled_from([0, 4, 8, 24, 2**63]), min_size=1, max_size=3),
    }
)


@settings(deadline=None, max_examples=150)
@given(
    header=st.dictionaries(st.text(max_size=3), ENTRIES | JSON, max_size=3),
    text=JSON.map(json.dumps) | st.text(max_size=9),
    data=st.binary(max_size=24),
)
def test_any_forged_file_is_read_or_refused(
    header: dict[str, Any], text: str, data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "forged"
    path.write_bytes(forged(header, data, text=text))
    try:
        description, _ = tensorfile.read(path)
    except ModelError as error:
        message = str(error)
    else:
        message = "none"
        assert isinstance(description, dict)
    assert message.isprintable()
    assert len(message) < 600
