"""What a training makes of the weights it begins with: loaded, refitted, frozen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from torch import nn

from striate.data.loader import ImageDataset
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.training.freezing import Freezing, find_norms, refit_norms
from striate.training.recipe import Recipe, trains_backbone
from striate.training.source import Source
from striate.zoo.stages import count_stages, stage_names

#: options about given weights -> what they may be without
_WITHOUT = {"freeze": "none", "reuse": "all", "norms": "keep", "backbone_rate": 1}
_REFITTED = 128  #: images in a batch whose statistics are averaged; of few they are too narrow


def make_freezing(
    network: nn.Module, recipe: Recipe, source: Source | None, fresh: Collection[str]
) -> Freezing:
    """Return which stages the recipe freezes; tensors not `fresh` came with the source.

    Raises OptionError for options without effect.
    """
    options = recipe.options
    _check_source(options, source)
    name = str(source.network) if source else ""
    count = count_stages(network, recipe.freeze, "freeze", name)
    stages = stage_names(network)[:count]
    norms = find_norms(network, fresh)
    freezing = Freezing(stages, options.thaw_at, () if options.norms == "train" else norms)
    if options.thaw_at is not None:
        if not stages:
            raise OptionError(
                f"thaw_at {options.thaw_at} has nothing to thaw: no stage is frozen; give --freeze"
            )
        if options.thaw_at > recipe.epochs:
            raise OptionError(
                f"thaw_at {options.thaw_at} comes after the last epoch, {recipe.epochs}; "
                "leave it out or give more --epochs"
            )
    elif not trains_backbone(options, network, count):
        _check_head_alone(options)
    if options.views is not None and not stages:
        raise OptionError(
            f"views {options.views} has no effect: no stage is frozen; give --freeze with --weights"
        )
    if options.norms == "refit" and not norms:
        raise OptionError(
            f"norms refit has no effect: no norm with statistics of {name} comes with the weights"
        )
    return freezing


def _check_head_alone(options: TrainOptions) -> None:
    for name, usual in (("backbone_rate", 1), ("norms", "keep"), ("rate_by_depth", None)):
        value = getattr(options, name)
        if value not in (None, usual, "refit"):
            raise OptionError(
                f"{name} {value} has no effect: only the head is trained; freeze fewer stages, or "
                "give --thaw-at"
            )


def _check_source(options: TrainOptions, source: Source | None) -> None:
    if source is not None:
        return
    for name, usual in _WITHOUT.items():
        value = getattr(options, name)
        if value not in (None, usual):
            raise OptionError(
                f"{name} {value} is about weights that are loaded, but this training begins with "
                "random ones; give --weights"
            )


def refit(network: nn.Module, freezing: Freezing, train: ImageDataset) -> None:
    """Take the statistics of loaded norms anew, from the training images as they are."""
    refit_norms(network, freezing.norms, train.eval_batches(_REFITTED))


def note(
    source: Source | None, freezing: Freezing, backbone_rate: float, advice: str, *, asked: bool
) -> str:
    """Say what a training begins with; "" if that is random weights and nothing is advised."""
    if source is None:
        gain = "with which few images give far better networks"
        return f"begins with random weights; {advice}, {gain}" if advice else ""
    stages = replace(freezing, thaw_at=None)
    until = "" if freezing.thaw_at is None else f" before epoch {freezing.thaw_at}"
    frozen = f"{stages} are frozen{until}" if freezing.stages else "no stage is frozen"
    slow = f"; loaded layers train at {backbone_rate:g} of the learning rate"
    other = "" if asked else "; --weights none trains from nothing"
    return f"begins with {source.told}; {frozen}{slow if backbone_rate < 1 else ''}{other}"


def facts(source: Source | None, freezing: Freezing) -> dict[str, str]:
    """Return what the model file says of the weights that a training began with."""
    if source is None:
        return {}
    return {"weights": source.told, **({"frozen": str(freezing)} if freezing.stages else {})}
