"""What becomes of numbers when an image is mirrored, and which augmentation leaves them right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from striate.data.augment.ranges import AugmentRanges
from striate.errors import OptionError, printable
from striate.tasks.regression.figures import strip_unit

_FLIPS = ("hflip", "vflip")
_TURNS = ("rotate", "shear")
_MOVES = ("translate", "scale", "aspect", "crop")
_RULE = re.compile(r"(?P<offset>\d+(\.\d+)?)?\s*(?P<sign>-)?\s*v|(?P<same>same)")
_EXAMPLE = "angle=-v,x=640-v,age=same"
_STILL = "same"  #: alone: of every column
_LISTED = 12  #: most columns that an error lists


@dataclass(frozen=True, slots=True)
class Rule:
    """A value v of a mirrored image becomes `offset` + `sign` v."""

    sign: float
    offset: float
    still: bool  #: neither mirroring, turning nor moving an image changes it

    @property
    def is_position(self) -> bool:
        """Whether moving an image changes it too."""
        return not self.still and (self.sign > 0 or self.offset > 0)


@dataclass(frozen=True)
class Mirroring:
    """What is known of each column; nothing without rules."""

    names: tuple[str, ...] = ()  #: V columns
    rules: tuple[Rule, ...] = ()  #: V, or none
    named: frozenset[str] = frozenset()  #: ranges that are asked for by name

    @classmethod
    def parse(cls, text: str | None, names: Sequence[str], named: frozenset[str]) -> Mirroring:
        """Parse "angle=-v,x=640-v,age=same": what v becomes in an image mirrored left to right.

        `same` is said of a number that no move of the image changes; alone, of every column. The
        unit of a column may be left out where another has not the same name. Raises OptionError.
        """
        if text is None:
            return cls(tuple(names), (), named)
        if text.strip() == _STILL:
            return cls(tuple(names), (Rule(1.0, 0.0, still=True),) * len(names), named)
        rules = dict[str, Rule]()
        for entry in text.split(","):
            given, rule = _parsed(entry, names)
            name = _find_column(given, names)
            if name in rules:
                raise OptionError(f"--mirrored names the column {printable(repr(name), 200)} twice")
            rules[name] = rule
        if left := [name for name in names if name not in rules]:
            raise OptionError(
                f"--mirrored leaves out {_listed(left)}; where moving an image does not change "
                f"it, add {_short(left[0], names)}=same"
            )
        return cls(tuple(names), tuple(rules[name] for name in names), named)

    def check(self, asked: AugmentRanges) -> None:
        """Raise OptionError if a flip is asked for by name whose effect is unknown."""
        for flip in _FLIPS:
            if flip in self.named and getattr(asked, flip) and flip in self._unsafe:
                if not self.rules:
                    raise OptionError(
                        f"{flip} may change {_listed(self.names)}; say what becomes of a value v "
                        f"with --mirrored, as in {self._example}"
                    )
                raise OptionError(
                    f"{flip} turns an image upside down, and what becomes of {self._changed} "
                    "there is not known; leave it out of --augment-params"
                )

    def ranges(self, asked: AugmentRanges) -> AugmentRanges:
        """Return the ranges without those that would make a number wrong."""
        off = AugmentRanges()
        return replace(asked, **{name: getattr(off, name) for name in self._left_out(asked)})

    def note(self, asked: AugmentRanges) -> str:
        """Say what `ranges` leaves out, and what is taken for granted; "" if neither."""
        left = " and ".join(self._left_out(asked))
        if self.rules:
            said = f"{left} left out, as that would change {self._changed}"
            hint = "what is named in --augment-params is used all the same"
            return f"augmentation: {said}; {hint}" if left else ""
        if not asked.geometric:
            return ""
        said = f"{left} left out, as that might change {_listed(self.names)}; " if left else ""
        rest = "turning or moving an image is taken to change no number"
        return f"augmentation: {said}{rest}; --mirrored says what does, as in {self._example}"

    def apply(self, numbers: Tensor, mirrored: Tensor) -> Tensor:
        """Return numbers (N, V) of images of which `mirrored` (N,) were flipped left to right."""
        if not self.rules:
            return numbers
        signs, offsets = (
            numbers.new_tensor([getattr(rule, part) for rule in self.rules])
            for part in ("sign", "offset")
        )
        return torch.where(mirrored.to(numbers.device)[:, None], offsets + signs * numbers, numbers)

    @property
    def _example(self) -> str:
        first = _short(self.names[0], self.names)
        return f"{first}=-v or {first}=same"

    @property
    def _changed(self) -> str:
        """Quote the columns that a move of the image changes."""
        rules = zip(self.names, self.rules, strict=True)
        return _listed([name for name, rule in rules if not rule.still])

    @property
    def _unsafe(self) -> Iterator[str]:
        """Yield the ranges that may make a number wrong."""
        if not self.rules:
            yield from _FLIPS
        elif not all(rule.still for rule in self.rules):
            yield from ("vflip", *_TURNS)
            yield from _MOVES if any(rule.is_position for rule in self.rules) else ()

    def _left_out(self, asked: AugmentRanges) -> list[str]:
        return [name for name in self._unsafe if getattr(asked, name) and name not in self.named]


def _parsed(entry: str, names: Sequence[str]) -> tuple[str, Rule]:
    """Parse "x=640-v" into name and rule."""
    name, _, rule = (piece.strip() for piece in entry.rpartition("="))
    found = _RULE.fullmatch(rule)
    if not name or not found or (found["offset"] and not found["sign"]):
        raise OptionError(
            "--mirrored says for every column what a value v becomes in an image mirrored left to "
            f"right, as in {_EXAMPLE}, but {printable(repr(entry.strip()), 200)} came;\n"
            f"{_choices(names)}"
        )
    sign = -1.0 if found["sign"] else 1.0
    return name, Rule(sign, float(found["offset"] or 0), bool(found["same"]))


def _find_column(given: str, names: Sequence[str]) -> str:
    """Return the column of this name, or the only one that has it without its unit."""
    found = [name for name in names if given == name]
    found = found or [name for name in names if given == strip_unit(name)]
    if len(found) > 1:
        raise OptionError(
            f"--mirrored names {printable(repr(given), 200)}, which is {_listed(found)}; add the "
            "unit"
        )
    if not found:
        raise OptionError(
            f"--mirrored names no column {printable(repr(given), 200)};\n{_choices(names)}"
        )
    return found[0]


def _choices(names: Sequence[str]) -> str:
    """List what can be named."""
    short = [_short(name, names) for name in names]
    more = f" and {len(short) - _LISTED:,} more" if len(short) > _LISTED else ""
    return f"it can name {_listed(short[:_LISTED])}{more}, or say {_STILL} of all of them"


def _short(name: str, names: Sequence[str]) -> str:
    """Return the name without its unit, where that is a single column's."""
    bare = strip_unit(name)
    alone = sum(bare in (other, strip_unit(other)) for other in names) == 1
    return printable(bare if alone else name, 200)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(printable(name, 60)) for name in names)
