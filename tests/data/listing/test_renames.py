"""A CSV file says what a model calls the classes of other images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import striate
from striate.data.listing.renames import read_renames, rename
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.classes import ClassTargets
from striate.data.targets.label_sets import LabelSets
from striate.errors import DataError, OptionError, StorageError
from tests.conftest import striped


def write(place: Path, text: str) -> Path:
    place.write_text(text, encoding="utf-8")
    return place


def test_a_line_is_a_pair_of_names(tmp_path: Path):
    text = '\ufefftabby, cat\n"dog, small",dog\n\nkätzchen,cat\n'
    found = read_renames(write(tmp_path / "names.csv", text))
    assert found == {"tabby": "cat", "dog, small": "dog", "kätzchen": "cat"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tabby\n", "line 1 must be a name of the images, a comma and the name of the model"),
        ("a,b\na,b,c\n", "line 2 must be"),
        ("a,\n", "line 1 must be"),
        ("a,b\na,c\n", "line 2 names 'a' again"),
    ],
)
def test_other_lines_are_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(DataError, match=told):
        read_renames(write(tmp_path / "names.csv", text))


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path):
    (tmp_path / "names.csv").write_bytes(b"\xff\xfe,\xff\n")
    with pytest.raises(DataError, match="its names must be UTF-8 text"):
        read_renames(tmp_path / "names.csv")
    with pytest.raises(StorageError):
        read_renames(tmp_path / "none.csv")


def test_classes_may_become_one_and_labels_may_not():
    targets = ClassTargets(TargetSpec("label", ("ant", "kitten", "tabby")), np.array([2, 0, 1]))
    known = TargetSpec("label", ("ant", "cat"))
    renamed = rename(targets, {"kitten": "cat", "tabby": "cat"}).aligned(known)
    assert renamed.labels.tolist() == [1, 0, 1]
    sets = LabelSets(TargetSpec("labels", ("a", "b")), np.eye(2, dtype=np.uint8))
    assert rename(sets, {"a": "c"}).spec.names == ("c", "b")
    with pytest.raises(OptionError, match="rename must keep labels apart"):
        rename(sets, {"a": "b"})
    with pytest.raises(OptionError, match="tabbi"):
        rename(targets, {"tabbi": "cat"})


def test_images_of_other_names_are_judged(photos: Path, tmp_path: Path):
    options = {"network": "lenet5", "epochs": 4, "threads": 1, "progress": False}
    run = striate.train(photos, out=tmp_path / "run", **options).folder
    new = tmp_path / "new"
    for name, kind in (("level", "flat"), ("flush", "flat"), ("upright", "upright")):
        (new / name).mkdir(parents=True)
        for seed in range(500, 505):
            striped(kind, seed + len(name)).save(new / name / f"{seed}.png")
    with pytest.raises(DataError, match="give --rename FILE"):
        striate.evaluate(run, new)
    names = write(tmp_path / "names.csv", "level,flat\nflush,flat\n")
    found = striate.evaluate(run, new, rename=names)
    assert found.class_names == ("flat", "slanted", "upright")
    assert np.bincount(found.labels, minlength=3).tolist() == [10, 0, 5]
    (tmp_path / "same").mkdir()
    for name, known in (("level", "flat"), ("flush", "flat"), ("upright", "upright")):
        (tmp_path / "same" / known).mkdir(exist_ok=True)
        for file in (new / name).iterdir():
            (tmp_path / "same" / known / f"{name}-{file.name}").write_bytes(file.read_bytes())
    same = striate.evaluate(run, tmp_path / "same")
    assert found.scores()[0].value == same.scores()[0].value
