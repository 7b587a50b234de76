"""What torch refuses to compute is said in a sentence that names the way out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from striate.data.loader import Batch
from striate.errors import OptionError
from striate.training.forward_backward import translate_torch_errors

BATCH = Batch(torch.zeros(4, 3, 8, 8), torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize("raised", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_memory_that_a_step_does_not_get_is_told_with_its_images(raised: Exception):
    expected = "a step of 4 images of 3x8x8 needs more memory than cpu has free; take a smaller"
    with pytest.raises(OptionError, match=expected), translate_torch_errors(BATCH):
        raise raised


def test_a_cpu_that_has_no_memory_is_understood():
    expected = "needs more memory than cpu has free"
    with pytest.raises(OptionError, match=expected), translate_torch_errors(BATCH):
        torch.empty(1 << 50)


@pytest.fixture
def in_fixed_order() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("in_fixed_order")
def test_a_kernel_without_a_fixed_order_is_named():
    zeros, first = torch.zeros(2), torch.tensor([0])
    expected = r"computes put_ in no fixed order.*--deterministic"
    with pytest.raises(OptionError, match=expected), translate_torch_errors(BATCH):
        zeros.put_(first, torch.ones(1))


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="batch2"), translate_torch_errors(BATCH):
        torch.zeros(2) @ torch.zeros(3, 4, 5)
