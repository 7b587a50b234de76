"""Fully convolutional networks (2015): a classifier slides over the image and scores each pixel.

Long, Shelhamer, Darrell: Fully convolutional networks for semantic segmentation, CVPR 2015,
sections 3 and 4, figure 3; on VGG-16 of Simonyan and Zisserman 2014, configuration D.
https://arxiv.org/abs/1411.4038

| part   | what                                           | output      |
| ------ | ---------------------------------------------- | ----------- |
| stage1 | 2 convolutions 3x3, max 2x2                    | 64x250x250  |
| stage2 | 2 convolutions 3x3, max 2x2                    | 128x125x125 |
| stage3 | 3 convolutions 3x3, max 2x2                    | 256x63x63   |
| stage4 | 3 convolutions 3x3, max 2x2                    | 512x32x32   |
| stage5 | 3 convolutions 3x3, max 2x2                    | 512x16x16   |
| fc6    | convolution 7x7, dropout                       | 4096x16x16  |
| fc7    | convolution 1x1, dropout                       | 4096x16x16  |
| head   | scores of fc7, and of earlier pools, upsampled | 21x500x500  |

fcn32s scores fc7 only; fcn16s upsamples these scores 2x and adds stage4's; fcn8s upsamples the sum
2x and adds stage3's. Score layers are initialized to zero, upsampling to bilinear interpolation.
Not as in the paper: it pads the image by 100 pixels and crops the map's center. Here fc6 is padded
by 3 instead and pooling uses ceil mode, so the coarse map is aligned with the image: score k is
centered on pixels 32 k to 32 k + 31, and the map is cropped only on the right and bottom, where
the last windows extend beyond the image. The last upsampling is learned too, and upsampling is
depthwise. Other weights are initialized normal with variance 2 / fan-in, after He et al. 2015; the
paper uses those of a trained VGG-16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor, nn

from striate.layers import bilinear_upsampling, chain
from striate.zoo.pages import vgg
from striate.zoo.pages.card import Card

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # width and convolutions: VGG-16


def stage(inputs: int, width: int, depth: int) -> nn.Sequential:
    """A stage of VGG whose pooling rounds the output size up (ceil mode)."""
    found = vgg.stage(vgg.plain, inputs, width, depth)
    found.pool = nn.MaxPool2d(2, ceil_mode=True)
    return found


def dense(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """A dense layer of VGG as a convolution: section 3.1."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return chain(conv=conv, relu=nn.ReLU(inplace=True), dropout=nn.Dropout(0.5))


def draw(network: nn.Module) -> None:
    """He initialization for all weights but the score layers', which start at zero."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            if name.startswith("head"):
                nn.init.zeros_(layer.weight)
            else:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.get_parameter("bias"))


def cut(x: Tensor, size: Sequence[int]) -> Tensor:
    """Crop (N, C, H, W) to (N, C, *size), dropping the last rows and columns."""
    return x[:, :, : size[0], : size[1]]


class Scores(nn.Module):
    """Add score maps from coarse to fine, each 2x finer, and upsample to pixels: figure 3."""

    def __init__(self, widths: Sequence[int], classes: int) -> None:
        super().__init__()
        finer = len(widths) - 1
        self.scores = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in widths)
        self.doublings = nn.ModuleList(bilinear_upsampling(classes, 2) for _ in range(finer))
        self.upsampling = bilinear_upsampling(classes, 32 >> finer)

    def forward(self, size: Sequence[int], coarse: Tensor, *finer: Tensor) -> Tensor:
        """(H, W), (N, width, H / 32, W / 32), ... -> logits (N, classes, H, W)."""
        first, *others = self.scores
        x = first(coarse)
        for volume, scored, doubled in zip(finer, others, self.doublings, strict=True):
            x = scored(volume) + cut(doubled(x), volume.shape[2:])
        return cut(self.upsampling(x), size)


class FullyConvolutional(nn.Module):
    """Sequential stages; the head gets the outputs of the last one and of the `skips`."""

    def __init__(self, stages: Mapping[str, nn.Module], skips: Sequence[str], head: Scores) -> None:
        super().__init__()
        for name, part in stages.items():
            self.add_module(name, part)
        self.head = head
        self.order, self.skips = tuple(stages), tuple(skips)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> logits (N, classes, H, W)."""
        size, seen = x.shape[2:], dict[str, Tensor]()
        for name in self.order:
            seen[name] = x = self.get_submodule(name)(x)
        return self.head(size, x, *(seen[name] for name in self.skips))


def fcn(skips: Sequence[int], *, channels: int = 3, classes: int = 21) -> FullyConvolutional:
    """(N, channels, H, W) -> logits (N, classes, H, W). `skips`: stages with score layers."""
    stages, inputs = dict[str, nn.Module](), channels
    for number, (width, depth) in enumerate(STAGES, start=1):
        stages[f"stage{number}"] = stage(inputs, width, depth)
        inputs = width
    stages |= {"fc6": dense(inputs, 4096, 7), "fc7": dense(4096, 4096, 1)}
    scores = Scores((4096, *(STAGES[number - 1][0] for number in skips)), classes)
    network = FullyConvolutional(stages, [f"stage{number}" for number in skips], scores)
    draw(network)
    return network


fcn32s = partial(fcn, ())
fcn16s = partial(fcn, (4,))
fcn8s = partial(fcn, (4, 3))

_card = partial(Card, paper="Long et al.", year=2015, input=(3, 500, 500), classes=21, output="map")
CARDS = (
    _card("fcn32s", fcn32s, params=134_432_597, macs=107_815_554_048, receptive_field=404),
    _card("fcn16s", fcn16s, params=134_379_194, macs=107_826_650_112, receptive_field=404),
    _card("fcn8s", fcn8s, params=134_368_799, macs=107_847_648_768, receptive_field=404),
)
