"""A report on signals or sequences says so: every text of it that speaks of images is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from striate.evaluation.content import Content
from striate.tasks.sections import Span
from striate.text import name_inputs

#: fields that hold what the data or the user call something, or what has no words
_GIVEN = frozenset(("command", "epochs", "groups", "kept", "names", "shortcuts"))


def rename_inputs(content: Content, inputs: str) -> Content:
    """Return the content of a report on `inputs`, which is written as one on images."""
    return content if inputs == "image" else _renamed(content, inputs)


def _renamed(value: Any, inputs: str) -> Any:
    """Return a value with the texts inside it changed; names from the data are kept."""
    if isinstance(value, str):
        return name_inputs(value, inputs)
    if isinstance(value, Mapping):
        return {name_inputs(str(key), inputs): each for key, each in value.items()}
    if type(value) is tuple:
        return tuple(_renamed(each, inputs) for each in value)
    if not is_dataclass(value) or isinstance(value, type | Span):
        return value
    told = (part.name for part in fields(value) if part.init and part.name not in _GIVEN)
    return replace(value, **{name: _renamed(getattr(value, name), inputs) for name in told})
