"""Building of user networks: size arguments, memory layout and lazy layers."""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from striate.errors import OptionError, printable
from striate.zoo import user_code
from striate.zoo.pages.card import Card

#: size argument names of common libraries
_WORDS = {
    "channels": ("channels", "in_channels", "in_chans", "input_channels"),
    "classes": ("classes", "num_classes", "n_classes"),
    "size": ("size", "image_size", "img_size", "input_size"),
}
_USUAL = {"channels": 3, "classes": 1000, "size": 224}  #: default sizes


def name_of(given: object) -> str:
    """Return the name of a module, a class or a function."""
    if isinstance(given, functools.partial):
        return name_of(given.func)
    return getattr(given, "__name__", type(given).__name__)


def maker(given: Any, name: str = "network") -> Any:
    """Check for a module or a callable that returns one. Raises OptionError otherwise."""
    if not callable(given):
        raise OptionError(
            f"{name}: expected a module, a class or a function, but it is {printable(repr(given))}"
        )
    return given


def card(name: str) -> Card:
    """Return a placeholder card: only the default input and the name are known."""
    side = _USUAL["size"]
    return Card(name, nn.Identity, "", 0, (_USUAL["channels"], side, side), 0, 0, 0)


def build(
    made: Any, arguments: Mapping[str, Any], sizes: Mapping[str, int | None], name: str
) -> nn.Module:
    """Copy a module, or call its class or function. Raises OptionError.

    Sizes are passed to arguments named in `_WORDS`, unless the user gave them.
    """
    if isinstance(made, nn.Module):
        if arguments:
            raise OptionError(f"{name}: it is a module already, which takes no arguments")
        with user_code.told(f"{name}: cannot be copied"):
            network = copy.deepcopy(made).cpu()
    else:
        with user_code.told(f"{name}: cannot be made"):
            network = _called(made, {**_passed(made, arguments, sizes), **arguments}, name)
    if not isinstance(network, nn.Module):
        raise OptionError(f"{name}: expected a module of torch, but {type(network).__name__} came")
    if isinstance(network, torch.jit.ScriptModule):
        raise OptionError(f"{name}: it is a scripted module; give the one that it was made from")
    network.register_forward_pre_hook(_in_rows)
    channels, side = (sizes[word] or _USUAL[word] for word in ("channels", "size"))
    with user_code.told(f"{name}: cannot be made"):
        _materialised(network, channels, side)
    return network


def _called(made: Any, arguments: Mapping[str, Any], name: str) -> object:
    try:
        return made(**arguments)
    except TypeError as error:
        hint = "; name a function without arguments that returns it"
        raise OptionError(f"{name}: cannot be made: {user_code.reason(error)}{hint}") from error


def _passed(made: Any, given: Mapping[str, Any], sizes: Mapping[str, int | None]) -> dict[str, int]:
    """Return the sizes that a class or a function takes, under its own argument names."""
    try:
        known = inspect.signature(made).parameters
    except (TypeError, ValueError):  # not written in Python
        return {}
    passed = dict[str, int]()
    for word, names in _WORDS.items():
        name = next((name for name in names if name in known), None)
        if not name or not given.keys().isdisjoint(names):
            continue
        if (number := sizes[word]) is not None:
            passed[name] = number
        elif known[name].default is inspect.Parameter.empty:
            passed[name] = _USUAL[word]
    return passed


def _in_rows(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Make images contiguous (NCHW), since a forward may `view` the outputs of convolutions.

    With one channel every layout counts as contiguous, so the strides are compared.
    """
    return tuple(_rows(value) for value in inputs)


def _rows(x: Tensor) -> Tensor:
    plain = tuple(math.prod(x.shape[dim + 1 :]) for dim in range(x.ndim))
    return x if x.stride() == plain else x.contiguous().flatten().view(x.shape)


@torch.no_grad()
def _materialised(network: nn.Module, channels: int, side: int) -> None:
    """Initialize lazy layers with one forward pass of a zero image."""
    if any(is_lazy(tensor) for tensor in (*network.parameters(), *network.buffers())):
        network.eval()(torch.zeros(1, channels, side, side))
        network.train()
