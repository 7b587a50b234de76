"""Output size of a window along one axis, with its formula."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from striate.arithmetic.sizes import output_size, span, transposed_size
from striate.errors import OptionError
from striate.text import html_table


@dataclass(frozen=True, repr=False)
class Size:
    """Output size of a sliding window along one axis; all in pixels."""

    output: int
    input: int
    kernel: int
    stride: int
    padding: int  #: on each side
    dilation: int
    transposed: bool
    left_over: int  #: trailing pixels, padding included, that no window covers

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __repr__(self) -> str:
        return "\n".join([f"{self.output} = {self._formula()}", *self._remarks()])

    def _repr_html_(self) -> str:
        shown = {**asdict(self), "transposed": "yes" if self.transposed else "no"}
        formula = [("output", repr(self).partition("\n")[0])]
        rest = [(name.replace("_", " "), str(value)) for name, value in shown.items()][1:]
        return html_table([("window", ""), *formula, *rest], left=(0, 1))

    def _formula(self) -> str:
        window = span(self.kernel, self.dilation)
        if self.transposed:
            return f"({self.input} - 1) * {self.stride} + {window} - 2 * {self.padding}"
        return f"({self.input} - {window} + 2 * {self.padding}) / {self.stride} + 1"

    def _remarks(self) -> list[str]:
        lines = list[str]()
        if self.dilation > 1:
            window = span(self.kernel, self.dilation)
            lines.append(
                f"a kernel of {self.kernel} at dilation {self.dilation} spans "
                f"{self.dilation} * ({self.kernel} - 1) + 1 = {window} pixels"
            )
        if self.left_over:
            less = self.input - self.left_over
            fitting = [str(side) for side in (less, less + self.stride) if side > 0]
            lines.append(
                f"rounded down: {self.left_over} of the pixels at the end, padding among them, "
                f"are seen by no window; an input of {' or '.join(fitting)} leaves none over"
            )
        return lines


def window(
    input: Any,  # noqa: A002
    kernel: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    transposed: bool = False,
) -> Size:
    """Compute the output size of a convolution or pooling along one axis, with the formula.

    Raises OptionError when the window does not fit, and for invalid numbers.

    >>> window(227, 11, stride=4)
    55 = (227 - 11 + 2 * 0) / 4 + 1
    """
    for name, number in (("input", input), ("kernel", kernel), ("stride", stride),
                         ("dilation", dilation)):  # fmt: skip
        checked(name, number, least=1)
    around = _around(kernel, padding, dilation)
    if transposed:
        output, rest = transposed_size(input, kernel, stride, around, dilation), 0
    else:
        output = output_size(input, kernel, stride, around, dilation)
        rest = (input + 2 * around - span(kernel, dilation)) % stride
    return Size(output, input, kernel, stride, around, dilation, transposed, rest)


def _around(kernel: int, padding: int | str, dilation: int) -> int:
    if padding == "valid":
        return 0
    if padding != "same":
        return checked("padding", padding, least=0)
    window = span(kernel, dilation)
    if window % 2 == 0:
        raise OptionError(
            f"padding 'same' puts (window - 1) / 2 pixels on each side, but a window of {window} "
            f"would need {(window - 1) / 2}; use a kernel of odd size"
        )
    return (window - 1) // 2


def checked(name: str, number: object, least: int) -> int:
    """Return the number. Raises OptionError unless it is an integer of at least `least`."""
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        words = ", 'same' or 'valid'" if name == "padding" else ""
        raise OptionError(
            f"{name} must be a whole number of at least {least}{words}, but {number!r} came"
        )
    return number
