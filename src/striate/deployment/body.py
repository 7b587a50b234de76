"""The body of an exported model, traced by PyTorch: normalization, network, and what is decoded."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from striate.deployment.graph import OPSET
from striate.errors import ModelError, OptionError, printable
from striate.model import Ensemble, Model
from striate.onnx_model import REJECTED, ROWS

_SIDES = 48, 64  # of the images that a network without a size of its own is traced with


class Body(nn.Module):
    """What a model makes of preprocessed images."""

    def __init__(self, model: Model | Ensemble) -> None:
        super().__init__()
        members = model.members if isinstance(model, Ensemble) else (model,)
        plain = [replace(member, network=_channels_first(member.network)) for member in members]
        self.networks = nn.ModuleList([member.network for member in plain])
        whole = isinstance(model, Ensemble)
        self.model = replace(model, members=tuple(plain)) if whole else plain[0]

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return what is decoded of images (N, size, size, channels), and whether rejected."""
        return self.model.compute(rows)


def _channels_first(network: nn.Module) -> nn.Module:
    """Return a network in the memory format of ONNX.

    Traced with channels last, some layers become nodes that runtimes do not know as one, and that
    OpenVINO rounds to 8 bits wrongly.
    """
    made = copy.deepcopy(network).to(memory_format=torch.contiguous_format)  # pyright: ignore
    made.register_forward_pre_hook(_make_contiguous)
    return made


def _make_contiguous(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(each.contiguous() for each in given)


def example_rows(model: Model | Ensemble, count: int) -> Tensor:
    """Return random inputs of a model's body; of any size, if it answers images in their own."""
    view = model.preprocess
    shape = (*_SIDES, view.channels) if model.task.own_size else view.row_shape
    random = np.random.default_rng(0)
    if view.dtype == "float32":
        return torch.from_numpy(random.normal(size=(count, *shape)).astype(np.float32))
    most = 5 if view.inputs == "sequence" else 256
    return torch.from_numpy(random.integers(0, most, (count, *shape), dtype=np.uint8))


def check_single_view(model: Model | Ensemble) -> None:
    """Raise OptionError for an ensemble whose members see images differently."""
    if len(model.views) > 1:
        shown = ", ".join(view.describe() for view in model.views)
        raise OptionError(
            f"an ensemble is exported as one graph, but its members see images differently: "
            f"{shown}; train them with one --size and --fit, or export each"
        )


def trace_body(model: Model | Ensemble, batch: int | None = None) -> onnx.ModelProto:
    """Return the body of a model as an ONNX graph, for a fixed batch, or any.

    Raises OptionError for a model that cannot be one graph, ModelError for a network with an
    operator that ONNX lacks.
    """
    check_single_view(model)
    rows = example_rows(model, batch or 2)
    dims: dict[int, Any] = {} if batch else {0: torch.export.Dim("batch", min=1, max=2**16)}
    if model.task.own_size:
        dims |= dict.fromkeys((1, 2), torch.export.Dim.AUTO)
    names = [model.task.decodes, *([REJECTED] if model.rejection is not None else [])]
    with _quiet(), torch.no_grad():
        try:
            made = torch.onnx.export(
                Body(model).eval(),
                (rows,),
                dynamo=True,
                input_names=[ROWS],
                output_names=names,
                dynamic_shapes={ROWS: dims or None},
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:  # the exporter's errors share no public base
            raise _explained(model, error) from error
    assert made is not None
    return made.model_proto


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep back what the exporter says of itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _explained(model: Model | Ensemble, error: Exception) -> ModelError:
    """Name the operator that cannot be exported, and the line of the network that uses it."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    first = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    return ModelError(
        f"{model.network_name} cannot be exported: {printable(first, 300)}\n"
        "a network of your own must be made of operators that torch.export knows"
    )
