"""Every image is seen once an epoch, in an order that only seed and epoch change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from striate.data.augment.keys import draw_normal, fixed_keys
from striate.data.augment.plan import LEVELS, AugmentRanges, move_masks
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Fit, Preprocess
from striate.data.listing.columns import Records, Samples
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import SPLITS, Record, Sample, Split
from striate.data.loader import (
    Batch,
    ImageDataset,
    load_split,
    resident_bytes,
)
from striate.data.order import count_steps
from striate.data.readers.scan import scan
from striate.data.targets.classes import ClassTargets

NONE, STRONG = LEVELS["none"], LEVELS["strong"]
DIGESTS = np.random.default_rng(4).integers(0, 256, (9, 32), dtype=np.uint8)
PLAIN = Preprocess(4, 1, "stretch", (0.0,), (1 / 255,))  # pixels come out as they are


def numbered(count: int) -> ImageDataset:
    """Image `n` of the split is row `count - n` of the source, of value and label 3n."""
    values = 3 * torch.arange(count)
    source = torch.cat([torch.tensor([250]), values.flip(0)]).to(torch.uint8)
    pixels = source.reshape(-1, 1, 1, 1).repeat(1, 4, 4, 1).numpy()
    pixels.flags.writeable = False
    return ImageDataset(pixels, count - torch.arange(count), values, PLAIN)


def speckled(count: int) -> ImageDataset:
    pixels = np.random.default_rng(3).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    return ImageDataset(pixels, torch.arange(count), torch.arange(count), PLAIN)


def labels(
    pixels: ImageDataset, size: int, *, seed: int = 5, epoch: int = 2, first: int = 0
) -> list[list[int]]:
    work = pixels.train_batches(size, seed=seed, epoch=epoch, variation=NONE, first=first)
    found: list[list[int]] = []
    for batch in work:
        assert batch.images.shape == (len(batch), 1, 4, 4)
        assert (batch.images.round() == batch.targets.reshape(-1, 1, 1, 1)).all()
        found.append(batch.targets.tolist())
    return found


def flat(batches: list[list[int]]) -> list[int]:
    return [label for batch in batches for label in batch]


@settings(deadline=None, max_examples=60)
@given(count=st.integers(0, 60), size=st.integers(1, 70), seed=st.integers(0, 2**63 - 1))
def test_every_image_is_seen_once_an_epoch(count: int, size: int, seed: int) -> None:
    seen = labels(numbered(count), size, seed=seed)
    single = 1 if size > 1 and count % size == 1 else 0
    assert [len(batch) for batch in seen[:-1]] == [size] * (len(seen) - 1)
    assert len(seen) == count_steps(count, size)
    assert len(set(flat(seen))) == len(flat(seen)) == count - single
    assert size == 1 or all(len(batch) > 1 for batch in seen)


@pytest.mark.parametrize(
    ("images", "batch", "steps"),
    [(0, 4, 0), (1, 4, 0), (2, 4, 1), (4, 4, 1), (5, 4, 1), (6, 4, 2), (9, 4, 2), (3, 1, 3)],
)
def test_a_single_last_image_makes_no_step(images: int, batch: int, steps: int) -> None:
    assert count_steps(images, batch) == steps


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    pixels = numbered(50)
    order = flat(labels(pixels, 10))
    torch.manual_seed(1)
    assert flat(labels(pixels, 10)) == order
    assert flat(labels(pixels, 7))[:49] == order[:49]
    assert flat(labels(pixels, 50)) == order
    assert order != sorted(order)
    assert flat(labels(pixels, 10, seed=6)) != order
    assert flat(labels(pixels, 10, epoch=3)) != order


@pytest.mark.parametrize("first", [1, 3, 5, 6])
def test_an_epoch_goes_on_where_it_stopped(first: int) -> None:
    pixels = numbered(50)
    assert labels(pixels, 10, first=first) == labels(pixels, 10)[first:]


def test_a_balanced_epoch_goes_on_where_it_stopped_and_repeats_images_in_new_variations() -> None:
    few = torch.tensor([0] * 10 + [1] * 2)
    pixels = replace(speckled(12), targets=few, strata=few)

    def batches(first: int) -> list[Batch]:
        return list(
            pixels.train_batches(3, seed=5, epoch=2, variation=STRONG, first=first, balanced=True)
        )

    whole = batches(0)
    assert sorted(torch.cat([batch.targets for batch in whole]).tolist()) == [0] * 6 + [1] * 6
    rare = [pic for b in whole for pic, label in zip(b.images, b.targets, strict=True) if label]
    assert len({tuple(image.flatten().tolist()) for image in rare}) == 6
    for one, other in zip(batches(2), whole[2:], strict=True):
        assert one.images.equal(other.images)
        assert one.targets.equal(other.targets)


def varied(
    pixels: ImageDataset,
    size: int,
    *,
    epoch: int = 2,
    first: int = 0,
    variation: AugmentRanges = STRONG,
) -> dict[int, Tensor]:
    """Label -> the image as it was seen."""
    work = pixels.train_batches(size, seed=5, epoch=epoch, variation=variation, first=first)
    return {
        int(label): image
        for batch in work
        for label, image in zip(batch.targets, batch.images, strict=True)
    }


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_around_a_moved_image_is_the_padding_of_its_letterbox(fit: Fit) -> None:
    """A white band between black bars, turned: all but the band is black, to the corners."""
    view = Preprocess(64, 1, fit, mean=(0.25,), std=(0.5,))
    shape = (96, 24) if fit == "letterbox" else (64, 64)
    white = view.to_array(Image.new("L", shape, 255))
    image = torch.from_numpy(white.copy())[None]
    pixels = ImageDataset(image.repeat(2, 1, 1, 1), torch.arange(2), torch.arange(2), view)
    for seen in varied(pixels, 2, variation=AugmentRanges(rotate=60)).values():
        corners = seen[0, [0, 0, -1, -1], [0, -1, 0, -1]]
        bright = pytest.approx(0.75 / 0.5)
        if fit == "stretch":
            assert corners.tolist() == [bright] * 4
        else:
            assert corners.tolist() == [pytest.approx(-0.25 / 0.5)] * 4
            share = (seen > 0.5).float().mean()
            assert 0.21 < share < 0.26  # of a band that is a quarter of the square
            assert seen.max() == bright


def test_an_images_variation_does_not_depend_on_its_batch() -> None:
    pixels = speckled(24)
    seen = varied(pixels, 8)
    for size, first in ((3, 0), (5, 0), (24, 0), (4, 3)):
        for label, image in varied(pixels, size, first=first).items():
            assert image.equal(seen[label])


def test_an_image_is_varied_anew_in_each_epoch() -> None:
    pixels = speckled(24)
    one, two, plain = (
        varied(pixels, 8),
        varied(pixels, 8, epoch=3),
        varied(pixels, 8, variation=NONE),
    )
    for label in range(24):
        assert not one[label].allclose(two[label])
        assert not one[label].allclose(plain[label])


def test_without_variation_pixels_are_seen_bit_for_bit() -> None:
    pixels = speckled(20)
    source = torch.from_numpy(np.asarray(pixels.source))
    for label, image in varied(pixels, 6, variation=NONE).items():
        expected = PLAIN.normalize(source[label : label + 1])[0]
        assert image.equal(expected)


@pytest.mark.parametrize("size", [1, 4, 9, 10, 200])
def test_in_order_every_image_comes_once(size: int) -> None:
    batches = list(numbered(9).eval_batches(size))
    assert torch.cat([batch.targets for batch in batches]).tolist() == list(range(0, 27, 3))
    assert {len(batch) for batch in batches[:-1]} <= {size}
    for batch in batches:
        assert (batch.images.round() == batch.targets.reshape(-1, 1, 1, 1)).all()


def test_an_empty_split_has_no_batches() -> None:
    assert list(numbered(0).eval_batches(4)) == []
    assert labels(numbered(0), 4) == []


def test_pixels_on_the_device_give_the_same_batches() -> None:
    mapped = numbered(20)
    resident = ImageDataset(
        torch.from_numpy(np.array(mapped.source)), mapped.rows, mapped.targets, PLAIN
    )
    for one, two in zip(
        mapped.train_batches(6, seed=1, epoch=1, variation=STRONG),
        resident.train_batches(6, seed=1, epoch=1, variation=STRONG),
        strict=True,
    ):
        assert one.images.equal(two.images)
        assert one.targets.equal(two.targets)


def decoded_of(splits: list[Split | None], folder: Path) -> DecodedImages:
    """Row `n` has the value 9n and the label n % 3; its array is mapped from a file, to be read."""
    rows = np.arange(len(splits), dtype=np.uint8).reshape(-1, 1, 1, 1) * 9
    np.save(folder / "pixels.npy", np.broadcast_to(rows, (len(splits), 4, 4, 1)))
    images = [Sample(f"{n}.png", n % 3, split) for n, split in enumerate(splits)]
    named = Samples.of(images)
    return DecodedImages(
        np.load(folder / "pixels.npy", mmap_mode="r"),
        named,
        Records.of([Record("", 4, 4, 1)] * len(splits)),
        ClassTargets.of(("cat", "dog", "owl"), named),
        (),
    )


MIXED: list[Split | None] = ["test", "train", "train", "validation", "train", "test", "train"]


@pytest.mark.parametrize("split", [*SPLITS, None])
def test_a_split_holds_its_images_only(
    tmp_path: Path, split: Split | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = decoded_of(MIXED, tmp_path)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (10**9, 10**9))
    expected = [row for row, found in enumerate(MIXED) if split in (None, found)]
    for device in ("cpu", "meta"):
        pixels = load_split(decoded, split, PLAIN, torch.device(device))
        assert len(pixels) == len(expected)
        assert pixels.device.type == device
        assert int(pixels.rows.max()) < len(pixels.source)
    pixels = load_split(decoded, split, PLAIN, torch.device("cpu"))
    (batch,) = pixels.eval_batches(100)
    assert batch.targets.tolist() == [row % 3 for row in expected]
    assert batch.images[:, 0, 0, 0].round().tolist() == [9 * row for row in expected]


@pytest.mark.parametrize(("free", "lies"), [(2, True), (1.9, False)])
def test_images_lie_on_a_gpu_where_half_of_its_memory_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, lies: bool
) -> None:
    decoded, gpu = decoded_of(MIXED, tmp_path), torch.device("meta")
    size = decoded.pixels.nbytes
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (int(free * size), 10**12))
    pixels = load_split(decoded, "train", PLAIN, gpu)
    assert isinstance(pixels.source, torch.Tensor) == lies
    assert resident_bytes(decoded, gpu) == (size if lies else 0)
    assert pixels.device == gpu


@pytest.mark.parametrize("split", [*SPLITS, None])
def test_masks_are_the_targets_of_their_images(
    tmp_path: Path, split: Split | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = decoded_of(MIXED, tmp_path)
    decoded = replace(plain, masks=np.asarray(plain.pixels[..., 0]) // 9)
    expected = [row for row, found in enumerate(MIXED) if split in (None, found)]
    (batch,) = load_split(decoded, split, PLAIN, torch.device("cpu")).eval_batches(100)
    assert batch.targets.dtype == torch.uint8
    assert batch.targets.shape == (len(expected), 4, 4)
    assert batch.targets[:, 0, 0].tolist() == expected
    size = 2 * (decoded.pixels.nbytes + decoded.masks.nbytes)
    for free, lies in ((size, True), (size - 1, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device, free=free: (free, 10**9))
        pixels = load_split(decoded, split, PLAIN, torch.device("meta"))
        assert isinstance(pixels.masks, torch.Tensor) == lies
        assert pixels.masks is not None
        assert len(pixels.masks) == len(pixels.source)
        assert isinstance(pixels.source, torch.Tensor) == lies


def test_masks_are_augmented_with_their_images() -> None:
    pixels = replace(speckled(30), augment_targets=lambda masks, plan, _: move_masks(masks, plan))
    images, masks = np.array(pixels.source), np.array(pixels.source[..., 0])
    mapped, resident = (
        replace(pixels, source=source, masks=kept)
        for source, kept in ((images, masks), map(torch.from_numpy, (images, masks)))
    )
    turned = AugmentRanges(hflip=True, vflip=True)
    for one, other in zip(
        mapped.train_batches(7, seed=1, epoch=2, variation=turned),
        resident.train_batches(7, seed=1, epoch=2, variation=turned),
        strict=True,
    ):
        assert one.images[:, 0].round().byte().equal(one.targets)
        assert one.targets.equal(other.targets)
        assert not one.targets.equal(torch.from_numpy(masks)[: len(one)])


def test_the_cache_is_never_written_to(tmp_path: Path) -> None:
    decoded = decoded_of(MIXED, tmp_path)
    before = (tmp_path / "pixels.npy").read_bytes()
    pixels = load_split(decoded, "train", PLAIN, torch.device("cpu"))
    assert isinstance(pixels.source, np.memmap)
    for batch in pixels.train_batches(3, seed=1, epoch=1, variation=STRONG):
        batch.images.zero_()
    assert (tmp_path / "pixels.npy").read_bytes() == before
    assert not decoded.pixels.flags.writeable


@pytest.mark.parametrize("planned", [1, 14, 1024])
def test_images_vary_alike_however_many_are_planned_together(
    planned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasing = replace(STRONG, erase=0.2)
    whole = next(speckled(30).train_batches(30, seed=1, epoch=2, variation=erasing))
    monkeypatch.setattr("striate.data.loader._PLAN_IMAGES", planned)
    parts = list(speckled(30).train_batches(7, seed=1, epoch=2, variation=erasing))
    assert [len(part) for part in parts] == [7, 7, 7, 7, 2]
    assert torch.equal(torch.cat([part.targets for part in parts]), whole.targets)
    assert torch.cat([part.images for part in parts]).allclose(whole.images, atol=1e-6)


@pytest.mark.parametrize(("side", "filled"), [(20, False), (30, True)])
def test_around_images_that_are_all_square_is_their_edge(
    tmp_path: Path, side: int, filled: bool
) -> None:
    for name, wide in (("cat", 20), ("dog", side)):
        (tmp_path / name).mkdir()
        for gray in range(180, 200):
            Image.new("L", (wide, 20), gray).save(tmp_path / name / f"{gray}.png")
    decoded = decode_images(scan(tmp_path), Preprocess(32, 1), cache=tmp_path / "cache")
    view = Preprocess(32, 1, mean=(0.5,), std=(0.25,))
    data = load_split(decoded, None, view, torch.device("cpu"))
    seen = varied(data, 40, variation=AugmentRanges(rotate=45))
    corners = torch.stack([image[0, 0, 0] for image in seen.values()])
    assert bool((corners < -1).any()) is filled


def _noisy(images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    return images + draw_normal(keys, images), images


def test_inputs_made_of_images_depend_on_seed_epoch_and_image_only():
    plain = speckled(9)
    pixels = replace(plain, make_pairs=_noisy, keys=fixed_keys(DIGESTS))

    def noise(size: int, epoch: int = 0, first: int = 0) -> Tensor:
        work = pixels.train_batches(size, seed=5, epoch=epoch, variation=NONE, first=first)
        return torch.cat([batch.images - batch.targets for batch in work])

    assert noise(3).shape == (9, 1, 4, 4)
    assert torch.equal(noise(3), noise(9))  # whatever the size of a batch
    assert torch.equal(noise(3)[3:], noise(3, first=1))  # and where a training goes on
    assert not torch.isclose(noise(3), noise(3, epoch=1)).any()
    assert len(noise(3).reshape(9, -1).unique(dim=0)) == 9


def test_inputs_of_an_evaluation_depend_on_the_contents_of_an_image_only():
    pixels = replace(speckled(9), make_pairs=_noisy, keys=fixed_keys(DIGESTS))
    turned = replace(pixels, rows=pixels.rows.flip(0), keys=fixed_keys(DIGESTS[::-1]))
    one, other = (
        torch.cat([batch.images for batch in each.eval_batches(4)]) for each in (pixels, turned)
    )
    assert torch.equal(one, other.flip(0))
