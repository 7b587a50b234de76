"""The stages of a network: its direct children in order, the last of them the head.

They are what transfer addresses: the first ones may be frozen, and a network splits between two of
them into the front that is frozen and the rest that is trained.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from striate.errors import OptionError, printable
from striate.layers import WithAuxHeads

#: modules that do something else in training although they have no weights
_RANDOM = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.RReLU)


def stage_names(network: nn.Module) -> tuple[str, ...]:
    """Return the names of the stages in order; auxiliary heads are not among them."""
    return tuple(name for name, _ in network.named_children() if name != "auxiliary")


def count_stages(network: nn.Module, until: str, option: str, name: str) -> int:
    """Return how many stages "all", "none", a count or the name of the last one means.

    "all" is every stage but the head. Raises OptionError, which lists the stages, for any other
    text, for the head, and for stages without a parameter; `option` and `name` of the network stand
    in the message.
    """
    if until == "none":
        return 0
    *stages, head = stage_names(network)
    if until == "all":
        count = len(stages)
    elif until.isdecimal() and int(until) <= len(stages):
        count = int(until)
    elif until in stages:
        count = stages.index(until) + 1
    else:
        raise OptionError(
            f"{option} must be all, none, a number up to {len(stages)} or the name of a stage, but "
            f"{printable(repr(until), 100)} came; the stages of {name} are {', '.join(stages)}, "
            f"and {head}, which is always trained anew"
        )
    if not frozen_parameters(network, stages[:count]):
        verb = "has" if count == 1 else "have"
        shown = f"{', '.join(stages[:count])} of {name} {verb} no weights"
        raise OptionError(
            f"{option} {until} would change nothing: {shown if count else 'it names no stage'}; "
            f"the stages of {name} are {', '.join(stages)}"
        )
    return count


def stage_modules(network: nn.Module, stages: Sequence[str]) -> list[nn.Module]:
    """Return the modules of stages, and of the auxiliary heads that read their outputs."""
    found = [network.get_submodule(stage) for stage in stages]
    if isinstance(network, WithAuxHeads):
        found += [network.auxiliary[name] for name in network.taps if name in stages]
    return found


def frozen_parameters(network: nn.Module, stages: Sequence[str]) -> list[nn.Parameter]:
    """Return the parameters of stages."""
    return [each for module in stage_modules(network, stages) for each in module.parameters()]


def split_network(network: nn.Module, count: int) -> tuple[nn.Module, nn.Module] | None:
    """Return the front of `count` stages and the rest, which share the network's modules.

    rest(front(x)) is network(x) in evaluation. Where all stages but the head are in front, what the
    head begins with that has no weights, such as pooling, is in front too. None for no stage,
    and for a network whose stages do not run one after another.
    """
    names = stage_names(network)
    if count and isinstance(network, nn.Sequential | WithAuxHeads):
        children = OrderedDict((name, network.get_submodule(name)) for name in names)
        front = OrderedDict((name, children.pop(name)) for name in names[:count])
        if isinstance(network, WithAuxHeads):
            taps = {name: network.auxiliary[name] for name in network.taps if name in children}
            return nn.Sequential(front), WithAuxHeads(children, taps, weight=network.weight)
        if len(children) == 1 and isinstance(head := children["head"], nn.Sequential):
            fixed, rest = _split_head(head)
            front["head"], children["head"] = fixed, rest
        return nn.Sequential(front), nn.Sequential(children)
    if count and count == len(names) - 1 and hasattr(network, "forward_head"):  # of timm
        return _Front(network), _Head(network)
    return None


def split_head(
    network: nn.Module, name: str, count: int | None = None
) -> tuple[nn.Module, nn.Module]:
    """Return what `split_network` does of `count` stages, by default of all but the head.

    Raises OptionError, in which `name` of the network stands, where that returns None.
    """
    count = max(0, len(stage_names(network)) - 1) if count is None else count
    parts = split_network(network, count)
    if parts is None:
        raise OptionError(
            f"{name} has no stages that run one after another, as an nn.Sequential has, so what "
            "comes before its head cannot be told"
        )
    return parts


class Pool(nn.Module):
    """The mean over positions of maps, (N, C, H, W) or (N, C, L) -> (N, C); else flattened."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 3:
            return x.mean(2)
        return x.mean((2, 3)) if x.ndim == 4 else x.flatten(1)


def _split_head(head: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """Split before the first module that has weights or is random."""
    layers = OrderedDict(head.named_children())
    fixed = OrderedDict[str, nn.Module]()
    for name, layer in head.named_children():
        if layer.state_dict() or isinstance(layer, _RANDOM):
            break
        fixed[name] = layers.pop(name)
    return nn.Sequential(fixed), nn.Sequential(layers)


class _Front(nn.Module):
    """A network of timm up to its head: (N, C, H, W) -> (N, features, h, w)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.forward_features(x)  # pyright: ignore[reportCallIssue]


class _Head(_Front):
    """The pooling and classifier of a network of timm."""

    def forward(self, x: Tensor) -> Tensor:
        return self.network.forward_head(x)  # pyright: ignore[reportCallIssue]
