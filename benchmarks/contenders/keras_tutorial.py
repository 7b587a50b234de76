"""Keras's guide to transfer learning, with EfficientNet-Lite0 in the place of its Xception.

As the guide has it: batches of 64, images flipped and turned by a tenth, dropout 0.2, Adam; two
epochs with a frozen base, then one with all of it at a rate of 1e-5, norms frozen throughout. The
guide's own two classes and their binary loss are the classes of the folder and theirs.
"""

from __future__ import annotations

import math

import keras
import keras3
from contender import Clock, Task, parse, report
from keras import layers
from keras_bodies import frozen

FROZEN, WHOLE = 2, 1  #: epochs
RATE = 1e-5  #: of the second phase


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    keras.utils.set_random_seed(task.seed)
    training, images = keras3.load(task, "train")
    validation, _ = keras3.load(task, "validation")
    test, n = keras3.load(task, "test")
    turn = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    training = training.map(lambda x, y: (turn(x, training=True), y))
    base = frozen(task.network, task.weights)
    inputs = keras.Input((task.side, task.side, 3))
    x = base(layers.Rescaling(1 / 127.5, -1)(inputs), training=False)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(inputs, layers.Dense(task.classes)(x))
    clock.phase("prepare")
    for epochs, optimizer in (
        (FROZEN, keras.optimizers.Adam()),
        (WHOLE, keras.optimizers.Adam(RATE)),
    ):
        network.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        network.fit(
            training,
            validation_data=validation,
            epochs=epochs,
            callbacks=[keras3.Phases(clock)],
            verbose=0,
        )
        base.trainable = True
    _, share = network.evaluate(test, verbose=0)
    clock.phase("test")
    report(
        clock,
        images=images,
        correct=round(share * n),
        n=n,
        params=sum(math.prod(w.shape) for w in network.trainable_weights),
        packages=("keras", "tensorflow-cpu"),
        recipe=f"{FROZEN} epochs frozen, {WHOLE} whole",
    )


if __name__ == "__main__":
    main(parse(), Clock())
