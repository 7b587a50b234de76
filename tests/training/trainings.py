"""Epochs made up for the tests."""

from striate.training.events import Epoch


def epoch(number, train_accuracy=0.6, validation_accuracy=0.5, **values):
    usual = {
        "train_loss": 0.8,
        "train": {"accuracy": train_accuracy},
        "validation_loss": 0.9,
        "validation": {"accuracy": validation_accuracy},
        "learning_rate": 0.01,
        "images_per_second": 900.0,
        "seconds": 3.5 * number,
        "best": False,
    }
    return Epoch(epoch=number, **{**usual, **values})


def training(epochs):
    """Losses fall, accuracies rise, the last epoch but one is the best."""
    return [
        epoch(
            at + 1,
            train_loss=2 / (at + 1),
            train_accuracy=1 - 0.7 / (at + 1),
            validation_loss=2.1 / (at + 1) + 0.05,
            validation_accuracy=0.95 - 0.7 / (at + 1) - 0.1 * (at + 1 == epochs),
            best=at + 1 < max(2, epochs),
        )
        for at in range(epochs)
    ]
