"""Formatting of numbers, names and tables for terminals and notebooks."""

from __future__ import annotations

import ast
import contextlib
import html
import io
import math
import os
import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from striate.errors import printable

MISSING = "–"
#: exceptions raised for text that `parse_arguments` cannot parse
MISWRITTEN = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)

_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"
)  # fmt: skip


#: the word, but not as a part of a path or an option
_IMAGE = re.compile(r"(?<![\w./#-])(?:([Aa])n )?([Ii])mage(s?)\b(?![./#-]\w)")


class Display(io.TextIOBase):
    """Stream that ignores write errors, so that a lost display never stops a run."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream
        self.lost = stream is None

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        self._try("flush")

    def isatty(self) -> bool:
        return bool(self._try("isatty"))

    def _try(self, what: str, *values: str) -> Any:
        if not self.lost:
            with contextlib.suppress(UnicodeError):
                try:
                    return getattr(self._stream, what)(*values)
                except (OSError, ValueError):
                    self.lost = True
                    discard(self._stream)
        return None


def discard(stream: TextIO | None) -> None:
    """Redirect a failed stream to /dev/null: its buffer is flushed at exit."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def name_inputs(text: str, inputs: str) -> str:
    """Return a text on images as one on signals or sequences, if `inputs` says that."""

    def put(found: re.Match[str]) -> str:
        article, first, plural = found.groups()
        word = inputs if first == "i" else inputs.capitalize()
        return f"{article} {word}{plural}" if article else f"{word}{plural}"

    return text if inputs == "image" else _IMAGE.sub(put, text)


def parse_arguments(rest: str, longest: int) -> tuple[list[Any], dict[str, Any]]:
    """Parse the arguments after the bracket of "name(1, size=2)"; literals only, not executed.

    Raises one of MISWRITTEN if longer than `longest` or not valid Python literals.
    """
    if len(rest) > longest:
        raise ValueError
    call = ast.parse(f"_({rest}", mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError
    named = {entry.arg or "": ast.literal_eval(entry.value) for entry in call.keywords}
    if len(named) < len(call.keywords):
        raise ValueError
    return [ast.literal_eval(entry) for entry in call.args], named


def format_amount(number: float, digits: int = 4) -> str:
    """1020.0 -> "1,020"; 0.0625 -> "0.0625"; `digits` are those of numbers below 1000."""
    return f"{number:,.{digits}g}" if abs(number) < 1000 else f"{number:,.0f}"


def format_si(number: int, unit: str = "") -> str:
    """1234567 -> "1.23 M": three digits and an SI prefix."""
    scaled, prefixes = float(number), iter(("", "k", "M", "G", "T", "P", "E"))
    prefix = next(prefixes)
    while scaled >= 999.5:
        scaled, prefix = scaled / 1000, next(prefixes)
    places = 0 if not prefix else max(0, 3 - len(str(int(scaled))))
    return f"{scaled:.{places}f} {prefix}{unit}".strip()


def format_shape(shape: Iterable[int]) -> str:
    """(64, 7, 7) -> "64x7x7"."""
    return "x".join(map(str, shape))


def format_percent(share: float | None, digits: int = 1) -> str:
    """0.979 -> "97.9 %"; "–" for None.

    A fraction that only rounds to 0 or 100 gets more decimals, up to two: "100 %" means all.
    """
    if share is None or math.isnan(share):
        return MISSING
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    for places in range(digits, max(digits, 2) + 1):
        shown = f"{100 * share:.{places}f}"
        if float(shown) not in (0, 100):
            return f"{shown} %"
    return "< 0.01 %" if share < 0.5 else "> 99.99 %"


def percent_digits(images: int) -> int:
    """Return the decimals of a percentage of `images` images: one image changes the last digit."""
    if images < 100:
        return 0
    return 1 if images < 10_000 else 2


def format_interval(low: float, high: float, places: int) -> str:
    """0.966, 0.987 -> "96.6 to 98.7 %"."""
    return f"{format_percent(low, places).removesuffix(' %')} to {format_percent(high, places)}"


def count_noun(number: int, noun: str) -> str:
    """1, "image" -> "1 image"; 5000 -> "5,000 images"; 2, "batch" -> "2 batches"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}es" if noun.endswith(("s", "tch", "x")) else f"{number:,} {noun}s"


def ordinal(number: int) -> str:
    """Format a place, 1 or more: "first" to "tenth", then "11th"."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    end = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{end}"


def capitalize(text: str) -> str:
    """Begin with a capital letter, unless the first word has one already, as in mAP."""
    first, _, _ = text.partition(" ")
    return text if first != first.lower() else text[:1].upper() + text[1:]


def shorten_name(name: str) -> str:
    """Shorten a name to fit in a sentence."""
    return shorten(name, 32)


def join_few(texts: Sequence[str], most: int = 20) -> str:
    """Return up to `most` texts, and the number of others."""
    more = len(texts) - most
    shown = ", ".join(texts[:most])
    return f"{shown} and {more:,} more" if more > 0 else shown


def list_names(names: Sequence[str], most: int = 5) -> str:
    """Return up to `most` quoted names, and the number of others."""
    shown = ", ".join(f"“{shorten_name(name)}”" for name in names[:most])
    more = len(names) - most
    return f"{shown} and {more:,} more" if more > 0 else shown


def shell_command(words: Iterable[str | os.PathLike[str]]) -> str:
    """Quote the words as a POSIX shell command line.

    Invisible or undecodable characters are written as $'...'.
    """
    return " ".join(_quoted(os.fspath(word)) for word in words)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    plain = (
        chr(b) if 32 <= b < 127 and chr(b) not in "'\\" else f"\\{b:03o}" for b in os.fsencode(word)
    )
    return f"$'{''.join(plain)}'"


def columns(rows: Iterable[Sequence[str]], left: Sequence[int]) -> list[str]:
    """Return table lines with aligned columns, two spaces apart; `left` are left-aligned columns.

    Cells are made printable.
    """
    table = [list(map(printable, row)) for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*table, strict=True)]
    return ["  ".join(_padded(row, widths, left)).rstrip() for row in table]


def html_table(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Return the table as escaped HTML, with the first row as header."""
    head, *body = rows
    lines = "".join(_row(row, "td", left) for row in body)
    return f"<table><thead>{_row(head, 'th', left)}</thead><tbody>{lines}</tbody></table>"


def markdown_table(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Return the table as Markdown, with the first row as header."""
    sides = ["---" if at in left else "---:" for at in range(len(rows[0]))]
    lines = [rows[0], sides, *rows[1:]]
    return "\n".join(f"| {' | '.join(map(_markdown, line))} |" for line in lines)


def _markdown(cell: str) -> str:
    return html.escape(printable(cell), quote=False).replace("|", "\\|")


def _row(row: Sequence[str], tag: str, left: Sequence[int]) -> str:
    sides = ("left" if at in left else "right" for at in range(len(row)))
    cells = (
        f'<{tag} style="text-align:{side}">{html.escape(printable(text))}</{tag}>'
        for text, side in zip(row, sides, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _padded(row: Sequence[str], widths: Sequence[int], left: Sequence[int]) -> Iterable[str]:
    for at, (text, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - display_width(text))
        yield text + space if at in left else space + text


def display_width(text: str) -> int:
    """Return the terminal columns that the text takes."""
    return sum(_cells(character) for character in text)


def shorten(text: str, most: int) -> str:
    """Return the text on one line, truncated with "…" to `most` columns."""
    text = printable(text)
    if display_width(text) <= most:
        return text
    return fit_width(text, most - 1) + "…"


def shorten_middle(text: str, most: int) -> str:
    """Return the text on one line, "…" in its middle if need be: names may differ at their ends."""
    text = printable(text)
    if display_width(text) <= most:
        return text
    end = fit_width(text[::-1], (most - 1) // 2)[::-1]
    return f"{fit_width(text, most - 1 - display_width(end))}…{end}"


def fit_width(text: str, most: int) -> str:
    """Return the longest prefix that fits in `most` columns."""
    for end, character in enumerate(text):
        most -= _cells(character)
        if most < 0:
            return text[:end]
    return text


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
