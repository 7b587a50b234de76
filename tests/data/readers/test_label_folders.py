"""Class folders as several labels: an image in several folders has all of them."""

from pathlib import Path

import pytest

import striate
from striate.data.readers.scan import scan
from tests.data.images import class_folders, encoded, noise


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", {"cat": 3, "dog": 3})
    both = encoded(noise(seed=90), "PNG")
    (tmp_path / "photos" / "cat" / "both.png").write_bytes(both)
    (tmp_path / "photos" / "dog" / "pair.png").write_bytes(both)
    return tmp_path / "photos"


def test_an_image_in_two_folders_has_two_labels(photos: Path):
    listing = scan(photos, "labels")
    found = {
        image.path: listing.targets.entry(row)["labels"]
        for row, image in enumerate(listing.samples)
    }
    assert len(found) == 7
    assert found["cat/both.png"] == ["cat", "dog"]
    assert sorted(map(tuple, found.values())).count(("dog",)) == 3
    (finding,) = (each for each in listing.findings if each.kind == "same image")
    assert (finding.path, finding.detail) == (
        "dog/pair.png",
        "cat/both.png, which has “cat”, “dog”",
    )


def test_without_the_task_the_labels_are_in_conflict(photos: Path):
    checked = striate.check(photos)
    assert [f.kind for f in checked.findings] == ["conflict", "conflict"]
    action = "labels or numbers differ: one is wrong, or it has several labels (--task multilabel)"
    assert action in " ".join(str(checked).split())
    assert checked.task == "classification"
    several = striate.check(photos, task="multilabel")
    assert several.task == "multilabel"
    assert several.counts == {"cat": 4, "dog": 4, "(no label)": 0}
    assert several.images == 7
    assert [f.kind for f in several.findings] == ["same image"]


def test_copies_in_different_splits_stay_two_images(tmp_path: Path):
    same = encoded(noise(seed=90), "PNG")
    for split, name in (("train", "cat"), ("test", "dog")):
        class_folders(tmp_path / split, {"cat": 2, "dog": 2})
        (tmp_path / split / name / "same.png").write_bytes(same)
    assert all(f.kind != "same image" for f in scan(tmp_path, "labels").findings)
