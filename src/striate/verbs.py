"""The verbs of striate as Python functions: what the command line and the package's root offer."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from striate import storage, zoo
from striate.anatomy import Anatomy, dissect
from striate.anatomy.comparison import Comparison, Speed, measure
from striate.anatomy.memory import Memory
from striate.anatomy.memory import memory as peak
from striate.anatomy.sources import find
from striate.data.checking.inspection import Inspection, inspect
from striate.errors import OptionError
from striate.judging.evaluation import Evaluation
from striate.judging.inference import evaluating
from striate.judging.page.writing import epochs_beside, page, write_report
from striate.judging.replay import Replay, replaying
from striate.layers import skeletons
from striate.model import Model, load, place
from striate.options import CheckOptions, EvaluateOptions, PredictOptions, TrainOptions
from striate.pictures.sheet import write_sheet
from striate.shipping import table
from striate.shipping.predictions import Predictions
from striate.shipping.predictor import Predictor
from striate.training import display, preparation
from striate.training.checkpoint import Position
from striate.training.events import Event, Finished, Note, Stopped
from striate.training.loop import fit
from striate.training.machine import choose_device, keep_freed_memory
from striate.training.preparation import Dataset
from striate.training.run import Run
from striate.training.signals import Request, stop_request
from striate.training.stepping.step import Training


def check(photos: str | Path, **options: Any) -> Inspection:
    """Look at every picture of a folder and tell what is found; nothing in it is changed.

    Options, those of `striate check`, ask for a sheet. Raises DataError where there is nothing.
    """
    if options:
        write_sheet(photos, CheckOptions.read(options))
    return inspect(photos)


def networks() -> tuple[zoo.Card, ...]:
    """The cards of all networks."""
    return tuple(zoo.CARDS.values())


def describe(
    network: str | nn.Module,
    shape: Sequence[int] | None = None,
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
) -> Anatomy:
    """Every layer of a network: volume, parameters, multiply-adds, memory and receptive field.

    The network is a name of the zoo, "mynet.py:Net" for one in a file, a model file or a run's
    folder, or any module, which needs the `shape` (C, H, W) of its picture. `size` is the side of
    the picture in pixels; what is not given is the paper's, or what the model was trained with.
    Raises OptionError when there is no such network or the picture does not fit it.

    >>> striate.describe("vgg16").macs
    15470264320
    """
    if isinstance(network, str):
        found, usual = _found(network, {"size": size, "channels": channels, "classes": classes})
        return dissect(found, shape or usual, network)
    if shape is None:
        raise OptionError("describe needs the shape of a picture, as in describe(net, (3, 64, 64))")
    return dissect(network, shape, type(network).__name__)


def side_by_side(
    *networks: str,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
) -> Comparison:
    """Networks by what `describe` calls them, beside each other, with their speed on this machine.

    Sizes are those of `describe`. Raises OptionError as it does.
    """
    sizes = {"size": size, "channels": channels, "classes": classes}
    anatomies = tuple(describe(network, None, **sizes) for network in networks)
    memories = tuple(memory(network, batch=1, **sizes) for network in networks)
    device = choose_device("auto")
    speeds = list[Speed]()
    for network in networks:
        built, shape = _found(network, sizes, drawn=True)
        speeds.append(measure(place(built, device), shape))
    return Comparison(anatomies, memories, tuple(speeds))


def memory(
    network: str,
    *,
    batch: int,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
) -> Memory:
    """What a network takes beyond its weights, to answer and to learn, at a batch size.

    The picture is that of `describe`, as are the errors.
    """
    built, shape = _found(network, {"size": size, "channels": channels, "classes": classes})
    return peak(built, shape, batch)


def _found(
    source: str, sizes: dict[str, int | None], *, drawn: bool = False
) -> tuple[nn.Module, tuple[int, ...]]:
    """A network, without weights unless they are `drawn` or a model file has them, and its picture.

    Raises OptionError, and ModelError for a model file that is refused.
    """
    if source not in zoo.CARDS and (source.endswith(".safetensors") or Path(source).is_dir()):
        if given := [word for word, number in sizes.items() if number and word != "size"]:
            raise OptionError(f"{source}: a trained network keeps its {given[0]}; leave it out")
        model = load(source)
        side = sizes["size"] or model.preprocess.size
        return model.network, (model.preprocess.channels, side, side)
    with contextlib.nullcontext() if drawn else skeletons():
        return find(source, **sizes)


def train(
    photos: str | Path | None = None,
    *,
    recipe: str | Path | None = None,
    resume: str | Path | None = None,
    progress: bool = True,
    **options: Any,
) -> Run:
    """Train a network on a folder of pictures and return its run.

    Options are those of `striate.TrainOptions`, and a TOML file of them is a `recipe`; `resume`
    goes on with a run that was stopped. The run's folder holds the model file, the report and all
    events. With `progress`, what happens is shown on stderr. Ctrl-C saves and then interrupts as
    usual. Raises DataError, OptionError, StorageError, BusyError or DivergedError.

    >>> run = striate.train("photos", network="resnet18", epochs=20)  # doctest: +SKIP
    """
    events = stream(photos, recipe=recipe, resume=resume, **options)
    for event in display.shown(events) if progress else events:
        if isinstance(event, Finished):
            return Run.open(event.folder)
        if isinstance(event, Stopped):
            if event.signal == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + event.signal)
    raise AssertionError("a training ends with Finished or Stopped")


def stream(
    photos: str | Path | None = None,
    *,
    recipe: str | Path | None = None,
    resume: str | Path | None = None,
    **options: Any,
) -> Iterator[Event]:
    """Train as `train` does, event by event: Progress, Started, Step, Epoch, then Finished.

    The last event is Stopped instead when a signal asked for it. Closing the iterator abandons the
    training at its last checkpoint.
    """
    if resume is None:
        run, source, chosen = None, photos, _options(recipe, options)
    else:
        run, source, chosen = _resumed(photos, resume, recipe, options)
    if source is None:
        raise OptionError("train needs a folder of pictures, or --resume with the folder of a run")
    device = choose_device(chosen.device)
    keep_freed_memory()
    with contextlib.ExitStack() as held:
        held.callback(torch.set_num_threads, torch.get_num_threads())
        if run is not None:
            held.enter_context(run.lock())
            storage.sweep(run.folder)
            run.mend()
        data = yield from preparation.read(Path(source), chosen)
        if run is None:
            run = Run.create(chosen.out or preparation.default_folder(data))
            held.enter_context(run.lock())
            training = preparation.build(data, chosen, device, run)
            preparation.record(training, data, chosen, device)
            position = Position()
        else:
            training = preparation.build(data, chosen, device, run)
            position = yield from preparation.resume(training, data, device)
        request = held.enter_context(stop_request())
        for event in _trained(training, data, device, position, request):
            run.note(event)
            yield event


def verify(run: str | Path, *, progress: bool = False) -> Replay:
    """Whether a run can be had again to the last bit: its last steps are taken anew and compared.

    Nothing is written. Raises OptionError when the folder is no run or nothing can be replayed.

    >>> striate.verify("runs/photos-lenet5").same  # doctest: +SKIP
    True
    """
    _, source, options = _resumed(None, run, None, {})
    work = replaying(Run.open(run), Path(source), options)
    return display.watched(work, None if progress else Console(quiet=True))


def evaluate(
    model: str | Path | Model, photos: str | Path, *, progress: bool = False, **options: Any
) -> Evaluation:
    """Judge a model on a folder of pictures; with `out`, write the report there.

    Options are those of `striate.EvaluateOptions`. The folder is divided as the one the model
    learned from, so `part="test"` are pictures it has never seen. Raises DataError when the folder
    has classes the model does not know.
    """
    chosen = EvaluateOptions.read(options)
    if chosen.out:
        storage.check_suffix(chosen.out, (".html",))
    loaded = model if isinstance(model, Model) else load(model, device=choose_device(chosen.device))
    shown = loaded.name if isinstance(model, Model) else str(model)
    work = evaluating(loaded, Path(photos), chosen, shown=shown)
    result = display.watched(work, None if progress else Console(quiet=True))
    if chosen.out:
        command = f"striate evaluate {shown} {photos} --part {chosen.part}"
        storage.write(chosen.out, page(result, loaded, epochs_beside(shown), command))
    return result.evaluation


def predict(model: str | Path | Model, *paths: str | Path, **options: Any) -> Predictions:
    """What a model says of pictures and of the pictures in folders, in the order asked.

    Options are those of `striate.PredictOptions`. A file that cannot be read is a prediction with
    an error. Raises DataError for a path that does not exist.
    """
    chosen = PredictOptions.read(options)
    if chosen.out:
        storage.check_suffix(chosen.out, table.SUFFIXES)
    loaded = model if isinstance(model, Model) else load(model, device=choose_device(chosen.device))
    predictor = Predictor(loaded, chosen.top, chosen.batch, chosen.largest)
    predictions = Predictions(predictor.predict(paths))
    if chosen.out:
        table.write(chosen.out, predictions, raw_csv=chosen.raw_csv)
    return predictions


def _options(recipe: str | Path | None, options: dict[str, Any]) -> TrainOptions:
    if recipe is None:
        return TrainOptions.read(options)
    return TrainOptions.read_toml(Path(recipe), options)


def _resumed(
    photos: str | Path | None,
    resume: str | Path,
    recipe: str | Path | None,
    options: dict[str, Any],
) -> tuple[Run, str | Path, TrainOptions]:
    """The run to go on with, its pictures (those recorded unless given), and its options."""
    given = [*options, *(["recipe"] if recipe else [])]
    if given:
        raise OptionError(f"a resumed run keeps its options; leave out {given[0]}, or train anew")
    run = Run.open(resume)
    values = run.read_json("options.json")
    recorded = str(values.pop("photos", ""))
    return run, photos or recorded, TrainOptions.read(values, str(run.options_file))


def _trained(
    training: Training, data: Dataset, device: torch.device, position: Position, request: Request
) -> Iterator[Event]:
    """The loop's events, with the report written before the last."""
    if data.packed.note:
        yield Note(data.packed.note)
    if data.left_out:
        count = f"{len(data.left_out):,} {'file is' if len(data.left_out) == 1 else 'files are'}"
        yield Note(f"{count} left out; `striate check` names them and says why")
    yield preparation.started(training, data, device, position)
    for event in fit(training, position, request):
        if isinstance(event, Finished):
            write_report(training.run, data)
        yield event
