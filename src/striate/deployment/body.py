"""The body of an exported model, traced by PyTorch: normalization, network, and what is decoded."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import re
import traceback
import warnings
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

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


def trace_program(body: Body, around: Callable[[Body], nn.Module] | None = None) -> ExportedProgram:
    """Return a body as a graph of PyTorch's operators, for any batch.

    Or what is made `around` it, which is given images (N, H, W, 3) uint8 of any size.

    Raises OptionError for a model that cannot be one graph, ModelError for a network that cannot.
    """
    model = body.model
    check_single_view(model)
    rows = example_rows(model, 2)
    if around is not None:
        rows = torch.zeros(2, *_SIDES, 3, dtype=torch.uint8)
    dims: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=2**16)}
    if model.task.own_size or around is not None:
        dims |= dict.fromkeys((1, 2), torch.export.Dim.AUTO)
    with _quiet(), torch.no_grad():
        try:
            traced = body if around is None else around(body).eval()
            return torch.export.export(traced, (rows,), dynamic_shapes=(dims,))
        except Exception as error:  # its errors share no public base
            raise _explained(body, error, "torch.export") from error


def trace_body(model: Model | Ensemble) -> onnx.ModelProto:
    """Return the body of a model as an ONNX graph, for any batch.

    Raises what `trace_program` raises, ModelError for a network with an operator that ONNX lacks.
    """
    body = Body(model).eval()
    program = trace_program(body)
    names = [model.task.decodes, *([REJECTED] if model.rejection is not None else [])]
    with _quiet():
        try:
            made = torch.onnx.export(
                program,
                input_names=[ROWS],
                output_names=names,
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:  # the exporter's errors share no public base
            raise _explained(body, error, "ONNX") from error
    assert made is not None
    return made.model_proto


def layer_of(node: onnx.NodeProto) -> str:
    """Return the path in its network of the layer that a node was made of; "" for none."""
    told = {each.key: each.value for each in node.metadata_props}
    scopes = re.findall("'([^']*)'", told.get("pkg.torch.onnx.name_scopes", ""))
    return _inside(scopes[-2]) if len(scopes) > 1 else ""


def _inside(path: str) -> str:
    """Return the path of a part of a body inside of its network."""
    return path.removeprefix("networks.").partition(".")[2]


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


def _explained(body: Body, error: Exception, target: str) -> ModelError:
    """Name the operator that cannot be exported, and the layer that uses it."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    first = next(iter(str(causes[-1]).strip().splitlines()), type(causes[-1]).__name__)
    found = (_find_layer(body, each) for each in reversed(causes))
    layer = next(filter(None, found), "") or "the network itself"
    return ModelError(
        f"{body.model.network_name} cannot be exported because of {printable(layer, 200)}: "
        f"{printable(first, 300)}\n"
        f"a network of your own must be made of operators that {target} knows"
    )


def _find_layer(body: Body, error: BaseException) -> str:
    """Return the path in its network of the layer that an error was met in; "" for none.

    It is that of the innermost frame which runs a layer, or translates an operator of one.
    """
    paths, found = {id(layer): path for path, layer in body.named_modules()}, ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        known = dict(frame.f_locals)
        found = paths.get(id(known.get("self")), found)
        for node in (value for value in known.values() if isinstance(value, fx.Node)):
            stack = node.meta.get("nn_module_stack") or {"": (found, None)}
            found = list(stack.values())[-1][0]
    return _inside(found)
