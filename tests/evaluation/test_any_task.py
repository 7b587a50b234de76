"""The page of any task: it draws the sections it is given and knows none of their figures."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from striate.evaluation.remarks import headline, make_remarks
from striate.evaluation.report import render_report
from striate.evaluation.seen_images import Originals
from striate.evaluation.thumbnails import encode_thumbnail
from striate.plotting.chart import Chart, Line
from striate.tasks.figures import Figure, Score
from striate.tasks.results import About, Baseline
from striate.tasks.sections import (
    Bar,
    Cell,
    Charts,
    Gallery,
    Head,
    Matrix,
    Picture,
    Remark,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
)
from tests.evaluation.test_report import Page
from tests.training.trainings import epoch

HEAT = Figure("MAE", "MAE", higher_is_better=False, form="number", unit="°C")
OVERLAP = Figure("mean_iou", "mean IoU")
TWO = About("net.safetensors", "test", ("a/0.png", "a/1.png"), trained_on=0)


@dataclass
class Told:
    """Results that are said, not computed."""

    score: Score
    always: Baseline
    about: About = TWO
    parts: tuple = ()

    def __len__(self):
        return len(self.about.paths)

    def scores(self):
        return (self.score,)

    def baseline(self):
        return self.always

    def remarks(self):
        yield Remark("the first")
        yield Remark("the second", warning=True)

    def sections(self):
        yield Section("Figures", "How to read them.", (Tiles((Tile("2.3 °C", "MAE"),)),))
        yield Section("More", "", self.parts)


DEGREES = Told(Score(HEAT, 2.3456, 1.9, 2.8, 2), Baseline(7.5, "always predicting the mean"))
STREETS = Told(Score(OVERLAP, 0.5, 0.25, 0.75, 2), Baseline(0.125, "always predicting road"))


def page(results, **changes):
    pixels = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    given = {
        "title": "lenet5 on 1 number",
        "pixels": pixels,
        "epochs": (),
        "facts": {"number": "1"},
        "findings": (),
        "command": "striate train photos",
    }
    return render_report(results, **{**given, **changes})


def test_a_number_has_its_unit_and_no_scale_from_0_to_100():
    made = page(DEGREES)
    text = Page(made).text
    assert "Test MAE 2.346 °C (2 images, 95 % interval 1.9 to 2.8 °C)" in text
    assert "For comparison, always predicting the mean: 7.5 °C" in text
    assert "<title>lenet5 on 1 number – 2.346 °C</title>" in made
    assert 'class="scale"' not in made
    assert "accuracy" not in text
    trained = Page(page(DEGREES, epochs=[epoch(1, best=True)])).text
    assert "Loss is what training minimizes. Where the training curve" in trained
    assert "training MAE validation MAE learning rate" in trained


def test_a_share_has_a_scale_with_what_always_saying_the_same_achieves():
    made = page(STREETS)
    assert '<b style="left:50.0%"></b><u style="left:12.5%"></u>' in made
    assert "dotted: always predicting road, 12.5 %" in Page(made).text
    assert (
        'aria-label="50.0 % of 2 (95 % interval 25.0 to 75.0 %); always predicting road: 12.5 %"'
    ) in made.replace("&nbsp;", " ")


def test_the_remarks_of_a_task_stand_around_those_on_the_split():
    texts = [remark.text for remark in make_remarks(DEGREES, ())]
    assert texts == [
        "the first",
        "These images were used neither for training nor for choosing the best epoch. MAE on "
        "images from another source (another camera, light or place) may be higher.",
        "the second",
    ]
    chosen = Told(DEGREES.score, DEGREES.always, About("net", "validation", ("a",)))
    assert make_remarks(chosen, [epoch(1, best=True)])[1].text == (
        "These images were not used for training. They chose the best epoch, so the MAE is a "
        "little optimistic."
    )
    seen = Told(STREETS.score, STREETS.always, About("net", "test", ("a", "b"), trained_on=1))
    assert make_remarks(seen, ())[1].text == (
        "1 of these 2 images was used for training: mean IoU on new ones may be lower."
    )


@pytest.mark.parametrize(
    ("title", "begins"), [("mAP", "mAP 50.0 %"), ("mean IoU", "Mean IoU 50.0 %")]
)
def test_a_headline_begins_with_a_capital_unless_a_figure_has_its_own(title, begins):
    score = Score(Figure("it", title), 0.5, 0.25, 0.75, 2)
    every = Told(score, STREETS.always, About("net", "all", ("a", "b")))
    assert headline(every).startswith(begins)


def test_every_kind_of_part_is_drawn():
    rows = (
        (Cell((Span("<x>"),)), Cell("0.5", Bar(0.5)), Cell("few", badge="!", tooltip="too few")),
        (Cell("y"), Cell("0.25", Bar(0.25, 0.125, 0.5, "wide")), Cell("–")),
    )
    heads = Head("column", left=True), Head("share", barred=True), Head("images")
    chart = Chart((Line(((0, 0), (1, 1))),), name="A line")
    parts = (
        Table("Columns", heads, rows),
        Charts((chart,)),
        Text(("of ", Span("<b>", "strong"), Span("(3)", "soft"))),
    )
    made = page(Told(DEGREES.score, DEGREES.always, parts=parts))
    text = Page(made).text
    assert "column share images <x> 0.5 ! few y 0.25 –" in text
    assert '<span class="bar"><i style="width:50.0%"></i></span>' in made
    assert '<i class="range" style="left:12.5%;width:37.5%" title="wide"></i>' in made
    assert '<b style="left:25.0%"></b>' in made
    assert 'title="too few">!</span>' in made
    assert "A line" in made
    assert '<p class="soft">of <b><bdi>&lt;b&gt;</bdi></b><span class="soft">(3)</span></p>' in made


def test_a_matrix_of_many_things_shows_percentages_of_its_rows():
    counts = np.array([[90_000, 9_900, 100], [0, 5, 5], [0, 0, 0]])
    matrix = Matrix(("road", "car", "sky"), counts, "pixel", percent=True)
    made = page(Told(DEGREES.score, DEGREES.always, parts=(matrix,)))
    text = Page(made).text
    assert "Columns: the predicted class. Cells: percent of the row." in text
    assert "pixels road 90 10 <1 100,000 car 50 50 10 sky 0" in text
    assert "true road, predicted car: 9,900 of 100,000 pixels (9.90 %)" in made.replace(
        "&nbsp;", " "
    )
    counted = Matrix(("road", "car", "sky"), counts)
    text = Page(page(Told(DEGREES.score, DEGREES.always, parts=(counted,)))).text
    assert "images road 90000 9900 100 100,000 car 5 5 10 sky 0" in text
    assert "Cells:" not in text


def test_an_image_is_shown_with_what_is_drawn_over_it():
    def covered(image):
        assert image.shape == (8, 8, 3)
        return np.full_like(image, 7)

    plain, over = Picture(1, "plain", "an image"), Picture(1, "covered", "a mask", covered)
    parts = (Gallery((plain, over), "The worst 2."),)
    made = page(Told(DEGREES.score, DEGREES.always, parts=parts))
    pixels = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)[1]
    shown = [value for tag, name, value in Page(made).attributes if (tag, name) == ("img", "src")]
    assert shown == [encode_thumbnail(pixels), encode_thumbnail(np.full_like(pixels, 7))]
    assert 'alt="a mask"' in made
    assert "covered 1.png The worst 2." in Page(made).text


def test_what_is_drawn_over_an_image_lies_on_the_networks_input_though_its_file_is_there(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(2):
        Image.new("RGB", (60, 30), (9, 99, 200)).save(tmp_path / f"a/{number}.png")
    shapes = []

    def covered(image):
        shapes.append(image.shape)
        return image

    parts = (Gallery((Picture(1, "plain", "an image"), Picture(1, "covered", "a mask", covered))),)
    originals = Originals.of(tmp_path, tmp_path / "report.html")
    made = page(Told(DEGREES.score, DEGREES.always, parts=parts), originals=originals)
    assert shapes == [(8, 8, 3)]
    assert made.count('href="a/1.png"') == 4
    over = Told(DEGREES.score, DEGREES.always, parts=(Gallery(parts[0].pictures[1:]),))
    assert "The files are shown" in made
    assert "The files are shown" not in page(over, originals=originals)


def test_a_name_with_a_color_has_a_square_of_it_before_it():
    phrase = "Colors: ", Span("road", color="#804000"), Span("sky")
    made = page(Told(DEGREES.score, DEGREES.always, parts=(Text(phrase),)))
    key = '<span class="key"><i style="background:#804000"></i><bdi>road</bdi></span>'
    assert f"Colors: {key}<bdi>sky</bdi>" in made


@pytest.mark.parametrize(("classes", "wider"), [(6, False), (7, True)])
def test_a_matrix_wider_than_a_phone_says_that_it_scrolls(classes, wider):
    names = tuple(f"class {number}" for number in range(classes))
    matrix = Matrix(names, np.eye(classes, dtype=np.int64))
    text = Page(page(Told(DEGREES.score, DEGREES.always, parts=(matrix,)))).text
    assert ("The table scrolls sideways." in text) == wider


@pytest.mark.parametrize(("numbers", "across"), [(2, 2), (5, 5), (6, 3), (7, 4)])
def test_a_block_of_a_narrow_table_leaves_no_number_alone(numbers, across):
    heads = (Head("class", left=True), *(Head(f"figure {at}") for at in range(numbers)))
    row = (Cell("road"), *(Cell("1 %") for _ in range(numbers)))
    table = Table("Classes", heads, (row,))
    made = page(Told(DEGREES.score, DEGREES.always, parts=(table,)))
    assert f'<table class="classes" style="--across:{across}">' in made
