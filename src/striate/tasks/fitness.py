"""Check that options and custom network suit a task, before any image is decoded."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.options import TrainOptions
from striate.tasks.task import Task
from striate.text import count_noun
from striate.zoo.pages.card import Card
from striate.zoo.spec import NetworkSpec

_MIXES = ("mixup", "cutmix")


def check_options(task: Task, options: TrainOptions) -> None:
    """Raise OptionError for an option that the task has no use for, or a setting it has not."""
    task.Params.parse(options.task_params, task.name)
    for refusal, reason in task.refusals.items():
        name, _, value = refusal.partition("=")
        given = getattr(options, name)
        if given == value if value else given != type(options).model_fields[name].default:
            shown = f"--{name.replace('_', '-')} {given}"
            raise OptionError(
                f"the task {task.name} has no use for {shown}: {reason}; leave it out"
            )
    ranges = options.augment_params
    mixed = next((name for name in _MIXES if getattr(ranges, name, None)), None)
    if mixed and not task.mixes:
        raise OptionError(
            f"the task {task.name} cannot learn from blended images; leave {mixed} out of "
            "--augment-params"
        )


def complete_options(task: Task, card: Card, options: TrainOptions) -> TrainOptions:
    """Return the options with those that are usual for network and task, where not given.

    Raises OptionError for a setting that the optimizer of network or task has no use for.
    """
    given = {name: getattr(options, name) for name in options.model_fields_set}
    of_network = {"optimizer": card.optimizer} if card.optimizer else {}
    return TrainOptions.read({**of_network, **task.usual, **given})


def check(spec: NetworkSpec, network: nn.Module, shape: Sequence[int], task: Task) -> None:
    """Test a copy of the network: forward on one (C, H, W) image, forward and backward on two.

    Raises OptionError unless it gives the outputs of the task and can be trained.
    """
    if task.head == "boxes":
        raise OptionError(
            f"{spec} is a network of your own, but {task.name} needs one whose boxes striate can "
            f"read; choose {task.default_network(shape[1], shape[0])}, or another after `regions:`"
        )
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
        _outputs(spec, network.eval(), images[:1], task)
        outputs = _outputs(spec, network.train(), images, task)
    if not outputs.requires_grad:
        raise OptionError(f"{spec} gives outputs that do not depend on what can be trained of it")
    with spec.explained():
        outputs.square().mean().backward()


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


def _outputs(spec: NetworkSpec, network: nn.Module, images: Tensor, task: Task) -> Tensor:
    """Return the outputs for images (N, C, H, W). Raises OptionError for others than expected."""
    count, shape = len(images), "x".join(map(str, images.shape[1:]))
    given = f"{count_noun(count, 'image')} of {shape}"
    mode = "while training" if network.training else "in evaluation"
    try:
        with spec.explained(f"does not take {given}"):
            outputs = network(images)
    except OptionError as error:
        advice = "where it needs images of another size or color, give --size or --color"
        raise OptionError(f"{error}\n{advice}") from error
    outputs = outputs.logits if isinstance(outputs, AuxOutputs) else outputs
    if not isinstance(outputs, Tensor):
        raise OptionError(
            f"{spec} gives a {type(outputs).__name__} {mode}; expected a tensor of outputs, "
            f"one for each of {task.spec}"
        )
    sides = [side * task.scale for side in images.shape[2:]]
    pixels, where = ((), "") if task.head == "logits" else (sides, " at every pixel")
    wanted = (count, task.outputs, *pixels)
    embeds = task.head == "cosines" and outputs.ndim == 2 and outputs.shape[1] > task.outputs
    if outputs.shape != wanted and not embeds:
        advice = "" if outputs.shape[1:2] == wanted[1:2] else ": let it take `classes`"
        raise OptionError(
            f"{spec} gives {tuple(outputs.shape)} for {given} {mode}; expected {wanted}, an "
            f"output for each of {task.spec}{where}{advice}"
        )
    if not outputs.is_floating_point():
        raise OptionError(f"{spec} gives {str(outputs.dtype).removeprefix('torch.')}; "
                          "expected outputs in float32")  # fmt: skip
    if not outputs.isfinite().all():
        raise OptionError(f"{spec} gives outputs that are not finite for {given} of noise {mode}")
    return outputs
