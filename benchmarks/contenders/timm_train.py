"""timm: its data sets, loaders, optimizers and schedules, put together as its train.py does.

The package holds no training script. Its models have no LeNet-5 and no ResNet-20 for 32 pixels:
ours are registered, its own ResNet-18 is taken.
"""

from __future__ import annotations

import networks
import timm
import torch
from contender import MOMENTUM, RISING, Clock, Task, parse, report
from timm.data import create_dataset, create_loader
from timm.models import register_model
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.scheduler.scheduler import Scheduler
from timm.utils import AverageMeter, accuracy, freeze, random_seed
from torch import nn
from torch.utils.data import DataLoader


@register_model
def lenet5(**_: object) -> nn.Module:
    return networks.lenet5()


@register_model
def resnet20(**_: object) -> nn.Module:
    return networks.resnet20()


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    random_seed(task.seed)
    network = build(task)
    training, validation = load(task, "train"), load(task, "validation")
    optimizer = create_optimizer_v2(
        network, opt="sgd", lr=task.learning_rate, momentum=MOMENTUM, weight_decay=0.0
    )
    schedule, epochs = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=task.epochs,
        warmup_epochs=RISING * task.epochs,
        step_on_epochs=False,
        updates_per_epoch=len(training),
    )
    loss = nn.CrossEntropyLoss()
    clock.phase("prepare")
    right = 0.0
    for epoch in range(epochs):
        clock.epoch_begins()
        train_one_epoch(epoch, network, training, optimizer, loss, schedule)
        clock.epoch_ends()
        clock.phase("train")
        right = validate(network, validation)
        clock.phase("validate")
    n = len(validation.dataset)
    report(
        clock,
        images=len(training.dataset),
        correct=round(right / 100 * n),
        n=n,
        params=networks.count(network),
        packages=("timm", "torch", "torchvision"),
    )


def build(task: Task) -> nn.Module:
    """Its network; with weights, frozen as its own `freeze` does, norms included."""
    if task.weights is None:
        return timm.create_model(task.network, num_classes=10)
    name = {"efficientnet_lite0": "tf_efficientnet_lite0"}.get(task.network, task.network)
    network = timm.create_model(name, num_classes=task.classes)
    last = network.default_cfg["classifier"]
    lacking = network.load_state_dict(networks.without(f"{last}.", task.weights), strict=False)
    assert lacking == ([f"{last}.weight", f"{last}.bias"], []), lacking
    freeze(network, [name for name, _ in network.named_children() if name != last])
    return network


def load(task: Task, part: str) -> DataLoader:
    half = (0.5,) * task.channels
    images = create_dataset(
        "", task.folder, part, input_img_mode="L" if task.channels == 1 else "RGB"
    )
    return create_loader(
        images,
        (task.channels, task.side, task.side),
        task.batch,
        is_training=part == "train",
        no_aug=True,
        mean=half,
        std=half,
        crop_pct=1.0,
        crop_mode="squash",  # as images to train on are without augmentation
        interpolation=task.interpolation,
        num_workers=2,
        device=torch.device("cpu"),
    )


def train_one_epoch(
    epoch: int,
    network: nn.Module,
    batches: DataLoader,
    optimizer: torch.optim.Optimizer,
    loss: nn.Module,
    schedule: Scheduler,
) -> None:
    network.train()
    losses, updates = AverageMeter(), epoch * len(batches)
    for x, y in batches:
        value = loss(network(x), y)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.update(value.item(), x.size(0))
        updates += 1
        schedule.step_update(num_updates=updates, metric=losses.avg)


@torch.inference_mode()
def validate(network: nn.Module, batches: DataLoader) -> float:
    """Per cent right."""
    network.eval()
    top1 = AverageMeter()
    for x, y in batches:
        (share,) = accuracy(network(x), y)
        top1.update(share.item(), x.size(0))
    return top1.avg


if __name__ == "__main__":
    main(parse(), Clock())
