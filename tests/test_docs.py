"""What README and documentation show runs, and what they say is what the code says."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from scripts.make_tables import filled, tables

import striate
from striate import tensorfile, zoo
from striate.cli import main
from striate.data import prepare
from striate.data.cache.decode_all import decode_all, read_headers
from striate.data.decoding import decode, limits, opening
from striate.data.readers.scan import scan
from striate.optim import schedule
from striate.options import TrainOptions
from striate.summary import comparison
from striate.tasks.classification import scores, sections
from striate.tasks.classification.task import Classification
from striate.tasks.sections import MOST_IN_TABLE
from striate.training import autotune, execution, recipe
from tests.test_house import FLOORS

ROOT = Path(__file__).parents[1]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text("utf-8")
    for page in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if page.parent.name != "tables"
}
#: pages that begin with nothing but images; the others find a finished run as well
FIRST = ("README.md", "docs/index.md")
#: commands whose numbers are the same everywhere
EXACT = ("striate check", "striate size")
#: what `train` says of network and images, whose numbers are the same everywhere too
OPENING = re.compile(r" parameters, .* pixels \(")
#: lines of a shell that are not ours
OTHERS = ("python3 -m venv .venv", "source .venv/bin/activate", "pip install ")
HOSTS = {"arxiv.org", "distill.pub", "creativecommons.org", "doi.org", "owasp.org"}
HOSTS |= {"127.0.0.1:8000"}  # a server of ours


class Block(NamedTuple):
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    found = re.findall(r"^```(\S*)\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)
    return [Block(*each) for each in found]


def photo(kind: str, seed: int) -> Image.Image:
    """Return stripes as those of one width in all directions, each in its own light."""
    random = np.random.default_rng((seed, len(kind)))
    down, across = np.mgrid[:20, :20]
    phase = {"flat": down, "upright": across, "slanted": (down + across) / 2**0.5}[kind]
    waves = 128 + 80 * np.sin(phase * 1.2 + random.uniform(0, 6))
    noisy = waves + random.normal(0, random.uniform(4, 12), waves.shape)
    light = Image.fromarray(random.integers(0, 256, (3, 3), dtype=np.uint8))
    shade = np.asarray(light.resize((20, 20), Image.Resampling.BICUBIC), np.float32) - 128
    return Image.fromarray((noisy + shade / 8).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages work with: images in class folders, some more, and a finished run."""
    place = tmp_path_factory.mktemp("docs")
    for name, kind in (("cat", "flat"), ("dog", "slanted"), ("horse", "upright")):
        (place / "photos" / name).mkdir(parents=True)
        for seed in range(40):
            photo(kind, seed).save(place / "photos" / name / f"{seed:02}.png")
    (place / "holiday").mkdir()
    photo("flat", 91).save(place / "holiday" / "1.jpg")
    photo("slanted", 92).save(place / "holiday" / "2.jpg")
    (place / "holiday" / "3.jpg").touch()
    photo("flat", 93).save(place / "cat.jpg")
    with contextlib.chdir(place):
        striate.train("photos", epochs=20, threads=1, progress=False)
    return place


@pytest.fixture
def here(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(comparison, "_SECONDS", 0.05)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_every_block_runs(page: str, here: Path):
    if page in FIRST:
        shutil.rmtree(here / "runs")
    names: dict[str, object] = {}
    for block in blocks(page):
        match block.language:
            case "python":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(block.text, page, "exec"), names)
            case "sh":
                for line in block.text.splitlines():
                    run_line(line)
            case "console":
                for command, expected in sessions(block.text):
                    came = told(command)
                    assert alike(expected, came, exact=command.startswith(EXACT)), came
            case "toml":
                name, _, _ = block.text.removeprefix("# ").partition("\n")
                Path(name).write_text(block.text)
                TrainOptions.read_toml(Path(name), {})
            case "json":
                json.loads(block.text)
            case language:
                assert language in ("text", "csv"), f"{page}: a block of {language!r}"


def test_a_warning_fails_the_build_of_the_pages() -> None:
    (build,) = re.findall(r"mkdocs build.*", (ROOT / "Makefile").read_text())
    assert "--strict" in build
    assert "--quiet" not in build, "it drops the warnings before --strict counts them"


def run_line(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
    elif words[0] == "striate":
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main(words[1:]) == 0, line
    else:
        assert line.startswith(OTHERS), line


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with the output it should have and its exit code."""
    for session in re.split(r"^\$ (?=striate )", text, flags=re.MULTILINE)[1:]:
        command, _, output = session.partition("\n")
        output, _, code = output.partition("$ echo $?\n")
        yield command, f"{output}exit {code.strip() or 0}"


def told(command: str) -> str:
    with io.StringIO() as both:
        with contextlib.redirect_stdout(both), contextlib.redirect_stderr(both):
            code = main(shlex.split(command)[1:])
        return f"{both.getvalue()}exit {code}"


def alike(expected: str, came: str, *, exact: bool = False) -> bool:
    """Equal but for numbers, widths and which epoch is the best; `...` stands for any lines.

    Numbers may differ unless `exact`, and not in what `train` says of network and images.
    """
    pattern = re.escape(plain(expected, exact)).replace(re.escape("...\n"), r"(?:.*\n)*?")
    return re.fullmatch(pattern, plain(came, exact)) is not None


def plain(text: str, exact: bool) -> str:
    lines = (
        line
        if exact or OPENING.search(line)
        else re.sub(r"(?<![\w'])(?<!exit )\d[\d,.:]*|  best$", "#", line)
        for line in text.split("\n")
    )
    return re.sub(r" +", " ", re.sub(r"(?m) +$|#$", "", "\n".join(lines)))


def test_a_different_output_is_noticed():
    assert alike("a  3.5 of 7\n...\nend\nexit 0", "a 12 of 1,000\nx\ny\nend\nexit 0")
    assert not alike("a 3.5 of 7\nend\nexit 0", "a 3.5 if 7\nend\nexit 0")
    assert not alike("a 3\nexit 0", "a 3\nexit 3")
    assert not alike("a 3\nexit 0", "a 3\nmore\nexit 0")
    assert alike("a  3 of 7\nexit 0", "a 3 of  7\nexit 0", exact=True)
    assert not alike("a 3 of 7\nexit 0", "a 4 of 7\nexit 0", exact=True)
    opening = "unet: 9 parameters, 3 classes, images of 8x8 pixels ({} train)\nexit 0"
    assert not alike(opening.format(3), opening.format(4))


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- table: " in PAGES[page]])
def test_tables_say_what_the_code_says(page: str):
    assert PAGES[page] == filled(PAGES[page])


def test_every_table_has_its_place():
    places = re.findall(r"^<!-- table: (\S+) -->$", "\n".join(PAGES.values()), re.MULTILINE)
    assert sorted(places) == sorted(tables())


def test_exit_codes_in_the_table_are_those_of_the_errors():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| `?(\w*)`? \|", tables()["exit-codes"], re.MULTILINE)
    errors = [striate.StriateError, *striate.StriateError.__subclasses__()]
    assert {(int(code), name, builtin) for code, name, builtin in rows} == {
        (error.exit_code, error.__name__, error.__bases__[-1].__name__.replace("Exception", ""))
        for error in errors
    }


def test_a_run_leaves_what_the_pages_list(template: Path):
    run = template / "runs" / "photos-lenet5"
    there = {str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()}
    listed = set(re.findall(r"^\| `(\S+)` \|", PAGES["docs/guide/runs.md"], re.MULTILINE))
    assert listed & there == there
    readme = next(text for _, text in blocks("README.md") if text.startswith("runs/a/"))
    assert set(re.findall(r"── (\S+?)/?\s", readme)) == {file.name for file in run.iterdir()}


def test_the_source_tree_lists_every_folder():
    readme = next(text for _, text in blocks("README.md") if text.startswith("src/striate/"))
    folders = {folder.parent.name for folder in (ROOT / "src/striate").glob("*/__init__.py")}
    assert set(re.findall(r"── (\w+)/", readme)) == folders


def test_the_floors_are_those_that_the_suite_enforces():
    tree = next(text for _, text in blocks("CONTRIBUTING.md") if text.startswith("src/striate/"))
    floors = re.findall(r"((?:[ \n]+\w+(?:/|\.py))+)\s+(\d+) ", tree)
    drawn = {int(number): set(re.findall(r"\w+(?=/|\.py)", rooms)) for rooms, number in floors}
    assert drawn == {number: rooms - {"__main__"} for number, rooms in enumerate(FLOORS[:-1])}


def test_public_names_are_in_the_reference():
    page = PAGES["docs/reference/striate.md"]
    listed = re.findall(r"^::: striate\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(striate.__all__)


def test_zoo_pages_are_in_the_reference():
    reference = PAGES["docs/reference/zoo.md"]
    listed = re.findall(r"^::: (striate\.zoo\.pages\.[a-z]\w+)$", reference, re.MULTILINE)
    assert listed == [page.__name__ for page in zoo.PAGES]


def test_layouts_of_the_pages_are_read_as_they_say(tmp_path: Path):
    trees = [text for _, text in blocks("docs/guide/check.md") if text.startswith("photos/\n")]
    layouts = []
    for number, tree in enumerate(trees):
        root = tmp_path / str(number)
        planted(root, tree)
        layouts.append(scan(root / "photos").layout)
    assert layouts == ["class folders", "train/validation/test folders"]


def planted(root: Path, tree: str) -> None:
    """Make the empty files and folders that a tree draws."""
    above: list[str] = []
    for line in tree.splitlines():
        drawn, name = re.fullmatch(r"((?:[│├└ ][─ ]{2} )*)(\S+).*", line).groups()
        above = [*above[: len(drawn) // 4], name]
        place = root.joinpath(*above)
        (place if name.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            place.touch()


def default(function: Callable[..., object], name: str) -> object:
    return inspect.signature(function).parameters[name].default


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (
            "guide/check.md",
            ", ".join(list(opening._READERS)[:-1]) + f" and {list(opening._READERS)[-1]}",
        ),
        ("guide/check.md", f"A side under {decode._TINY_SIDE} pixels"),
        ("guide/check.md", f"more than {decode._LONG_RATIO} times as long as wide"),
        ("guide/check.md", f"JPEG of more than {limits._MOST_SCANS} scans"),
        ("guide/train.md", f"over the first {schedule.WARM_UP:.0%}".replace("%", " %")),
        ("guide/train.md", f"for {schedule.PLATEAU} epochs"),
        ("guide/train.md", f"more than {execution._LARGE // 10**6} million multiply-adds"),
        ("guide/train.md", f"less than {recipe._SMALL_STEP_MACS // 10**6} million multiply-adds"),
        ("guide/train.md", f"of {autotune.LEAST_STEPS} steps or more"),
        ("guide/train.md", f"less than {autotune._SPEEDUP - 1:.0%} is".replace("%", " %")),
        ("guide/train.md", f"headers of up to {default(read_headers, 'most'):,} images"),
        ("guide/check.md", f"longer than {default(decode_all, 'seconds'):g} seconds"),
        ("guide/train.md", f"up to {prepare._STATISTICS_FROM:,} training images"),
        ("model-file.md", f"header of more than {tensorfile._LARGEST_HEADER:,} bytes"),
        ("model-file.md", f"with more than {tensorfile._MOST_TENSORS:,} tensors"),
        ("guide/runs.md", f"or above {Classification.max_loss:,.0f}"),
        ("guide/evaluate.md", f"a class with fewer than {scores.FEW} images"),
        ("guide/evaluate.md", f"Above {MOST_IN_TABLE} classes"),
        ("guide/evaluate.md", f"up to {sections.MOST_MISTAKES} images"),
        ("guide/evaluate.md", f"up to {sections.MOST_DOUBTS} correct predictions"),
    ],
)
def test_numbers_in_the_text_are_those_of_the_code(page: str, said: str):
    assert said in " ".join(PAGES[f"docs/{page}"].split())


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str):
    text = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        if path.startswith("http"):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in {head.lower().replace(" ", "-") for head in heads}, link


@pytest.mark.parametrize("page", [page for page in PAGES if "--8<--" in PAGES[page]])
def test_a_table_is_linked_too_where_includes_are_not_shown(page: str):
    included = re.findall(r'^--8<-- "(.+)"$', PAGES[page], re.MULTILINE)
    links = re.findall(r"\]\((\S*tables/\S+)\)", PAGES[page])
    found = [str(((ROOT / page).parent / link).resolve().relative_to(ROOT)) for link in links]
    assert sorted(set(found)) == sorted(included)


@pytest.mark.parametrize("page", [*PAGES, "mkdocs.yml"])
def test_only_papers_and_licences_are_on_other_hosts(page: str):
    text = (ROOT / page).read_text("utf-8")
    assert set(re.findall(r"https?://([^/\s)>\"']+)", text)) <= HOSTS


def test_the_pages_build_and_load_nothing_from_elsewhere(tmp_path: Path):
    pytest.importorskip("mkdocs")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    loaded = (
        r"<(?:script|img|iframe|source)[^>]* src=\"?https?:|<link[^>]* href=\"?https?:|url\(https?:"
    )
    for file in (tmp_path / "site").rglob("*"):
        if file.suffix in (".html", ".css"):
            assert re.search(loaded, file.read_text("utf-8")) is None, file
