"""Features of classes that overlap: a cloud around a place of its own for each."""

from __future__ import annotations

import numpy as np
import torch

from striate.data.listing.target_spec import TargetSpec
from striate.evaluation.learning_curve import FeatureSet
from striate.tasks import bind_task
from striate.tasks.task import Task


def of_classes(classes: int) -> Task:
    return bind_task(None, TargetSpec("label", tuple(f"class {at}" for at in range(classes))))


def clouds(
    classes: int, images: int, seed: int, *, length: int = 20, apart: float = 2.0
) -> FeatureSet:
    """Normal clouds `apart` from the middle, in directions that are the same for every seed."""
    centers = np.random.default_rng(99).normal(0, 1, (classes, length))
    centers *= apart / np.linalg.norm(centers, axis=1, keepdims=True)
    generator = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    features = centers[labels] + generator.normal(0, 1, (images, length))
    return FeatureSet(torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels))
