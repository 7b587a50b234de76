import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

import numpy as np
import pytest
from PIL import Image

from striate.data.listing.samples import Finding
from striate.errors import OptionError
from striate.evaluation.report import render_report
from striate.evaluation.seen_images import Originals
from striate.evaluation.thumbnails import encode_thumbnail
from tests.evaluation.evaluations import drawn, of_matrix
from tests.training.trainings import training

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onmouseover='alert(3)",
    "</style><svg onload=alert(4)>",
    "</title><base href=//evil.example>",
    "line\nbreak\x1b[31m",
    "{{ 7 * 7777 }}{% raw %}",
    "javascript:alert(5)",
    "\u202egnp.exe",
    "\udcff\udc80",
    "&lt;b&gt;",
]
KNOWN = """
html head meta title style body main header section h1 h2 h3 p div span ul ol li dl dt dd b i u bdi
a code pre details summary figure figcaption img table thead tbody tr th td
svg text path circle rect image
"""
ELEMENTS = set(KNOWN.split())


class Page(HTMLParser):
    """Elements, attributes and text of a page, as a browser would read them."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.words = [], [], []
        self.shown = []  # addresses of the images of galleries, without those of the matrix
        self.feed(page)
        self.close()
        self.text = " ".join(" ".join(self.words).replace("\xa0", " ").split())

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "img" and dict(attrs)["alt"]:
            self.shown.append(dict(attrs)["src"])

    def handle_data(self, data):
        if self.elements[-1:] != ["style"]:
            self.words.append(data)


def made(evaluation, epochs=(), findings=(), side=8, **changes):
    draw = np.random.default_rng(5)
    arguments = {
        "title": "resnet18 on photos",
        "pixels": draw.integers(0, 256, (len(evaluation), side, side, 3), dtype=np.uint8),
        "epochs": epochs,
        "facts": {"network": "resnet18, 11,173,962 parameters", "seed": "17"},
        "findings": findings,
        "command": "striate train photos --network resnet18",
    }
    return render_report(evaluation, **{**arguments, **changes})


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_report_holds_every_section_and_loads_nothing(classes):
    page = made(drawn(classes, images=6 * classes + 30), training(7))
    read = Page(page)
    assert page.startswith("<!doctype html>")
    assert set(read.elements) <= ELEMENTS
    assert re.findall(r"https?:|@import|url\(", page) == []
    for _, name, value in read.attributes:
        assert not name.startswith("on")
        assert name not in ("action", "srcdoc", "data")
        assert name not in ("src", "href") or value.startswith(("data:image/", "#"))
    assert (
        "meta",
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    ) in read.attributes
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads == [
        "Metrics",
        "Training",
        *(["ROC", "Precision and recall"] if classes == 2 else []),
        "Confusion matrix",
        "Class by class, the weakest first",
        "Calibration",
        *(["Perhaps mislabeled"] if classes > 2 else []),
        "The worst errors",
        "Correct, but least certain",
        "The data",
        "How this was made",
    ]
    assert read.text.count("About this section") == (9 if classes == 2 else 8)
    assert "striate train photos --network resnet18" in read.text


def test_hostile_names_are_text_everywhere():
    evaluation = drawn(len(HOSTILE), images=300, names=HOSTILE)
    findings = [Finding(kind, name, name) for kind in ("hidden", "conflict") for name in HOSTILE]
    for name in HOSTILE:
        page = made(evaluation, training(3), findings, title=name, command=name, facts={name: name})
        read = Page(page)
        assert set(read.elements) <= ELEMENTS
        assert not [name for _, name, _ in read.attributes if name.startswith("on")]
        assert page.encode("utf-8").count(b"\x1b") == 0
        assert "\u202e" not in page
        assert "{{ 7 * 7777 }}{% raw %}" in read.text
        assert "54439" not in page
        assert "<script>alert(1)</script>" in read.text
        assert "line\\nbreak\\x1b[31m" in read.text
        assert "\\u202egnp.exe" in read.text
        assert "&lt;b&gt;" in read.text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_of_the_positive_class_is_text(name: str):
    read = Page(made(of_matrix([[3, 1], [1, 3]], names=["good", name])))
    assert set(read.elements) <= ELEMENTS
    assert "The positive class is" in read.text
    assert "\u202e" not in read.text


def test_the_headline_and_the_facts_stand_on_the_page():
    evaluation = of_matrix([[367, 8], [8, 367]], names=["cat", "dog"])
    text = Page(made(evaluation)).text
    assert "Test accuracy 97.9 % (734 of 750 images, 95 % interval 96.6 to 98.7 %)" in text
    assert "dotted: always predicting “ cat ”, 50.0 %" in text
    assert "16 wrong of 750 images" in text
    assert "network resnet18, 11,173,962 parameters seed 17" in text
    assert "true cat , predicted dog 8 (2 %) true dog , predicted cat 8 (2 %)" in text
    assert "cat 375 97.9 % 97.9 % 97.9 % dog (8)" in text


def test_a_cell_of_the_matrix_says_its_direction_and_share():
    read = Page(made(of_matrix([[30, 5], [1, 24]], names=["cat", "dog"])))
    titles = [value for tag, name, value in read.attributes if (tag, name) == ("td", "title")]
    colors = [v for tag, name, v in read.attributes if tag == "td" and v in ("r", "w")]
    assert colors == ["r", "w", "w", "r"]
    assert [title.replace("\xa0", " ") for title in titles] == [
        "true cat, predicted cat: 30 of 35 images (86 %)",
        "true cat, predicted dog: 5 of 35 images (14 %)",
        "true dog, predicted cat: 1 of 25 images (4 %)",
        "true dog, predicted dog: 24 of 25 images (96 %)",
    ]


def test_more_than_forty_classes_become_an_image_and_a_list():
    tables = [Page(made(drawn(classes, 300))).elements.count("td") for classes in (40, 41)]
    assert tables[0] > 40 * 40
    assert tables[1] < 41 * 10
    assert "Confusion matrix of 41 classes" in made(drawn(41, 300))


def test_errors_are_shown_as_images_up_to_24():
    few = made(of_matrix([[30, 2], [1, 24]], names=["cat", "dog"], sure=0.98, trained_on=1))
    read = Page(few)
    assert len(read.shown) == 3 + 12
    assert "true cat (2 %), predicted dog (98 %) 30.png" in read.text
    assert ("span", "title", "cat/30.png") in read.attributes
    many = Page(made(of_matrix([[30, 32], [1, 24]], trained_on=1)))
    assert len(many.shown) == 24 + 12
    assert "The worst 24 of 33 errors." in many.text


def test_an_image_stands_with_its_own_error():
    evaluation = of_matrix([[30, 2], [1, 24]])
    pixels = np.arange(57, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    read = Page(made(evaluation, pixels=pixels))
    answers = (*evaluation.worst_mistakes(), *evaluation.least_sure())
    assert read.shown == [encode_thumbnail(pixels[answer.row]) for answer in answers]
    assert len(set(read.shown)) == 3 + 12


def test_the_least_certain_right_answers_are_shown_with_what_was_nearly_said():
    evaluation = of_matrix([[15, 1], [2, 8]], names=["cat", "dog"], sure=0.6)
    page = made(evaluation)
    shown = page[page.index("Correct, but least certain") : page.index("<h2>The data")]
    read = Page(shown)
    assert read.elements.count("img") == 12
    assert "cat 60 %, dog 40 % 0.png" in read.text
    assert "Correct, but" not in made(of_matrix([[0, 5], [6, 0]]))


@pytest.fixture
def files(tmp_path):
    """An evaluation of files with names that an address minds, and their folder."""
    folder = tmp_path / "data" / "50 % & 'more'"
    names = ["javascript:alert(1)", "?a=b#c", '"><script>', "\u202e\udcff", "dog"]
    evaluation = drawn(5, 200, names=names)
    for path in evaluation.about.paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 150), (200, 30, 60)).save(file, "png")
    return evaluation, folder


def test_every_image_of_a_folder_is_shown_large_and_leads_to_its_file(files, tmp_path):
    evaluation, folder = files
    file = tmp_path / "runs" / "one" / "report.html"
    page = made(evaluation, side=8, originals=Originals.of(folder, file))
    read = Page(page)
    start, end = page.index("<h2>Perhaps mislabeled"), page.index("<h2>The data")
    links = [value for _, name, value in Page(page[start:end]).attributes if name == "href"]
    assert {tag for tag, name, _ in read.attributes if name == "href"} == {"a"}
    suspects = evaluation.suspects.found
    doubted = {suspect.path for suspect in suspects}
    errors = [error for error in evaluation.worst_mistakes(24) if error.path not in doubted]
    answers = (*suspects, *errors, *evaluation.least_sure(12))
    assert len(links) == 2 * len(answers)
    base = f"file://{quote(str(file))}"
    for link, answer in zip(links[::2], answers, strict=True):
        assert link.startswith("../../data/")
        target = os.fsdecode(unquote_to_bytes(urlsplit(urljoin(base, link)).path))
        assert Path(target) == folder / answer.path
    assert set(read.elements) <= ELEMENTS
    heads = {address[:23] for address in read.shown}
    assert heads == {"data:image/jpeg;base64,"}  # of 256 pixels, not the 8 of the network
    assert "the network’s input has 8x8 pixels" in read.text


def test_an_image_that_is_gone_or_in_an_array_is_shown_as_the_network_saw_it(files, tmp_path):
    evaluation, folder = files
    shutil.rmtree(folder)
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    for place in (folder, tmp_path / "x.npz"):
        read = Page(made(evaluation, originals=Originals.of(place, tmp_path / "r.html")))
        links = [value for _, name, value in read.attributes if name == "href"]
        assert all(link.startswith("#") for link in links)
        heads = {address[:22] for address in read.shown}
        assert heads == {"data:image/png;base64,"}
    assert Originals.of(Path("s3:/bucket/photos"), tmp_path / "r.html") is None


def test_the_command_can_be_copied_with_every_blank():
    page = made(of_matrix([[9, 1], [2, 9]]), command="striate train '100 % & <b>'")
    assert "<code>striate train &#39;100 % &amp; &lt;b&gt;&#39;</code>" in page


def test_without_errors_epochs_and_findings_the_page_says_so():
    text = Page(made(of_matrix([[30, 0], [0, 25]]))).text
    assert "None: every one of the 55 images was predicted correctly." in text
    assert "No image was misclassified." in text
    assert "No record of a training came with this network." in text
    assert "No problems were found while the folder was read." in text


def test_findings_are_grouped_with_what_was_done_and_their_first_paths():
    findings = [
        Finding("rotated", "dog/3.jpg", "orientation 6"),
        *[Finding("duplicate", f"cat/{at}.jpg", "cat/first.jpg") for at in range(8)],
        Finding("truncated", "cat/x.jpg"),
    ]
    text = Page(made(of_matrix([[9, 1], [2, 9]]), findings=findings)).text
    start, end = text.index("1 truncated"), text.index("How this was made")
    assert text[start:end].strip() == (
        "1 truncated not used left out cat/x.jpg "
        "8 duplicate kept on one side of the split "
        "cat/0.jpg = cat/first.jpg cat/1.jpg = cat/first.jpg cat/2.jpg = cat/first.jpg "
        "cat/3.jpg = cat/first.jpg cat/4.jpg = cat/first.jpg and 3 more "
        "1 rotated turned upright as its EXIF tag says dog/3.jpg : orientation 6"
    )


def test_the_curves_mark_the_epoch_that_was_kept_and_have_a_table():
    page = made(of_matrix([[9, 1, 0], [2, 9, 0], [0, 0, 9]]), training(5))
    assert "epoch 4, kept" in Page(page).text
    assert page.count(">epoch 4, kept</text>") == page.count(' r="4.5"') == 3
    assert "kept, 4 0.5" in Page(page).text
    assert "epoch 5: train 40.0" not in page


def test_the_same_arguments_give_the_same_page():
    first, second = (made(drawn(10, 200), training(9)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("classes", [10, 100])
def test_a_report_of_ten_thousand_noisy_images_stays_below_ten_megabytes(classes):
    draw = np.random.default_rng(5)
    noise = draw.integers(0, 256, (100, 128, 128, 3), dtype=np.uint8)
    page = made(drawn(classes, 10_000), training(30), pixels=Repeated(noise, 10_000))
    assert len(page.encode()) < 10_000_000


class Repeated:
    """A few images in place of many."""

    def __init__(self, images, count):
        self.images, self.shape = images, (count, *images.shape[1:])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self.images[np.asarray(rows) % len(self.images)]


def test_pixels_that_do_not_belong_to_the_evaluation_are_refused():
    with pytest.raises(OptionError) as error:
        made(of_matrix([[9, 1], [2, 9]]), pixels=np.zeros((17, 8, 8, 1), dtype=np.uint8))
    assert str(error.value) == (
        "pixels must have a row for each of the 21 images that were evaluated, but came with 17"
    )
