"""Lightning: a LightningModule and its Trainer, fed by torchvision's ImageFolder and transforms v2.

Its own log is off, its checkpoint after each epoch on, as its Trainer has it.
"""

from __future__ import annotations

import logging
import warnings

import lightning
import networks
import torch
from contender import MOMENTUM, RISING, Clock, Task, parse, report
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2

Loader = DataLoader[tuple[Tensor, Tensor]]


class Classifier(LightningModule):
    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.correct = task, 0
        self.network = networks.build(task)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        return nn.functional.cross_entropy(self.network(x), y)

    def on_validation_epoch_start(self) -> None:
        self.correct = 0

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        x, y = batch
        self.correct += int((self.network(x).argmax(1) == y).sum())

    def configure_optimizers(self) -> dict[str, object]:
        rate = self.task.learning_rate
        optimizer = SGD(self.parameters(), lr=rate, momentum=MOMENTUM, nesterov=True)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = OneCycleLR(optimizer, rate, steps, pct_start=RISING, cycle_momentum=False)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class Phases(lightning.Callback):
    """Tells the clock where the Trainer trains and where it validates."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_epoch_start(self, *_: object) -> None:
        self.clock.epoch_begins()

    def on_validation_start(self, *_: object) -> None:
        self.clock.epoch_ends()
        self.clock.phase("train")

    def on_validation_end(self, *_: object) -> None:
        self.clock.phase("validate")


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    lightning.seed_everything(task.seed, verbose=False)
    training, validation = load(task, "train"), load(task, "validation")
    classifier = Classifier(task)
    trainer = Trainer(
        max_epochs=task.epochs,
        accelerator="cpu",
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Phases(clock)],
    )
    clock.phase("prepare")
    trainer.fit(classifier, training, validation)
    report(
        clock,
        images=len(training.dataset),
        correct=classifier.correct,
        n=len(validation.dataset),
        params=networks.count(classifier),
        packages=("lightning", "torch", "torchvision"),
    )


def load(task: Task, part: str) -> Loader:
    steps: list[nn.Module] = [v2.Grayscale()] if task.channels == 1 else []
    how = InterpolationMode(task.interpolation)
    steps += [v2.ToImage(), v2.Resize((task.side, task.side), how)]
    steps += [v2.ToDtype(torch.float32, scale=True)]
    steps += [v2.Normalize([0.5] * task.channels, [0.5] * task.channels)]
    images = ImageFolder(str(task.folder / part), v2.Compose(steps))
    return DataLoader(
        images, task.batch, shuffle=part == "train", num_workers=2, persistent_workers=True
    )


if __name__ == "__main__":
    main(parse(), Clock())
