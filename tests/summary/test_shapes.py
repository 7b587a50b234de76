"""Every rule of shapes that stands in for torch's own, held against torch's own on the meta device.

A rule without a case here fails, and so does a case without a rule.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as tree
from torch.utils.flop_counter import FlopCounterMode

from striate.summary import backward_shapes, meta_shapes
from striate.summary.backward_shapes import infer_training_shape
from striate.summary.meta_shapes import infer_shape, named_arguments
from striate.summary.trace import _macs

pytestmark = pytest.mark.slow

ATEN = torch.ops.aten
KINDS = (torch.float32, torch.bfloat16)
Call = tuple[tuple[Any, ...], dict[str, Any]]


def empty(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=kind, device="meta")


def call(*args: Any, **kwargs: Any) -> Call:
    return args, kwargs


def convolutions(x: Callable[..., Tensor]) -> Iterator[Call]:
    for stride, padding, dilation, groups in product((1, 2), (0, 1), (1, 2), (1, 2)):
        steps = [stride, stride], [padding, padding], [dilation, dilation]
        weight = x(6, 4 // groups, 3, 2)
        yield call(x(2, 4, 11, 9), weight, x(6), *steps, False, [0, 0], groups)
        turned = x(4, 6 // groups, 3, 2)
        extra = [stride - 1, 0]
        yield call(x(2, 4, 11, 9), turned, None, *steps, True, extra, groups)
    yield call(x(2, 4, 11), x(6, 4, 3), None, [2], [1], [1], False, [0], 1)
    yield call(x(2, 4, 5, 6, 7), x(6, 4, 3, 2, 1), None, [1], [0], [1], False, [0], 1)


def pools(x: Callable[..., Tensor], dims: int) -> Iterator[Call]:
    sides = (2, 3, 11, 9, 7)[: dims + 2]
    for kernel, stride, padding, ceil in product(
        (2, 3), ([], [1], [2], [3]), (0, 1), (False, True)
    ):
        yield call(x(*sides), [kernel] * dims, stride * dims, [padding] * dims, ceil)


def max_pools(x: Callable[..., Tensor]) -> Iterator[Call]:
    for kernel, stride, dilation, ceil in product((2, 3), ([], [2, 1]), (1, 2), (False, True)):
        yield call(x(2, 3, 11, 9), [kernel] * 2, stride, [1, 0], [dilation] * 2, ceil)


def norms(x: Callable[..., Tensor]) -> Iterator[Call]:
    for training, tracked in product((True, False), repeat=2):
        if training or tracked:
            statistics = (x(4), x(4)) if tracked else (None, None)
            yield call(x(2, 4, 5, 6), x(4), x(4), *statistics, training, 0.1, 1e-5)


def reductions(x: Callable[..., Tensor]) -> Iterator[Call]:
    for dims, keep in product(([1], [2, 3], [-1, 0]), (True, False)):
        yield call(x(2, 3, 4, 5), dims, keep)


#: for each operation of a forward pass its calls, as a function of what makes a tensor
FORWARD: dict[Any, Callable[[Callable[..., Tensor]], Iterator[Call]]] = {
    ATEN.mm.default: lambda x: iter([call(x(3, 4), x(4, 5))]),
    ATEN.addmm.default: lambda x: iter(
        [call(x(5), x(3, 4), x(4, 5)), call(x(3, 5), x(3, 4), x(4, 5))]
    ),
    ATEN.bmm.default: lambda x: iter([call(x(2, 3, 4), x(2, 4, 5))]),
    ATEN.convolution.default: convolutions,
    ATEN.avg_pool2d.default: lambda x: pools(x, 2),
    ATEN.avg_pool3d.default: lambda x: pools(x, 3),
    ATEN.max_pool2d_with_indices.default: max_pools,
    ATEN.native_batch_norm.default: norms,
    ATEN.cat.default: lambda x: iter(
        [call([x(2, 3, 4), x(2, 5, 4)], 1), call([x(2, 3), x(2, 1)], -1), call([x(2, 3)])]
    ),
    ATEN.mean.dim: reductions,
    ATEN.sum.dim_IntList: reductions,
    ATEN._adaptive_avg_pool2d.default: lambda x: iter([call(x(2, 3, 7, 5), [2, 3])]),
    ATEN.upsample_nearest2d.default: lambda x: iter([call(x(2, 3, 7, 5), [9, 3])]),
    ATEN.hardswish.default: lambda x: iter([call(x(2, 3))]),
    ATEN.masked_scatter.default: lambda x: iter(
        [call(x(2, 3), torch.empty(2, 3, dtype=torch.bool, device="meta"), x(6))]
    ),
}
X, MASK = (2, 4, 6, 5), [True, False, True]


def masked(x: Callable[..., Tensor], *args: Any) -> Iterator[Call]:
    for mask in product((True, False), repeat=3):
        yield call(*args, list(mask))


def upsampled(x: Callable[..., Tensor], *more: Any) -> Iterator[Call]:
    yield call(x(*X), [9, 3], *more, None, None)


#: for each operation that a training adds, the one meant by its name and its calls
TRAINING: dict[Any, Callable[[Callable[..., Tensor]], Iterator[Call]]] = {
    ATEN.convolution_backward.default: lambda x: masked(
        x, x(2, 6, 4, 3), x(*X), x(6, 4, 3, 3), [6], [1, 1], [0, 0], [1, 1], False, [0, 0], 1
    ),
    ATEN.native_batch_norm_backward.default: lambda x: masked(
        x, x(*X), x(*X), x(4), x(4), x(4), x(4), x(4), True, 1e-5
    ),
    ATEN.native_layer_norm.default: lambda x: iter([call(x(*X), [6, 5], x(6, 5), x(6, 5), 1e-5)]),
    ATEN.native_layer_norm_backward.default: lambda x: masked(
        x, x(*X), x(*X), [6, 5], x(2, 4, 1, 1), x(2, 4, 1, 1), x(6, 5), x(6, 5)
    ),
    ATEN.native_group_norm.default: lambda x: iter([call(x(*X), x(4), x(4), 2, 4, 30, 2, 1e-5)]),
    ATEN.native_group_norm_backward.default: lambda x: masked(
        x, x(*X), x(*X), x(2, 2), x(2, 2), x(4), 2, 4, 30, 2
    ),
    ATEN._adaptive_avg_pool2d.default: FORWARD[ATEN._adaptive_avg_pool2d.default],
    ATEN.max_pool2d_with_indices_backward.default: lambda x: iter(
        [call(x(2, 4, 3, 2), x(*X), [2, 2], [2, 2], [0, 0], [1, 1], False,
              torch.empty(2, 4, 3, 2, dtype=torch.int64, device="meta"))]
    ),
    ATEN.avg_pool2d_backward.default: lambda x: iter(
        [call(x(2, 4, 3, 2), x(*X), [2, 2], [2, 2], [0, 0], False, True, None)]
    ),
    ATEN.avg_pool3d_backward.default: lambda x: iter(
        [call(x(2, 4, 2, 3, 2), x(2, 4, 4, 6, 5), [2] * 3, [2] * 3, [0] * 3, False, True, None)]
    ),
    ATEN._adaptive_avg_pool2d_backward.default: lambda x: iter([call(x(2, 4, 3, 2), x(*X))]),
    ATEN.upsample_nearest2d.default: lambda x: upsampled(x),
    ATEN.upsample_bilinear2d.default: lambda x: upsampled(x, False),
    ATEN.upsample_bicubic2d.default: lambda x: upsampled(x, False),
    ATEN.upsample_nearest2d_backward.default: lambda x: iter([call(x(2, 4, 9, 3), [9, 3], [*X])]),
    ATEN.upsample_bilinear2d_backward.default: lambda x: iter(
        [call(x(2, 4, 9, 3), [9, 3], [*X], False)]
    ),
    ATEN.upsample_bicubic2d_backward.default: lambda x: iter(
        [call(x(2, 4, 9, 3), [9, 3], [*X], False)]
    ),
    ATEN.slice_backward.default: lambda x: iter([call(x(2, 2, 6, 5), [*X], 1, 1, 3, 1)]),
    ATEN.select_backward.default: lambda x: iter([call(x(2, 6, 5), [*X], 1, 2)]),
    ATEN.unfold_backward.default: lambda x: iter([call(x(2, 4, 2, 5, 3), [*X], 2, 3, 3)]),
    ATEN.constant_pad_nd.default: lambda x: iter(
        [call(x(*X), pad) for pad in ([1, 2], [-1, 2, 0, -3])]
    ),
    ATEN.empty_like.default: lambda x: iter([call(x(*X)), call(x(*X), dtype=torch.int64)]),
    ATEN.zeros_like.default: lambda x: iter([call(x(*X)), call(x(*X), dtype=torch.int64)]),
    ATEN.ones_like.default: lambda x: iter([call(x(*X)), call(x(*X), dtype=torch.int64)]),
    ATEN._softmax.default: lambda x: iter([call(x(*X), 1, False)]),
    ATEN._log_softmax.default: lambda x: iter([call(x(*X), -1, False)]),
    ATEN.hardtanh_backward.default: lambda x: iter([call(x(*X), x(*X), -1, 1)]),
    ATEN.leaky_relu_backward.default: lambda x: iter([call(x(*X), x(*X), 0.1, False)]),
    ATEN.elu_backward.default: lambda x: iter([call(x(*X), 1, 1, 1, False, x(*X))]),
    ATEN._softmax_backward_data.default: lambda x: iter(
        [call(x(*X), x(*X), 1, x(1).dtype)]
    ),
    ATEN._log_softmax_backward_data.default: lambda x: iter(
        [call(x(*X), x(*X), 1, x(1).dtype)]
    ),
    **{getattr(ATEN, name).Tensor: lambda x: iter([call(x(*X), x(6, 1)), call(x(5), x(4, 6, 1))])
       for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    ATEN.where.self: lambda x: iter(
        [call(torch.empty(6, 5, dtype=torch.bool, device="meta"), x(*X), x(1, 1))]
    ),
    ATEN.sum.dim_IntList: reductions,
    ATEN.sum.default: lambda x: iter([call(x(*X))]),
}  # fmt: skip


def looks(value: object) -> list[object]:
    """Shape and type of each tensor in a value; of an empty one, whether it is there at all."""
    leaves = tree.tree_leaves(value)
    there = [isinstance(x, Tensor) and x.numel() > 0 for x in leaves]
    return [(x.shape, x.dtype) if real else None for x, real in zip(leaves, there, strict=True)]


#: whose meta kernels keep statistics and gradients that the CPU does not
ON_CPU = (ATEN.native_batch_norm.default, ATEN.native_batch_norm_backward.default)


def on_cpu(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(torch.zeros_like(x, device="cpu") if isinstance(x, Tensor) else x for x in args)


def agree(rule: Callable[[Any, dict[str, Any]], Any], func: Any, calls: Iterator[Call]) -> int:
    """How many calls a rule answers; all of these as torch does."""
    answered = 0
    for args, kwargs in calls:
        told = rule(func, named_arguments(func, args, kwargs))
        if told is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = func(*(on_cpu(args) if func in ON_CPU else args), **kwargs)
            assert looks(told) == looks(expected), (func, args, kwargs)
            answered += 1
    return answered


def test_every_rule_of_a_forward_pass_has_its_case() -> None:
    assert set(FORWARD) == set(meta_shapes._SHAPES)


def test_every_rule_of_a_training_has_its_case() -> None:
    assert {func.overloadpacket.__name__ for func in TRAINING} == set(backward_shapes._SHAPES)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("func", FORWARD, ids=str)
def test_a_forward_pass_has_the_shapes_of_torch(func: Any, kind: torch.dtype) -> None:
    assert agree(infer_shape, func, FORWARD[func](lambda *shape: empty(*shape, kind=kind)))


@pytest.mark.parametrize("func", TRAINING, ids=str)
def test_a_training_has_the_shapes_of_torch(func: Any) -> None:
    assert agree(infer_training_shape, func, TRAINING[func](empty))


def pointwise() -> Iterator[Any]:
    """The operations element by element of one output that take tensors alone."""
    for name in dir(ATEN):
        packet = getattr(ATEN, name)
        for overload in (
            packet.overloads() if isinstance(packet, torch._ops.OpOverloadPacket) else ()
        ):
            func = getattr(packet, overload)
            arguments = func._schema.arguments
            plain = [a for a in arguments if str(a.type) == "Tensor"]
            needed = [a for a in arguments if not a.has_default_value()]
            single = len(func._schema.returns) == 1 and not overload.startswith("out")
            if torch.Tag.pointwise in func.tags and single and plain and needed == plain:
                yield func


def test_operations_element_by_element_have_the_shapes_of_torch() -> None:
    answered = list[str]()
    for func in pointwise():
        count = sum(str(a.type) == "Tensor" for a in func._schema.arguments)
        shapes = [X, (6, 1), (4, 1, 5)][:count] + [X] * (count - 3)
        in_order = [empty(*shape) for shape in shapes]
        for args in (in_order, [empty(*X) for _ in range(count)]):
            try:
                expected = func(*[x.clone() for x in args])
            except (RuntimeError, ValueError):  # torch does not broadcast it or know it
                continue
            told = infer_shape(func, named_arguments(func, args, {}))
            if told is not None:
                assert looks(told) == looks(expected), func
                answered.append(str(func))
    assert len(set(answered)) > 60


COUNTED = (
    (ATEN.convolution.default, FORWARD[ATEN.convolution.default]),
    (ATEN.mm.default, FORWARD[ATEN.mm.default]),
    (ATEN.addmm.default, FORWARD[ATEN.addmm.default]),
    (ATEN.bmm.default, FORWARD[ATEN.bmm.default]),
    (ATEN.baddbmm.default, lambda x: iter([call(x(2, 3, 5), x(2, 3, 4), x(2, 4, 5))])),
)


@pytest.mark.parametrize(("func", "calls"), COUNTED, ids=lambda value: str(value)[:20])
def test_multiply_adds_are_half_of_what_torch_counts_as_operations(
    func: Any, calls: Callable[[Callable[..., Tensor]], Iterator[Call]]
) -> None:
    for args, kwargs in calls(empty):
        with FlopCounterMode(display=False) as counter:
            output = func(*args, **kwargs)
        macs = _macs(func.overloadpacket.__name__, named_arguments(func, args, kwargs), output)
        assert macs == counter.get_total_flops() / 2, (args, kwargs)


def test_every_counted_operation_is_compared() -> None:
    from striate.summary.trace_rules import MULTIPLYING

    assert {func.overloadpacket.__name__ for func, _ in COUNTED} == set(MULTIPLYING)
