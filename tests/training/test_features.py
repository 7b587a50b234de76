"""The rest of a network trains on cached features as the whole network would on images."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.cache_store import list_entries
from striate.data.augment.plan import LEVELS, AugmentRanges, Plan
from striate.data.decoding.preprocess import Preprocess
from striate.data.loader import ImageDataset
from striate.data.order import BatchShard
from striate.progress import drain
from striate.training import features
from striate.training.features import (
    FeatureDataset,
    can_cache,
    choose_views,
    compute_features,
)

STANDARD, NONE = LEVELS["standard"], LEVELS["none"]
SIDE, COUNT = 12, 41


def images(count: int = COUNT, seed: int = 3) -> ImageDataset:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    strata = torch.arange(count) % 3 // 2
    shown = Preprocess(SIDE, 3, "stretch", (0.5, 0.4, 0.3), (0.2, 0.3, 0.25))
    return ImageDataset(pixels, torch.arange(count), strata.clone(), shown, strata)


def contents(count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32), dtype=np.uint8)


def network() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(1)
    front = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
    front[1].running_mean.uniform_(-0.2, 0.2)
    front[1].running_var.uniform_(0.5, 1.5)
    front[1].weight.data.uniform_(0.5, 1.5)
    return front.eval(), nn.Sequential(nn.Flatten(), nn.Linear(200, 2)).eval()


def computed(dataset: ImageDataset, front: nn.Module, cache: Path, **options) -> FeatureDataset:
    options = {"network": "net", **options}
    return drain(compute_features(front, dataset, contents(len(dataset)), cache=cache, **options))


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("shard", [BatchShard(), BatchShard(1, 3, 3)])
def test_batches_are_those_of_the_images_and_the_rest_answers_as_the_whole(
    balanced: bool, shard: BatchShard, tmp_path: Path
):
    dataset, (front, rest) = images(), network()
    found = computed(dataset, front, tmp_path)
    asked = {"seed": 5, "epoch": 2, "variation": NONE, "balanced": balanced, "shard": shard}
    whole = list(dataset.train_batches(7, first=1, **asked))
    ours = list(found.train_batches(7, first=1, **asked))
    assert [len(batch) for batch in ours] == [len(batch) for batch in whole]
    with torch.inference_mode():
        for one, other in zip(ours, whole, strict=True):
            assert torch.equal(one.targets, other.targets)
            expected = rest(front(other.images))
            assert torch.allclose(rest(one.images), expected, rtol=1e-5, atol=1e-5)


def test_view_e_is_what_epoch_e_shows_and_views_take_turns(tmp_path: Path):
    dataset, (front, _) = images(), network()
    found = computed(dataset, front, tmp_path, views=3, seed=5, variation=STANDARD)
    for epoch in (0, 1, 2, 4):
        asked = {"seed": 5, "variation": STANDARD}
        whole = dataset.train_batches(8, epoch=epoch % 3, **asked)
        order = torch.cat([batch.images for batch in whole])
        ours = torch.cat([b.images for b in found.train_batches(8, epoch=epoch % 3, **asked)])
        with torch.inference_mode():
            assert torch.allclose(ours, front(order), rtol=1e-5, atol=1e-5)
    first, again = (
        sorted(b.images.sum().item() for b in found.train_batches(1, epoch=e, **asked))
        for e in (1, 4)
    )
    assert first == again


def test_evaluation_has_every_image_once_in_listing_order(tmp_path: Path):
    dataset, (front, rest) = images(), network()
    found = computed(dataset, front, tmp_path)
    for shard in (BatchShard(), BatchShard(1, 2)):
        whole, ours = list(dataset.eval_batches(9, shard)), list(found.eval_batches(9, shard))
        assert [batch.targets.tolist() for batch in ours] == [b.targets.tolist() for b in whole]
        with torch.inference_mode():
            for one, other in zip(ours, whole, strict=True):
                expected = rest(front(other.images))
                assert torch.allclose(rest(one.images), expected, rtol=1e-5, atol=1e-5)


def test_no_images_have_no_features(tmp_path: Path):
    found = computed(images(0), network()[0], tmp_path)
    assert len(found) == 0
    assert list(found.eval_batches(4)) == []


def test_targets_that_augmentation_changes_are_those_of_the_view(tmp_path: Path):
    def mirrored(targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        assert share is None
        return torch.where(plan.mirrored, -targets, targets)

    numbers = torch.arange(1.0, COUNT + 1)
    dataset = replace(images(), targets=numbers, augment_targets=mirrored)
    flipped = AugmentRanges(hflip=True)
    found = computed(dataset, network()[0], tmp_path, views=2, seed=5, variation=flipped)
    for epoch in (0, 1):
        asked = {"seed": 5, "epoch": epoch, "variation": flipped}
        whole = torch.cat([batch.targets for batch in dataset.train_batches(8, **asked)])
        ours = torch.cat([batch.targets for batch in found.train_batches(8, **asked)])
        assert torch.equal(ours, whole)
        assert (whole < 0).any()


class Tally:
    """Images counted; a copy counts on with it."""

    images = 0

    def __deepcopy__(self, memo: object) -> Tally:
        return self


class Counting(nn.Module):
    """A front that counts the images that pass it."""

    def __init__(self, front: nn.Module) -> None:
        super().__init__()
        self.front, self.tally = front, Tally()

    @property
    def seen(self) -> int:
        return self.tally.images

    def forward(self, x: Tensor) -> Tensor:
        self.tally.images += len(x)
        return self.front(x)


def test_the_front_is_paid_once(tmp_path: Path):
    front = Counting(network()[0])
    one = computed(images(), front, tmp_path)
    paid = front.seen
    other = computed(images(), front, tmp_path)
    assert (paid, front.seen) == (COUNT, COUNT)
    assert np.array_equal(one.features, other.features)


CHANGES = {
    "an image": {"contents": contents() ^ 1},
    "the network": {"network": "net2"},
    "views": {"views": 3},
    "the seed": {"seed": 6},
    "augmentation": {"variation": LEVELS["strong"]},
    "no augmentation": {"variation": NONE},
}


@pytest.mark.parametrize("change", [*CHANGES, "weights", "preprocessing", "precision"])
def test_features_are_computed_anew_when_something_they_depend_on_changes(
    change: str, tmp_path: Path
):
    front, dataset = Counting(network()[0]), images()
    options = {"network": "net", "contents": contents(), "views": 2, "seed": 5}
    options = {**options, "variation": STANDARD, "cache": tmp_path}
    drain(compute_features(front, dataset, **options))
    options |= CHANGES.get(change, {})
    if change == "weights":
        front.front[1].running_var[3] += 1e-6
    if change == "preprocessing":
        shown = replace(dataset.preprocess, std=(0.2, 0.3, 0.26))
        dataset = replace(dataset, preprocess=shown)
    if change == "precision":
        options["fits_half"] = lambda sample: True
    before = front.seen
    drain(compute_features(front, dataset, **options))
    assert front.seen > before
    assert len(list_entries(tmp_path)) == 2


def test_where_half_precision_is_enough_it_is_kept(tmp_path: Path):
    from striate.data.listing.target_spec import TargetSpec
    from striate.tasks import find_task

    task = find_task("classification")(TargetSpec("label", ("a", "b")))
    front, rest = network()
    fits = features.half_test(rest, task)
    found = computed(images(), front, tmp_path, fits_half=fits)
    assert found.features.dtype == np.float16
    assert next(iter(found.eval_batches(4))).images.dtype == torch.float32
    sharp = nn.Sequential(nn.Flatten(), nn.Linear(200, 2))
    sharp[1].weight.data *= 100
    anew = computed(images(), front, tmp_path, fits_half=features.half_test(sharp, task))
    assert anew.features.dtype == np.float32
    front[1].weight.data *= 1e6
    clipping = features.half_test(nn.Sequential(nn.ReLU6(), *rest), task)
    beyond = computed(images(), front, tmp_path, fits_half=clipping)
    assert beyond.features.dtype == np.float32


def test_a_network_that_has_no_name_is_computed_in_memory(tmp_path: Path):
    front = Counting(network()[0])
    one = computed(images(), front, tmp_path, network=None)
    assert list(tmp_path.iterdir()) == []
    assert np.array_equal(one.features, computed(images(), front, tmp_path).features)


def test_features_that_the_cache_cannot_hold_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")
    found = computed(images(), network()[0], tmp_path)
    assert len(found) == COUNT
    assert list_entries(tmp_path) == []


@pytest.mark.parametrize(
    ("images", "bytes_per_view", "epochs", "budget", "augmented", "views"),
    [
        (200, 10, 10, 1000, False, 1),
        (200, 10, 10, 1000, True, 10),
        (200, 10, 50, 1000, True, 20),
        (200, 10, 50, 79, True, 7),
        (2000, 10, 50, 1000, True, 2),
        (90_000, 10, 50, 1000, True, 1),
        (200, 10, 50, 0, True, 1),
    ],
)
def test_views_are_bounded_by_epochs_memory_and_time(
    images: int, bytes_per_view: int, epochs: int, budget: int, augmented: bool, views: int
):
    assert choose_views(images, bytes_per_view, epochs, budget, augmented=augmented) == views


def test_mixed_images_masks_and_inputs_made_of_images_are_not_cached():
    plain = images()
    assert can_cache(plain, STANDARD)
    assert not can_cache(plain, replace(STANDARD, mixup=0.2))
    masks = np.zeros((COUNT, SIDE, SIDE), np.uint8)
    assert not can_cache(replace(plain, masks=masks), STANDARD)
    assert not can_cache(replace(plain, make_pairs=lambda images, keys: (images, keys)), STANDARD)


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from tests.training.test_features import Counting, STANDARD, computed, images, network

class Deadly(Counting):
    def forward(self, x):
        if self.seen >= int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)

torch.set_num_threads(1)
front = Deadly(network()[0])
computed(images(), front, Path(sys.argv[1]), views=3, seed=5, variation=STANDARD)
"""


def test_a_killed_computation_goes_on_and_ends_with_the_same_bytes(tmp_path: Path):
    options = {"views": 3, "seed": 5, "variation": STANDARD}
    whole = computed(images(), Counting(network()[0]), tmp_path / "whole", **options).features
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), "100"]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    (partial,) = (tmp_path / "killed").iterdir()
    assert partial.suffix == ".partial"
    os.utime(partial, (0, 0))  # so old that whoever makes room removes it
    front = Counting(network()[0])
    again = computed(images(), front, tmp_path / "killed", **options).features
    assert np.array_equal(again, whole)
    assert front.seen < 3 * COUNT
    assert [entry.suffix for entry in (tmp_path / "killed").iterdir()] == [""]
