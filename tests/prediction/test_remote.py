"""Images at an address are predicted as those of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate.errors import DataError
from striate.prediction.inputs import sources
from striate.prediction.predictor import Predictor
from tests.data.images import encoded, noise
from tests.prediction.brightness import Brightness

FILES = ("b.jpg", "a.jpg", "deep/1.jpg", "deep/er/2.jpg", "early/3.jpg", "void.jpg")
LEFT_OUT = ("notes.txt", ".hidden.jpg", ".git/4.jpg", "found.csv.rows.partial")


@pytest.fixture
def store(tmp_path: Path) -> str:
    for name in (*FILES, *LEFT_OUT):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True, parents=True)
        place.write_bytes(b"" if name == "void.jpg" else encoded(noise(9, 9, seed=len(name))))
    return f"file://{tmp_path}"


def shown(address: str) -> list[str]:
    return [image.shown for image in sources([address])]


def test_images_at_an_address_are_listed_as_in_a_folder(store: str):
    home = store.removeprefix("file://")
    expected = [f"file://{name}" for name in shown(home)]
    assert shown(store) == expected == shown(f"{store}/")
    assert len(expected) == len(FILES)
    assert shown(f"{store}/deep/1.jpg") == [f"{store}/deep/1.jpg"]
    assert shown(f"{store}/*.jpg") == [f"{store}/{name}" for name in ("a.jpg", "b.jpg", "void.jpg")]
    assert shown(f"{store}/deep/**/*.jpg") == [f"{store}/{name}" for name in FILES[2:4]]


def test_images_at_an_address_are_answered_as_in_a_folder(store: str):
    predictor = Predictor(Brightness(), batch=2, threads=1)  # pyright: ignore[reportArgumentType]
    home = store.removeprefix("file://")
    far, near = (
        [prediction.to_json() for prediction in predictor.predict([place])]
        for place in (store, home)
    )
    assert [{**row, "path": row["path"].removeprefix("file://")} for row in far] == near
    assert [row["error"] for row in near if row["error"]] == ["empty"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://bucket/photos", "s3://bucket/photos: Install s3fs to access S3"),
        (
            "file:///nowhere/photos",
            "file:///nowhere/photos: no such file; expected an image, or a folder of images",
        ),
        (
            "file:///nowhere/*.jpg",
            "file:///nowhere/*.jpg: no images at this address; give one that holds some",
        ),
        (
            "https://host/a.jpg",
            "https://host/a.jpg: images are not fetched from the web; "
            "download it and give the file",
        ),
    ],
)
def test_an_address_without_images_is_refused_in_one_line(address: str, message: str):
    with pytest.raises(DataError) as caught:
        list(sources([address]))
    assert str(caught.value) == message
