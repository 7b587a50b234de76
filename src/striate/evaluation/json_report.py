"""The report as JSON: the figures of the results, and what the page says beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from striate.evaluation.content import Content
from striate.evaluation.views import Images
from striate.tasks.sections import (
    Charts,
    Gallery,
    Matrix,
    Part,
    Ranking,
    Section,
    Table,
    Text,
    Tiles,
    plain,
)


def render_json(content: Content, images: Images, results: Mapping[str, Any]) -> str:
    """Return the report as one JSON document: `results` holds the figures, unrounded.

    Names are as they are in the data; bytes of a path that are no text are lone surrogates.
    """
    told = {
        "title": content.title,
        "headline": content.headline,
        "remarks": [asdict(remark) for remark in content.remarks],
        "facts": dict(content.facts),
        "results": results,
        "epochs": [_finite(asdict(epoch)) for epoch in content.epochs],
        "kept_epoch": content.kept and content.kept.epoch,
        "sections": [section_json(section, images) for section in content.sections],
        "findings": [asdict(group) for group in content.groups],
        "shortcuts": [shortcut.to_json() for shortcut in content.shortcuts],
        "command": content.command,
        "made": content.made,
    }
    return json.dumps(told, indent=2, allow_nan=False) + "\n"


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with None in place of numbers that JSON has not."""
    return {
        name: None if isinstance(each, float) and each - each != 0 else each
        for name, each in values.items()
    }


def section_json(section: Section, images: Images) -> dict[str, Any]:
    """Return what a section says as a JSON-ready dict."""
    parts = [{"kind": type(part).__name__.lower(), **_part(part, images)} for part in section.parts]
    return {"title": section.title, "explanation": section.explanation, "parts": parts}


def _part(part: Part, images: Images) -> dict[str, Any]:
    match part:
        case Tiles():
            return asdict(part)
        case Text():
            return {"text": plain(part.phrase)}
        case Charts():
            return {"charts": [chart.name or chart.title for chart in part.charts]}
        case Table():
            rows = [[plain(cell.phrase) for cell in row] for row in part.rows]
            heads = [head.text for head in part.heads]
            return {"name": part.name, "heads": heads, "rows": rows}
        case Matrix():
            return _matrix(part, images)
        case Ranking():
            ranks = [
                {"text": plain(rank.phrase), "value": rank.value, "share": rank.share}
                for rank in part.ranks
            ]
            return {"title": part.title, "ranks": ranks, "text": part.text}
        case Gallery():
            pictures = [
                {
                    "path": images.paths[picture.row],
                    "caption": plain(picture.caption),
                    "nearest": [asdict(near) for near in images.near(picture)],
                }
                for picture in part.pictures
            ]
            return {"images": pictures, "text": part.text}


def _matrix(part: Matrix, images: Images) -> dict[str, Any]:
    cells = [
        {
            "true": part.names[cell.true],
            "predicted": part.names[cell.predicted],
            "images": [images.paths[row] for row in cell.rows],
        }
        for cell in part.images
    ]
    titled = {"title": part.title} if part.title else {}
    return {**titled, "class_names": part.names, "counts": part.counts.tolist(), "cells": cells}
