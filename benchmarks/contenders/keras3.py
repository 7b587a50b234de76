"""Keras 3: image_dataset_from_directory, cached and prefetched, and a compiled fit.

Its fastest form on a CPU for both networks: TensorFlow as the backend (JAX, PyTorch and XLA were
slower), 16 steps an execution.
"""

from __future__ import annotations

import math
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import tensorflow as tf
from contender import MOMENTUM, RISING, Clock, Task, parse, report
from keras import layers


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    keras.utils.set_random_seed(task.seed)
    training, images = load(task, "train")
    validation, n = load(task, "validation")
    network = build(task)
    network.compile(
        optimizer=optimizer(task, steps=task.epochs * int(training.cardinality())),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=16,
    )
    clock.phase("prepare")
    history = network.fit(
        training,
        validation_data=validation,
        epochs=task.epochs,
        callbacks=[Phases(clock)],
        verbose=0,
    )
    report(
        clock,
        images=images,
        correct=round(history.history["val_accuracy"][-1] * n),
        n=n,
        params=sum(math.prod(w.shape) for w in network.trainable_weights),
        packages=("keras", "tensorflow-cpu"),
    )


def build(task: Task) -> keras.Model:
    if task.weights is None:
        return {"lenet5": lenet5, "resnet20": resnet20, "resnet18": resnet18}[task.network]()
    from keras_bodies import frozen

    inputs = keras.Input((task.side, task.side, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = frozen(task.network, task.weights)(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(task.classes)(x))


def load(task: Task, part: str) -> tuple[tf.data.Dataset, int]:
    """The part's batches, and how many images it has."""
    images = keras.utils.image_dataset_from_directory(
        task.folder / part,
        color_mode="grayscale" if task.channels == 1 else "rgb",
        image_size=(task.side, task.side),
        batch_size=None,
        interpolation=task.interpolation,
        shuffle=False,
        verbose=False,
    )
    n = int(images.cardinality())
    images = images.cache()
    if part == "train":
        images = images.shuffle(n, seed=task.seed)
    return images.batch(task.batch).prefetch(tf.data.AUTOTUNE), n


def optimizer(task: Task, steps: int) -> keras.optimizers.Optimizer:
    rising = round(RISING * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rising, warmup_target=task.learning_rate, warmup_steps=rising
    )
    return keras.optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True)


def lenet5() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10),
        ]
    )


def resnet20() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.ReLU()(convolution(x, 16))
    for width in (16, 32, 64):
        for index in range(3):
            x = block(x, width, stride=2 if width > 16 and index == 0 else 1)
    x = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


def block(x: keras.KerasTensor, width: int, stride: int) -> keras.KerasTensor:
    y = layers.ReLU()(convolution(x, width, stride))
    y = convolution(y, width)
    if stride > 1:
        x = x[:, ::stride, ::stride]
        x = keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, width - x.shape[-1])))
    return layers.ReLU()(layers.Add()([x, y]))


def resnet18() -> keras.Model:
    inputs = keras.Input((224, 224, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.ReLU()(convolution(x, 64, 2, side=7))
    x = layers.MaxPooling2D(3, 2, "same")(x)
    for width in (64, 128, 256, 512):
        for index in range(2):
            stride = 2 if width > 64 and index == 0 else 1
            y = layers.ReLU()(convolution(x, width, stride))
            y = convolution(y, width)
            x = convolution(x, width, 2, side=1) if stride == 2 else x
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


def convolution(
    x: keras.KerasTensor, width: int, stride: int = 1, side: int = 3
) -> keras.KerasTensor:
    start = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    x = layers.Conv2D(width, side, stride, "same", use_bias=False, kernel_initializer=start)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


class Phases(keras.callbacks.Callback):
    """Tells the clock where Keras's fit trains and where it validates."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        self.clock.epoch_begins()

    def on_test_begin(self, logs: object = None) -> None:  # noqa: ARG002
        self.clock.epoch_ends()
        self.clock.phase("train")

    def on_test_end(self, logs: object = None) -> None:  # noqa: ARG002
        self.clock.phase("validate")


if __name__ == "__main__":
    main(parse(), Clock())
