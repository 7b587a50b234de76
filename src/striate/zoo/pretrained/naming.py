r"""Tensor names of torchvision, timm and others, as rewrite rules over our names.

A rule is a pattern and its replacement, applied with `re.sub` in order; in patterns `.` is a
literal dot and `#` is `(\d+)`, and in replacements `\1-1` is the first number minus one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from torch import Tensor, nn

Rule = tuple[str, str]


@dataclass(frozen=True)
class Naming:
    """Mapping from our tensor names to another library's."""

    rules: tuple[Rule, ...] = ()
    counted: Rule | None = None  #: numbered modules, and their prefix
    children: str = "(?!)"  #: modules whose children are numbered
    to_published: tuple[Rule, ...] = field(default=())  #: file name -> current name

    def names(self, network: nn.Module) -> dict[str, str]:
        """Return our name -> theirs, for every tensor of a network in order."""
        numbered = self._numbered(network)
        return {
            name: _applied(self.rules, _moved(name, numbered)) for name in named_weights(network)
        }

    def from_published(self, name: str) -> str:
        """Return the library's current name for a name in a published file."""
        return _applied(self.to_published, name)

    def _numbered(self, network: nn.Module) -> dict[str, str]:
        """Return our path -> theirs for modules that are numbered there."""
        found: dict[str, str] = {}
        count = 0
        for path, module in network.named_modules():
            if self.counted and re.fullmatch(_pattern(self.counted[0]), path):
                found[path] = f"{self.counted[1]}.{count}"
                count += 1
            if re.fullmatch(_pattern(self.children), path):
                names = (name for name, _ in module.named_children())
                found |= {f"{path}.{name}": f"{path}.{at}" for at, name in enumerate(names)}
        return found


def named_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return the state dict without `num_batches_tracked`, which our networks never use."""
    state = network.state_dict()
    return {name: tensor for name, tensor in state.items() if not counter(name)}


def counter(name: str) -> bool:
    """Whether a tensor is a `num_batches_tracked` counter."""
    return name.rpartition(".")[2] == "num_batches_tracked"


@cache
def _pattern(rule: str) -> re.Pattern[str]:
    return re.compile(rule.replace(".", r"\.").replace("#", r"(\d+)"))


def _applied(rules: Iterable[Rule], name: str) -> str:
    one_less: Callable[[re.Match[str]], str] = lambda match: str(int(match[1]) - 1)  # noqa: E731
    for pattern, place in rules:
        name = re.sub(r"(\d+)-1", one_less, _pattern(pattern).sub(place, name))
    return name


def _moved(name: str, numbered: dict[str, str]) -> str:
    """Replace numbered module paths, longest first: `numbered` maps full paths of ours."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        path = ".".join(parts[:length])
        if path in numbered:
            name = numbered[path] + name[len(path) :]
    return name
