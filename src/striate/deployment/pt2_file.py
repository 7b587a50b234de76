"""A model as a program of torch.export, with all of its preprocessing: it needs no striate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from striate.deployment import torch_resizing
from striate.deployment.body import Body, trace_program
from striate.deployment.target import Contents, Target, restore
from striate.errors import OptionError
from striate.model import Ensemble, Model
from striate.onnx_model import DESCRIPTION, RESTORED, OnnxModel


class Whole(nn.Module):
    """From images of any size to what is decoded of them, and whether they are rejected."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the answers of images (N, H, W, 3) uint8."""
        model = self.body.model
        view, task = model.preprocess, model.task
        rows = torch_resizing.add_luminance(images) if view.channels == 1 else images
        if task.own_size:
            return self.body(rows)
        across, down = torch_resizing.place(images, view)
        decoded, *rejected = self.body(torch_resizing.resize(rows, across, down, view))
        if task.head in RESTORED:
            bring = (torch_resizing.restore_boxes, torch_resizing.restore_map)
            decoded = bring[RESTORED.index(task.head)](decoded, across, down)
        return decoded, *rejected


class Pt2Target(Target):
    """`model.pt2`, which `torch.export.load` opens."""

    files = ("model.pt2",)
    package = "torch"
    imports = "import torch"
    opening = f"""\
more = {{"{DESCRIPTION}": ""}}
program = torch.export.load(here / "model.pt2", extra_files=more).module(check_guards=False)
described = more["{DESCRIPTION}"]


@torch.inference_mode()
def run(given):
    return [each.numpy() for each in program(torch.from_numpy(given))]
"""

    def trace(self, model: Model | Ensemble) -> ExportedProgram:
        if model.preprocess.inputs != "image":
            raise OptionError(
                f"--to pt2 is for models that are given images, but this one is given a "
                f"{model.preprocess.inputs}; leave it out, for an ONNX file"
            )
        return trace_program(Body(model).eval(), around=Whole)

    def write(self, folder: Path, contents: Contents) -> None:
        described = {DESCRIPTION: contents.describe()}
        torch.export.save(contents.body, folder / self.files[0], extra_files=described)

    def open(self, folder: Path) -> OnnxModel:
        file, more = folder / self.files[0], {DESCRIPTION: ""}
        # guards speak of layouts in memory, on which no answer depends
        program = torch.export.load(file, extra_files=more).module(check_guards=False)
        return restore(partial(_run, program), more[DESCRIPTION], [file])


@torch.inference_mode()
def _run(program: nn.Module, batch: NDArray[Any]) -> list[NDArray[Any]]:
    return [each.numpy() for each in program(torch.from_numpy(np.array(batch)))]
