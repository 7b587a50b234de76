"""Tasks: what is asked of an image, and how it is trained, measured and answered.

From low to high level: `figures`, `sections`, `results`, `inputs`, `task`, and the file of each
task with its metrics, remarks and sections beside it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from striate.data.listing.target_spec import NEEDS, TASK_OF_KIND, TargetSpec
from striate.errors import OptionError, unknown

if TYPE_CHECKING:
    from striate.tasks.task import Task

#: name -> class in `task` of the folder of that name, or in a module; imported on use, as results
#: need no torch
_TASKS = {
    "anomaly": "Anomaly",
    "autoencoder": "pictures.autoencoder.Autoencoder",
    "classification": "Classification",
    "colorization": "pictures.colorization.Colorization",
    "conditional_generation": "generation.task.ConditionalGeneration",
    "denoising": "pictures.denoising.Denoising",
    "detection": "Detection",
    "embedding": "Embedding",
    "generation": "Generation",
    "image_to_image": "pictures.image_to_image.ImageToImage",
    "multilabel": "MultiLabel",
    "regression": "Regression",
    "rotation": "Rotation",
    "segmentation": "Segmentation",
    "super_resolution": "pictures.super_resolution.SuperResolution",
}
_REGISTERED: dict[str, type[Task]] = {}


def register(task: type[Task]) -> None:
    """Add a task of your own, so that `--task` and model files can name it."""
    _REGISTERED[task.name] = task


def find_task(name: str) -> type[Task]:
    """Return the task of this name. Raises OptionError if there is none."""
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in _TASKS:
        raise unknown("task", name, (*_TASKS, *_REGISTERED))
    module, _, task = _TASKS[name].rpartition(".")
    return getattr(import_module(f"striate.tasks.{module or f'{name}.task'}"), task)


def kind_of(task: str | None) -> str | None:
    """Return the kind of targets that a task needs; None if none is named.

    Raises OptionError if there is no such task.
    """
    kinds = {name: kind for kind, name in TASK_OF_KIND.items()}
    return kinds[task] if task in kinds else task and find_task(task).kind


def bind_task(name: str | None, spec: TargetSpec) -> Task:
    """Return the task of this name (None: the default for the targets) for the given targets.

    Raises OptionError if there is no such task, or it needs other targets.
    """
    task = find_task(name or TASK_OF_KIND[spec.kind])
    check_task(task.name, task.kind, spec)
    return task(spec)


def check_task(name: str | None, kind: str | None, spec: TargetSpec) -> None:
    """Raise OptionError if the task of this name needs targets of another kind than these."""
    if kind is not None and kind != spec.kind:
        needs, given = NEEDS[kind], NEEDS[spec.kind]
        raise OptionError(
            f"the task {name} needs {needs} for every image, but the data give {given} ({spec}); "
            f"leave out --task, or give images that have {needs}"
        )
