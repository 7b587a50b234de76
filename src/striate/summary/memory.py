"""How much memory a network takes at a batch size, to answer with it and to train it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call  # pyright: ignore[reportPrivateImportUsage]

from striate.errors import OptionError
from striate.summary.memory_ledger import Ledger, tensors
from striate.summary.table import amount, volume


@dataclass(frozen=True)
class Memory:
    """The most bytes that tensors take at once, beyond parameters and buffers.

    The first step of a training holds the pictures, what the backward pass needs of the forward
    pass, gradients of activations, and gradients of weights; what the optimiser keeps comes on top.
    Working space inside an operation is not counted. There is almost none where pictures lie
    channels last, as striate lays them; torch's default layout costs copies on a CPU.
    """

    batch: int
    inference: int  #: with the pictures
    training: int | None  #: None: it cannot be trained at this batch, see `remark`
    weights: int  #: of parameters and buffers
    remark: str = ""  #: why `training` is unknown or an estimate

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def __str__(self) -> str:
        training = "?" if self.training is None else amount(self.training, "B")
        return (
            f"memory at batch {self.batch}: inference {amount(self.inference, 'B')}, training "
            f"{training} beyond weights of {amount(self.weights, 'B')}"
        ) + (f" ({self.remark})" if self.remark else "")


def memory(network: nn.Module, input: Sequence[int], batch: int = 1) -> Memory:  # noqa: A002
    """The memory that a network needs for `batch` pictures of (C, H, W), or (C, L).

    Forward and backward pass run on the meta device: nothing is computed, and the network stays as
    it is. Raises OptionError where the network does not take the pictures.
    """
    modes = [(module, module.training) for module in network.modules()]
    weights = {key: _ghost(tensor) for key, tensor in network.state_dict(keep_vars=True).items()}
    picture = torch.empty((batch, *input), device="meta")
    try:
        inference = _inference(network.eval(), weights, picture)
        training, remark = _training(network.train(), weights, picture)
    finally:
        for module, mode in modes:
            module.training = mode
    size = sum(map(_bytes, weights.values()))
    return Memory(batch, inference, training, size, remark)


def _inference(network: nn.Module, weights: dict[str, Tensor], picture: Tensor) -> int:
    ledger = Ledger(weights.values(), picture)
    try:
        with torch.no_grad(), ledger:
            functional_call(network, weights, picture)
    except Exception as error:
        pictures = f"{len(picture)} pictures of {volume(picture.shape[1:])}"
        raise OptionError(f"the network cannot take {pictures}: {_said(error)}") from error
    return ledger.most


def _training(
    network: nn.Module, weights: dict[str, Tensor], picture: Tensor
) -> tuple[int | None, str]:
    """The peak, and what is to be said of it."""
    ledger = Ledger(weights.values(), picture)
    with torch.enable_grad(), ledger:
        try:
            outputs = functional_call(network, weights, picture)  # held, as a training loop does
            loss = _loss(outputs)
        except Exception as error:  # noqa: BLE001 - whatever the forward raises
            return None, f"it cannot be trained so: {_said(error)}"
        kept, largest = ledger.bytes, ledger.largest
        try:
            if loss.requires_grad:
                loss.backward()
        except Exception as error:  # noqa: BLE001 - whatever torch lacks on the meta device
            learned = sum(_bytes(tensor) for tensor in weights.values() if tensor.requires_grad)
            remark = f"an estimate: no backward pass, since {_said(error)}"
            return max(ledger.most, kept + 2 * largest + learned), remark
    return ledger.most, ""


def _loss(outputs: object) -> Tensor:
    """What keeps as much as cross-entropy does, of all that a network gives."""
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
