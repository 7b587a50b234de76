"""Make the figure of the page "X or X": a template and three networks on distorted X's and O's.

    python scripts/make_invariance.py [--epochs 40]

All see the same 500 drawings of make_xo.py a class, none of which is shifted, turned or scaled; for
the last network each is, anew in every epoch. They are judged on 250 other drawings a class. Prints
the table that the page has; takes some 95 seconds of one core.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from make_xo import draw as draw_form
from make_xo import make
from torch import Tensor, nn

import striate
from striate.evaluation.invariance import measure_steps
from striate.evaluation.invariance_result import Invariance
from striate.evaluation.invariance_sections import make_curves, make_strip
from striate.evaluation.known import Judged
from striate.model import Model
from striate.options import EvaluateOptions
from striate.plotting.chart import Chart, Line
from striate.plotting.grid import draw_grid
from striate.plotting.shapes import Picture
from striate.plotting.svg import to_svg
from striate.verbs import display
from striate.vision.distortions import DISTORTIONS, distort
from striate.vision.template_match import match_scores
from striate.zoo.spec import NetworkSpec

FILE = Path(__file__).parents[1] / "docs" / "images" / "invariance.svg"
KINDS = ("shift", "turn", "scale", "brightness", "blur", "occlusion")
VARIED = "rotate=45,translate=0.3,scale=0.4"  # in place of the ranges of --augment strong
EDGE = 8  # pixels of paper around a form, which its template goes without


class Template(nn.Module):
    """(N, 1, size, size) -> for each class, how well its one drawing fits where it fits best."""

    def __init__(self, drawings: list[np.ndarray]) -> None:
        super().__init__()
        stacked = np.stack(drawings)[:, EDGE:-EDGE, EDGE:-EDGE]
        self.drawings = nn.Parameter(torch.from_numpy(stacked).float(), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the highest normalized correlations."""
        patterns = self.drawings.numpy()
        scores = [
            [match_scores(pattern, image[0]).max() for pattern in patterns]
            for image in images.numpy()
        ]
        return torch.tensor(scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=40)
    epochs = parser.parse_args().epochs
    with tempfile.TemporaryDirectory() as folder:
        learned, judged = Path(folder) / "learned", Path(folder) / "judged"
        make(learned, each=500, seed=0)
        make(judged, each=250, seed=1)
        networks = {
            "dense network": trained(learned, network="mlp", epochs=epochs, augment="none"),
            "small CNN": trained(learned, network="lenet5", epochs=epochs, augment="none"),
            "same CNN, varied": trained(
                learned, network="lenet5", epochs=epochs, augment="strong", augment_params=VARIED
            ),
        }
        models = {"template": template(networks["small CNN"]), **networks}
        options = EvaluateOptions(split="all")
        named = [Judged(model, name) for name, model in models.items()]
        found = display.show_progress(measure_steps(named, judged, options), None)
    print(found)
    print(table(found))
    FILE.write_text(to_svg(draw(found)), "utf-8")


def draw(found: Invariance) -> Picture:
    """Draw two kinds a row, each above one drawing at its levels, with one legend for all."""
    rows, colors = list[list[Chart]](), dict[str, str]()
    for pair in (KINDS[place : place + 2] for place in range(0, len(KINDS), 2)):
        charts = list[Chart]()
        for chart in (make_curves(found, kind) for kind in pair):
            lines = [part for part in chart.series if isinstance(part, Line) and part.label]
            colors |= {line.label: line.color for line in lines}
            charts.append(replace(chart, series=tuple(replace(line, label="") for line in lines)))
        rows += [charts, [make_strip(replace(found, strips=crosses()), kind) for kind in pair]]
    told = f"{len(found.plain[0])} drawings"
    return draw_grid(rows, "X or X: accuracy of distorted drawings", told, colors.items())


def crosses() -> dict[str, np.ndarray]:
    """The first X that is judged, at each level of each kind: the first image is an O."""
    drawn = np.asarray(draw_form("X", np.random.default_rng(1)))[None, :, :, None]
    kinds = [DISTORTIONS[name] for name in KINDS]
    return {
        kind.name: np.concatenate([distort(drawn, kind.name, level, [0]) for level in kind.levels])
        for kind in kinds
    }


def trained(folder: Path, **options: Any) -> Model:
    run = striate.train(
        folder, size=32, batch=32, validation=0.1, test=0.0, seed=0, threads=1, progress=False,
        out=folder.parent / str(len(list(folder.parent.iterdir()))), **options,
    )  # fmt: skip
    model = striate.load(run.model_file)
    assert isinstance(model, Model)
    return model


def template(like: Model) -> Model:
    """The first drawing of each class, with the views of a network."""
    random = np.random.default_rng(0)
    drawings = [np.asarray(draw_form(name, random)) for name in like.class_names]
    view = replace(like.preprocess, mean=(0.0,), std=(1.0,))
    made = Template(drawings)
    return replace(like, network=made, spec=NetworkSpec.of(made), preprocess=view)


def table(found: Invariance) -> str:
    """The lowest accuracy over the levels of each kind, as rows of Markdown."""
    lines = [f"| | {' | '.join(found.models)} |", "| --- |" + " ---: |" * len(found.models)]
    for kind in found.kinds:
        curves = [found.curve(model, kind) for model in found.models]
        lowest = [min(curve, key=lambda point: point.score.value) for curve in curves]
        lines.append(f"| {kind} | {' | '.join(point.score.shown for point in lowest)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
