"""Write the report of a run or of a single evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

import striate
from striate import storage
from striate.data.listing.samples import Split
from striate.evaluation.doubts import Doubts, find_twins
from striate.evaluation.evaluate import EvaluationRun, evaluate_split
from striate.evaluation.known import Known
from striate.evaluation.report import Form, render_report
from striate.evaluation.seen_images import Originals, find_root
from striate.model_file import load, save
from striate.provenance import Scores
from striate.tasks.results import Results
from striate.tasks.sections import same_answer
from striate.text import count_noun
from striate.training.events import Epoch
from striate.training.origin import find_provenance
from striate.training.prepare import PreparedData
from striate.training.run import Run

#: suffix of a file -> how a report is written there
FORMS: dict[str, Form] = {".html": "html", ".md": "markdown", ".json": "json"}


def write_report(run: Run, dataset: PreparedData, split: Split | None = None) -> Scores:
    """Evaluate the model of a finished run on a split; write report and JSON beside it.

    The default split is test, or validation where there is no test image. Returns the scores, which
    the model file then holds too.
    """
    model = load(run.model_file, network=dataset.view.network)
    split = split or ("test" if dataset.counts()["test"] else "validation")
    known = Known.of(run)
    shown, root = str(run.model_file), find_root(dataset.root)
    result = evaluate_split(model, (dataset.decoded,), split, root, shown=shown, known=known)
    originals = Originals.of(dataset.root, run.report_file)
    storage.write(run.report_file, write_page(result, run.epochs(), run.command(), originals))
    run.write_json("evaluation.json", result.results.to_json())
    scores = find_scores(result.results)
    whence = replace(find_provenance(run, model.class_names), scores=scores)
    if dataset.source:
        whence = replace(whence, license=dataset.source.license)
    save(replace(model, provenance=whence), run.model_file)
    return scores


def find_scores(results: Results) -> Scores:
    """Return the scores that are defined on these images, as JSON has no number for the others."""
    about, scores = results.about, results.scores()
    defined = tuple(score for score in scores if not math.isnan(score.value))
    baseline = results.baseline() if defined[:1] == scores[:1] else None
    told = same_answer(len(results))
    same = any(remark.text == told for remark in results.remarks())
    leaks = about.leaked, baseline, same, about.near_leaked, about.grouped
    return Scores(about.split, defined, *leaks)


def write_page(
    result: EvaluationRun,
    epochs: Sequence[Epoch],
    command: str,
    originals: Originals | None,
    suffix: str = ".html",
    doubts: Doubts | None = None,
) -> str:
    """Render the report of an evaluation in the format of a suffix of FORMS."""
    model = result.model
    targets = model.task.spec
    asked = model.task.name if targets.kind == "image" else targets
    count, _, noun = str(targets).partition(" ")
    facts = {
        **({noun: count} if targets.names else {}),
        "network": f"{model.network_name}, {model.parameters:,} parameters",
        "input": "; ".join(view.describe() for view in model.views),
        **model.facts,
        **({"trained": _trained(epochs[-1])} if epochs else {}),
        "striate": striate.__version__,
        "torch": torch.__version__,
    }
    return render_report(
        result.results,
        title=f"{model.network_name} on {asked}",
        pixels=result.pixels.drawn(model.preprocess),
        epochs=epochs,
        facts=facts,
        findings=result.decoded.findings,
        command=command,
        originals=originals if model.preprocess.inputs == "image" else None,
        nearest=result.nearest,
        form=FORMS[suffix.lower()],
        more=(result.rejection.section(),) if result.rejection else (),
        distorted=result.distorted,
        doubts=doubts or find_twins(result),
    )


def _trained(last: Epoch) -> str:
    """Format, e.g., "35 epochs in 9 s"; what the front of frozen stages took is not in it."""
    length, seconds = count_noun(last.epoch, "epoch"), last.seconds
    if seconds < 120:
        return f"{length} in {seconds:.{0 if seconds >= 10 else 1}f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{length} in {hours} h {minutes} min" if hours else f"{length} in {minutes} min"
