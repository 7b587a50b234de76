"""fastai: a DataBlock over the folder, a Learner, and its fit_one_cycle."""

from __future__ import annotations

from functools import partial

import networks
from contender import MOMENTUM, RISING, Clock, Task, parse, report
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.vision.all import (
    SGD,
    CategoryBlock,
    DataBlock,
    GrandparentSplitter,
    ImageBlock,
    Learner,
    Normalize,
    PILImage,
    PILImageBW,
    Resize,
    ResizeMethod,
    accuracy,
    get_image_files,
    parent_label,
    set_seed,
)
from PIL.Image import Resampling
from torch import nn


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    set_seed(task.seed)
    loaders = load(task)
    network = networks.build(task)
    learner = Learner(
        loaders,
        network,
        loss_func=nn.CrossEntropyLoss(),
        opt_func=partial(SGD, mom=MOMENTUM),
        metrics=accuracy,
        wd=0.0,
        moms=(MOMENTUM,) * 3,
        cbs=Phases(clock),
    )
    clock.phase("prepare")
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(task.epochs, task.learning_rate, pct_start=RISING)
    share = float(learner.recorder.values[-1][-1])
    report(
        clock,
        images=len(loaders.train_ds),
        correct=round(share * len(loaders.valid_ds)),
        n=len(loaders.valid_ds),
        params=networks.count(network),
        packages=("fastai", "torch"),
    )


def load(task: Task) -> DataLoaders:
    image = PILImageBW if task.channels == 1 else PILImage
    half, how = [0.5] * task.channels, Resampling[task.interpolation.upper()]
    block = DataBlock(
        blocks=(ImageBlock(cls=image), CategoryBlock),
        get_items=get_image_files,
        splitter=GrandparentSplitter(train_name="train", valid_name="validation"),
        get_y=parent_label,
        item_tfms=Resize(task.side, ResizeMethod.Squish, resamples=(how, Resampling.NEAREST)),
        batch_tfms=Normalize.from_stats(half, half, cuda=False),
    )
    return block.dataloaders(task.folder, bs=task.batch)


class Phases(Callback):
    """Tells the clock where fastai's fit trains and where it validates."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def before_train(self) -> None:
        self.clock.epoch_begins()

    def after_train(self) -> None:
        self.clock.epoch_ends()
        self.clock.phase("train")

    def after_validate(self) -> None:
        self.clock.phase("validate")


if __name__ == "__main__":
    main(parse(), Clock())
