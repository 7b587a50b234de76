"""Check that a custom network can be trained on a task, before any image is decoded."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.tasks import classification
from striate.text import count_noun
from striate.zoo.spec import NetworkSpec


def check(spec: NetworkSpec, network: nn.Module, shape: Sequence[int], classes: int) -> None:
    """Test a copy of the network: forward on one (C, H, W) image, forward and backward on two.

    Raises OptionError unless it is a trainable classifier of `classes` classes.
    """
    if not any(param.requires_grad for param in network.parameters()):
        raise OptionError(f"{spec} has no parameters that can be trained")
    strange = [name for name, value in network.state_dict().items() if not _kept(value)]
    if strange:
        raise OptionError(f"{spec} keeps {strange[0]}, which is no tensor and cannot be saved")
    _takes_one_input(spec, network)
    images = torch.randn((2, *shape), generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=()):
        with spec.explained("cannot be copied"):
            network = copy.deepcopy(network)
        _logits(spec, network.eval(), images[:1], classes)
        logits = _logits(spec, network.train(), images, classes)
    if not logits.requires_grad:
        raise OptionError(f"{spec} gives logits that do not depend on what can be trained of it")
    with spec.explained():
        classification.loss(logits, torch.zeros(2, dtype=torch.int64)).backward()


def _kept(value: object) -> bool:
    return isinstance(value, Tensor)


def _takes_one_input(spec: NetworkSpec, network: nn.Module) -> None:
    needed = [
        parameter.name
        for parameter in inspect.signature(network.forward).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    if len(needed) > 1:
        raise OptionError(
            f"{spec} takes {len(needed)} inputs ({', '.join(needed)}); expected one, the images"
        )


def _logits(spec: NetworkSpec, network: nn.Module, images: Tensor, classes: int) -> Tensor:
    """Return logits (N, classes) of images (N, C, H, W). Raises OptionError for other outputs."""
    count, shape = len(images), "x".join(map(str, images.shape[1:]))
    given = f"{count_noun(count, 'image')} of {shape}"
    mode = "while training" if network.training else "in evaluation"
    try:
        with spec.explained(f"does not take {given}"):
            outputs = network(images)
    except OptionError as error:
        advice = "where it needs images of another size or color, give --size or --color"
        raise OptionError(f"{error}\n{advice}") from error
    logits = outputs.logits if isinstance(outputs, AuxOutputs) else outputs
    if not isinstance(logits, Tensor):
        raise OptionError(
            f"{spec} gives a {type(logits).__name__} {mode}; expected a tensor of logits, "
            f"one for each of {classes} classes"
        )
    if logits.shape != (count, classes):
        raise OptionError(
            f"{spec} gives {tuple(logits.shape)} for {given} {mode}; expected "
            f"{(count, classes)}, a logit for each of {classes} classes: let it take `classes`"
        )
    if not logits.is_floating_point():
        raise OptionError(f"{spec} gives {str(logits.dtype).removeprefix('torch.')}; "
                          "expected logits in float32")  # fmt: skip
    if not logits.isfinite().all():
        raise OptionError(f"{spec} gives logits that are not finite for {given} of noise {mode}")
    return logits
