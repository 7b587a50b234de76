"""Settings of a task, as in `--task-params "focal=2"`: each task declares its own."""

from __future__ import annotations

from typing import Self

from striate.errors import OptionError, printable
from striate.options.base import Options


def parse_pairs(text: str, option: str, example: str) -> dict[str, str]:
    """Parse text such as "rotate=15,hflip=no" into values by name.

    Raises OptionError, in which `example` says what `option` takes.
    """
    values: dict[str, str] = {}
    for entry in text.split(","):
        name, equals, value = (piece.strip() for piece in entry.partition("="))
        if not (name and equals and value):
            raise OptionError(f"{option} {example}, but {printable(repr(entry.strip()), 200)} came")
        if name in values:
            raise OptionError(f"{option} names {printable(repr(name), 200)} twice")
        values[name] = value
    return values


class TaskParams(Options):
    """Settings of a task; those of a task without any."""

    @classmethod
    def parse(cls, text: str | None, task: str) -> Self:
        """Parse text such as "loss=huber,delta=1"; None gives the defaults.

        Raises OptionError naming what the task takes.
        """
        if text is None:
            return cls()
        shown = printable(repr(text), 200)
        if not cls.model_fields:
            raise OptionError(f"the task {task} has no use for --task-params {shown}; leave it out")
        fields = cls.model_fields.items()
        takes = "; ".join(
            f"{name}: {field.description}, default {field.default}" for name, field in fields
        )
        example = ",".join(
            f"{name}={field.default}" for name, field in fields if field.default is not None
        )
        try:
            return cls.read(parse_pairs(text, "--task-params", f"takes settings as in {example}"))
        except OptionError as error:
            raise OptionError(f"{error};\nthe task {task} takes {takes}") from None
