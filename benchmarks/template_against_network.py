"""Who finds the threes of a form: a template, or a network that learned from other digits?

    python benchmarks/template_against_network.py [--save]

The network learns from crops of forms with 300 digits of each class: digits, and the paper between
them. On a second form, of other digits, the best of 30 templates is chosen and the thresholds are
set; a third, of others again, is reported: 1,000 digits, 100 of each class. Then every digit of the
second and third form is changed, a little more each time, and thresholds are set anew: that is kind
to all. A second network learned from changed forms as well.

Prints one JSON line; --save appends it to results/template_against_network.jsonl and draws two
images for the documentation.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from forms import Change, Form, Score, best_threshold, crops, digits, form, hits, judged
from machines import HERE, keep, machine, say
from numpy.typing import NDArray
from panels import panels
from PIL import Image

import striate
from striate.plotting import draw_matches
from striate.prediction.sliding_window import slide
from striate.vision import Matches, find

SOUGHT = 3
WINDOW = 32  #: side of what the network sees, in pixels
LEARNED, TUNED, REPORTED = slice(300), slice(300, 400), slice(400, 500)  #: digits of each class
CANDIDATES = 30  #: templates, from the digits that the network learns from
FORMS, EPOCHS = 6, 5  #: to learn from, and how often
UNCHANGED, VARIED = "network", "network, shown changes"
IMAGES = HERE.parent / "docs" / "images"
RIGHT, WRONG = "#00832d", "#d50000"
STRENGTHS: dict[str, tuple[float, ...]] = {
    "rotate": (0, 10, 20, 30, 40),
    "scale": (0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4),
    "shear": (0, 0.2, 0.4, 0.6),
    "translate": (0, 0.25, 0.5),
    "noise": (0, 30, 60, 90, 120),
    "light": (0, 50, 100, 150),
}
UNITS = {
    "rotate": "rotated, degrees",
    "scale": "size, times",
    "shear": "sheared, pixels across a pixel down",
    "translate": "moved, part of a pixel",
    "noise": "noise, deviation in gray levels",
    "light": "light, gray levels from left to right",
}


@dataclass(frozen=True)
class Finder:
    """A way to find threes, with all it finds that could count."""

    find: Callable[[NDArray[np.uint8]], Matches]
    facts: dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--save", action="store_true")
    save = parser.parse_args().save
    finders = {
        "template, plain": template("plain", 1e5),
        "template": template("normalized", 0.2),
        UNCHANGED: network([Change()] * FORMS),
        VARIED: network(varied(FORMS)),
    }
    line = compare(finders)
    print(json.dumps(line), flush=True)
    if save:
        keep("template_against_network", json.dumps(line))
        (IMAGES / "template_against_network.svg").write_text(plot(line["curves"]), "utf-8")
        figure(finders, line["finders"]).save(IMAGES / "form.png", optimize=True)


def compare(finders: dict[str, Finder]) -> dict[str, Any]:
    found = {name: reported(finder, Change()) for name, finder in finders.items()}
    labels, curves = form(REPORTED, seed=2).labels, dict[str, Any]()
    for kind, strengths in STRENGTHS.items():
        changes = [Change(**{kind: strength}) for strength in strengths]
        lines = {
            name: [round(reported(finder, change)[0].f1, 4) for change in changes]
            for name, finder in finders.items()
            if name != "template, plain"
        }
        say(f"{kind}: {lines}")
        curves[kind] = {"strengths": strengths, "f1": lines}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "digits",
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "digits": len(labels),
        "sought": int((labels == SOUGHT).sum()),
        "finders": {
            name: asdict(score) | {"threshold": limit, "seconds": seconds} | finders[name].facts
            for name, (score, limit, seconds) in found.items()
        },
        "curves": curves,
    }


def reported(finder: Finder, change: Change) -> tuple[Score, float, float]:
    """The score, the threshold it was reached with, and the seconds of one search."""
    tuned, other = form(TUNED, seed=1, change=change), form(REPORTED, seed=2, change=change)
    limit = best_threshold(finder.find(tuned.page), tuned, SOUGHT)
    begin = time.perf_counter()
    matches = finder.find(other.page)
    seconds = time.perf_counter() - begin
    return judged(matches, other, SOUGHT, limit), limit, round(seconds, 3)


def template(method: str, least: float) -> Finder:
    """The one of the candidates that does best on the second form."""
    images, labels = digits(LEARNED)
    candidates = images[labels == SOUGHT][:CANDIDATES]
    source = form(TUNED, seed=1)

    def f1(candidate: NDArray[np.uint8]) -> float:
        matches = find(candidate, source.page, method=method, threshold=least)
        return judged(matches, source, SOUGHT, best_threshold(matches, source, SOUGHT)).f1

    scores = [f1(candidate) for candidate in candidates]
    best = int(np.argmax(scores))
    say(f"{method}: template {best}, F1 {scores[best]:.3f}, median of all {np.median(scores):.3f}")
    way = partial(find, candidates[best], method=method, threshold=least)
    return Finder(way, {"candidate": best})


def varied(count: int) -> list[Change]:
    """Changes of every kind at once, of drawn strength."""
    random = np.random.default_rng(7)
    return [
        Change(
            turn=random.uniform(0, 40),
            scale=random.uniform(0.6, 1.4),
            shear=random.uniform(0, 0.6),
            shift=random.uniform(0, 0.5),
            noise=random.uniform(0, 120),
            light=random.uniform(0, 150),
        )
        for _ in range(count)
    ]


def network(changes: list[Change]) -> Finder:
    """LeNet-5 that learned from crops of forms with these changes."""
    forms = [form(LEARNED, seed=100 + n, change=change) for n, change in enumerate(changes)]
    squares, labels = zip(
        *(crops(source, WINDOW, seed=n) for n, source in enumerate(forms)), strict=True
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "crops.npz"
        np.savez(file, x=np.concatenate(squares), y=np.concatenate(labels))
        begin = time.perf_counter()
        run = striate.train(
            file, network="lenet5", epochs=EPOCHS, validation=0.05, test=0.0, seed=0,
            out=Path(folder) / "run", progress=False,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
        model = striate.load(run.model_file)
    say(f"trained for {seconds:.0f} s")
    facts = {"training_seconds": round(seconds, 1), "crops": sum(map(len, labels))}
    return Finder(lambda page: slide(model, page).find(str(SOUGHT), threshold=0.02), facts)


def plot(curves: dict[str, Any]) -> str:
    charts = {UNITS[kind]: (each["strengths"], each["f1"]) for kind, each in curves.items()}
    return panels("F1 of finding threes, against what was done to the digits", charts, "F1")


def figure(finders: dict[str, Finder], found: dict[str, Any]) -> Image.Image:
    """A small form twice: what the template found, and what the network found."""
    part = slice(REPORTED.start, REPORTED.start + 12)
    source = form(part, seed=5, columns=12)
    images = list[Image.Image]()
    for name in ("template", UNCHANGED):
        matches = finders[name].find(source.page)
        images.append(marked(source, matches, found[name]["threshold"]))
    width, height = images[0].size
    both = Image.new("RGB", (2 * width + 12, height), "white")
    for number, image in enumerate(images):
        both.paste(image, (number * (width + 12), 0))
    return both.quantize(64, dither=Image.Dither.NONE)


def marked(source: Form, matches: Matches, limit: float) -> Image.Image:
    """Dark ink on paper; boxes in green are right, in red wrong."""
    keep = matches.scores >= limit
    right = hits(matches, source, SOUGHT) & keep
    image: Any = 255 - source.page
    for chosen, color in ((right, RIGHT), (keep & ~right, WRONG)):
        some = Matches(matches.positions[chosen], matches.scores[chosen], matches.size)
        image = draw_matches(image, some, color=color)
    return Image.fromarray(np.asarray(image))


if __name__ == "__main__":
    main()
