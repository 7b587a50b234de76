"""What is judged becomes a page: the report of a run, or of an evaluation asked for."""

from __future__ import annotations

from pathlib import Path

import torch

import striate
from striate import storage
from striate.judging.inference import Judged, judged
from striate.judging.page.report import report
from striate.model import Model, load
from striate.training.events import Epoch
from striate.training.preparation import Dataset
from striate.training.run import Run


def write_report(run: Run, data: Dataset) -> None:
    """Judge the model of a finished run on its test part and write what is found beside it."""
    model = load(run.model_file, network=data.view.network)
    part = "test" if data.counts()["test"] else "validation"
    result = judged(model, data.packed, part, shown=str(run.model_file))
    command = f"striate train {data.photos} --network {model.spec.option}"
    storage.write(run.report_file, page(result, model, run.epochs(), command))
    run.write_json("evaluation.json", result.evaluation.to_json())


def epochs_beside(model: str) -> list[Epoch]:
    """The epochs of the run that a model file lies in; none where it was moved elsewhere."""
    place = Path(model)
    return Run(place if place.is_dir() else place.parent).epochs()


def page(result: Judged, model: Model, epochs: list[Epoch], command: str) -> str:
    """The report of a judgement as one page."""
    params = sum(p.numel() for p in model.network.parameters())
    view = model.preprocess
    colour = "grey" if view.channels == 1 else "colour"
    facts = {
        "network": f"{model.name}, {params:,} parameters",
        "sees": f"{view.size}x{view.size} pixels, {colour}, {view.fit}",
        **model.facts,
        "striate": striate.__version__,
        "torch": torch.__version__,
    }
    return report(
        result.evaluation,
        title=f"{model.name} on {len(model.class_names)} classes",
        pixels=result.pixels,
        epochs=epochs,
        facts=facts,
        findings=result.packed.findings,
        command=command,
    )
