"""Every cell of a confusion matrix leads to its images."""

from __future__ import annotations

import re

import numpy as np
import pytest

from striate.evaluation import cells
from striate.evaluation.thumbnails import encode_small
from striate.tasks.confusions import find_cell_images
from tests.evaluation.evaluations import drawn, of_matrix
from tests.evaluation.test_report import Page, made

PANEL = re.compile(r'<div class="panel" id="(.*?)">(.*?)</div>\n</div>', re.DOTALL)


def panels(page: str) -> dict[str, str]:
    return dict(PANEL.findall(page))


def links(page: str) -> list[str]:
    return [v[1:] for _, name, v in Page(page).attributes if name == "href" and v.startswith("#")]


def test_the_images_of_a_cell_are_its_own_the_highest_loss_first():
    draw = np.random.default_rng(3)
    labels, predicted = draw.integers(0, 4, (2, 200))
    losses, confidence = draw.random(200).round(1), draw.random(200).astype(np.float32)
    found = find_cell_images(labels, predicted, losses, confidence)
    assert sum(len(cell.rows) for cell in found) == 200
    assert len(found) == len({*zip(labels.tolist(), predicted.tolist(), strict=True)})
    for cell in found:
        rows = np.flatnonzero((labels == cell.true) & (predicted == cell.predicted))
        expected = sorted(rows.tolist(), key=lambda row: (-losses[row], row))
        assert cell.rows.tolist() == expected
        assert cell.confidence.tolist() == confidence[expected].tolist()


@pytest.mark.parametrize("classes", [3, 12, 60])
def test_every_cell_that_is_not_empty_leads_to_a_panel_and_back(classes: int):
    evaluation = drawn(classes, images=400)
    page = made(evaluation)
    there = {f"cell-{a}-{b}" for a, b in np.argwhere(evaluation.confusion).tolist()}
    assert set(panels(page)) == there
    assert set(links(page)) == {*there, "matrix"}
    ids = [value for _, name, value in Page(page).attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert set(links(page)) <= set(ids)


def test_a_panel_shows_its_images_with_their_probability_and_name():
    evaluation = of_matrix([[30, 2], [1, 24]], names=["cat", "dog"], sure=0.98)
    pixels = np.arange(57, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    panel = Page(panels(made(evaluation, pixels=pixels))["cell-0-1"])
    shown = [value for tag, name, value in panel.attributes if (tag, name) == ("img", "src")]
    assert shown == [encode_small(pixels[30]), encode_small(pixels[31])]
    assert panel.text == (
        "True cat , predicted dog 2 of 2 shown, the highest loss first, as the network’s input; "
        "with the probability of the predicted class. Back to the matrix 98 % 30.png 98 % 31.png"
    )
    assert Page(panels(made(evaluation))["cell-0-0"]).text.startswith("Correct: cat 12 of 30 shown")
    confused = of_matrix([[9, 30], [1, 24]], names=["cat", "dog"])
    assert "predicted dog 24 of 30 shown" in Page(panels(made(confused))["cell-0-1"]).text


def test_where_the_page_is_full_errors_come_first_and_files_are_still_named(monkeypatch):
    evaluation = of_matrix([[30, 2], [1, 24]], names=["cat", "dog"])
    monkeypatch.setattr(cells, "MOST_BYTES", 1_000)
    found = {name: Page(panel) for name, panel in panels(made(evaluation, side=8)).items()}
    images = {name: panel.elements.count("img") for name, panel in found.items()}
    assert images["cell-0-1"] > 0
    assert images["cell-1-0"] > 0
    assert images["cell-0-0"] == images["cell-1-1"] == 0
    assert "0 of 24 shown" in found["cell-1-1"].text
    assert found["cell-1-1"].text.count(".png") == 12


def test_of_many_classes_every_pair_is_listed():
    evaluation = drawn(41, images=500)
    page = made(evaluation)
    listed = page[page.index("All pairs of classes") : page.index('<div class="panels">')]
    assert len(links(listed)) == len(np.argwhere(evaluation.confusion))
    largest = int(np.diagonal(evaluation.confusion)[0])
    assert f"class 0 correct {largest} ," in Page(listed).text
    assert "All pairs of classes" not in made(drawn(40, images=500))
