"""What a task keeps of single validation images is the same whoever looks at them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.data.loader import ImageDataset
from striate.tasks.embedding.task import Embedding
from striate.training.step import validate


class Rank:
    """A process of several, which keeps what it would add to the others' sums."""

    def __init__(self, rank: int, ranks: int) -> None:
        self.process = SimpleNamespace(rank=rank, world_size=ranks)
        self.is_single = ranks == 1
        self.added: tuple[Tensor, ...] = ()

    def broadcast_buffers(self, network: nn.Module) -> None:
        pass

    def all_reduce_sum(self, *values: Tensor) -> tuple[Tensor, ...]:
        self.added = tuple(value.double() for value in values)
        return values


@pytest.mark.parametrize("batch", [3, 8, 64])
def test_the_rows_of_several_processes_add_up_to_those_of_one(batch: int) -> None:
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (20, 8, 8, 1), generator=draw, dtype=torch.uint8)
    labels = torch.arange(20) % 4
    view = Preprocess(8, 1, "stretch", (0.5,), (0.5,))
    images = ImageDataset(pixels, torch.arange(20), labels, view)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 9))
    task = Embedding(TargetSpec("open", ("a", "b", "c", "d")))
    one: Any = Rank(0, 1)
    _, whole = validate(network, task, images, one, batch)
    assert whole["label"].tolist() == labels.tolist()
    expected = network(view.normalize(pixels))[:, 4:].detach().double()
    torch.testing.assert_close(torch.from_numpy(whole["embedding"]), expected, rtol=0, atol=1e-6)
    ranks: list[Any] = [Rank(rank, 4) for rank in range(4)]  # of 64, three have no batch
    for rank in ranks:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Embedding, "validation_loss", lambda *_: None
            )  # of a part it says nothing
            validate(network, task, images, rank, batch)
    added = [sum(parts) for parts in zip(*(rank.added for rank in ranks), strict=True)]
    for total, single in zip(added, one.added, strict=True):
        torch.testing.assert_close(total, single, rtol=1e-5, atol=1e-6)
