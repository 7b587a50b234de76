"""Where the numbers of a training are no longer finite, and the likely cause."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils import _pytree as tree

from striate import hardware
from striate.options import Precision


@dataclass(frozen=True)
class Cause:
    """What is no longer well, and why, as a part of a sentence."""

    text: str
    advice: str = ""  #: what to try; none: a lower rate


@torch.no_grad()
def cause(network: nn.Module, pictures: Tensor | None, precision: Precision) -> Cause:
    """The first layer whose numbers are not finite, or else the largest, in a step as it was.

    The batch runs forward again, with a hook on every layer; running statistics may change.
    """
    if pictures is not None and not pictures.isfinite().all():
        said = "the pictures of this batch are not finite themselves"
        return Cause(said, "striate check")
    # in a batch that fails, running statistics fail with it
    held = network.named_parameters() if pictures is not None else network.state_dict().items()
    for name, tensor in held:
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return Cause(f"{name} is not finite since an update before; likely cause: that rate")
    if pictures is None:
        return Cause("its weights are finite; likely cause: that rate")
    most = _outputs(network, pictures, precision)
    if not most:  # no layer of it is a module
        return Cause("likely cause: that rate")
    broken = next((name for name, value in most.items() if not value < float("inf")), None)
    if broken is None:
        name = max(most, key=most.__getitem__)
        return Cause(f"the output of {name} reaches {most[name]:.2g}; likely cause: that rate")
    if precision != "float32":
        again = _outputs(network, pictures, "float32")
        if again[broken] < float("inf"):
            said = f"the output of {broken} is not finite in {precision}, but is in float32"
            return Cause(f"{said}; likely cause: the precision", "--precision float32")
    weights = [param.abs().max() for param in network.get_submodule(broken).parameters()]
    reach = f", with weights up to {float(max(weights)):.2g}" if weights else ""
    return Cause(f"the output of {broken} is not finite{reach}; likely cause: that rate")


def _outputs(network: nn.Module, pictures: Tensor, precision: Precision) -> dict[str, float]:
    """The largest absolute output of every layer, in the order they ran; nan stays nan."""
    found = dict[str, Tensor]()

    def note(name: str, output: object) -> None:
        leaves = (leaf for leaf in tree.tree_leaves(output) if isinstance(leaf, Tensor))
        values = [leaf.abs().max() for leaf in leaves if leaf.is_floating_point() and leaf.numel()]
        if values:
            found[name] = torch.stack([value.float() for value in values]).max()

    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with hardware.autocast(precision, pictures.device):
            network.train()(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: float(value) for name, value in found.items()}
