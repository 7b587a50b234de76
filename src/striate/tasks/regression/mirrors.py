"""What becomes of numbers when an image is mirrored, and which augmentation leaves them right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from striate.data.augment.ranges import AugmentRanges
from striate.errors import OptionError, printable, unknown

_FLIPS = ("hflip", "vflip")
_TURNS = ("rotate", "shear")
_MOVES = ("translate", "scale", "aspect", "crop")
_RULE = re.compile(r"(?P<offset>\d+(\.\d+)?)?\s*(?P<sign>-)?\s*v|(?P<same>same)")
_EXAMPLE = "angle=-v,x=640-v,age=same"


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

        `same` is said of a number that no move of the image changes. Raises OptionError.
        """
        if text is None:
            return cls(tuple(names), (), named)
        rules = dict[str, Rule]()
        for entry in text.split(","):
            name, rule = _parsed(entry)
            if name not in names:
                raise unknown("column", name, names)
            if name in rules:
                raise OptionError(f"--mirrored names the column {printable(repr(name), 200)} twice")
            rules[name] = rule
        if left := [name for name in names if name not in rules]:
            raise OptionError(
                f"--mirrored leaves out the column {printable(repr(left[0]), 200)}; where moving "
                f"an image does not change it, add {printable(left[0], 200)}=same"
            )
        return cls(tuple(names), tuple(rules[name] for name in names), named)

    def check(self, asked: AugmentRanges) -> None:
        """Raise OptionError if a flip is asked for by name whose effect is unknown."""
        for flip in _FLIPS:
            if flip in self.named and getattr(asked, flip) and flip in self._unsafe:
                if not self.rules:
                    raise OptionError(
                        f"{flip} may change {_listed(self.names)}; say what becomes of a value v "
                        f"with --mirrored, as in {self.names[0]}=-v or {self.names[0]}=same"
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
        hint = f"--mirrored says what does, as in {self.names[0]}=-v or {self.names[0]}=same"
        return f"augmentation: {said}{rest}; {hint}"

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


def _parsed(entry: str) -> tuple[str, Rule]:
    """Parse "x=640-v" into name and rule."""
    name, _, rule = (piece.strip() for piece in entry.rpartition("="))
    found = _RULE.fullmatch(rule)
    if not name or not found or (found["offset"] and not found["sign"]):
        raise OptionError(
            "--mirrored says for every column what a value v becomes in an image mirrored left to "
            f"right, as in {_EXAMPLE}, but {printable(repr(entry.strip()), 200)} came"
        )
    sign = -1.0 if found["sign"] else 1.0
    return name, Rule(sign, float(found["offset"] or 0), bool(found["same"]))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(printable(name, 60)) for name in names)
