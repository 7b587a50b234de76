"""The metadata at the head of a card, in YAML as the Hugging Face Hub reads it.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from striate.errors import printable
from striate.model_card.info import ModelInfo
from striate.tasks.figures import Score

#: licenses as the Hub calls them
_LICENSES = (
    *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "lgpl-3.0"),
    *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
    *("cc-by-nc-nd-4.0", "unlicense"),
)
_SPELLED = {
    "apache software license 2.0": "apache-2.0",
    "apache license": "apache-2.0",
    "apache license 2.0": "apache-2.0",
    "mit license": "mit",
}


def write_front_matter(info: ModelInfo) -> str:
    """Return the metadata between two lines of dashes; what is not known is left out."""
    lines = "\n".join(_lines(_metadata(info), ""))
    return f"---\n{lines}\n---"


def name_model(info: ModelInfo) -> str:
    """Return the name of a model: of its file, or of its folder where the file is `model`."""
    place = info.file.resolve()
    return printable(place.parent.name if place.stem == "model" else place.stem)


def _metadata(info: ModelInfo) -> dict[str, Any]:
    inputs = info.views[0].inputs
    tag = info.task.pipeline if inputs == "image" else ""
    tags = dict.fromkeys(("striate", info.task_name.replace("_", "-"), inputs, info.form.lower()))
    figures = info.scores.figures if info.scores else ()
    told = {
        "library_name": "striate",
        **_license(info.provenance.license),
        "pipeline_tag": tag,
        "tags": list(tags),
        "metrics": [score.figure.name for score in figures],
        "model-index": _results(info, tag),
    }
    return {name: value for name, value in told.items() if value}


def _license(text: str) -> dict[str, str]:
    """Return the license of the weights that the training began with, as the Hub names it."""
    known = _SPELLED.get(text.lower(), text.lower())
    if not text or known in _LICENSES:
        return {"license": known}
    if text.startswith("https://"):
        return {"license": "other", "license_name": "of-the-weights", "license_link": text}
    name = re.sub(r"[^a-z0-9.]+", "-", known).strip("-")
    return {"license": "other", "license_name": name or "of-the-weights"}


def _results(info: ModelInfo, tag: str) -> list[dict[str, Any]]:
    """Return what was measured; the Hub wants the name of the data beside it."""
    scores, data = info.scores, info.provenance.data
    if scores is None or data is None:
        return []
    name = printable(data.name)
    dataset = {"name": name, "type": name, "split": scores.split, "revision": data.sha256}
    result = {
        "task": {"type": tag or info.task_name.replace("_", "-"), "name": info.task_name},
        "dataset": dataset,
        "metrics": [_metric(score) for score in scores.figures],
    }
    return [{"name": name_model(info), "results": [result]}]


def _metric(score: Score) -> dict[str, Any]:
    interval = f"95 % interval {score.interval}, n = {score.images:,}"
    name = printable(f"{score.figure.title} ({interval})")
    return {"type": score.figure.name, "value": score.value, "name": name}


def _lines(value: dict[str, Any] | list[Any], pad: str) -> Iterator[str]:
    """Yield lines of YAML, whose scalars are written as JSON, which YAML includes."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                first, *others = _lines(item, f"{pad}  ")
                yield f"{pad}- {first.lstrip()}"
                yield from others
            else:
                yield f"{pad}- {_scalar(item)}"
        return
    for name, inner in value.items():
        if isinstance(inner, dict | list):
            yield f"{pad}{name}:"
            yield from _lines(inner, f"{pad}  ")
        else:
            yield f"{pad}{name}: {_scalar(inner)}"


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
