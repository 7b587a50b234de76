"""Training setup: build network, optimizer and batches, or restore them from a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Collection, Generator

import torch
from torch import nn

from striate import hardware
from striate.data.loader import ImageDataset, load_split, resident_bytes
from striate.distributed.group import Group
from striate.errors import OptionError, printable
from striate.hardware import to_device
from striate.layers.fast_cpu import use_fast_cpu_layers
from striate.model import Model
from striate.optim.ema import EMA
from striate.optim.optimizer import Optimizer
from striate.options import TrainOptions
from striate.progress import Progress
from striate.tasks.fitness import complete_options
from striate.text import count_noun
from striate.training import autotune, checkpoint, sync, transfer
from striate.training.best_model import mend_model
from striate.training.checkpoint import TrainState
from striate.training.events import Note, Started
from striate.training.execution import ExecutionConfig
from striate.training.forward_backward import make_updates
from striate.training.freezing import Freezing, rate_factors
from striate.training.front import pass_once
from striate.training.load_weights import load_weights
from striate.training.memory import MemoryBudget, free_memory
from striate.training.pending import PendingMetrics
from striate.training.prepare import PreparedData
from striate.training.recipe import Recipe, complete_recipe
from striate.training.record import (
    check_same_images,
    check_same_weights,
    environment_changes,
    image_lines,
)
from striate.training.run import Run
from striate.training.step import Training


def build_training(
    dataset: PreparedData, options: TrainOptions, device: torch.device, group: Group
) -> Generator[Progress, None, Training]:
    """Build the network with random weights, its recipe, optimizer and datasets."""
    sync.check_same_images(group, image_lines(dataset.decoded))
    task = dataset.task
    options = complete_options(task, dataset.view.network.card, options)
    network, fresh = _network(dataset, options, group)
    ours = dataset.view.network.ours
    followed = network if ours else copy.deepcopy(network)  # a custom forward may have side effects
    recipe, usual = _recipe(dataset, options, followed, device)
    torch.set_num_threads(recipe.threads)
    if options.deterministic:
        hardware.make_deterministic()
    network = _placed(network, device, ours=ours)
    train, validation = _splits(dataset, device)
    task.check_splits(train.targets, validation.targets)
    freezing = transfer.make_freezing(network, recipe, dataset.source, fresh)
    if options.norms == "refit":
        transfer.refit(network, freezing, train)
    network = sync.prepare_norms(group, recipe, network, str(dataset.view.network))
    task = task.fit(train.targets)
    tuned = None  # not with several processes: each might pick another execution
    if group.is_single and recipe.freeze == "none":
        tuned = yield from autotune.autotune(network, task, train, recipe, usual, dataset.view)
    execution = tuned.execution if tuned else usual
    network.to(memory_format=execution.memory_format)  # pyright: ignore
    loss = task.training_loss(train.targets, options)
    view, facts = dataset.view, _facts(dataset, recipe, freezing, execution, device)
    training = Training(
        model=Model(network, view.network, task, dataset.preprocess, dataset.fractions, facts),
        optimizer=_optimizer(network, fresh, recipe, freezing, execution),
        ema=EMA(network, options.ema) if options.ema else None,
        updates=make_updates(task, network, loss, execution),
        train=train,
        validation=validation,
        recipe=recipe,
        pending=PendingMetrics(task.max_loss),
        group=group,
        tuned=tuned,
        freezing=freezing,
    )
    return (yield from pass_once(training, dataset, train, validation, loss))


def _network(
    dataset: PreparedData, options: TrainOptions, group: Group
) -> tuple[nn.Module, Collection[str]]:
    """Return the network with weights drawn by the seed, and those of the source put over them.

    Return also the names of tensors that stay as drawn.
    """
    torch.manual_seed(options.seed)
    network = dataset.view.build(dataset.task.outputs)
    fresh: Collection[str] = network.state_dict().keys()
    if dataset.source:
        fresh = load_weights(network, dataset.source, dataset.view, dataset.task, options.reuse)
    sync.same_network(group, dataset.view.network, network)
    return network, fresh


def _splits(dataset: PreparedData, device: torch.device) -> tuple[ImageDataset, ImageDataset]:
    """Return the images to train on, augmented as the task allows, and those to validate on."""
    decoded, image, task = dataset.decoded, dataset.preprocess, dataset.task
    pairs = task.make_pairs if task.self_supervised else None
    train = load_split(
        decoded, "train", image, device, task.augment, dataset.view.crop, make_pairs=pairs
    )
    return train, load_split(decoded, "validation", image, device, make_pairs=pairs)


def _recipe(
    dataset: PreparedData, options: TrainOptions, network: nn.Module, device: torch.device
) -> tuple[Recipe, ExecutionConfig]:
    """Complete the recipe and check that a step fits into memory. Raises OptionError."""
    room = MemoryBudget(
        network, dataset.view, free_memory(device, resident_bytes(dataset.decoded, device))
    )
    images = dataset.counts()["train"]
    options = room.resolve_batch_size(options, images)
    recipe, execution = complete_recipe(
        options, dataset.view, images, network, device, dataset.source
    )
    room.check_fits(recipe.batch, execution.precision)
    return recipe, execution


def _facts(
    dataset: PreparedData,
    recipe: Recipe,
    freezing: Freezing,
    execution: ExecutionConfig,
    device: torch.device,
) -> dict[str, str]:
    """Return how the model came about, in words."""
    counts = ", ".join(f"{count:,} {split}" for split, count in dataset.counts().items())
    crop = dataset.view.crop
    windows = {"trained on": f"windows of {crop}x{crop} pixels"} if crop else {}
    groups = {"groups": dataset.fractions.group} if dataset.fractions.group else {}
    generated = {"generated images": dataset.generated} if dataset.generated else {}
    terms = ", ".join(dataset.task.loss_terms(recipe.options))
    return {
        "images": counts, **generated, **groups, **windows,
        **transfer.facts(dataset.source, freezing), **recipe.facts,
        **({"training loss": f"with {terms}"} if terms else {}), "precision": execution.precision,
        "seed": str(recipe.options.seed), "device": hardware.name(device),
    }  # fmt: skip


def _optimizer(
    network: nn.Module,
    fresh: Collection[str],
    recipe: Recipe,
    freezing: Freezing,
    execution: ExecutionConfig,
) -> Optimizer:
    """Return the optimizer of all weights that are trained in any epoch."""
    if freezing.thaw_at is None:
        freezing.begin_epoch(network, 0)
    by_depth = recipe.options.rate_by_depth
    return Optimizer(
        network,
        recipe.options.optimizer,
        recipe.weight_decay,
        momentum=recipe.momentum,
        betas=recipe.betas,
        eps=recipe.eps,
        scaled=execution.precision == "float16",
        shares=rate_factors(network, fresh, recipe.backbone_rate, by_depth),
    )


def _placed(network: nn.Module, device: torch.device, *, ours: bool) -> nn.Module:
    """Move to the device with fast CPU layers; channels-last only for built-in networks."""
    network = to_device(network, device) if ours else network.to(device)
    if device.type == "cpu":
        use_fast_cpu_layers(network)
    return network


def make_started(
    training: Training, run: Run, dataset: PreparedData, device: torch.device, state: TrainState
) -> Started:
    """Return the Started event."""
    recipe, task = training.recipe, training.model.task
    return Started(
        folder=run.folder,
        network=str(dataset.view.network),
        params=sum(p.numel() for p in training.model.network.parameters()),
        task=task.name,
        targets=str(task.spec) if task.spec.names else task.name,
        figure=task.figures[0],
        train_figure=task.train_figure,
        images=dataset.counts(),
        left_out=len(dataset.left_out),
        size=dataset.view.size,
        epochs=recipe.epochs,
        minutes=recipe.options.minutes,
        steps=training.steps,
        batch=recipe.batch,
        device=str(device),
        threads=torch.get_num_threads(),
        execution=str(training.execution),
        speedup=training.tuned.speedup if training.tuned else None,
        epoch=state.epoch + 1,
        world_size=training.group.process.world_size,
        batch_norm="" if training.group.is_single else recipe.options.batch_norm,
        code="" if dataset.view.network.ours else dataset.view.network.option,
        crop=dataset.view.crop,
        trained_params=_trained_params(training),
        inputs=dataset.preprocess.inputs,
        optimizer=recipe.options.optimizer,
    )


def _trained_params(training: Training) -> int | None:
    """Return the number of parameters that are trained in any epoch; None for all."""
    if not training.freezing.stages or training.freezing.thaw_at:
        return None
    network = training.model.network
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


def restore_checkpoint(
    training: Training, run: Run, dataset: PreparedData, device: torch.device
) -> Generator[Note, None, TrainState]:
    """Restore the run's last checkpoint, and compare images and environment with the record.

    Yields notes on recoverable damage and a changed environment. Raises OptionError if images were
    added, removed or changed, or no checkpoint is left, StorageError for other damage.
    """
    check_same_images(run, dataset.decoded)
    if dataset.source:
        check_same_weights(run, training, dataset.source)
    state, reason = checkpoint.load(run.checkpoints, training.learner)
    if state == TrainState() and run.epochs():
        shown = printable(str(run.folder))
        raise OptionError(f"{shown}: nothing to resume from: no checkpoint is left; train anew")
    if reason:
        yield Note(f"resumed from the checkpoint before the last: {reason}")
    if damage := mend_model(training, run, state):
        yield Note(damage)
    if damage := run.damage():
        yield Note(f"{count_noun(len(damage), 'line')} of the events left out: {damage[0]}")
    if changed := environment_changes(run, device):
        yield Note(f"resumed, but not bit for bit: {', '.join(changed)}")
    return state
