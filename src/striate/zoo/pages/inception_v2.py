"""Inception v2 (2015): batch norm, which stabilizes the input distribution of every layer.

Ioffe, Szegedy: Batch normalization: accelerating deep network training by reducing internal
covariate shift, ICML 2015, section 4.2 and the appendix, figure 5. https://arxiv.org/abs/1502.03167

| part        | what                                  | output     |
| ----------- | ------------------------------------- | ---------- |
| conv1       | 7x7/2, eight a channel, then 1x1      | 64x112x112 |
| pool1       | max 3x3/2                             | 64x56x56   |
| conv2       | 1x1, 3x3                              | 192x56x56  |
| pool2       | max 3x3/2                             | 192x28x28  |
| inception3a | 1x1, 3x3, two 3x3 and average, 1x1    | 256x28x28  |
| inception3b |                                       | 320x28x28  |
| inception3c | 3x3/2, two 3x3, one at /2, max 3x3/2  | 576x14x14  |
| inception4a | 1x1, 3x3, two 3x3 and average, 1x1    | 576x14x14  |
| inception4b |                                       | 576x14x14  |
| inception4c |                                       | 576x14x14  |
| inception4d |                                       | 576x14x14  |
| inception4e | 3x3/2, two 3x3, one at /2, max 3x3/2  | 1024x7x7   |
| inception5a | 1x1, 3x3, two 3x3 and average, 1x1    | 1024x7x7   |
| inception5b | the same with max in place of average | 1024x7x7   |
| head        | average over positions, dense         | classes    |

Two papers define a v2: this one, named Inception v2 in Google's code, and "Rethinking the Inception
architecture", whose v2 precedes its v3 (inception_v3.py).
Not as in the paper: figure 5 gives the pooled paths of 4c and 4d 128 channels, which makes 608
outputs where it says 576; here they have 96, as in the authors' code (tensorflow/models,
research/slim/nets/inception_v2.py), so that the sums are those of the figure. Section 4.2 counts
13.6 million parameters; these layers have 11.2 million. Dropout is left out, as in section 4.2.1.
Average pooling excludes padding; BatchNorm eps is 1e-3. Where unspecified, kernels are initialized
normal with variance 2 / fan-out, those of 7x7 and the dense layer with PyTorch's default.
"""

from __future__ import annotations

from torch import nn

from striate.layers import Branches, chain, conv_norm_relu, inner_average, path
from striate.zoo.pages.card import Card
from striate.zoo.pages.resnet import average_head

Pair = tuple[int, int]  # outputs of the 1x1 reduction, and of each 3x3
#: outputs of 1x1, 3x3, two 3x3 and pooling path; 3c and 4e: stride 2, unprojected pooling
MODULES: dict[str, tuple[int, Pair, Pair, int]] = {
    "3a": (64, (64, 64), (64, 96), 32),
    "3b": (64, (64, 96), (64, 96), 64),
    "3c": (0, (128, 160), (64, 96), 0),
    "4a": (224, (64, 96), (96, 128), 128),
    "4b": (192, (96, 128), (96, 128), 128),
    "4c": (160, (128, 160), (128, 160), 96),
    "4d": (96, (128, 192), (160, 192), 96),
    "4e": (0, (128, 192), (192, 256), 0),
    "5a": (352, (192, 320), (160, 224), 128),
    "5b": (352, (192, 320), (192, 224), 128),
}


def module(inputs: int, one: int, three: Pair, threes: Pair, pooled: int,
           pool: nn.Module) -> Branches:  # fmt: skip
    """Module of four paths that keep the size."""
    return Branches(
        one=path(inputs, (one, 1)),
        three=path(inputs, (three[0], 1), (three[1], 3)),
        threes=path(inputs, (threes[0], 1), (threes[1], 3), (threes[1], 3)),
        pool=path(inputs, pool, (pooled, 1)),
    )


def reduction(inputs: int, three: Pair, threes: Pair) -> Branches:
    """Module of three paths that halve the size; the last is pooling without a projection."""
    return Branches(
        three=path(inputs, (three[0], 1), (three[1], 3, 2)),
        threes=path(inputs, (threes[0], 1), (threes[1], 3), (threes[1], 3, 2)),
        pool=halving(),
    )


def halving() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, padding=1)


def inception_v2(*, channels: int = 3, classes: int = 1000) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes)."""
    eight = nn.Conv2d(channels, 8 * channels, 7, 2, padding=3, groups=channels, bias=False)
    stages: dict[str, nn.Module] = {
        "conv1": chain(eight=eight, point=conv_norm_relu(8 * channels, 64, 1)),
        "pool1": halving(),
        "conv2": path(64, (64, 1), (192, 3)),
        "pool2": halving(),
    }
    inputs = 192
    for name, (one, three, threes, pooled) in MODULES.items():
        if one:
            pool = nn.MaxPool2d(3, stride=1, padding=1) if name == "5b" else inner_average()
            block = module(inputs, one, three, threes, pooled, pool)
        else:
            block = reduction(inputs, three, threes)
        stages[f"inception{name}"] = block
        inputs = one + three[1] + threes[1] + (pooled or inputs)
    return chain(**stages, head=average_head(inputs, classes))


CARDS = (
    Card("inception_v2", inception_v2, "Ioffe and Szegedy", 2015, (3, 224, 224), 1000,
         params=11_188_288, macs=1_934_857_216, receptive_field=699),
)  # fmt: skip
