"""What is judged becomes a page: the report of a run, or of an evaluation asked for."""

from __future__ import annotations

from collections.abc import Sequence

import torch

import striate
from striate import storage
from striate.evaluation.evaluate import Judged, Originals, judged
from striate.evaluation.known import Known
from striate.evaluation.report import report
from striate.model import Model, load
from striate.text import counted
from striate.training.events import Epoch, Scores
from striate.training.run import Run
from striate.training.setup import Dataset


def write_report(run: Run, data: Dataset) -> Scores:
    """Judge the model of a finished run on its test part and write what is found beside it."""
    model = load(run.model_file, network=data.view.network)
    part = "test" if data.counts()["test"] else "validation"
    known = Known.of(run)
    result = judged(model, data.packed, part, shown=str(run.model_file), known=known)
    command = str(run.read_json("environment.json").get("command", ""))
    originals = Originals.of(data.photos, run.report_file)
    storage.write(run.report_file, page(result, model, run.epochs(), command, originals))
    run.write_json("evaluation.json", result.evaluation.to_json())
    share = result.evaluation.accuracy
    leaked = result.evaluation.leaked
    return Scores(part, share.n, share.value, share.low, share.high, leaked)


def page(
    result: Judged,
    model: Model,
    epochs: Sequence[Epoch],
    command: str,
    originals: Originals | None,
) -> str:
    """The report of a judgement as one page."""
    params = sum(p.numel() for p in model.network.parameters())
    view = model.preprocess
    colour = "grey" if view.channels == 1 else "colour"
    facts = {
        "network": f"{model.name}, {params:,} parameters",
        "sees": f"{view.size}x{view.size} pixels, {colour}, {view.fit}",
        **model.facts,
        **({"duration": _duration(epochs[-1])} if epochs else {}),
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
        originals=originals,
    )


def _duration(last: Epoch) -> str:
    """For example "9 s, 35 epochs"."""
    seconds, length = last.seconds, counted(last.epoch, "epoch")
    if seconds < 120:
        return f"{seconds:.0f} s, {length}"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min, {length}" if hours else f"{minutes} min, {length}"
