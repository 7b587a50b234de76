"""The card of a model: what it is, what it is for, how well it does, in Markdown.

The sections are those of Mitchell et al., 2019, https://arxiv.org/abs/1810.03993, as far as a file
can tell them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from striate.errors import printable
from striate.evaluation.markdown_report import escape, render_table
from striate.model_card.front_matter import name_model, write_front_matter
from striate.model_card.info import ModelInfo
from striate.text import format_percent, list_names, name_inputs, shell_command

_FEW = 20  #: images of a class that are few to learn from, or to judge it by
_MOST = 100  #: rows of a table


def write_card(info: ModelInfo) -> str:
    """Return the card as Markdown, with metadata at its head."""
    sections = {
        "What it is": _what(info),
        "Intended use": _use(info),
        "How to use it": _usage(info),
        "Training data": _data(info),
        "Evaluation": _evaluation(info),
        "Limits": _limits(info),
        "Preprocessing": [_table(info.input_rows())],
        "What decides its answers": [_table(info.answer_rows())],
        "Training": [_table(info.training_rows())],
        "File": [_table(info.file_rows())],
    }
    parts = [write_front_matter(info), f"# {escape(name_model(info))}"]
    for title, blocks in sections.items():
        told = [block for block in blocks if block]
        parts += [f"## {title}", *told] if told else []
    return "\n\n".join(parts) + "\n"


def _what(info: ModelInfo) -> Iterator[str]:
    inputs = info.views[0].inputs
    of = f" of {info.task.spec}" if info.task.spec.names else ""
    yield escape(f"A network ({info.network}) for {info.task_name}{of}, given one {inputs}.")
    yield _table(info.model_rows())


def _use(info: ModelInfo) -> Iterator[str]:
    inputs, data = info.views[0].inputs, info.provenance.data
    like = f" in “{data.name}”" if data else ""
    yield escape(
        f"It is meant for {inputs}s like those that it was trained on{like}. What its answers may "
        "decide, and what not, is for its owner to add here."
    )


def _usage(info: ModelInfo) -> Iterator[str]:
    verb, given = info.task.used_by
    file = printable(info.file.name)
    quoted = json.dumps(file, ensure_ascii=False)
    own = ["--network", "FILE.py:NAME"] if info.parameters is None else []
    command = shell_command(["striate", verb, file, *own])
    yield f"```sh\n{command} {given}\n```"
    if verb == "predict":
        code = ', network="FILE.py:NAME"' if own else ""
        call = f'print(striate.predict({quoted}, "FILE"{code}))'
        yield f"```python\nimport striate\n\n{call}\n```"
    if info.form == "safetensors":
        yield "The weights alone, without striate:"
        load = f"weights = load_file({quoted})"
        yield f"```python\nfrom safetensors.torch import load_file\n\n{load}\n```"
    else:
        yield "In any runtime of ONNX, without striate; the file holds the preprocessing:"
        opened = f"session = onnxruntime.InferenceSession({quoted})"
        yield f"```python\nimport onnxruntime\n\n{opened}\n```"


def _data(info: ModelInfo) -> Iterator[str]:
    data = info.provenance.data
    if data is None:
        yield _table(info.data_rows())
        return
    heads, *rows = info.name_counts()
    general = [row for row in info.data_rows() if row[0] in ("name", "images", "SHA-256")]
    yield _table(general)
    if rows:
        yield render_table([heads, *rows[:_MOST]], left=(0,))
    if len(rows) > _MOST:
        yield f"And {len(rows) - _MOST:,} more {info.task.spec.nouns}."


def _evaluation(info: ModelInfo) -> Iterator[str]:
    scores = info.scores
    if scores is None:
        return
    rows = [
        (score.figure.title, score.shown, score.interval, f"{score.images:,}")
        for score in scores.figures
    ]
    yield render_table([("figure", "value", "95 % interval", "images"), *rows], left=(0,))
    chosen = "the best epoch was" if scores.split == "validation" else "nothing was"
    yield escape(f"Measured on the {scores.split} images, on which {chosen} chosen.")
    if scores.baseline:
        always = f"{scores.baseline.always}: {scores.baseline.show(scores.figures[0])}"
        yield escape(f"For comparison, {scores.figures[0].figure.title} of {always}.")


def _limits(info: ModelInfo) -> Iterator[str]:
    """Yield a list of what the file itself shows."""
    inputs = info.views[0].inputs
    yield "\n".join(f"- {escape(name_inputs(line, inputs))}" for line in _limit_lines(info))


def _limit_lines(info: ModelInfo) -> Iterator[str]:
    spec, scores = info.task.spec, info.scores
    yield (
        "The figures are of images like those it was trained on; of others, as of another camera, "
        "place or time, nothing is known."
    )
    if scores is None:
        yield "How well it does is not recorded in the file."
    if spec.kind == "label" and info.rejects is None:
        yield f"It answers every image with a {spec.noun}, also one that shows none of them."
    if info.rejects is not None:
        share = format_percent(info.rejects)
        yield f"It answers what looks foreign with none of its {spec.nouns}, and {share} of others."
    yield from _few(info)
    yield from (f"{name}: {text}." for name, text in info.warning_rows())
    if (weights := info.facts.get("weights", "")).endswith("forbids commercial use"):
        yield f"It began with weights of others: {weights}."


def _few(info: ModelInfo) -> Iterator[str]:
    """Yield the classes that few images show, in training or where it was judged."""
    heads, *rows = info.name_counts()
    for place, split in list(enumerate(heads))[1:]:
        few = [name for name, *counts in rows if 0 < int(counts[place - 1].replace(",", "")) < _FEW]
        if few:
            yield f"Fewer than {_FEW} {split} images show {list_names(few)}."


def _table(rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> str:
    told = [row for row in rows if row[1]]
    return render_table([("", ""), *told], left=(0, 1)) if told else ""
