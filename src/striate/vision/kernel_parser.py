"""Parser of kernels: a name, a name with arguments, numbers, or a file."""

from __future__ import annotations

import inspect
import re
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, printable, unknown
from striate.storage import ARRAY_DAMAGE, storage_error
from striate.text import MISWRITTEN, parse_arguments
from striate.vision.kernels import KERNELS, LARGEST_SIDE, Kernel

_LONGEST_CALL = 200  # characters
_LARGEST_FILE = 64 * 2**20  # bytes: more than 1001 x 1001 numbers need
_SUFFIXES = (".txt", ".csv", ".npy")
_ENDS = " \t,;"  #: characters allowed after the last number of a line
_DECIMAL = re.compile(r"[^\s,]*(,\d+)?")
_PAIR = re.compile(r"([-+]?\d+),(\d+)")


def kernel(spelled: str | Path, **more: Any) -> Kernel:
    """Parse a float64 kernel from a name in KERNELS, from numbers, or from a file.

    A name may have arguments, in Python syntax, "gaussian(9, sigma=2)", or as keywords. Rows of
    numbers end with ";" or a newline: "0 -1 0; -1 5 -1; 0 -1 0" is (3, 3), and one row without an
    end is (K,), for signals: "1/3 1/3 1/3". Numbers are separated by blanks, tabs or commas. A path
    ends in .txt or .csv, with such numbers, or in .npy. In files that separate single numbers by
    ";", as spreadsheets do, or by tabs, decimal commas are allowed.
    Raises OptionError, also for ambiguous text; StorageError for a file that cannot be read.

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
        listed, named = parse_arguments(rest, _LONGEST_CALL) if bracket else ([], {})
        bound = signature.bind(*listed, **named, **more)
    except MISWRITTEN as error:
        takes = ", ".join(map(_untyped, signature.parameters.values())) or "no arguments"
        came = bracket + rest or ", ".join(more)
        raise OptionError(f"{name} takes {takes}, but {printable(came, 200)} came") from error
    return KERNELS[name](*bound.args, **bound.kwargs)


def _untyped(parameter: inspect.Parameter) -> str:
    return f"{parameter.name}={parameter.default}"


def _numbers(text: str, source: str, *, csv: bool = False) -> Kernel:
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    rows = _rows([line.rstrip(_ENDS) for line in lines if line.strip(_ENDS)], source, csv=csv)
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
    one_signal = len(rows) == 1 and not text.rstrip().endswith(";")
    return np.array(values[0] if one_signal else values, np.float64)


def _rows(lines: list[str], source: str, *, csv: bool) -> list[list[str]]:
    """Split text into the words of each row. Raises OptionError if ambiguous.

    ";" within lines separates numbers as in spreadsheets, with optional decimal commas; otherwise
    it ends a row. Commas separate numbers, unless tabs do.
    """
    sheet = [[cell.strip() for cell in line.split(";")] for line in lines]
    parted = any(len(cells) > 1 for cells in sheet)
    if parted and (csv or len(lines) > 1) and all(map(_DECIMAL.fullmatch, chain(*sheet))):
        return [[cell.replace(",", ".") for cell in cells] for cells in sheet]
    rows = [row for row in (cell.strip(_ENDS) for cell in chain(*sheet)) if row]
    if not any("," in row for row in rows):
        return [row.split() for row in rows]
    if _doubtful(rows, csv=csv):
        raise OptionError(
            f"{source} can be read with decimal commas or with commas between its numbers; write "
            'points and blanks, as in "0.5 1; 1 0.5"'
        )
    words = [[word.strip() for word in row.split(",")] for row in rows]
    if all(len(word.split()) < 2 for word in chain(*words)):
        return words
    tabbed = [[word.strip() for word in row.split("\t")] for row in rows]
    if all(map(_DECIMAL.fullmatch, chain(*tabbed))):
        return [[word.replace(",", ".") for word in row] for row in tabbed]
    raise OptionError(
        f"{source} has commas and blanks between its numbers; write points and blanks alone, as "
        'in "0.5 1; 1 0.5"'
    )


def _doubtful(rows: list[str], *, csv: bool) -> bool:
    """Whether every row could be one decimal-comma number, and in a .csv also looks like one."""
    pairs = [_PAIR.fullmatch(row) for row in rows]
    found = [(pair[1], pair[2]) for pair in pairs if pair]
    if len(found) < len(rows):
        return False
    signs_of = any(whole in ("-0", "+0") or len(rest) > 1 for whole, rest in found)
    return signs_of or all(whole == "0" for whole, _ in found) or (len(rows) > 1 and not csv)


def _number(word: str, where: str) -> float:
    try:
        above, slash, below = word.replace("\N{MINUS SIGN}", "-").partition("/")
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
            return _plain(np.lib.format.open_memmap(path, mode="r"), shown)  # rejects object arrays
        csv = path.suffix.lower() == ".csv"
        return _numbers(path.read_text("utf-8-sig"), shown, csv=csv)
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
