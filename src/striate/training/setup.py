"""From a folder and options to all that the loop needs, and the run folder it will write to."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from striate import hardware, storage, tensorfile
from striate.data.cache.decode_all import read_headers
from striate.data.cache.decoded import prepare_cache
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import NO_SPLIT, Records, Samples, rows_in_split
from striate.data.listing.samples import SPLITS, UNUSABLE, DecodedImages, Finding, Progress, as_text
from striate.data.listing.splits import SplitFractions, assign_splits, class_weights
from striate.data.loader import load_split, resident_bytes
from striate.data.problems import find_problems, reasons
from striate.data.readers.scan import scan
from striate.data.shards.remote import remote_address
from striate.distributed.group import Group
from striate.errors import DataError, OptionError, StorageError, printable
from striate.layers.fast_cpu import use_fast_cpu_layers
from striate.model import Model, to_device
from striate.optim.ema import EMA
from striate.optim.optimizer import Optimizer
from striate.options import TrainOptions, positional, words
from striate.text import count_noun, shell_command
from striate.training import autotune, checkpoint, sync
from striate.training.checkpoint import TrainState
from striate.training.events import Note, Started
from striate.training.forward_backward import ForwardBackward
from striate.training.loop import mend_model
from striate.training.memory import MemoryBudget, free_memory
from striate.training.recipe import Recipe, View, choose_view, complete_recipe
from striate.training.run import Run
from striate.training.step import Training

_STATISTICS_FROM = 2000  #: training images that mean and std are taken over, at most
_AT_ONCE = 256  #: of them in memory


@dataclass(frozen=True)
class PreparedData:
    """A folder decoded, checked and divided, with the view that the network will have of it."""

    root: Path
    decoded: DecodedImages
    view: View
    preprocess: Preprocess
    fractions: SplitFractions
    left_out: tuple[Finding, ...]

    def counts(self) -> dict[str, int]:
        """Part -> images."""
        parts = np.bincount(Samples.of(self.decoded.samples).splits, minlength=len(SPLITS))
        return dict(zip(SPLITS, parts.tolist(), strict=False))


def prepare_data(data: Path, options: TrainOptions) -> Generator[Progress, None, PreparedData]:
    """Decode, check and divide a folder of images.

    Raises DataError when it cannot be trained on, OptionError when options do not go together.
    """
    listing = scan(data)
    _trainable(data, find_problems(listing.class_names, listing.samples, None, listing.findings))
    asked = options.network and options.size and options.color
    view = choose_view(options, () if asked else read_headers(listing))
    view.check(len(listing.class_names))
    geometry = Preprocess(view.size, view.channels, view.fit)
    decoded = yield from prepare_cache(listing, geometry, largest_megabytes=options.largest)
    left_out = tuple(finding for finding in decoded.findings if finding.kind in UNUSABLE)
    images, records = Samples.of(decoded.samples), Records.of(decoded.records)
    why = reasons(listing, images, records, options.leaked)
    if options.bad_images == "fail" and left_out:
        first, count = left_out[0], f"one of {len(left_out):,} files that cannot be used"
        why = (f"{printable(first.path)} is {first.kind}, {count}", *why)
    _trainable(data, why)
    shares = SplitFractions(options.validation, options.test)
    decoded = assign_splits(decoded, shares, options.leaked)
    return PreparedData(data, decoded, view, _with_statistics(geometry, decoded), shares, left_out)


def _trainable(data: Path, why: Sequence[str]) -> None:
    if why:
        raise DataError(f"{printable(str(data))}: {why[0]}")


def notes(dataset: PreparedData) -> Iterator[Note]:
    """What the owner of the images should know before any figure."""
    if dataset.decoded.note:
        yield Note(dataset.decoded.note)
    if dataset.left_out:
        count = (
            f"{len(dataset.left_out):,} {'file is' if len(dataset.left_out) == 1 else 'files are'}"
        )
        yield Note(f"{count} left out; `striate check` names them and says why")
    if leaked := sum(finding.kind == "leaked" for finding in dataset.decoded.findings):
        count = f"{leaked:,} {'image is' if leaked == 1 else 'images are'}"
        kept = "figures on them will be too good; --leaked drop leaves them out"
        dropped = (Samples.of(dataset.decoded.samples).splits == NO_SPLIT).any()
        yield Note(f"leakage: {count} in an earlier part too: {'left out' if dropped else kept}")


def build_training(
    dataset: PreparedData, options: TrainOptions, device: torch.device, run: Run, group: Group
) -> Generator[Progress, None, Training]:
    """The network with fresh weights, its optimizer and its batches."""
    sync.check_same_images(group, _register(dataset.decoded))
    class_names = dataset.decoded.class_names
    torch.manual_seed(options.seed)
    network = dataset.view.build(len(class_names))
    sync.same_network(group, dataset.view.network, network)
    ours = dataset.view.network.ours
    followed = network if ours else copy.deepcopy(network)  # a strange forward may leave a mark
    room = MemoryBudget(
        followed, dataset.view, free_memory(device, resident_bytes(dataset.decoded, device))
    )
    images = dataset.counts()["train"]
    recipe = complete_recipe(
        room.resolve_batch_size(options, images), dataset.view, images, followed, device
    )
    room.check_fits(recipe)
    torch.set_num_threads(recipe.threads)
    if recipe.deterministic:
        hardware.make_deterministic()
    network = _placed(network, device, ours=ours)
    network = sync.prepare_norms(group, recipe, network, str(dataset.view.network))
    train = load_split(dataset.decoded, "train", dataset.preprocess, device)
    verdict = None  # several processes take the usual form: each would find another
    if group.is_single:
        verdict = yield from autotune.autotune(network, train, recipe, dataset.view, options)
    recipe = recipe.with_execution(verdict.execution) if verdict else recipe
    network.to(memory_format=recipe.execution.memory_format)  # pyright: ignore
    weights = class_weights(train.labels, len(class_names)) if recipe.balance == "weights" else None
    counts = ", ".join(f"{count:,} {part}" for part, count in dataset.counts().items())
    facts = {"images": counts, **recipe.facts, "device": hardware.name(device)}
    return Training(
        model=Model(
            network, dataset.view.network, class_names, dataset.preprocess, dataset.fractions, facts
        ),
        optimizer=_optimizer(network, recipe),
        ema=EMA(network, recipe.ema) if recipe.ema else None,
        forward_backward=ForwardBackward(
            network, recipe.execution, recipe.label_smoothing, weights
        ),
        train=train,
        validation=load_split(dataset.decoded, "validation", dataset.preprocess, device),
        recipe=recipe,
        run=run,
        group=group,
        tuned=verdict,
    )


def _optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    return Optimizer(
        network,
        recipe.optimizer,
        recipe.weight_decay,
        momentum=recipe.momentum,
        betas=recipe.betas,
        eps=recipe.eps,
        scaled=recipe.precision == "float16",
    )


def _placed(network: nn.Module, device: torch.device, *, ours: bool) -> nn.Module:
    """On its device, in layers that are quick there; only ours is known to bear channels last."""
    network = to_device(network, device) if ours else network.to(device)
    if device.type == "cpu":
        use_fast_cpu_layers(network)
    return network


def write_run_record(
    training: Training, dataset: PreparedData, options: TrainOptions, device: torch.device
) -> None:
    """Write down options, environment and images of a new run."""
    run, recipe = training.run, training.recipe
    run.checkpoints.mkdir()
    resolved = options.model_dump(mode="json") | dataset.view.to_json() | asdict(recipe)
    if dataset.view.network.source == "object":  # which may begin with weights of any seed
        resolved["network_weights"] = tensorfile.digest(training.model.network.state_dict())
    resolved["color"] = "gray" if resolved.pop("channels") == 1 else "rgb"
    data = positional(remote_address(dataset.root) or dataset.root)
    command = (*training.group.process.command, "train", data, *words(options.given()))
    environment = hardware.describe_environment(device)
    run.write_json("environment.json", {"command": shell_command(command), **environment})
    findings = Counter(finding.kind for finding in dataset.decoded.findings)
    run.write_json(
        "data_report.json",
        {
            "class_names": dataset.decoded.class_names,
            "images": dataset.counts(),
            "findings": dict(findings),
            "left_out": [asdict(finding) for finding in dataset.left_out],
        },
    )
    storage.write_lines(run.folder / "pictures.jsonl", _register(dataset.decoded))
    # Last: a folder with this file is a run, which can be resumed.
    run.write_json(
        "options.json",
        {"data": remote_address(dataset.root) or str(dataset.root.resolve()), **resolved},
    )


def make_started(
    training: Training, dataset: PreparedData, device: torch.device, state: TrainState
) -> Started:
    """What a listener learns before the first step."""
    recipe = training.recipe
    return Started(
        folder=training.run.folder,
        network=str(dataset.view.network),
        params=sum(p.numel() for p in training.model.network.parameters()),
        classes=len(dataset.decoded.class_names),
        images=dataset.counts(),
        left_out=len(dataset.left_out),
        size=dataset.view.size,
        epochs=recipe.epochs,
        minutes=recipe.minutes,
        steps=training.steps,
        batch=recipe.batch,
        device=str(device),
        threads=torch.get_num_threads(),
        execution=str(recipe.execution),
        speedup=training.tuned.speedup if training.tuned else None,
        epoch=state.epoch + 1,
        world_size=training.group.process.world_size,
        batch_norm="" if training.group.is_single else recipe.batch_norm,
        code="" if dataset.view.network.ours else dataset.view.network.option,
    )


def restore_checkpoint(
    training: Training, dataset: PreparedData, device: torch.device
) -> Generator[Note, None, TrainState]:
    """Put the run's last checkpoint back, after checking that images and machine are the same.

    What of the run is damaged and can be done without is noted. Raises OptionError when images
    were added, removed or changed, or no checkpoint is left, StorageError for other damage.
    """
    run = training.run
    check_same_images(run, dataset.decoded)
    state, reason = checkpoint.load(
        run.checkpoints, training.model.network, training.optimizer, training.ema
    )
    if state == TrainState() and run.epochs():
        shown = printable(str(run.folder))
        raise OptionError(f"{shown}: nothing to resume from: no checkpoint is left; train anew")
    if reason:
        yield Note(f"resumed from the checkpoint before the last: {reason}")
    if damage := mend_model(training, state):
        yield Note(damage)
    if damage := run.damage():
        yield Note(f"{count_noun(len(damage), 'line')} of the events left out: {damage[0]}")
    if changed := environment_changes(run, device):
        yield Note(f"resumed, but not bit for bit as it would have been: {', '.join(changed)}")
    return state


def environment_changes(run: Run, device: torch.device) -> tuple[str, ...]:
    """What of versions and machine is not as the run began: its numbers may differ from now on."""
    now = hardware.describe_environment(device)
    try:
        then = run.read_json("environment.json")
    except StorageError as error:
        return (f"what it ran on is not known ({error})",)
    return tuple(
        f"{key} {then.get(key)} is now {now[key]}" for key in now if then.get(key) != now[key]
    )


def check_same_images(run: Run, decoded: DecodedImages) -> None:
    """Raises OptionError when images were added, removed or changed since the run began.

    Raises StorageError where the list of them is damaged.
    """
    lines = (line.encode("ascii") for line in _register(decoded))
    if all(a == b for a, b in zip_longest(storage.read_lines(run.images_file), lines)):
        return
    then = {entry["path"]: entry for entry in run.samples()}
    now = {entry["path"]: entry for entry in map(json.loads, _register(decoded))}
    counts = {
        "added": now.keys() - then.keys(),
        "removed": then.keys() - now.keys(),
        "changed": {path for path in now.keys() & then.keys() if now[path] != then[path]},
    }
    found = [f"{len(paths):,} {what} ({min(paths)!r})" for what, paths in counts.items() if paths]
    if found:
        raise OptionError(
            f"{printable(str(run.folder))}: the images are not those the run began with: "
            f"{', '.join(found)}; put them back, or train anew"
        )


def _register(decoded: DecodedImages) -> Iterator[str]:
    """A JSON line an image: path, class, part and SHA-256."""
    for sample, record in zip(decoded.samples, decoded.records, strict=True):
        entry = {
            "path": as_text(sample.path),
            "class": decoded.class_names[sample.label],
            "part": sample.split,
            "sha256": record.digest,
        }
        yield json.dumps(entry) + "\n"


def _with_statistics(geometry: Preprocess, decoded: DecodedImages) -> Preprocess:
    """The preprocessing with mean and std a channel of (at most 2,000) training images."""
    rows = rows_in_split(decoded.samples, "train")
    chosen = rows[:: -(-len(rows) // _STATISTICS_FROM)]
    moments = [
        cv2.meanStdDev(image)
        for start in range(0, len(chosen), _AT_ONCE)
        for image in decoded.pixels[chosen[start : start + _AT_ONCE]]
    ]
    means, spreads = np.array(moments)[..., 0].swapaxes(0, 1) / 255  # (images, channels) each
    mean = means.mean(axis=0)
    std = np.sqrt((spreads**2 + (means - mean) ** 2).mean(axis=0)).clip(min=1 / 255)
    return replace(geometry, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def default_folder(dataset: PreparedData) -> Path:
    """`runs/FOLDER-NETWORK`, with nothing in it that a shell or file system minds.

    In the folder of the images it would be taken for one of them: then beside that.
    """
    stem, network = (
        "".join(c if c.isalnum() or c in "._" else "-" for c in text)
        for text in (dataset.root.resolve().stem, str(dataset.view.network))
    )
    name = f"{stem.strip('.-')[:60] or 'images'}-{network[:100]}"
    return storage.beside(Path("runs", name), dataset.root)
