"""Tables of the classes of masks: names, and the values or colors that stand for them.

A line for each class, in one of these forms; blank lines and comments (`//` or `# `) are skipped:

    sky                    its value in the masks is the number of the line, from 0
    7 sky                  the value 7
    sky 128 128 128        a color, also before the name, or as #808080
    7 sky #808080          value and color

Values, at most 65,535, or colors stand on every line or on none. Pixels called ignore, void or
unlabeled, or whose name ends in (ignore), are of no class. A name may stand on several lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import IGNORE, fold_case, os_reason
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, printable

#: names of the file, the first that is there is read
TABLES = ("classes.txt", "label_colors.txt", "codes.txt")
_IGNORED = {"ignore", "ignored", "void", "unlabeled", "unlabelled"}
_BETWEEN = re.compile(r"[\s,;:]+")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
#: what no name has: colors written in other ways, comments behind a name, tables in other formats
_NO_NAME = re.compile(r"#|=|[{}\[\]\"]|\(\d|\b0[xX]\d|\b(?=[a-fA-F]*\d)[0-9a-fA-F]{6}\b")
_LARGEST_VALUE = 65_535
_LARGEST = 1_000_000  #: bytes of a table


@dataclass(frozen=True)
class ClassTable:
    """The classes of masks: their names, what stands for them, and their colors if known."""

    names: tuple[str, ...]
    codes: MaskCodes
    colors: tuple[int, ...] = ()  #: 0xRRGGBB of each class

    @property
    def spec(self) -> TargetSpec:
        """The targets' specification; its constant `colors` is red, green, blue of each class."""
        flat = [float(color >> shift & 255) for color in self.colors for shift in (16, 8, 0)]
        return TargetSpec("mask", self.names, {"colors": tuple(flat)} if flat else {})


class _Line(NamedTuple):
    number: int  #: in the file, from 1
    name: str  #: "" for pixels of no class
    value: int | None
    color: int | None


def find_table(folder: str) -> Path | None:
    """Return the table of classes in a folder, if there is one."""
    files = (Path(folder, name) for name in TABLES)
    return next((file for file in files if file.is_file()), None)


def read_table(file: Path) -> ClassTable:
    """Read a table of classes. Raises DataError that names the line."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{printable(str(file))}: not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    lines = [
        _line(file, number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith(("//", "# "))
    ]
    _check(file, lines)
    _check_names(file, lines)
    names = tuple(dict.fromkeys(line.name for line in lines if line.name))
    if not 1 <= len(names) < IGNORE:
        what = f"{len(names):,} classes" if names else "no class"
        raise DataError(f"{printable(str(file))}: {what}; expected 1 to {IGNORE - 1}, one a line")
    return ClassTable(names, _codes(names, lines), _colors(names, lines))


def _line(file: Path, number: int, line: str) -> _Line:
    words = list(filter(None, _BETWEEN.split(line)))
    value = None
    if len(words) > 4 and _is_value(words[0]) and all(map(_is_byte, words[1:4])):
        value, words = int(words[0]), words[1:]
    color, words = _take_color(words)
    if value is None and len(words) > 1 and _is_value(words[0]):
        value, words = int(words[0]), words[1:]
    if color is None:  # a value before a color
        color, words = _take_color(words)
    name = " ".join(words)
    if not name or all(map(str.isdigit, words)):
        raise DataError(
            f"{printable(str(file))}: line {number:,}: {line!r} names no class; expected a name, "
            "with its value before it or its color after it, as in 'sky 128 128 128'"
        )
    if odd := _NO_NAME.search(name):
        raise DataError(
            f"{printable(str(file))}: line {number:,}: the name {printable(name, 60)!r} holds "
            f"{odd[0]!r}; expected a value, a name and a color,\nany but the name left out, as in "
            "'7 sky #808080' or 'sky 128 128 128', and comments on lines of their own"
        )
    folded = fold_case(name)
    ignored = folded.endswith("(ignore)") or folded in _IGNORED
    return _Line(number, "" if ignored else name, value, color)


def _take_color(words: list[str]) -> tuple[int | None, list[str]]:
    """Return a color from the end or the beginning of a line, and the rest of its words."""
    for numbers, rest in ((words[-3:], words[:-3]), (words[:3], words[3:])):
        if rest and len(numbers) == 3 and all(map(_is_byte, numbers)):
            red, green, blue = map(int, numbers)
            return red << 16 | green << 8 | blue, rest
    for word, rest in ((words[-1:], words[:-1]), (words[:1], words[1:])):
        if rest and word and _HEX.fullmatch(word[0]):
            return int(word[0][1:], 16), rest
    return None, words


def _is_byte(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word) <= 255


def _is_value(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word) <= _LARGEST_VALUE


def _check_names(file: Path, lines: list[_Line]) -> None:
    """Raise DataError for names that differ in case only, and for values behind all of them."""
    first: dict[str, _Line] = {}
    for line in lines:
        earlier = first.setdefault(fold_case(line.name), line)
        if earlier.name != line.name:
            raise DataError(
                f"{printable(str(file))}: line {line.number:,}: {line.name!r} is {earlier.name!r} "
                f"in line {earlier.number:,}; write a class in one way"
            )
    parts = [line.name.rpartition(" ") for line in lines]
    numbers, words = {number for *_, number in parts}, {name for name, *_ in parts if name}
    bare = len(lines) > 1 and lines[0].value is None and lines[0].color is None
    if bare and len(words) == len(numbers) == len(lines) and all(map(_is_value, numbers)):
        line, (name, _, number) = lines[0], parts[0]
        raise DataError(
            f"{printable(str(file))}: line {line.number:,}: {line.name!r} ends in a number, as all "
            f"lines do; write a value before its name: '{number} {name}'"
        )


def _check(file: Path, lines: list[_Line]) -> None:
    """Raise DataError for a line unlike the first, and for a code that stands for two classes."""
    shown = printable(str(file))
    owner: dict[tuple[str, int], _Line] = {}
    for line in lines:
        for what in ("value", "color"):
            code = getattr(line, what)
            if (code is None) != (getattr(lines[0], what) is None):
                has = "no" if code is None else "a"
                other = "has one" if code is None else "has none"
                raise DataError(
                    f"{shown}: line {line.number:,}: {has} {what}, but line {lines[0].number:,} "
                    f"{other}; give every class a {what}, or none"
                )
            if code is None:
                continue
            first = owner.setdefault((what, code), line)
            if first.name != line.name:
                code = f"#{code:06x}" if what == "color" else code
                raise DataError(
                    f"{shown}: line {line.number:,}: the {what} {code} stands in line "
                    f"{first.number:,} too; each stands for one class"
                )


def _codes(names: tuple[str, ...], lines: list[_Line]) -> MaskCodes:
    """Return the codes of the lines; without any, values are the numbers of the lines."""
    index = {name: at for at, name in enumerate(names)} | {"": IGNORE}
    colors = [(line.color, index[line.name]) for line in lines if line.color is not None]
    values = [(line.value, index[line.name]) for line in lines if line.value is not None]
    if not colors and not values:
        values = [(number, index[line.name]) for number, line in enumerate(lines)]
    if values and IGNORE not in dict(values):
        values.append((IGNORE, IGNORE))
    return MaskCodes(tuple(values), tuple(colors))


def _colors(names: tuple[str, ...], lines: list[_Line]) -> tuple[int, ...]:
    colors = {line.name: line.color for line in reversed(lines) if line.color is not None}
    return tuple(colors[name] for name in names) if colors else ()
