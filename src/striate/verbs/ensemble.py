"""API function that averages several models into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from striate import storage, tensorfile
from striate.data.decoding.preprocess import Preprocess
from striate.data.signals.signal_input import SignalInput
from striate.errors import OptionError, printable
from striate.evaluation.ensemble import EnsembleResults, judge_steps
from striate.evaluation.known import Known, run_of
from striate.evaluation.write_report import find_scores
from striate.hardware import choose_device
from striate.model import Ensemble, Model
from striate.model_description import MOST_MEMBERS, explain_mismatch, read_file
from striate.model_file import restore_model, save
from striate.options import EnsembleOptions, EvaluateOptions
from striate.provenance import Provenance
from striate.verbs import display
from striate.verbs.answering import files_of
from striate.verbs.judging import recorded_images


def ensemble(
    *runs: str | Path, out: str | Path, progress: bool = False, **options: Any
) -> EnsembleResults:
    """Average the answers of several models, judge it against each, and write it as a model file.

    Options are those of `striate.options.EnsembleOptions`. Runs are run folders or model files of
    one task with the same targets; networks and preprocessing may differ. Probabilities are
    averaged, or numbers in their unit. Raises OptionError for models that cannot be averaged, for
    fewer than two or one that came twice; what `evaluate` and `load` raise. Nothing is then
    written.
    """
    chosen, place = EnsembleOptions.read(options), Path(out)
    check_runs(runs, place)
    source = chosen.data or _recorded(runs[0])
    storage.check_output(place, chain(*map(files_of, runs), [source]))
    device = choose_device(chosen.device)
    made = make_ensemble([_load_member(run, device) for run in runs], list(map(str, runs)))
    known = [Known.of(run_of(run)) for run in runs]
    given = chosen.model_dump(exclude={"data"}, exclude_unset=True)
    if chosen.data is None and known[0]:
        given = {"leave_out": known[0].left_out, **given}
    asked = EvaluateOptions.read(given)
    work = judge_steps(made, str(place), list(map(str, runs)), known, source, asked)
    judged = display.show_progress(work, None if progress else Console(quiet=True))
    scores = find_scores(judged.results) if chosen.data is None else None
    save(replace(made, provenance=Provenance(scores=scores)), place)
    return judged


def check_runs(runs: Sequence[str | Path], out: Path) -> None:
    """Raise OptionError for a number of runs, or a file to write, that cannot be."""
    storage.check_suffix(out, (".safetensors",))
    if not 2 <= len(runs) <= MOST_MEMBERS:
        raise OptionError(
            f"an ensemble is of 2 to {MOST_MEMBERS} models, but {len(runs)} came; give the "
            "folders of runs of one task"
        )


def make_ensemble(members: Sequence[Model], shown: Sequence[str]) -> Ensemble:
    """Return the ensemble of some models, `shown` in messages.

    Its targets are in the order of the first. Raises OptionError for models that cannot be
    averaged, and for one that came twice.
    """
    first, names = members[0], list(map(printable, shown))
    seen = dict[str, str]()
    for member, name in zip(members, names, strict=True):
        digest = tensorfile.digest(member.network.state_dict())
        if twin := seen.get(digest):
            raise OptionError(f"{name}: has the very weights of {twin}; give each model once")
        seen[digest] = name
        _check_inputs(name, member.preprocess, names[0], first.preprocess)
        if reason := explain_mismatch(first.task, member.task):
            raise OptionError(
                f"{name}: {reason}, unlike {names[0]}; answers to different questions cannot be "
                "averaged"
            )
    made = Ensemble(
        tuple(members),
        first.task.merge([member.task.spec for member in members[1:]]),
        first.fractions,
        {"members": ", ".join(shown)},
    )
    if made.task.head != "logits" and len(made.views) > 1:
        sizes = ", ".join(f"{view.size} pixels {view.fit}" for view in made.views)
        raise OptionError(
            f"answers of this task are averaged pixel by pixel, but the inputs differ: {sizes}; "
            "train them with one --size and --fit"
        )
    return made


def _check_inputs(name: str, view: Preprocess, first: str, other: Preprocess) -> None:
    """Raise OptionError for a model of other inputs than the first, or of another rate."""
    if view.inputs != other.inputs:
        raise OptionError(
            f"{name}: takes {view.inputs}s, unlike {first}, which takes {other.inputs}s; answers "
            "to different questions cannot be averaged"
        )
    if isinstance(view, SignalInput) and isinstance(other, SignalInput):
        told = other.other_rate(view.rate)
        if told:
            raise OptionError(
                f"{name}: takes signals of {told} as {first}; their answers cannot be averaged"
            )


def _load_member(run: str | Path, device: torch.device) -> Model:
    path, description, weights = read_file(Path(run))
    shown = printable(str(run))
    if "members" in description:
        raise OptionError(
            f"{shown}: is an ensemble itself; give the runs it was made of, so that each counts "
            "alike"
        )
    try:
        return restore_model(path, description, weights, device)
    except OptionError as error:
        raise OptionError(
            f"{shown}: its network is code of your own, and the file of an ensemble holds only "
            "networks of striate"
        ) from error


def _recorded(run: str | Path) -> Path:
    """Return the image folder of the first run. Raises OptionError if there is none."""
    if recorded := recorded_images(run_of(run)):
        return recorded
    raise OptionError(
        f"{printable(str(run))}: does not know which images it was trained on; name labeled images "
        "with --data"
    )
