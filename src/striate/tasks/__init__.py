"""Tasks: what is asked of an image, and how it is trained, measured and answered.

From low to high level: `figures`, `sections`, `results`, `answers`, `inputs`, `task`, and the
file of each task with its answer, metrics, remarks and sections beside it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from striate.data.listing.target_spec import NEEDS, TASK_OF_KIND, TargetSpec
from striate.errors import OptionError, unknown

if TYPE_CHECKING:
    from striate.tasks.answers import Answers
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
#: task -> class in `answer` of the folder of that name, or in a module, that needs no torch
_ANSWERS = {
    "anomaly": "AnomalyAnswers",
    "classification": "ClassAnswers",
    "detection": "BoxAnswers",
    "embedding": "NearestAnswers",
    "multilabel": "LabelsAnswers",
    "regression": "NumbersAnswers",
    "rotation": "classification.answer.ClassAnswers",
    "segmentation": "MaskAnswers",
    "autoencoder": "pictures.answer.SquareAnswers",
    **dict.fromkeys(
        ("colorization", "denoising", "image_to_image", "super_resolution"),
        "pictures.answer.PictureAnswers",
    ),
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
    return _imported(_TASKS[name], f"{name}.task")


def find_answers(name: str) -> type[Answers]:
    """Return how the task of this name answers, without torch where that is possible.

    Raises OptionError if there is none.
    """
    if name in _REGISTERED or name not in _ANSWERS:
        return find_task(name)
    return _imported(_ANSWERS[name], f"{name}.answer")


def _imported(place: str, usual: str) -> Any:
    module, _, made = place.rpartition(".")
    return getattr(import_module(f"striate.tasks.{module or usual}"), made)


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
