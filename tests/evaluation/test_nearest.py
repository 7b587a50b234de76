"""`evaluate --neighbors` shows the training images that the network finds most like an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import striate
from striate.errors import OptionError
from striate.training.run import Run
from tests.conftest import striped


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return striate.train(photos, network="lenet5", epochs=1, threads=1, out=out)


def pictures(report: Path) -> list[dict]:
    told = json.loads(report.read_text("utf-8"))
    parts = [part for section in told["sections"] for part in section["parts"]]
    return [each for part in parts if part["kind"] == "gallery" for each in part["images"]]


def test_the_nearest_are_those_of_the_embedding_of_the_folder(run: Run, photos: Path, tmp_path):
    striate.evaluate(run.folder, out=tmp_path / "report.json", neighbors=True)
    shown = pictures(tmp_path / "report.json")
    assert shown
    found = striate.embed(run.folder, photos)
    lengths = np.linalg.norm(found.features, axis=1, keepdims=True)
    unit = found.features / lengths
    train = np.flatnonzero(np.array(found.split_names) == "train")
    for picture in shown:
        near = picture["nearest"]
        similar = unit[train] @ unit[found.paths.index(picture["path"])]
        best = np.sort(similar)[::-1][:3]
        assert [each["similarity"] for each in near] == pytest.approx(best.tolist(), abs=1e-4)
        for each in near:
            place = found.paths.index(each["path"])
            assert found.split_names[place] == "train"
            assert each["target"] == found.class_names[found.labels[place]]


def test_the_page_and_markdown_show_them(run: Run, tmp_path: Path):
    for suffix in (".html", ".md"):
        striate.evaluate(run.folder, out=tmp_path / f"report{suffix}", neighbors=True)
        plain = striate.evaluate(run.folder, out=tmp_path / f"plain{suffix}")
        assert len(plain)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count('<ul class="near">') == page.count('<a class="name"') - _panel_names(page)
    assert "those of the training data whose features are nearest" in page
    assert '<ul class="near">' not in (tmp_path / "plain.html").read_text("utf-8")
    assert " of the training images" in (tmp_path / "report.md").read_text("utf-8")


def _panel_names(page: str) -> int:
    start, end = page.index('<div class="panels">'), page.index("<h2>Class by class")
    return page[start:end].count('<a class="name"')


def test_for_a_folder_that_is_new_the_images_of_the_run_are_searched(run, photos, tmp_path):
    for kind in ("flat", "slanted", "upright"):
        (tmp_path / "fresh" / kind).mkdir(parents=True)
        for seed in range(3):
            striped(kind, 9000 + seed).save(tmp_path / "fresh" / kind / f"{seed}.png")
    striate.evaluate(run.folder, tmp_path / "fresh", out=tmp_path / "report.json", neighbors=True)
    for picture in pictures(tmp_path / "report.json"):
        assert all((photos / each["path"]).is_file() for each in picture["nearest"])


def test_without_a_report_there_is_nothing_to_show_them_in(run: Run):
    with pytest.raises(OptionError) as error:
        striate.evaluate(run.folder, neighbors=True)
    assert str(error.value) == "neighbors shows images in the report; say where with out"
