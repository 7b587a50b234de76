"""What a training makes of the weights it begins with: loaded, refitted, frozen."""

from __future__ import annotations

from torch import nn

from striate.data.loader import ImageDataset
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.training.freezing import Freezing, find_norms, refit_norms
from striate.training.recipe import Recipe
from striate.training.source import Source
from striate.zoo.stages import count_stages, frozen_parameters, stage_names

_REFITTED = 128  #: images in a batch whose statistics are averaged; of few they are too narrow


def make_freezing(network: nn.Module, recipe: Recipe, source: Source | None) -> Freezing:
    """Return which stages the recipe freezes. Raises OptionError for options without effect."""
    options = recipe.options
    _check_source(options, source)
    name = str(source.network) if source else ""
    count = count_stages(network, recipe.freeze, "freeze", name)
    stages = stage_names(network)[:count]
    freezing = Freezing(stages, options.thaw_at)
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
    elif options.rate_by_depth is not None and not _has_depth(network, stages):
        raise OptionError(
            f"rate_by_depth {options.rate_by_depth:g} has no effect: only the head is trained; "
            "freeze fewer stages, or give --thaw-at"
        )
    if options.views is not None and not stages:
        raise OptionError(
            f"views {options.views} has no effect: no stage is frozen; give --freeze with --weights"
        )
    if options.norms == "refit" and not find_norms(network, stages):
        raise OptionError(
            f"norms refit has no effect: no frozen stage of {name} has a norm with statistics"
        )
    return freezing


def _check_source(options: TrainOptions, source: Source | None) -> None:
    if source is not None:
        return
    for name, usual in (("freeze", "none"), ("reuse", "all"), ("norms", "keep")):
        value = getattr(options, name)
        if value not in (None, usual):
            raise OptionError(
                f"{name} {value} is about weights that are loaded, but this training begins with "
                "random ones; give --weights"
            )


def _has_depth(network: nn.Module, frozen: tuple[str, ...]) -> bool:
    """Return whether more than one stage is trained."""
    trained = [name for name in stage_names(network) if name not in frozen]
    return sum(bool(frozen_parameters(network, [name])) for name in trained) > 1


def refit(network: nn.Module, stages: tuple[str, ...], train: ImageDataset) -> None:
    """Take the statistics of frozen norms anew, from the training images as they are."""
    refit_norms(network, stages, train.eval_batches(_REFITTED))


def note(source: Source | None, freezing: Freezing, advice: str, *, asked: bool) -> str:
    """Say what a training begins with; "" if that is random weights and nothing is advised."""
    if source is None:
        gain = "with which few images give far better networks"
        return f"begins with random weights; {advice}, {gain}" if advice else ""
    frozen = f"{freezing} are frozen" if freezing.stages else "no stage is frozen"
    other = "" if asked else "; --weights none trains from nothing"
    return f"begins with {source.told}; {frozen}{other}"


def facts(source: Source | None, freezing: Freezing) -> dict[str, str]:
    """Return what the model file says of the weights that a training began with."""
    if source is None:
        return {}
    return {"weights": source.told, **({"frozen": str(freezing)} if freezing.stages else {})}
