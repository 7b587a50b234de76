"""The report as Markdown and as JSON says what the page says, and names are text there too."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image

import striate
from striate.data.listing.samples import Finding
from striate.errors import OptionError, printable
from striate.evaluation.markdown_report import escape
from striate.evaluation.seen_images import Originals
from tests.evaluation.evaluations import drawn, of_matrix
from tests.evaluation.test_report import HOSTILE, made
from tests.training.trainings import training

MARKUP = [
    *HOSTILE,
    "[text](javascript:alert(1))",
    "![](http://evil.example/x.png)",
    "<http://evil.example>",
    "https://evil.example and www.evil.example",
    "**bold** _it_ ~~gone~~ `code`",
    "a|b \\| c \\\\| d",
    "# heading",
    "- item",
    "1. one",
    "12) two",
    "> quoted",
    "---",
    "===",
    "    indented",
    "[ref]: http://evil.example",
    "&amp; &#60;b&#62;",
    "$x^2$ @someone",
    "ends with \\",
    "***",
    "+",
]
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
KINDS = {
    *("paragraph", "heading", "bullet_list", "list_item", "strong", "inline", "text", "softbreak"),
    *("table", "thead", "tbody", "tr", "th", "td", "code_block", "text_special"),
}


def read(markdown: str):
    """Return the kinds of all elements of a document, and its text."""
    tokens = [each for token in READER.parse(markdown) for each in (token, *(token.children or ()))]
    kinds = {re.sub("_(open|close)$", "", token.type) for token in tokens}
    return kinds, " ".join(token.content for token in tokens if token.type == "inline")


@pytest.mark.parametrize("name", MARKUP)
def test_an_escaped_name_is_a_paragraph_of_text_and_nothing_else(name: str):
    for shown in (name, f"x {name}", f"{name}{name}"):
        (paragraph,) = re.fullmatch(r"<p>(.*)</p>\n", READER.render(escape(shown))).groups()
        assert html.unescape(paragraph) == printable(shown.strip(" "))


def test_hostile_names_are_text_in_markdown():
    evaluation = drawn(len(MARKUP), images=400, names=MARKUP)
    findings = [Finding(kind, name, name) for kind in ("hidden", "conflict") for name in MARKUP]
    for name in MARKUP:
        arguments = {"title": name, "command": name, "facts": {name: name}}
        page = made(evaluation, training(3), findings, form="markdown", **arguments)
        kinds, _ = read(page)
        assert kinds <= KINDS
        assert page.isascii() or all(c.isprintable() or c == "\n" for c in page)


def test_hostile_names_are_whole_in_json():
    evaluation = drawn(len(MARKUP), images=400, names=MARKUP)
    told = json.loads(made(evaluation, form="json", title=MARKUP[0]))
    assert told["results"]["class_names"] == MARKUP
    assert told["title"] == MARKUP[0]


def test_the_three_formats_have_the_same_sections_and_remarks():
    evaluation, epochs = of_matrix([[30, 5], [1, 24]], names=["cat", "dog"]), training(3)
    page, text, document = (
        made(evaluation, epochs, form=form) for form in ("html", "markdown", "json")
    )
    told = json.loads(document)
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == heads
    titles = [section["title"] for section in told["sections"]]
    assert titles == [head for head in heads if head not in heads[1:2] + heads[-2:]]
    for remark in told["remarks"]:
        assert html.escape(remark["text"], quote=False).replace(" %", "&nbsp;%") in page
        assert escape(remark["text"]) in text
    assert told["results"] == json.loads(json.dumps(evaluation.to_json()))


def test_markdown_has_the_matrix_and_the_figures():
    text = made(of_matrix([[30, 5], [1, 24]], names=["cat", "dog"]), training(2), form="markdown")
    assert "| **cat** | 30 | 5 | 35 |\n| **dog** | 1 | 24 | 25 |" in text
    assert "**Test accuracy 90 % (54 of 60 images, 95 % interval 80 to 95 %)**" in text
    assert "| kept, 1 | 2 | 2.15 | 30.0 % | 25.0 % | 0.01 |" in text
    assert "- true **cat**, predicted **dog**: 5 (14 %)" in text


def test_json_has_the_images_of_each_cell():
    told = json.loads(made(of_matrix([[3, 1], [0, 2]], names=["cat", "dog"]), form="json"))
    (matrix,) = (
        part
        for section in told["sections"]
        for part in section["parts"]
        if part["kind"] == "matrix"
    )
    assert matrix["counts"] == [[3, 1], [0, 2]]
    assert matrix["cells"][1] == {"true": "cat", "predicted": "dog", "images": ["cat/3.png"]}


def test_markdown_leads_to_the_files(tmp_path: Path):
    evaluation = of_matrix([[3, 1], [0, 2]], names=["a (b)", "<dog>"])
    for path in evaluation.about.paths:
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(file)
    originals = Originals.of(tmp_path / "data", tmp_path / "report.md")
    text = made(evaluation, form="markdown", originals=originals)
    assert "- [a (b)/3.png](data/a%20%28b%29/3.png): labeled **a (b)**" in text


def test_the_suffix_says_the_format(photos: Path, tmp_path: Path):
    run = striate.train(photos, network="lenet5", epochs=1, threads=1, out=tmp_path / "run")
    for suffix, start in ((".md", "# lenet5 on 3 classes\n"), (".json", "{\n"), (".html", "<!doc")):
        striate.evaluate(run.folder, out=tmp_path / f"report{suffix}")
        assert (tmp_path / f"report{suffix}").read_text("utf-8").startswith(start)
    with pytest.raises(OptionError) as error:
        striate.evaluate(run.folder, out=tmp_path / "report.pdf")
    assert str(error.value).endswith("expected a file that ends in .html or .md or .json")
