r"""How torchvision, timm and others call the tensors of a network, as rules over our names.

A rule is a pattern and what stands in its place, applied by `re.sub` one after another, in which a
dot is a dot, `#` is a number in brackets, and `\1-1` one less than the first number.
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
    """From our names to another's."""

    rules: tuple[Rule, ...] = ()
    counted: Rule | None = None  #: modules that they number through, and the name before the number
    children: str = "(?!)"  #: modules whose children they number
    to_published: tuple[Rule, ...] = field(default=())  #: from names in files to those of today

    def names(self, network: nn.Module) -> dict[str, str]:
        """Our name -> theirs, for every tensor of a network in its order."""
        numbered = self._numbered(network)
        return {
            name: _applied(self.rules, _moved(name, numbered)) for name in named_weights(network)
        }

    def from_published(self, name: str) -> str:
        """A name in a file, as their library has it today."""
        return _applied(self.to_published, name)

    def _numbered(self, network: nn.Module) -> dict[str, str]:
        """Paths of modules that are called by a number there."""
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
    """The state dict without the counters of batches, which no network of ours uses."""
    state = network.state_dict()
    return {name: tensor for name, tensor in state.items() if not counter(name)}


def counter(name: str) -> bool:
    """Whether a tensor only counts batches."""
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
    """Longer paths first: a child's place is told by the path that its parent has here."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        path = ".".join(parts[:length])
        if path in numbered:
            name = numbered[path] + name[len(path) :]
    return name
