"""Memory estimate of a network at a batch size, for inference and training."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode

from striate.errors import OptionError
from striate.summary.backward_shapes import infer_training_shape
from striate.summary.meta_shapes import infer_shape, named_arguments
from striate.text import format_shape, format_si


class AllocationLedger(TorchDispatchMode):
    """Dispatch mode that infers meta outputs and tracks the bytes of living storages.

    A storage is counted once, however many views it has, from its creation until Python and
    autograd release it.
    """

    def __init__(self, owned: Iterable[Tensor], image: Tensor) -> None:
        """Exclude the storages of `owned`; count the image's."""
        super().__init__()
        self.bytes = 0  #: currently allocated
        self.most = 0  #: peak
        self.largest = 0  #: largest single storage
        self._living = dict[int, weakref.ref[torch.UntypedStorage]]()
        for tensor in owned:
            self._enter(tensor, counted=False)
        self._enter(image)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from loading its compiler for the mode, which takes seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        values = named_arguments(func, args, kwargs or {})
        output = infer_training_shape(func, values)
        if output is None:
            output = infer_shape(func, values)
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
    """Return the tensors in a value: itself, or those in its tuples, lists and dicts."""
    return [leaf for leaf in tree.tree_leaves(value) if isinstance(leaf, Tensor)]


@dataclass(frozen=True)
class Memory:
    """Peak bytes of tensors, beyond parameters and buffers.

    Training counts the images, the activations saved for backward, and the gradients of activations
    and weights in the first step; optimizer state comes on top. Workspace inside operations is not
    counted: almost none in channels-last, striate's layout; torch's default layout costs copies on
    a CPU.
    """

    batch: int
    inference: int  #: including the images
    training: int | None  #: None: cannot be trained at this batch size, see `remark`
    weights: int  #: of parameters and buffers
    remark: str = ""  #: why `training` is unknown or an estimate

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    def __str__(self) -> str:
        training = "?" if self.training is None else format_si(self.training, "B")
        return (
            f"memory at batch {self.batch}: inference {format_si(self.inference, 'B')}, training "
            f"{training} beyond weights of {format_si(self.weights, 'B')}"
        ) + (f" ({self.remark})" if self.remark else "")


def estimate_memory(network: nn.Module, input: Sequence[int], batch: int = 1) -> Memory:  # noqa: A002
    """Estimate the memory that a network needs for `batch` images of (C, H, W), or (C, L).

    Forward and backward pass run on the meta device: nothing is computed, and the network is not
    changed. Raises OptionError if the network does not accept the images.
    """
    modes = [(module, module.training) for module in network.modules()]
    weights = {key: _ghost(tensor) for key, tensor in network.state_dict(keep_vars=True).items()}
    image = torch.empty((batch, *input), device="meta")
    try:
        inference = _inference(network.eval(), weights, image)
        training, remark = _training(network.train(), weights, image)
    finally:
        for module, mode in modes:
            module.training = mode
    size = sum(map(_bytes, weights.values()))
    return Memory(batch, inference, training, size, remark)


def _inference(network: nn.Module, weights: dict[str, Tensor], image: Tensor) -> int:
    ledger = AllocationLedger(weights.values(), image)
    try:
        with torch.no_grad(), ledger:
            functional_call(network, weights, image)
    except Exception as error:
        images = f"{len(image)} images of {format_shape(image.shape[1:])}"
        raise OptionError(f"the network cannot take {images}: {_said(error)}") from error
    return ledger.most


def _training(
    network: nn.Module, weights: dict[str, Tensor], image: Tensor
) -> tuple[int | None, str]:
    """Return the peak bytes, and a remark."""
    ledger = AllocationLedger(weights.values(), image)
    with torch.enable_grad(), ledger:
        try:
            outputs = functional_call(network, weights, image)  # kept alive, as in a training loop
            loss = _loss(outputs)
        except Exception as error:  # noqa: BLE001 - whatever the forward raises
            return None, f"it cannot be trained so: {_said(error)}"
        kept, largest = ledger.bytes, ledger.largest
        try:
            if loss.requires_grad:
                loss.backward()
        except Exception as error:  # noqa: BLE001 - operations without a meta kernel
            learned = sum(_bytes(tensor) for tensor in weights.values() if tensor.requires_grad)
            remark = f"an estimate: no backward pass, since {_said(error)}"
            return max(ledger.most, kept + 2 * largest + learned), remark
    return ledger.most, ""


def _loss(outputs: object) -> Tensor:
    """Return a loss over all outputs that saves as much for backward as cross-entropy."""
    logits = [output for output in tensors(outputs) if output.is_floating_point()]
    return sum(
        (x.log_softmax(min(1, x.ndim - 1)).sum() for x in logits), torch.zeros((), device="meta")
    )


def _ghost(tensor: Tensor) -> Tensor:
    return tensor.detach().to("meta").requires_grad_(tensor.requires_grad)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
