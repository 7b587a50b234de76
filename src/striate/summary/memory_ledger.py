"""The bytes of all tensors that live while operations run, and the most they ever were."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode

from striate.summary.backward_shapes import shaped_in_training
from striate.summary.meta_shapes import named, shaped


class Ledger(TorchDispatchMode):
    """While it is entered, operations on the meta device are told the shapes of their outputs.

    A storage is counted once, however many views it has, from the operation that made it until
    Python and autograd have let go of it.
    """

    def __init__(self, owned: Iterable[Tensor], picture: Tensor) -> None:
        """The storages of `owned` are not counted; that of the picture is."""
        super().__init__()
        self.bytes = 0  #: now
        self.most = 0  #: at any time so far
        self.largest = 0  #: of one storage
        self._living = dict[int, weakref.ref[torch.UntypedStorage]]()
        for tensor in owned:
            self._enter(tensor, counted=False)
        self._enter(picture)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """What torch asks before it loads its compiler for the mode, which takes seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        values = named(func, args, kwargs or {})
        output = shaped_in_training(func, values)
        if output is None:
            output = shaped(func, values)
        if output is None:
            output = func(*args, **(kwargs or {}))
        for tensor in tensors(output):
            self._enter(tensor)
        return output

    def _enter(self, tensor: Tensor, *, counted: bool = True) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if key in self._living:
            return
        size = storage.nbytes() if counted else 0
        self._living[key] = weakref.ref(storage, partial(self._leave, key, size))
        self.bytes += size
        self.most = max(self.most, self.bytes)
        self.largest = max(self.largest, size)

    def _leave(self, key: int, size: int, _storage: object) -> None:
        del self._living[key]
        self.bytes -= size


def tensors(value: object) -> list[Tensor]:
    """Those in a value: itself, or what its tuples, lists and dicts hold."""
    return [leaf for leaf in tree.tree_leaves(value) if isinstance(leaf, Tensor)]
