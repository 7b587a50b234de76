"""Networks, small and large, and their summaries."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from striate import zoo
from striate.layers import chain, meta_init
from striate.summary import Summary, summarize
from striate.zoo import CARDS


@functools.cache
def described(name: str) -> Summary:
    with meta_init():
        network = zoo.build(name)
    return summarize(network, CARDS[name].input, name)


def dissected(build: Callable[[], nn.Module], image: tuple[int, ...] = (3, 8, 8)) -> Summary:
    with meta_init():
        network = build()
    return summarize(network, image, "mine")


class Sum(nn.Module):
    """relu(body(x) + shortcut(x))."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class Beside(nn.ModuleList):
    """The outputs of its parts behind each other."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x) for part in self], dim=1)


def residual(width: int = 4, blocks: int = 1) -> nn.Module:
    def block() -> nn.Module:
        body = chain(conv=nn.Conv2d(width, width, 3, padding=1), norm=nn.BatchNorm2d(width))
        return Sum(body, nn.Identity())

    return chain(
        stem=nn.Conv2d(3, width, 1), **{f"block{n}": block() for n in range(1, blocks + 1)}
    )


def inception(blocks: int = 1) -> nn.Module:
    """Blocks with three branches; each gives a channel more than the one before."""

    def block(number: int) -> nn.Module:
        inputs = 11 + number if number else 5
        pooled = chain(pool=nn.MaxPool2d(3, 1, 1), conv=nn.Conv2d(inputs, 4 + number, 1))
        deep = chain(a=nn.Conv2d(inputs, 2, 1), b=nn.Conv2d(2, 6, 3, padding=1), c=nn.ReLU())
        return Beside([nn.Conv2d(inputs, 2, 1), deep, pooled])

    return chain(stem=nn.Conv2d(3, 5, 1), **{f"mixed{n}": block(n) for n in range(blocks)})
