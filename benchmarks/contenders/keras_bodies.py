"""ResNet-18 and EfficientNet-Lite0 without their heads in Keras, with weights of the others.

Keras has neither. Each layer is called as torchvision and timm call theirs, and takes the tensors
of that name from a safetensors file; what comes out is that of the others to 1e-5. Padding is
"same" for EfficientNet-Lite0, which was trained so, and torchvision's for ResNet-18.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from safetensors.numpy import load_file

#: kernel, expansion, channels, blocks and stride of each stage (Tan and Le 2019, table 1)
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)


def frozen(network: str, weights: Path) -> keras.Model:
    """(N, 224, 224, 3) -> features before they are pooled, not to be trained."""
    body = {"resnet18": resnet18, "efficientnet_lite0": efficientnet_lite0}[network]()
    tensors = load_file(weights)
    for layer in body.layers:
        if layer.weights:
            layer.set_weights(values(layer, tensors))
    body.trainable = False
    return body


def values(layer: keras.Layer, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The tensors of a layer in the order and the form that Keras has them."""
    if isinstance(layer, layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [tensors[f"{layer.name}.{part}"] for part in parts]
    kernel = tensors[f"{layer.name}.weight"]
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return [kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]


def resnet18() -> keras.Model:
    inputs = keras.Input((224, 224, 3))
    x = layers.ReLU()(padded(inputs, 64, 7, 2, ("conv1", "bn1")))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for index in range(2):
            name, stride = f"layer{stage}.{index}", 2 if stage > 1 and index == 0 else 1
            y = layers.ReLU()(padded(x, width, 3, stride, (f"{name}.conv1", f"{name}.bn1")))
            y = padded(y, width, 3, 1, (f"{name}.conv2", f"{name}.bn2"))
            if stride > 1:
                called = (f"{name}.downsample.0", f"{name}.downsample.1")
                x = padded(x, width, 1, stride, called)
            x = layers.ReLU()(layers.Add()([x, y]))
    return keras.Model(inputs, x)


def padded(
    x: keras.KerasTensor, width: int, kernel: int, stride: int, names: tuple[str, str]
) -> keras.KerasTensor:
    """A convolution and its norm, with as much padding on each side."""
    x = layers.ZeroPadding2D(kernel // 2)(x) if stride > 1 and kernel > 1 else x
    x = layers.Conv2D(
        width, kernel, stride, "same" if stride == 1 else "valid", use_bias=False, name=names[0]
    )(x)
    return layers.BatchNormalization(epsilon=1e-5, name=names[1])(x)


def efficientnet_lite0() -> keras.Model:
    inputs = keras.Input((224, 224, 3))
    x = layers.ReLU(6)(convolution(inputs, 32, 3, 2, ("conv_stem", "bn1")))
    for stage, (kernel, expansion, width, blocks, first) in enumerate(STAGES):
        for index in range(blocks):
            stride = first if index == 0 else 1
            x = block(x, kernel, expansion, width, stride, f"blocks.{stage}.{index}")
    x = layers.ReLU(6)(convolution(x, 1280, 1, 1, ("conv_head", "bn2")))
    return keras.Model(inputs, x)


def block(
    x: keras.KerasTensor, kernel: int, expansion: int, width: int, stride: int, name: str
) -> keras.KerasTensor:
    y, wide = x, expansion > 1
    if wide:
        expanded = (f"{name}.conv_pw", f"{name}.bn1")
        y = layers.ReLU(6)(convolution(y, expansion * x.shape[-1], 1, 1, expanded))
    deep = (f"{name}.conv_dw", f"{name}.bn{1 + wide}")
    y = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=deep[0])(y)
    y = layers.ReLU(6)(layers.BatchNormalization(epsilon=1e-3, name=deep[1])(y))
    last = (f"{name}.conv_pwl" if wide else f"{name}.conv_pw", f"{name}.bn{2 + wide}")
    y = convolution(y, width, 1, 1, last)
    return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == width else y


def convolution(
    x: keras.KerasTensor, width: int, kernel: int, stride: int, names: tuple[str, str]
) -> keras.KerasTensor:
    """A convolution and its norm, by name."""
    x = layers.Conv2D(width, kernel, stride, "same", use_bias=False, name=names[0])(x)
    return layers.BatchNormalization(epsilon=1e-3, name=names[1])(x)
