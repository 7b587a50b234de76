"""Kernels as their user writes them: a name, a name with arguments, numbers, or a file."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, printable, unknown
from striate.storage import ARRAY_DAMAGE, storage_error
from striate.text import MISWRITTEN, arguments
from striate.vision.kernels.named import KERNELS, LARGEST_SIDE, Kernel

_LONGEST_CALL = 200  # characters
_LARGEST_FILE = 64 * 2**20  # bytes: more than 1001 x 1001 numbers need
_SUFFIXES = (".txt", ".csv", ".npy")


def kernel(spelled: str | Path, **more: Any) -> Kernel:
    """A kernel, float64, from a name of KERNELS, from numbers, or from a file.

    A name may carry arguments, in Python's way: "gaussian(9, sigma=2)"; or they are given beside
    it. Numbers stand in rows that end with ";" or a line: "0 -1 0; -1 5 -1; 0 -1 0" is (3, 3), and
    one row without an end is (K,), for signals: "1/3 1/3 1/3". A path ends in .txt or .csv, with
    such numbers, or in .npy. Raises OptionError; StorageError for a file that cannot be read.

    >>> kernel("gaussian(3)") * 16
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    text = str(spelled).strip()
    if isinstance(spelled, Path) or text.lower().endswith(_SUFFIXES):
        return _checked(_read(Path(spelled)), printable(str(spelled)))
    if re.match(r"[^\W\d]", text) and not re.match(r"(nan|inf)\b", text.lower()):
        return _called(text, more)
    return _checked(_numbers(text, "the kernel"), "the kernel")


def _called(text: str, more: dict[str, Any]) -> Kernel:
    name, bracket, rest = text.partition("(")
    name = name.strip()
    if name not in KERNELS:
        raise unknown("kernel", name, KERNELS)
    signature = inspect.signature(KERNELS[name])
    try:
        listed, named = arguments(rest, _LONGEST_CALL) if bracket else ([], {})
        bound = signature.bind(*listed, **named, **more)
    except MISWRITTEN as error:
        takes = ", ".join(map(_untyped, signature.parameters.values())) or "no arguments"
        came = bracket + rest or ", ".join(more)
        raise OptionError(f"{name} takes {takes}, but {printable(came, 200)} came") from error
    return KERNELS[name](*bound.args, **bound.kwargs)


def _untyped(parameter: inspect.Parameter) -> str:
    return f"{parameter.name}={parameter.default}"


def _numbers(text: str, source: str) -> Kernel:
    lines = re.split(r"[;\n]", text)
    rows = [line.replace(",", " ").split() for line in lines if line.strip(" \t\r,")]
    if not rows:
        raise OptionError(f'{source} has no numbers; type some, as in "0 -1 0; -1 5 -1; 0 -1 0"')
    widths = [len(row) for row in rows]
    for at, width in enumerate(widths, 1):
        if width != widths[0]:
            raise OptionError(
                f"{source} is ragged: row 1 has {widths[0]} numbers, but row {at} has {width}"
            )
    values = [
        [_number(word, f"{source}, row {at}") for word in row] for at, row in enumerate(rows, 1)
    ]
    return np.array(values if len(lines) > 1 else values[0], np.float64)


def _number(word: str, where: str) -> float:
    try:
        above, slash, below = word.partition("/")
        return float(above) / (float(below) if slash else 1)
    except (ValueError, ZeroDivisionError) as error:
        shown = printable(repr(word), 50)
        raise OptionError(f"{where}: expected a number or a fraction, but {shown} came") from error


def _read(path: Path) -> Kernel:
    shown = printable(str(path))
    if path.suffix.lower() not in _SUFFIXES:
        raise OptionError(f"{shown}: a kernel's file ends in .txt, .csv or .npy")
    try:
        if not path.is_file():
            raise OptionError(f"{shown}: no such file")
        if path.stat().st_size > _LARGEST_FILE:
            raise OptionError(f"{shown}: too large for a kernel, {path.stat().st_size:,} bytes")
        if path.suffix.lower() == ".npy":
            return _plain(np.lib.format.open_memmap(path, mode="r"), shown)  # no objects
        return _numbers(path.read_text("utf-8-sig").strip(), shown)
    except OptionError:
        raise
    except OSError as error:
        raise storage_error(path, error, "choose another file") from error
    except ARRAY_DAMAGE as error:
        raise OptionError(f"{shown}: cannot be read as a kernel's numbers") from error


def _plain(values: NDArray[Any], shown: str) -> Kernel:
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2, 3):
        raise OptionError(
            f"{shown}: expected real numbers with 1 to 3 axes, "
            f"but {values.dtype} with {values.ndim} came"
        )
    return np.array(values, np.float64)


def _checked(values: Kernel, source: str) -> Kernel:
    shape = " x ".join(map(str, values.shape))
    if max(values.shape) > LARGEST_SIDE:
        raise OptionError(f"{source} is {shape}, but a side may be {LARGEST_SIDE:,} at most")
    if values.size == 0:
        raise OptionError(f"{source} is {shape} and thus empty")
    if not np.isfinite(values).all():
        raise OptionError(f"{source} has values that are not finite: use numbers only")
    return values
