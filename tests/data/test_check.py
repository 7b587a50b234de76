"""What `check` tells of a folder as values, text, page and JSON; and that it only looks."""

import hashlib
import json
import random
import struct
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data.check import Inspection, Sizes, inspect, inspect_steps
from striate.data.listing.samples import Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts
from striate.errors import DataError
from striate.progress import Progress
from striate.text import display_width


def draw(path: Path, width: int, height: int, mode: str = "RGB") -> Path:
    """An image of noise; its path decides which."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = random.Random(str(path)).randbytes(width * height * len(mode))
    Image.frombytes(mode, (width, height), noise).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes with a broken image, a repeated one, a conflict and a hidden folder."""
    root = tmp_path / "photos"
    for number in range(4):
        draw(root / f"cat/{number}.png", 40 + number, 30)
    for number in range(3):
        draw(root / f"dog/{number}.png", 50, 60 + number, "L")
    (root / "cat/again.png").write_bytes((root / "cat/1.png").read_bytes())
    (root / "dog/cat.png").write_bytes((root / "cat/2.png").read_bytes())
    (root / "dog/page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (root / ".git").mkdir()
    return root


def test_a_folder_is_told_by_its_usable_images(photos: Path):
    found = inspect(photos)
    assert (found.root, found.layout) == (photos, "class folders")
    assert found.counts == {"cat": 5, "dog": 4}
    assert found.class_names == ("cat", "dog")
    assert found.splits == {}
    assert found.sizes == Sizes((40, 30), (42, 30), (50, 62))
    assert found.channels == {1: 3, 3: 6}
    assert found.images == 9
    assert found.trainable
    assert [(finding.kind, finding.path) for finding in found.findings] == [
        ("hidden", ".git"),
        ("not an image", "dog/page.jpg"),
        ("duplicate", "cat/again.png"),
        ("conflict", "cat/2.png"),
        ("conflict", "dog/cat.png"),
    ]


def test_splits_are_counted_apart(tmp_path: Path):
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for name in ("cat", "dog"):
            for number in range(count):
                draw(tmp_path / f"{split}/{name}/{number}.png", 40, 40)
    (tmp_path / "val/dog/0.png").write_bytes(b"")
    found = inspect(tmp_path)
    assert found.counts == {"cat": 6, "dog": 5}
    assert found.splits == {
        "train": {"cat": 3, "dog": 3},
        "validation": {"cat": 2, "dog": 1},
        "test": {"cat": 1, "dog": 1},
    }
    assert found.trainable


def test_progress_is_told_after_every_image(photos: Path):
    told = list(inspect_steps(photos))
    assert told == [Progress(done, 10, "images") for done in range(11)]


def test_a_class_without_a_usable_image_is_named(photos: Path):
    for image in (photos / "dog").iterdir():
        image.write_bytes(image.read_bytes()[:50])
    found = inspect(photos)
    assert found.counts == {"cat": 5, "dog": 0}
    assert found.problems == (
        "none of the 5 images of class 'dog' can be used; replace them or remove the class",
    )
    assert not found.trainable


def test_a_folder_whose_images_are_all_broken_is_told_without_sizes(tmp_path: Path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"")
    found = inspect(tmp_path)
    assert (found.sizes, found.channels, found.images) == (None, {}, 0)
    assert found.problems == ("none of the 2 images can be used; replace them",)
    assert json.loads(json.dumps(found.to_json()))["sizes"] is None


def test_arrays_are_inspected_as_images_are(tmp_path: Path):
    x = np.random.default_rng(3).integers(0, 256, (5, 20, 30, 3), np.uint8)
    x[4] = x[0]
    np.savez(tmp_path / "a.npz", x=x, y=np.array(["cat", "dog", "cat", "dog", "cat"]))
    found = inspect(tmp_path / "a.npz")
    assert (found.layout, found.counts) == ("NPZ", {"cat": 3, "dog": 2})
    assert found.sizes == Sizes((30, 20), (30, 20), (30, 20))
    assert [f for f in found.findings if f.kind == "duplicate"] == [
        Finding("duplicate", "a.npz/x#4", "a.npz/x#0")
    ]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(DataError) as refusal:
        inspect(tmp_path / "photos")
    assert str(refusal.value) == f"{tmp_path}/photos: no such folder"


def state(root: Path) -> dict[str, tuple[object, ...]]:
    """Content, times, mode and place on the disk of everything below a folder."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        place = (status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns)
        found[str(path)] = (*place, content)
    return found


def test_looking_changes_nothing(photos: Path):
    (photos / "list.csv").write_text("path,label\ncat/0.png,cat\ndog/0.png,dog\ndog/page.jpg,dog\n")
    np.savez(photos / "a.npz", x=np.zeros((2, 9, 9), np.uint8), y=np.array([3, 4]))
    rotated = Image.Exif()
    rotated[274] = 6
    Image.new("RGB", (40, 30)).save(photos / "dog/turned.jpg", exif=rotated)
    idx = photos / "idx"
    idx.mkdir()
    (idx / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, 2, 9, 9) + bytes(162))
    (idx / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 2) + bytes((3, 4)))
    before = state(photos)
    for source in (photos, photos / "list.csv", photos / "a.npz", idx):
        inspect(source)
    assert state(photos) == before


def counted(
    images: dict[str, int], splits: dict[Split, dict[str, int]] | None = None
) -> dict[str, Any]:
    """The fields of an inspection of classes."""
    return {
        "task": "classification",
        "spec": TargetSpec("label", tuple(images)),
        "images": sum(images.values()),
        "target_counts": TargetCounts(images, splits or {}, {}),
    }


HOSTILE = Inspection(
    root=Path("my photos\x1b[31m"),
    layout="train/validation/test folders",
    **counted(
        {"cat": 1_204, "dög": 602, "猫": 1, "\udcff<script>\n": 0},
        {
            "train": {"cat": 1_000, "dög": 500, "猫": 1, "\udcff<script>\n": 0},
            "test": {"cat": 204, "dög": 102, "猫": 0, "\udcff<script>\n": 0},
        },
    ),
    sizes=Sizes((9, 7), (640, 480), (4_000, 3_000)),
    channels={1: 7, 3: 1_800},
    findings=(
        Finding("duplicate", "train/cat/a.jpg", "train/cat/b.jpg"),
        Finding("truncated", "train/cat/" + "n" * 90 + ".jpg", "ends early"),
        Finding("hidden", ".git", "a folder"),
        *(Finding("truncated", f"train/dög/{n}\n<b>.jpg", "ends early") for n in range(4)),
        Finding("empty class", "train/\udcff<script>\n"),
    ),
    problems=(
        "class '\\udcff<script>\\n' has no images; add some or remove the folder",
        "there are no class folders; expected a folder for each class:\n    cat/1.jpg",
    ),
)
REPORT = """\
my photos\\x1b[31m: 1,807 images in 4 classes (train/validation/test folders)
9 x 7 to 4000 x 3000, median 640 x 480 pixels; 7 gray, 1,800 color

class             train  test
cat               1,000   204  ████████████████████████
dög                 500   102  ████████████
猫                    1     0  █
\\udcff<script>\\n      0     0

5 truncated: left out
    train/cat/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…
    train/dög/0\\n<b>.jpg: ends early
    train/dög/1\\n<b>.jpg: ends early
    and 2 more
1 hidden: ignored
    .git: a folder
1 empty class: must be filled or removed
    train/\\udcff<script>\\n
1 duplicate: kept on one side of the split
    train/cat/a.jpg = train/cat/b.jpg

It cannot be trained on:
  - class '\\udcff<script>\\n' has no images; add some or remove the folder
  - there are no class folders; expected a folder for each class:
        cat/1.jpg"""


def test_the_text_is_the_whole_report():
    assert str(HOSTILE) == REPORT
    assert repr(HOSTILE) == REPORT


def test_a_good_folder_has_a_short_text():
    good = Inspection(
        root=Path("photos"),
        layout="class folders",
        **counted({"cat": 3, "dog": 4}),
        sizes=Sizes((32, 24), (32, 24), (32, 24)),
        channels={3: 7},
        findings=(),
        problems=(),
    )
    assert str(good) == (
        "photos: 7 images in 2 classes (class folders)\n"
        "32 x 24 pixels; color\n\n"
        "class  images\n"
        "cat         3  ██████████████████\n"
        "dog         4  ████████████████████████\n\n"
        "It can be trained on: classification."
    )


def test_many_classes_with_long_names_stay_within_80_columns():
    names = tuple(f"{n} " + "猫" * 40 for n in range(60))
    many = Inspection(
        root=Path("photos"),
        layout="class folders",
        **counted({name: 10_000 + number for number, name in enumerate(names)}),
        sizes=None,
        channels={},
        findings=tuple(Finding("tiny", name, "1 x 1") for name in names),
        problems=(f"class {names[0]!r} is odd", "n" * 200),
    )
    lines = str(many).splitlines()
    assert max(map(display_width, lines)) == 80
    assert "and 35 more classes of 10,025 to 10,059 images" in lines
    assert "    and 57 more" in lines
    assert lines[-6:] == [
        "  - class '0",
        "    " + "猫" * 38,
        "    猫猫' is odd",
        "  - " + "n" * 76,
        "    " + "n" * 76,
        "    " + "n" * 48,
    ]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_escapes_every_name_and_closes_every_tag():
    page = HOSTILE._repr_html_()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.seen <= {
        "div",
        "p",
        "b",
        "br",
        "table",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "code",
        "pre",
    }
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert page.encode("utf-8").decode() == page


def test_the_json_is_valid_and_has_every_value():
    text = json.dumps(HOSTILE.to_json(), allow_nan=False)
    assert text.encode("utf-8")
    found = json.loads(text)
    assert found["classes"] == {"cat": 1_204, "dög": 602, "猫": 1, "\\udcff<script>\n": 0}
    assert found["splits"]["test"] == {"cat": 204, "dög": 102, "猫": 0, "\\udcff<script>\n": 0}
    assert found["sizes"] == {"smallest": [9, 7], "median": [640, 480], "largest": [4000, 3000]}
    assert (found["gray"], found["color"], found["images"]) == (7, 1_800, 1_807)
    assert found["trainable"] is False
    assert found["problems"] == list(HOSTILE.problems)
    assert len(found["findings"]) == 8
    assert found["findings"][0] == {
        "kind": "duplicate",
        "path": "train/cat/a.jpg",
        "detail": "train/cat/b.jpg",
        "action": "kept on one side of the split",
    }
    json.dumps(found, ensure_ascii=False).encode("utf-8")


def test_ignored_pixels_are_told_under_the_classes(tmp_path: Path):
    for number in range(3):
        draw(tmp_path / f"images/{number}.png", 20, 10)
        mask = Image.new("L", (20, 10), 1)
        mask.paste(0, (0, 0, 20, 5))
        mask.paste(255, (0, 0, 3, number))
        (tmp_path / "masks").mkdir(exist_ok=True)
        mask.save(tmp_path / f"masks/{number}.png")
    (tmp_path / "classes.txt").write_text("ground\nsky\n")
    found = inspect(tmp_path)
    said = "ignored: 1.5 % of all pixels, which are of no class"
    assert f"sky          3  50.8 %\n{said}\n" in f"{found}\n"
    assert f"</table><p>{said}</p>" in found._repr_html_()
    assert found.to_json()["ignored_share"] == 9 / 600
    for number in (1, 2):
        (tmp_path / f"masks/{number}.png").unlink()
    none = inspect(tmp_path)
    assert "of no class" not in str(none)
    assert none.to_json()["ignored_share"] == 0
    assert "ignored_share" not in HOSTILE.to_json()


def test_a_tiny_share_of_ignored_pixels_is_escaped_in_the_page():
    counts = TargetCounts({"sky": 1}, {}, {"pixels": ["100.0 %"]}, 1e-6)
    page = replace(HOSTILE, target_counts=counts)._repr_html_()
    assert "<p>ignored: &lt; 0.01 % of all pixels, which are of no class</p>" in page
