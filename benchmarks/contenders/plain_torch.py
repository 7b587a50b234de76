"""The loop of PyTorch's own tutorials: ImageFolder, transforms, DataLoader with two workers."""

from __future__ import annotations

import networks
import torch
from contender import MOMENTUM, RISING, Clock, Task, parse, report
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.transforms import InterpolationMode

Loader = DataLoader[tuple[torch.Tensor, torch.Tensor]]


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    torch.manual_seed(task.seed)
    training = loader(task, "train", shuffle=True)
    validation = loader(task, "validation", shuffle=False)
    network = networks.build(task)
    rate = task.learning_rate
    optimizer = SGD(network.parameters(), lr=rate, momentum=MOMENTUM, nesterov=True)
    steps = task.epochs * len(training)
    schedule = OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=RISING, cycle_momentum=False
    )
    clock.phase("prepare")
    correct = 0
    for _ in range(task.epochs):
        clock.epoch_begins()
        train(network, training, optimizer, schedule)
        clock.epoch_ends()
        clock.phase("train")
        correct = validate(network, validation)
        clock.phase("validate")
    report(
        clock,
        images=len(training.dataset),
        correct=correct,
        n=len(validation.dataset),
        params=networks.count(network),
        packages=("torch", "torchvision"),
    )


def loader(task: Task, part: str, *, shuffle: bool) -> Loader:
    steps: list[object] = [transforms.Grayscale()] if task.channels == 1 else []
    how = InterpolationMode(task.interpolation)
    steps += [transforms.Resize((task.side, task.side), how), transforms.ToTensor()]
    steps += [transforms.Normalize([0.5] * task.channels, [0.5] * task.channels)]
    images = datasets.ImageFolder(str(task.folder / part), transforms.Compose(steps))
    return DataLoader(images, task.batch, shuffle, num_workers=2)


def train(network: nn.Module, batches: Loader, optimizer: SGD, schedule: OneCycleLR) -> None:
    network.train()
    for x, y in batches:
        loss = nn.functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


def validate(network: nn.Module, batches: Loader) -> int:
    """How many images are classified correctly."""
    network.eval()
    with torch.no_grad():
        return sum(int((network(x).argmax(1) == y).sum()) for x, y in batches)


if __name__ == "__main__":
    main(parse(), Clock())
