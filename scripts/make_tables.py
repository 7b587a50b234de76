"""Write the tables that say what the code says into the pages of the documentation.

    python scripts/make_tables.py

A page names a table by a comment, <!-- table: findings -->, and ends it by <!-- end -->. The suite
holds what stands between against what the code gives today.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from itertools import groupby
from pathlib import Path

import annotated_types
import torch
from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic.fields import FieldInfo

from striate import errors, verbs, zoo
from striate.data.augment.plan import LEVELS, AugmentRanges
from striate.data.listing.samples import LEFT_OUT, USED, Record
from striate.data.listing.target_spec import TargetSpec
from striate.layers import meta_init
from striate.optim.optimizer import DEFAULTS
from striate.options import (
    AugmentParams,
    CheckOptions,
    CompareOptions,
    EmbedOptions,
    EnsembleOptions,
    EvaluateOptions,
    ExportOptions,
    FilterOptions,
    ForecastOptions,
    GenerateOptions,
    InfoOptions,
    LookOptions,
    Options,
    PackOptions,
    PointsOptions,
    PredictOptions,
    RateOptions,
    ServeOptions,
    StepOptions,
    TrainOptions,
    TransferabilityOptions,
)
from striate.options.choices import TUNED
from striate.tasks.classification.task import Classification
from striate.text import format_si
from striate.training import events
from striate.training.recipe import complete_recipe
from striate.training.view import choose_view
from striate.vision import KERNELS
from striate.zoo.pretrained.counterparts import COUNTERPARTS

DOCS = Path(__file__).parents[1] / "docs"
TASK = Classification(TargetSpec("label", tuple("0123456789")))
_PLACE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@functools.cache
def tables() -> dict[str, str]:
    """Every table by its name, as Markdown."""
    return {
        "findings-left-out": table(("finding", "what is done"), LEFT_OUT.items()),
        "findings-used": table(("finding", "what is done"), USED.items()),
        "check-options": flags(CheckOptions),
        "ranges": range_table(),
        "train-options": flags(TrainOptions),
        "rate-options": rate_options(),
        "forecast-options": flags(ForecastOptions),
        "compare-options": flags(CompareOptions, TrainOptions),
        "info-options": flags(InfoOptions),
        "pack-options": flags(PackOptions),
        "evaluate-options": flags(EvaluateOptions),
        "ensemble-options": flags(EnsembleOptions),
        "export-options": flags(ExportOptions),
        "predict-options": flags(PredictOptions),
        "serve-options": flags(ServeOptions),
        "embed-options": flags(EmbedOptions),
        "generate-options": flags(GenerateOptions),
        "look-options": flags(LookOptions),
        "filter-options": flags(FilterOptions),
        "points-options": flags(PointsOptions),
        "transferability-options": flags(TransferabilityOptions),
        "kernels": kernels(),
        "views": views(),
        "recipes": recipes(),
        "optimizers": optimizers(),
        "augmentation": augmentation(),
        "events": told(),
        "networks": networks(),
        "published-weights": published_weights(),
        "receptive-fields": receptive_fields(),
        "exit-codes": exit_codes(),
    }


def filled(page: str) -> str:
    """The page with its tables as the code gives them."""
    every = tables() if _PLACE.search(page) else {}
    return _PLACE.sub(lambda place: f"{place[1]}\n{every[place[2]]}\n{place[3]}", page)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def flags(model: type[Options], beside: type[Options] = Options) -> str:
    """The flags of a verb, but for those that say the same of another."""
    rows = [
        (
            f"`--{name.replace('_', '-')}`",
            takes(field),
            "–" if field.default is None or field.default is False else f"`{field.default}`",
            str(field.description),
        )
        for name, field in model.flags().items()
        if (known := beside.model_fields.get(name)) is None
        or known.description != field.description
    ]
    return table(("option", "takes", "default", "what it does"), rows)


def rate_options() -> str:
    """Those that are not of a step."""
    rows = [
        (f"`--{name}`", takes(field), "–" if field.default is None else f"`{field.default}`",
         str(field.description))
        for name, field in RateOptions.model_fields.items()
        if name not in StepOptions.model_fields
    ]  # fmt: skip
    return table(("option", "takes", "default", "what it does"), rows)


_UNWRITTEN = {types.NoneType, Callable}  #: what no flag and no recipe can say


def takes(field: FieldInfo) -> str:
    """The kind, unit and range of an option's value."""
    kind: typing.Any = field.annotation
    union = isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union
    kinds = typing.get_args(kind) if union else (kind,)
    extra = field.json_schema_extra
    unit = str(extra.get("unit") or "") if isinstance(extra, dict) else ""
    written = (kind for kind in kinds if not {kind, typing.get_origin(kind)} & _UNWRITTEN)
    return ", or ".join(taken(kind, unit, field.metadata) for kind in written)


def taken(kind: typing.Any, unit: str, bounds: Iterable[object]) -> str:
    """One kind of an option's value."""
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(kind))
    if typing.get_origin(kind) is typing.Annotated:
        kind, within = typing.get_args(kind)
        bounds = within.metadata
    words = {int: "a whole number", float: "a number", str: "text", Path: "a path", bool: "nothing"}
    return f"{unit or words[kind]}{limits(bounds)}"


def limits(bounds: Iterable[object]) -> str:
    """What a number may be."""
    words: list[str] = []
    for bound in bounds:
        match bound:
            case AfterValidator() | BeforeValidator() | PlainSerializer():  # of a text
                pass
            case annotated_types.Ge(least):
                words.append(f"{number(least)} or more")
            case annotated_types.Gt(least):
                words.append(f"above {number(least)}")
            case annotated_types.Le(most):
                words.append(f"at most {number(most)}")
            case annotated_types.Lt(most):
                words.append(f"below {number(most)}")
            case _:
                raise ValueError(bound)
    return "".join(f", {word}" for word in words)


def number(value: typing.Any) -> str:
    """1000 -> 1,000; large powers of two as such."""
    power = int(value).bit_length() - 1
    return f"2^{power}" if value == 2**power and power > 20 else f"{value:,}"


def kernels() -> str:
    """The named kernels, with the arguments that they take and their defaults."""
    rows = [
        (f"`{name}`", arguments(make), str(make.__doc__).splitlines()[0])
        for name, make in KERNELS.items()
    ]
    return table(("kernel", "arguments", "what it is"), rows)


def arguments(make: Callable[..., object]) -> str:
    """As in `size=3, sigma=None`."""
    every = inspect.signature(make).parameters.values()
    return f"`{', '.join(f'{one.name}={one.default}' for one in every)}`" if every else "–"


def views() -> str:
    """Which network sees images of which size, where the options say neither."""
    rows: list[tuple[str, str, str, str]] = []
    for channels, color in ((1, "gray"), (3, "color")):
        seen = [
            (side, choose_view(TrainOptions(), [Record("", side, side, channels)], TASK))
            for side in range(8, 400)
        ]
        for view, group in groupby(seen, key=lambda pair: pair[1]):
            sides = [side for side, _ in group]
            last = f"{sides[0]} and more" if sides[-1] == seen[-1][0] else f"up to {sides[-1]}"
            rows.append((color, last, f"`{view.network}`", str(view.size)))
    heads = ("images", "median of their shorter sides, pixels", "network", "size it sees, pixels")
    return table(heads, rows)


def recipes() -> str:
    """How long and how fast a network learns, where the options do not say."""
    options, cpu = TrainOptions(precision="float32"), torch.device("cpu")
    view = choose_view(options, [], TASK)
    with meta_init():
        network = view.build(TASK.outputs)
    rows = []
    for images in (100, 500, 1000, 2000, 5000, 10_000, 50_000):
        recipe, _ = complete_recipe(options, view, images, network, cpu)
        rate = f"{recipe.learning_rate:.3f}"
        rows.append((f"{images:,}", str(recipe.batch), str(recipe.epochs), rate))
    return table(("training images", "batch", "epochs", "highest learning rate"), rows)


#: optimizer -> what it does, and its paper
_PAPERS = {
    "sgd": ("the gradient", "[Robbins and Monro 1951](https://doi.org/10.1214/aoms/1177729586)"),
    "momentum": (
        "a sum of gradients that fades",
        "[Polyak 1964](https://doi.org/10.1016/0041-5553(64)90137-5)",
    ),
    "nesterov": ("the same, a step ahead", "Sutskever et al. 2013"),
    "adagrad": ("the gradient over the root of all its squares", "Duchi et al. 2011"),
    "rmsprop": ("the same, where squares fade", "Tieleman and Hinton 2012"),
    "adam": (
        "momentum over the root of squares, both fading",
        "[Kingma and Ba 2015](https://arxiv.org/abs/1412.6980)",
    ),
    "adamw": (
        "the same, with decay beside it",
        "[Loshchilov and Hutter 2019](https://arxiv.org/abs/1711.05101)",
    ),
    "lamb": (
        "the same, as long as the layer's weights",
        "[You et al. 2020](https://arxiv.org/abs/1904.00962)",
    ),
    "lars": (
        "momentum, a thousandth as long as the layer's weights",
        "[You et al. 2017](https://arxiv.org/abs/1708.03888)",
    ),
    "lion": (
        "the sign of a momentum",
        "[Chen et al. 2023](https://arxiv.org/abs/2302.06675)",
    ),
    "muon": (
        "momentum made orthogonal, in hidden layers",
        "Jordan et al. 2024; [Liu et al. 2025](https://arxiv.org/abs/2502.16982)",
    ),
}


def optimizers() -> str:
    """What each takes where nothing is asked for."""
    rows = [
        (
            f"`{name}`",
            *_PAPERS[name],
            f"{usual.learning_rate:g}" + (" x the network's" if usual.per_card else ""),
            f"{usual.weight_decay:g}",
            f"{usual.momentum:g}" if name in TUNED["momentum"] else "–",
            "{:g}, {:g}".format(*usual.betas) if name in TUNED["betas"] else "–",
            f"{usual.eps:g}" if name in TUNED["eps"] else "–",
        )
        for name, usual in DEFAULTS.items()
    ]
    heads = ("optimizer", "moves weights along", "after", "highest learning rate", "weight decay")
    return table((*heads, *TUNED), rows)


def augmentation() -> str:
    """The ranges of each level."""
    names = [
        field.name
        for field in fields(AugmentRanges)
        if any(getattr(variation, field.name) for variation in LEVELS.values())
    ]
    rows = [
        (f"`{level}`", *(shown(name, getattr(variation, name)) for name in names))
        for level, variation in LEVELS.items()
    ]
    return table(("level", *names), rows)


def range_table() -> str:
    """What `vary` names."""
    rows = [
        (f"`{name}`", takes(field), str(field.description))
        for name, field in AugmentParams.model_fields.items()
    ]
    return table(("range", "takes", "what it does"), rows)


def shown(name: str, value: float) -> str:
    """A range of change."""
    if not value:
        return "–"
    if value is True:
        return "half of them"
    return f"±{value:g}°" if name == "rotate" else f"±{value:.0%}".replace("%", " %")


def told() -> str:
    """The events, what each means and carries."""
    rows = [
        (
            f"`{event.__name__}`",
            str(event.__doc__).splitlines()[0],
            ", ".join(f"`{field.name}`" for field in fields(event)),
        )
        for event in typing.get_args(events.Event)
    ]
    return table(("event", "what it says", "what it carries"), rows)


def networks() -> str:
    """The cards of the zoo."""
    rows = [
        (
            f"`{card.name}`",
            f"{card.paper} {card.year}",
            "x".join(map(str, card.input)),
            str(card.classes or "–"),
            f"{card.params:,}",
            format_si(card.macs),
            f"{card.receptive_field:,}" if card.receptive_field else "all",
            card.output,
            _taken(card),
        )
        for card in zoo.CARDS.values()
    ]
    heads = ("network", "paper", "input there", "classes there", "parameters", "MACs",
             "receptive field", "output", "image sizes")  # fmt: skip
    return table(heads, rows)


def _taken(card: zoo.Card) -> str:
    """Which images a network takes."""
    if card.needs_size and card.input_kind != "code":
        return "of one size"
    return "any" if card.any_size else f"{'x'.join(map(str, card.input[1:]))} only"


def published_weights() -> str:
    """Who publishes weights for which networks, and what they are called there."""
    rows = [
        (
            f"`{source}`",
            ", ".join(
                f"`{name}`" + (f" ({peer.name})" if peer.name != name else "")
                for name, peer in peers.items()
            ),
        )
        for source, peers in sorted(COUNTERPARTS.items())
    ]
    return table(("`weights`", "networks, and what they are called there if not so"), rows)


#: network -> its field in Araujo et al. 2019, table of modern networks
_LITERATURE = {
    "alexnet": 195, "vgg16": 212, "resnet50": 483, "resnet101": 1027, "resnet152": 1507,
    "inception_v2": 699, "inception_v3": 1311, "inception_v4": 2071, "inception_resnet_v2": 3039,
    "mobilenet_v1": 315,
}  # fmt: skip


def receptive_fields() -> str:
    """Of the last volume before the head, at an image that is large enough to have one."""
    rows: list[tuple[str, ...]] = []
    for name, literature in _LITERATURE.items():
        layers = verbs.describe(name).layers
        before = [layer for layer in layers if not layer.name.startswith("head")]
        last = next(layer for layer in reversed(before) if len(layer.output) == 3)
        numbers = [
            f"{numbers[0]:g}"
            for numbers in (last.receptive_field, last.jump, last.start)
            if numbers
        ]
        rows.append((f"`{name}`", last.name, *numbers, str(literature)))
    return table(("network", "last layer", "field", "jump", "start", "literature"), rows)


def exit_codes() -> str:
    """The error tree, as the head of errors.py draws it."""
    lines = re.findall(
        r"(\w+Error) +(?:\((\w+)\) +)?(\d+)  (.+)", str(errors.__doc__), flags=re.MULTILINE
    )
    rows = [
        (code, f"`{name}`", f"`{builtin}`" if builtin else "", what.partition(" (")[0])
        for name, builtin, code, what in sorted(lines, key=lambda line: int(line[2]))
    ]
    return table(("exit code", "error", "is also a", "what it means"), rows)


def main() -> None:
    """Renew every page whose tables are old."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text("utf-8")
        if (new := filled(text)) != text:
            page.write_text(new, "utf-8")
            print(f"renewed {page.relative_to(DOCS)}")


if __name__ == "__main__":
    main()
