"""What torch refuses to compute on a machine, in a sentence that says what to change."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import torch

from striate.data.loader import Batch
from striate.errors import OptionError


@contextlib.contextmanager
def explained(batch: Batch) -> Generator[None]:
    """Raises OptionError for memory that a step does not get, and for kernels it may not use."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        said = str(error)
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in said:
            count, shape = len(batch.labels), "x".join(map(str, batch.pictures.shape[1:]))
            raise OptionError(
                f"a step of {count:,} pictures of {shape} needs more memory than "
                f"{batch.labels.device} has free; take a smaller --batch or --size, or end other "
                "programs"
            ) from error
        if "deterministic implementation" in said:
            kernel = said.partition(" ")[0]
            raise OptionError(
                f"{batch.labels.device} computes {kernel} in no fixed order, so that its numbers "
                "differ from run to run; leave out --deterministic or choose another network"
            ) from error
        raise
