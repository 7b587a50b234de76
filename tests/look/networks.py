"""Networks whose answers depend on what is known, for the tests of class maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.model import Model
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

CLASSES = ("cat", "dog")


STRIPES = torch.tensor([1.0, -1.0, 1.0, -1.0]).expand(4, 4)


class Stripes(nn.Module):
    """Answers "dog" the more vertical stripes there are; of noise it sees next to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 4, stride=4)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.conv.weight.copy_(STRIPES[None, None] / 16)
            self.conv.bias.fill_(-0.75)
            self.head.weight.copy_(torch.tensor([[0.0], [80.0]]))
            self.head.bias.copy_(torch.tensor([2.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x)).mean(dim=(2, 3)))


def striped_corners(n: int) -> Tensor:
    """Black and white noise (n, 1, 32, 32), with stripes in the upper left quarter."""
    noise = torch.rand(n, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    images = noise.sub(0.5).sign()
    images[..., :16, :16] = STRIPES.repeat(4, 4)
    return images


class Shared(nn.Module):
    """Calls one convolution twice, changes its output in place, and ends with two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 8), nn.ReLU(), nn.Linear(8, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu_()
        return self.head(self.conv(x).relu_())


def make_model(
    network: nn.Module,
    side: int = 32,
    channels: int = 3,
    names: tuple[str, ...] = CLASSES,
    kind: str = "label",
) -> Model:
    task = bind_task(None, TargetSpec(kind, names, {}))
    view = Preprocess(side, channels, "stretch", (0.5,) * channels, (0.25,) * channels)
    spec = NetworkSpec.of("resnet20")
    return Model(network.eval(), spec, task, view, SplitFractions(0.1, 0.2))
