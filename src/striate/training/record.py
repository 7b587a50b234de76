"""The record of a run: options, environment and images, written at start, checked on resume."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from striate import hardware, storage, tensorfile
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import as_text
from striate.data.readers.leave_out import format_list, read_list
from striate.data.shards.remote import remote_address
from striate.errors import OptionError, StorageError, printable
from striate.options import TrainOptions, positional, words
from striate.plotting.ink import encode_pixels
from striate.text import shell_command
from striate.training.prepare import PreparedData
from striate.training.run import Run
from striate.training.source import Source
from striate.training.step import Training


def default_folder(dataset: PreparedData) -> Path:
    """Return `runs/DATA-NETWORK`, with characters unsafe in shells or file systems replaced.

    If that lies inside the data folder, place it next to the data folder instead.
    """
    stem, network = (
        "".join(c if c.isalnum() or c in "._" else "-" for c in text)
        for text in (dataset.root.resolve().stem, str(dataset.view.network))
    )
    name = f"{stem.strip('.-')[:60] or 'images'}-{network[:100]}"
    return storage.beside(Path("runs", name), dataset.root)


def write_picture(run: Run, epoch: int, pixels: NDArray[np.uint8]) -> None:
    """Keep a picture (H, W, 1 or 3) of what the network makes after an epoch."""
    file = run.folder / "epochs" / f"{epoch:04d}.png"
    file.parent.mkdir(exist_ok=True)
    storage.write(file, encode_pixels(pixels))


def write_run_record(
    training: Training,
    run: Run,
    dataset: PreparedData,
    options: TrainOptions,
    device: torch.device,
) -> None:
    """Write options, environment and image list of a new run."""
    run.checkpoints.mkdir(exist_ok=True)
    resolved = training.recipe.to_options() | dataset.view.to_json()
    resolved |= training.execution.to_options()
    if dataset.view.network.source == "object" or dataset.source:  # they may have changed later
        resolved["network_weights"] = tensorfile.digest(training.model.network.state_dict())
    resolved.pop("channels")
    resolved["color"] = dataset.view.color
    if options.leave_out:
        storage.write(run.left_out_file, format_list(read_list(options.leave_out)))
        resolved["leave_out"] = run.left_out_file.name
    if options.augment_with:
        resolved["augment_with"] = str(options.augment_with.resolve())
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
            "generated": dataset.generated,
            "findings": dict(findings),
            "left_out": [asdict(finding) for finding in dataset.left_out],
        },
    )
    storage.write_lines(run.folder / "pictures.jsonl", image_lines(dataset.decoded))
    # Written last: a folder with this file is a resumable run.
    run.write_json(
        "options.json",
        {"data": remote_address(dataset.root) or str(dataset.root.resolve()), **resolved},
    )


def environment_changes(run: Run, device: torch.device) -> tuple[str, ...]:
    """List versions and hardware that changed since the run began; results may differ."""
    now = hardware.describe_environment(device)
    try:
        then = run.read_json("environment.json")
    except StorageError as error:
        return (f"what it ran on is not known ({error})",)
    return tuple(
        f"{key} {then.get(key)} is now {now[key]}" for key in now if then.get(key) != now[key]
    )


def check_same_images(run: Run, decoded: DecodedImages) -> None:
    """Raise OptionError if images were added, removed or changed since the run began.

    Raises StorageError if the recorded list is damaged.
    """
    lines = (line.encode("ascii") for line in image_lines(decoded))
    if all(a == b for a, b in zip_longest(storage.read_lines(run.images_file), lines)):
        return
    then = {entry["path"]: entry for entry in run.samples()}
    now = {entry["path"]: entry for entry in map(json.loads, image_lines(decoded))}
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


def check_same_weights(run: Run, training: Training, source: Source) -> None:
    """Raise OptionError if the weights of the source are not those that the run began with."""
    digest = tensorfile.digest(training.model.network.state_dict())
    if run.read_options().get("network_weights") not in (None, digest):
        raise OptionError(
            f"{printable(str(run.folder))}: the run began with other weights than "
            f"{printable(source.weights)} holds now; put them back, or train anew"
        )


def image_lines(decoded: DecodedImages) -> Iterator[str]:
    """Yield a JSON line per image: path, target, split and SHA-256."""
    columns = zip(decoded.samples, decoded.records, strict=True)
    for row, (sample, record) in enumerate(columns):
        entry = {
            "path": as_text(sample.path),
            **decoded.targets.entry(row),
            "split": sample.split,
            "sha256": record.digest,
        }
        yield json.dumps(entry) + "\n"
