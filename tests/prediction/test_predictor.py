"""One row an image, in the order asked, whatever the images are."""

from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import IGNORE
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.model import Model
from striate.model_file import save
from striate.prediction.predictor import Prediction, Predictor
from striate.tasks import bind_task
from striate.tasks.classification.answer import ClassAnswer
from striate.zoo.spec import NetworkSpec
from tests.data.images import FORMATS, STORED_AS, SUFFIXES, corners, encoded, noise, turned
from tests.prediction.map_models import make_model

NAMES = ("cat", "dog", "owl", "yak")
TASK = bind_task(None, TargetSpec("label", NAMES))


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(12)
    network = zoo.build("resnet20", classes=4)
    # Fresh networks say the same of all images; larger last weights make them differ.
    network.get_parameter("head.dense.weight").data.mul_(8)
    view = Preprocess(16, 3, "letterbox", (0.5, 0.4, 0.3), (0.25, 0.2, 0.3))
    return Model(network.eval(), NetworkSpec.of("resnet20"), TASK, view, SplitFractions(0.15, 0.25))


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Twelve different images in a folder of their own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.png").write_bytes(encoded(noise(20 + number, 18, seed=number)))
    return sorted(folder.iterdir())


def predicted(model: Model, *paths: object, batch: int = 64, top: int = 3) -> list[Prediction]:
    return list(Predictor(model, top=top, batch=batch, threads=2).predict(paths))


def expected(model: Model, path: Path) -> np.ndarray:
    pixels = torch.from_numpy(model.preprocess.to_array(Image.open(path)).copy())
    with torch.inference_mode():
        values = model.preprocess.normalize(pixels[None])
        return model.network(values).softmax(dim=1)[0].numpy()


def test_rows_are_what_the_network_says_in_the_order_asked(
    model: Model, photos: list[Path]
) -> None:
    asked = [*reversed(photos), photos[3], photos[3]]
    rows = predicted(model, *asked)
    assert [row.path for row in rows] == [str(path) for path in asked]
    assert len({row.class_name for row in rows}) > 1
    for row, path in zip(rows, asked, strict=True):
        share = expected(model, path)
        best = np.argsort(-share)[:3]
        assert [name for name, _ in row.top] == [NAMES[label] for label in best]
        np.testing.assert_allclose([p for _, p in row.top], share[best], atol=1e-5)
        assert (row.class_name, row.probability) == row.top[0]
        assert (row.notes, row.error) == ((), "")


@pytest.mark.parametrize("batch", [1, 5, 12])
def test_batches_change_no_row(model: Model, photos: list[Path], batch: int) -> None:
    for one, other in zip(
        predicted(model, *photos), predicted(model, *photos, batch=batch), strict=True
    ):
        assert one.path == other.path
        assert [name for name, _ in one.top] == [name for name, _ in other.top]
        np.testing.assert_allclose(
            [p for _, p in one.top], [p for _, p in other.top], atol=1e-5
        )  # fmt: skip


@pytest.mark.parametrize("top", [1, 2, 4, 1000])
def test_as_many_classes_are_listed_as_asked_for(
    model: Model, photos: list[Path], top: int
) -> None:
    (row,) = predicted(model, photos[0], top=top)
    shares = [share for _, share in row.top]
    assert len(shares) == min(top, 4)
    assert shares == sorted(shares, reverse=True)
    assert len({name for name, _ in row.top}) == len(shares)
    assert top < 4 or sum(shares) == pytest.approx(1, abs=1e-6)


def test_a_folder_stands_for_the_images_in_it_at_any_depth(model: Model, tmp_path: Path) -> None:
    root = tmp_path / "holiday"
    for name in ("b.png", "a.jpg", "deep/er/c.png", "deep/b", "notes.txt", ".hidden.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(noise()))
    (root / "link.png").symlink_to(root / "b.png")
    (root / "empty").mkdir()
    rows = predicted(model, root, tmp_path / "holiday" / "b.png")
    found = [str(Path(row.path).relative_to(root)) for row in rows]
    assert found == ["a.jpg", "b.png", "deep/b", "deep/er/c.png", "b.png"]
    assert [row.error for row in rows] == [""] * 5
    assert [row.notes for row in rows] == [("wrong suffix",), (), (), (), ()]


def test_what_cannot_be_read_is_a_row_with_its_error(
    model: Model, photos: list[Path], tmp_path: Path
) -> None:
    whole = encoded(noise())
    bad = {
        "cut.png": (whole[:-20], "truncated: the end of the PNG is missing"),
        "empty.jpg": (b"", "empty"),
        "huge.png": (encoded(Image.new("L", (2000, 1000))),
                     "huge: 2,000 x 1,000 pixels need 3 MB, the limit is 1 MB"),
    }  # fmt: skip
    paths = [photos[0]]
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
        paths += [tmp_path / name]
    paths += [photos[1]]
    rows = list(Predictor(model, batch=2, largest_megabytes=1).predict(paths))
    assert [row.path for row in rows] == [str(path) for path in paths]
    assert [row.error for row in rows] == ["", *(reason for _, reason in bad.values()), ""]
    for row in rows[1:-1]:
        assert row == Prediction(row.path, ClassAnswer(), error=row.error)
    assert rows[-1].class_name in NAMES


def test_strange_files_are_rows_and_nothing_waits(model: Model, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "text.png").write_text("This is not an image.")
    rows = predicted(model, *(tmp_path / f"{n}.png" for n in ("pipe", "dangling", "text")))
    assert [row.error.partition(":")[0] for row in rows] == [
        "special file",
        "unreadable",
        "not an image",
    ]


def test_a_path_that_does_not_exist_is_an_error_before_any_row(
    model: Model, photos: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        next(Predictor(model).predict([photos[0], tmp_path / "a\nb.png"]))
    assert str(caught.value) == rf"{tmp_path}/a\nb.png: no such file or folder"
    assert predicted(model) == []


def test_a_folder_without_an_image_is_an_error(model: Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(DataError) as caught:
        predicted(model, tmp_path)
    assert str(caught.value) == f"{tmp_path}: no images in this folder; give one that holds some"


#: Predict without the right of root to read everything, which the programs that it starts lack too:
#: what all words but the last name, and then what the last names.
UNPRIVILEGED = '''
import ctypes, os, sys
for right in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP
program = """
import json, sys, striate
*words, lost = sys.argv[1:]
print(json.dumps(striate.predict(*words).to_json()))
striate.predict(words[0], lost)
"""
os.execv(sys.executable, [sys.executable, "-c", program, *sys.argv[1:]])
'''


def test_what_may_not_be_read_is_a_row(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model.safetensors")
    locked, secret, album = (tmp_path / name for name in ("locked", "secret.png", "album"))
    (album / "sealed").mkdir(parents=True)
    locked.mkdir()
    for path in (locked / "a.png", secret, album / "a.png"):
        path.write_bytes(encoded(noise()))
    for path in (locked, secret, album / "sealed"):
        path.chmod(0)

    words = [tmp_path / "model.safetensors", locked, secret, album, locked / "a.png"]
    command = [sys.executable, "-c", UNPRIVILEGED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    rows = json.loads(done.stdout)
    for path in (locked, secret, album / "sealed"):
        path.chmod(0o755)
    denied = "unreadable: permission denied"
    assert [(row["path"], row["error"]) for row in rows] == [
        (str(locked), denied),
        (str(secret), denied),
        (str(album / "a.png"), ""),
        (str(album / "sealed"), denied),
    ]
    assert done.returncode == 1
    assert done.stderr.endswith(f"DataError: {locked / 'a.png'}: no such file or folder\n")


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_a_turned_copy_is_told_the_same(model: Model, tmp_path: Path, form: str) -> None:
    paths = []
    for orientation in (1, *STORED_AS):
        paths.append(tmp_path / f"{orientation}{SUFFIXES[form]}")
        paths[-1].write_bytes(turned(corners(), orientation, form))
    upright, *others = predicted(model, *paths, batch=1)  # a larger batch may round otherwise
    for row in others:
        assert row.notes == ("rotated",)
        assert replace(row, path=upright.path, notes=()) == upright


def test_a_turned_jpeg_is_told_nearly_the_same(model: Model, tmp_path: Path) -> None:
    paths = []
    for orientation in (1, *STORED_AS):
        paths.append(tmp_path / f"{orientation}.jpg")
        paths[-1].write_bytes(turned(corners(), orientation, "JPEG"))
    upright, *others = predicted(model, *paths)
    for row in others:
        assert [name for name, _ in row.top] == [name for name, _ in upright.top]
        assert row.probability == pytest.approx(upright.probability, abs=0.02)


def test_other_ways_to_hold_an_image_change_nothing(model: Model, tmp_path: Path) -> None:
    """Lossless formats, transparency over white, and a palette hold the same pixels."""
    image = corners()
    clear = image.convert("RGBA")
    copies = {f"a{SUFFIXES[form]}": encoded(image, form, **FORMATS[form])
              for form in ("PNG", "BMP", "TIFF", "WEBP")}  # fmt: skip
    copies |= {"clear.png": encoded(clear), "few.png": encoded(image.quantize(8))}
    for name, content in copies.items():
        (tmp_path / name).write_bytes(content)
    rows = predicted(model, *(tmp_path / name for name in copies), batch=1)
    assert {replace(row, path="", notes=()) for row in rows} == {
        replace(rows[0], path="", notes=())
    }


def test_any_name_is_told_as_it_is(model: Model, tmp_path: Path) -> None:
    root = tmp_path / "names"
    root.mkdir()
    names = [
        b"caf\xe9.png",
        b"a\nb\tc.png",
        "🐈\u200d👓.png".encode(),
        b"=1+1.png",
        b"-rf",
        b"\x1b[31m",
    ]
    for name in names:
        (root / os.fsdecode(name)).write_bytes(encoded(noise()))
    rows = predicted(model, root)
    assert {os.fsencode(Path(row.path).name) for row in rows} == set(names)
    assert {row.error for row in rows} == {""}


def test_an_answer_that_is_no_number_is_an_error(model: Model, photos: list[Path]) -> None:
    torch.manual_seed(1)
    network = zoo.build("resnet20", classes=4).eval()
    network.get_parameter("head.dense.bias").data[2] = float("nan")
    rows = predicted(replace(model, network=network), *photos[:2])
    assert rows == [
        Prediction(str(path), ClassAnswer(), error="the network's answer is not finite")
        for path in photos[:2]
    ]


def test_images_are_read_a_batch_ahead_and_a_stop_is_clean(
    model: Model, photos: list[Path]
) -> None:
    work = Predictor(model, batch=2, threads=1).predict(photos)
    first = next(work)
    for path in photos[6:]:
        path.unlink()
    assert first.path == str(photos[0])
    assert [row.error for row in work] == [""] * 5 + ["unreadable: no such file or directory"] * 6
    work = Predictor(model, batch=2, threads=1).predict(photos[:6])
    next(work)
    work.close()


def test_a_gray_network_sees_gray(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = zoo.build("lenet5", classes=4).eval()
    view = Preprocess(32, 1, "crop", (0.5,), (0.25,))
    gray = Model(network, NetworkSpec.of("lenet5"), TASK, view, SplitFractions(0.15, 0.25))
    (tmp_path / "color.png").write_bytes(encoded(corners()))
    (tmp_path / "gray.png").write_bytes(encoded(corners().convert("L")))
    one, two = predicted(gray, tmp_path)
    assert one.top == two.top


def test_a_row_is_json() -> None:
    answer = ClassAnswer("cat", 0.123456789, (("cat", 0.123456789),))
    row = Prediction("a\nb\udce9", answer, ("rotated",))
    assert row.to_json() == {
        "path": "a\nb\udce9",
        "class": "cat",
        "probability": 0.123457,
        "top": [{"class": "cat", "probability": 0.123457}],
        "notes": ["rotated"],
        "error": "",
    }


def test_the_fields_of_an_answer_are_those_of_its_prediction_too() -> None:
    row = Prediction("a.png", ClassAnswer("cat", 0.75, (("cat", 0.75),)))
    assert (row.class_name, row.probability, row.top) == ("cat", 0.75, (("cat", 0.75),))
    failed = Prediction("b.png", ClassAnswer(), error="empty")
    assert (failed.class_name, failed.probability, failed.top) == ("", 0.0, ())
    assert pickle.loads(pickle.dumps(row)) == copy.copy(row) == row
    with pytest.raises(AttributeError) as error:
        _ = row.label
    assert str(error.value) == "a prediction has no 'label'"
    with pytest.raises(AttributeError):
        _ = Prediction.__new__(Prediction).answer


PIXELS = np.asarray(noise(20, 18))


@pytest.mark.parametrize(
    ("image", "same"),
    [
        (PIXELS, noise(20, 18)),
        (PIXELS / 255, noise(20, 18)),
        ((PIXELS / 255).astype(np.float32), noise(20, 18)),
        (noise(20, 18), noise(20, 18)),
        (np.dstack([PIXELS, np.full((18, 20), 255, np.uint8)]), noise(20, 18)),
        (torch.from_numpy(PIXELS.copy()), noise(20, 18)),
        (PIXELS[..., 0], Image.fromarray(PIXELS[..., 0])),
        (PIXELS[..., :1], Image.fromarray(PIXELS[..., 0])),
        (noise(20, 18).quantize(9), noise(20, 18).quantize(9).convert("RGB")),
    ],
)
def test_arrays_and_images_are_predicted_as_their_files_are(
    model: Model, tmp_path: Path, image: object, same: Image.Image
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(same))
    (given,), (stored,) = predicted(model, image), predicted(model, tmp_path / "a.png")
    assert given.top == stored.top
    assert given.path in ("array", "image")


def test_batches_lists_and_whatever_they_hold_are_predicted_in_order(
    model: Model, photos: list[Path]
) -> None:
    with Image.open(photos[1]) as image:
        image.load()
    batch = np.stack([PIXELS, 255 - PIXELS])
    mixed = [photos[0], image, [str(photos[2]), [batch]], (loaded for loaded in photos[3:5])]
    rows = predicted(model, mixed, batch=2)
    names = ["array[0]", "array[1]"]
    assert [row.path for row in rows] == [
        str(photos[0]), str(photos[1]), str(photos[2]), *names, *map(str, photos[3:5])
    ]  # fmt: skip
    one_by_one = [*photos[:3], *batch, *photos[3:5]]
    for row, loaded in zip(rows, one_by_one, strict=True):
        (alone,) = predicted(model, loaded)
        assert row.probability == pytest.approx(alone.probability, abs=1e-5)
    assert [row.top for row in predicted(model, photos)] == [
        row.top for row in predicted(model, *photos)
    ]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (7, "expected a path, an array, a PIL image or a list of them, but int came"),
        (None, "expected a path, an array, a PIL image or a list of them, but NoneType came"),
        (np.zeros((3, 20, 20), np.uint8), "an array of shape (3, 20, 20) is no image"),
        (np.zeros((20, 20, 2), np.uint8), "an array of shape (20, 20, 2) is no image"),
        (np.zeros((0, 20), np.uint8), "an array of shape (0, 20) has no pixels"),
        (PIXELS.astype(np.int64), "an array of int64 does not say which value is white"),
        (PIXELS.astype(float), "an array of floats from 0 to 255 came; expected 0 to 1, or uint8"),
        (PIXELS / 255 - 1, "an array of floats from -1 to 0 came"),
        (np.full((9, 9), np.nan), "an array of floats from nan to nan came"),
    ],
)
def test_what_may_mean_several_things_is_refused_in_a_sentence(
    model: Model, image: object, reason: str
) -> None:
    with pytest.raises(OptionError) as caught:
        predicted(model, image)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("place", ["https://example.org/cat.jpg", "http://example.org/a"])
def test_an_address_of_the_web_is_refused_in_a_sentence(model: Model, place: str) -> None:
    expected = f"{place}: images are not fetched from the web; download it and give the file"
    with pytest.raises(DataError) as caught:
        predicted(model, place)
    assert str(caught.value) == expected
    with pytest.raises(DataError) as caught:
        striate.numbers(place)
    assert str(caught.value) == expected


def slow() -> bytes:
    """A PPM whose comment Pillow reads a byte at a time."""
    return b"P5\n4 #" + b"x" * 60_000_000 + b"\n4 255\n" + bytes(16)


def test_a_file_that_takes_too_long_is_a_row(model: Model, photos: list[Path]) -> None:
    photos[1].write_bytes(slow())
    rows = list(Predictor(model, seconds=1, threads=1).predict(photos[:3]))
    assert [row.error for row in rows] == [
        "", "too slow: decoding it takes longer than 1 seconds", ""
    ]  # fmt: skip


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_signals_end_it_while_a_file_is_decoded(
    model: Model, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    save(model, tmp_path / "model.safetensors")
    (tmp_path / "a.ppm").write_bytes(slow())
    words = ["predict", str(tmp_path / "model.safetensors"), str(tmp_path / "a.ppm")]
    with subprocess.Popen(
        [sys.executable, "-m", "striate", *words], stderr=subprocess.DEVNULL
    ) as asked:
        while not _children(asked.pid):
            time.sleep(0.05)
        asked.send_signal(sent)
        assert asked.wait(10) in (code, 128 - code)


def _children(process: int) -> str:
    return Path(f"/proc/{process}/task/{process}/children").read_text()


def test_images_of_shards_that_are_not_those_packed_are_rows_with_an_error(
    model: Model, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "photos" / name / f"{number}.bmp"
            path.write_bytes(encoded(noise(seed=number + 3 * (name == "b")), "BMP"))
    striate.pack(tmp_path / "photos", tmp_path / "shards")
    assert [row.error for row in predicted(model, tmp_path / "shards")] == [""] * 6
    (shard,) = (tmp_path / "shards").glob("*.tar")
    data = bytearray(shard.read_bytes())
    place = data.index(b"BM") + 60  # a pixel: no decoder can tell
    data[place] ^= 4
    shard.write_bytes(data)
    errors = [row.error for row in predicted(model, tmp_path / "shards")]
    assert sorted(errors) == [""] * 5 + ["unreadable: its bytes are not those packed"]


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_a_mask_has_the_size_of_its_image_and_lies_where_the_input_was(fit: str) -> None:
    street = make_model(fit=fit)
    (row,) = predicted(street, noise(60, 45, seed=2))
    view = street.preprocess
    pixels = torch.from_numpy(view.to_array(noise(60, 45, seed=2)).copy())[None]
    given = street.task.decode(street.outputs(pixels))[0].numpy()
    assert row.mask.shape == (45, 60)
    placed = view.resize_mask(Image.fromarray(row.mask), (60, 45))
    kept = np.asarray(placed) != IGNORE
    assert kept.any()
    assert np.array_equal(np.asarray(placed)[kept], given[kept])
    assert row.shares["road"] == pytest.approx((row.mask == 0).mean())


def test_what_was_cropped_has_no_class_and_no_share() -> None:
    street = make_model(fit="crop")
    (row,) = predicted(street, noise(60, 40, seed=2))
    assert (row.mask[:, :10] == IGNORE).all()
    assert (row.mask[:, 50:] == IGNORE).all()
    assert (row.mask[:, 10:50] != IGNORE).all()
    assert sum(row.shares.values()) == pytest.approx(1)


def test_a_map_that_is_not_finite_is_an_error() -> None:
    street = make_model()
    street.network.get_parameter("head.bias").data.fill_(torch.nan)
    (row,) = predicted(street, noise(60, 40))
    assert (row.error, row.png) == ("the network's answer is not finite", b"")
