"""Prepare docstrings for the reference: griffe knows neither `#:` comments nor bare examples."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^>>> .*\n?)+", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Named in mkdocs.yml."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Show lines after `>>>` as code, and the fields of a class as a table."""
        if obj.docstring is None:
            return
        obj.docstring.value = _EXAMPLE.sub(_fenced, obj.docstring.value)
        if isinstance(obj, griffe.Class) and (fields := _fields(obj)):
            lines = (f"    {name}: {comment}" for name, comment in fields.items())
            obj.docstring.value += "\n\nAttributes:\n" + "\n".join(lines)


def _fenced(example: re.Match[str]) -> str:
    code = re.sub(r"^>>> |  # doctest: .*$", "", example[0], flags=re.MULTILINE)
    return f"```python\n{code.rstrip()}\n```\n"


def _fields(owner: griffe.Class) -> dict[str, str]:
    """Field -> its comment, of the fields that are annotated in the class."""
    return {
        name: "".join(member.lines[-1:]).partition("#: ")[2].strip() or "–"
        for name, member in owner.members.items()
        if isinstance(member, griffe.Attribute) and member.annotation and not name.startswith("_")
        if "property" not in member.labels
    }
