"""Early checks, before torch is loaded, which takes seconds.

Cases not checked here (an address, a file that is not a model) are reported by the verbs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from striate.errors import DataError, OptionError, printable


def check_photos(data: Path) -> None:
    """Raises DataError if there is no folder or file of images."""
    from striate.data.readers.scan import resolved
    from striate.data.shards.remote import remote_address

    if not remote_address(data):
        resolved(data)


def check_model(model: Path) -> None:
    """Raises OptionError if there is neither a file nor a folder."""
    if not os.path.lexists(model):
        raise OptionError(
            f"{printable(str(model))}: no such file; expected a model file or the folder of a run"
        )


def tell_of_run(model: Path) -> None:
    """Report on stderr if a run's training is unfinished."""
    if not model.is_dir():
        return
    from striate.training.run import Run

    if Run(model).model_file.exists() and (told := Run(model).unfinished()):
        click.echo(told, err=True)


def check_training(data: Path | None, resume: Path | None) -> None:
    """Raises DataError or OptionError if there is nothing to train on or to resume."""
    if resume is not None:
        check_run(resume)
    elif data is None:
        raise OptionError("train needs a folder of images, or --resume with the folder of a run")
    if data is not None:
        check_photos(data)


def check_run(run: Path) -> None:
    """Raises OptionError if the folder is not a run."""
    from striate.training.run import Run

    Run.open(run)


def check_paths(paths: Iterable[Path]) -> None:
    """Raises DataError for the first path that does not exist and is no pattern."""
    from striate.data.readers.patterns import has_pattern
    from striate.data.shards.remote import remote_address

    for path in paths:
        if not (os.path.lexists(path) or remote_address(path) or has_pattern(str(path))):
            raise DataError(f"{printable(str(path))}: no such file or folder")


def check_networks(names: Iterable[str]) -> None:
    """Raises OptionError for the first name that is neither in the zoo nor a possible file."""
    from striate.options.choices import check_network

    for name in names:
        if not os.path.lexists(name):
            check_network(name)
