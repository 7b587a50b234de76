"""Awkward folders, and what a scan should make of each."""

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


def plant(root: Path, *paths: str) -> Path:
    """Empty files, and folders where a path ends with a slash; scanning opens none of them."""
    for path in paths:
        place = root / path
        (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            place.touch()
    return root


def cats_and_dogs(root: Path, *more: str) -> Path:
    """Three cats, two dogs, and more."""
    return plant(root, "cat/1.jpg", "cat/2.jpg", "cat/3.jpg", "dog/4.jpg", "dog/5.jpg", *more)


def splits(root: Path, train: str, validation: str, test: str) -> Path:
    for split in (train, validation, test):
        cats_and_dogs(root / split)
    return root


def linked(root: Path, link: str, target: str | Path) -> Path:
    (root / link).symlink_to(target)
    return root


class Layout(NamedTuple):
    name: str
    build: Callable[[Path], object]
    classes: str  #: in order
    count: int
    findings: Sequence[str] = ()
    problem: str = ""


def pipe(root: Path) -> None:
    os.mkfifo(cats_and_dogs(root) / "cat/tube.jpg")


def bound(root: Path) -> None:
    # the address of a socket has 108 bytes, a temporary folder may have more
    here = Path.cwd()
    os.chdir(cats_and_dogs(root))
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("dog/ear.jpg")
    finally:
        os.chdir(here)


def hard_linked(root: Path) -> None:
    os.link(cats_and_dogs(root) / "cat/1.jpg", root / "cat/again.jpg")


NFC, NFD = "caf\u00e9", "cafe\u0301"
UNDECODABLE = os.fsdecode(b"\xff\xfe.jpg")

LAYOUTS = [
    Layout("plain", cats_and_dogs, "cat dog", 5),
    Layout("deep", lambda r: cats_and_dogs(r, "cat/a/b/c/6.jpg", "cat/a/7.jpg"), "cat dog", 7),
    Layout(
        "any suffix",
        lambda r: cats_and_dogs(r, "cat/6", "cat/7.JPG", "cat/8.jpg.bak"),
        "cat dog",
        8,
    ),
    Layout("odd suffix", lambda r: cats_and_dogs(r, "dog/film.mp4", "dog/6.jpg.png"), "cat dog", 7),
    Layout(
        "notebook checkpoints",
        lambda r: cats_and_dogs(r, ".ipynb_checkpoints/1.jpg"),
        "cat dog",
        5,
        ["hidden: .ipynb_checkpoints (a folder)"],
    ),
    Layout(
        "hidden folders",
        lambda r: cats_and_dogs(r, ".git/x/y.jpg", "__MACOSX/cat/1.jpg", "cat/@eaDir/1.jpg"),
        "cat dog",
        5,
        ["hidden: .git (a folder)", "hidden: __MACOSX (a folder)", "hidden: cat/@eaDir (a folder)"],
    ),
    Layout(
        "hidden files",
        lambda r: cats_and_dogs(
            r, "cat/._1.jpg", "cat/.DS_Store", "cat/Thumbs.db", "dog/DESKTOP.ini"
        ),
        "cat dog",
        5,
        ["hidden: cat/.DS_Store (and 2 more in this folder)", "hidden: dog/DESKTOP.ini"],
    ),
    Layout(
        "companions",
        lambda r: cats_and_dogs(r, "cat/1.txt", "cat/labels.CSV", "cat/a/x.xml"),
        "cat dog",
        5,
        [f"stray: cat/{name} (a companion file)" for name in ("1.txt", "labels.CSV", "a/x.xml")],
    ),
    Layout(
        "files beside the classes",
        lambda r: cats_and_dogs(r, "README.md", "6.jpg"),
        "cat dog",
        5,
        [f"stray: {name} (a file outside the class folders)" for name in ("6.jpg", "README.md")],
    ),
    Layout(
        "loop to the folder itself",
        lambda r: linked(cats_and_dogs(r), "loop", "."),
        "cat dog",
        5,
        ["loop: loop (to the folder itself)"],
    ),
    Layout(
        "loop in a class",
        lambda r: linked(cats_and_dogs(r), "cat/up", ".."),
        "cat dog",
        5,
        ["loop: cat/up (to the folder itself)"],
    ),
    Layout(
        "link to itself",
        lambda r: linked(cats_and_dogs(r), "cat/me.jpg", "me.jpg"),
        "cat dog",
        5,
        ["loop: cat/me.jpg (to itself)"],
    ),
    Layout(
        "link to an image inside",
        lambda r: linked(cats_and_dogs(r), "dog/9.jpg", "../cat/1.jpg"),
        "cat dog",
        5,
        ["loop: dog/9.jpg (to cat/1.jpg)"],
    ),
    Layout(
        "link to a class inside",
        lambda r: linked(cats_and_dogs(r), "hound", "dog"),
        "cat dog",
        5,
        ["loop: hound (to dog)"],
    ),
    Layout(
        "link to a file outside",
        lambda r: linked(cats_and_dogs(r), "dog/9.jpg", "/etc/../etc/passwd"),
        "cat dog",
        5,
        ["outside link: dog/9.jpg (to /etc/passwd)"],
    ),
    Layout(
        "link to a folder outside",
        lambda r: linked(cats_and_dogs(r), "etc", "/etc"),
        "cat dog",
        5,
        ["outside link: etc (to /etc)"],
    ),
    Layout(
        "dangling link",
        lambda r: linked(cats_and_dogs(r), "cat/gone.jpg", "nowhere.jpg"),
        "cat dog",
        5,
        ["dangling link: cat/gone.jpg (to nowhere.jpg)"],
    ),
    Layout("hard link", hard_linked, "cat dog", 6),
    Layout("named pipe", pipe, "cat dog", 5, ["special file: cat/tube.jpg (a named pipe)"]),
    Layout("socket", bound, "cat dog", 5, ["special file: dog/ear.jpg (a socket)"]),
    Layout(
        "folder named like an image", lambda r: cats_and_dogs(r, "cat/x.jpg/6.jpg"), "cat dog", 6
    ),
    Layout(
        "empty folder named like an image",
        lambda r: cats_and_dogs(r, "cat/x.jpg/"),
        "cat dog",
        5,
        ["special file: cat/x.jpg (an empty folder named like an image)"],
    ),
    Layout(
        "empty class",
        lambda r: cats_and_dogs(r, "owl/"),
        "cat dog owl",
        5,
        ["empty class: owl"],
        "class 'owl' has no images; add some or remove the folder",
    ),
    Layout(
        "class with only a text",
        lambda r: cats_and_dogs(r, "emu/readme.txt", "owl/.x"),
        "cat dog emu owl",
        5,
        [
            "stray: emu/readme.txt (a companion file)",
            "empty class: emu",
            "hidden: owl/.x",
            "empty class: owl",
        ],
        "classes 'emu' and 'owl' have no images; add some or remove the folders",
    ),
    Layout(
        "one class",
        lambda r: plant(r, "cat/1.jpg", "cat/2.jpg"),
        "cat",
        2,
        [],
        "there is only one class, 'cat', with 2 images; expected at least two",
    ),
    Layout(
        "one folder too many",
        lambda r: cats_and_dogs(r / "photos"),
        "photos",
        5,
        [],
        "there is only one class, 'photos', with 5 images; expected at least two; "
        "for its folders 'cat' and 'dog', give 'photos' itself",
    ),
    Layout(
        "class with one image",
        lambda r: cats_and_dogs(r, "owl/6.jpg"),
        "cat dog owl",
        6,
        [],
        "class 'owl' has one image; expected at least two of a class",
    ),
    Layout(
        "images without classes",
        lambda r: plant(r, "1.jpg", "2.jpg"),
        "",
        0,
        [f"stray: {name} (a file outside the class folders)" for name in ("1.jpg", "2.jpg")],
        "there are no class folders, only 2 loose files; expected a folder for each class:\n"
        "    cat/1.jpg\n    dog/2.jpg",
    ),
    Layout(
        "manifest beside its images",
        lambda r: plant(r, "1.jpg", "labels.csv"),
        "",
        0,
        [f"stray: {name} (a file outside the class folders)" for name in ("1.jpg", "labels.csv")],
        "there are no class folders, only 2 loose files; "
        "expected a folder for each class (or give 'labels.csv' itself):\n"
        "    cat/1.jpg\n    dog/2.jpg",
    ),
    Layout(
        "only links",
        lambda r: linked(linked(r, "etc", "/etc"), "gone", "nowhere"),
        "",
        0,
        ["outside link: etc (to /etc)", "dangling link: gone (to nowhere)"],
        "there are no class folders, only 2 links, which are not followed; "
        "expected a folder for each class:\n    cat/1.jpg\n    dog/2.jpg",
    ),
    Layout(
        "only hidden",
        lambda r: plant(r, ".git/1.jpg"),
        "",
        0,
        ["hidden: .git (a folder)"],
        "there are no class folders; expected a folder for each class:\n"
        "    cat/1.jpg\n    dog/2.jpg",
    ),
    Layout(
        "class names that differ in case",
        lambda r: cats_and_dogs(r, "Cat/6.jpg", "Cat/7.jpg"),
        "Cat cat dog",
        7,
        ["name clash: cat (with 'Cat')"],
        "classes 'Cat' and 'cat' differ only in case or Unicode form; merge or rename them",
    ),
    Layout(
        "class names that differ in Unicode form",
        lambda r: plant(r, *(f"{name}/{n}.jpg" for name in (NFC, NFD) for n in (1, 2))),
        f"{NFD} {NFC}",
        4,
        [f"name clash: {NFC} (with 'cafe\\u0301')"],
        "classes 'cafe\\u0301' and 'caf\\xe9' differ only in case or Unicode form; "
        "merge or rename them",
    ),
    Layout(
        "files that differ in case",
        lambda r: cats_and_dogs(r, "cat/1.JPG"),
        "cat dog",
        6,
        ["name clash: cat/1.jpg (with '1.JPG')"],
    ),
    Layout(
        "names of all kinds",
        lambda r: cats_and_dogs(
            r,
            "-x/=1.jpg",
            "-x/'\"\n\t\x1b[31m\u202e😀.jpg",
            f"<script>/{'n' * 251}.jpg",
            f"<script>/{UNDECODABLE}",
        ),
        "-x <script> cat dog",
        9,
    ),
    Layout(
        "numbers as classes",
        lambda r: plant(r, *(f"{c}/{n}.jpg" for c in (2, 10, 1) for n in "ab")),
        "1 10 2",
        6,
    ),
    Layout(
        "class called train",
        lambda r: cats_and_dogs(r, "train/6.jpg", "train/7.jpg"),
        "cat dog train",
        7,
    ),
    Layout("splits", lambda r: splits(r, "train", "val", "test"), "cat dog", 15),
    Layout(
        "splits in capitals", lambda r: splits(r, "Train", "VALIDATION", "Testing"), "cat dog", 15
    ),
    Layout("only train", lambda r: cats_and_dogs(r / "train"), "cat dog", 5),
    Layout(
        "strays among the splits",
        lambda r: plant(
            splits(r, "train", "valid", "test"), "test/6.jpg", "notes.txt", ".cache/x/7.jpg"
        ),
        "cat dog",
        15,
        [
            "hidden: .cache (a folder)",
            "stray: notes.txt (a file outside the class folders)",
            "stray: test/6.jpg (a file outside the class folders)",
        ],
    ),
    Layout(
        "class only in validation",
        lambda r: plant(splits(r, "train", "val", "test"), "val/owl/6.jpg"),
        "cat dog owl",
        16,
        [],
        "class 'owl' has images in validation, but none in train; move some there",
    ),
    Layout(
        "class not in test",
        lambda r: plant(
            splits(r, "train", "val", "test"),
            *(f"{p}/owl/{n}.jpg" for p in ("train", "val") for n in "ab"),
        ),
        "cat dog owl",
        19,
        [],
        "class 'owl' has no images in test; move some there",
    ),
    Layout(
        "one image in train",
        lambda r: plant(
            splits(r, "train", "val", "test"), *(f"{p}/owl/a.jpg" for p in ("train", "val", "test"))
        ),
        "cat dog owl",
        18,
        [],
        "class 'owl' has one image in train; expected at least two of a class",
    ),
    Layout(
        "splits without train",
        lambda r: plant(r, "val/cat/1.jpg", "Test/cat/2.jpg", "Test/dog/3.jpg"),
        "cat dog",
        3,
        [],
        "there are no images to train on: all 3 are in validation and test",
    ),
    Layout(
        "unlabeled splits",
        lambda r: plant(r, "train/1.jpg", "test/"),
        "",
        0,
        ["stray: train/1.jpg (a file outside the class folders)"],
        "there are no class folders, only 1 loose file; expected a folder for each class:\n"
        "    cat/1.jpg\n    dog/2.jpg",
    ),
]
