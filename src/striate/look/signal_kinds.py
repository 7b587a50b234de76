"""What can be drawn of a model on signals: kernels, feature maps, and where answers come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.signals.signal_input import SignalInput
from striate.errors import DataError, OptionError, printable
from striate.look.feature_maps import draw_all_feature_maps
from striate.look.sheet import Sheet
from striate.look.traces import draw_covered, draw_kernels
from striate.model import Model
from striate.options import LookOptions
from striate.prediction.signals import GivenSignal, signal_sources

_FEW = 8  #: signals that are drawn


def look_at_signals(
    model: Model, data: Path | None, options: LookOptions
) -> Iterator[tuple[str, Sheet]]:
    """Yield name and sheet of what is asked for: `filters`, `maps` or `classes`.

    Filters are the kernels of a layer; maps what layers make of the first signal of `data`; classes
    show where the answers to its first eight come from. Without data filters are drawn, else maps.
    Raises OptionError for anything else, DataError for data without signals.
    """
    show = options.show or ("filters" if data is None else "maps")
    if show not in ("filters", "maps", "classes") or options.like or options.motifs:
        raise OptionError(
            "of a model on signals look draws --show filters, maps and classes; leave out other "
            "kinds, --like and --motifs"
        )
    if show == "filters":
        for layer in options.layer_names or (None,):
            yield f"kernels-{layer or 'first'}", draw_kernels(model, layer, options.channel)
        return
    if data is None:
        raise OptionError("signals are needed, as in: striate look MODEL beats.csv")
    view = model.preprocess
    assert isinstance(view, SignalInput)
    rows, names = read_rows(view, data, signal_sources([data], view), _FEW)
    if show == "classes":
        yield "classes", draw_covered(model, rows, names, options.channel)
        return
    inputs = model.inputs(torch.from_numpy(rows[:1]))
    for layer, sheet in draw_all_feature_maps(
        model.network, inputs, options.layer_names, options.channel
    ):
        yield f"maps-{layer}", sheet


def read_rows(
    view: SignalInput, data: Path, sources: Iterable[GivenSignal], most: int
) -> tuple[NDArray[Any], list[str]]:
    """Return the first usable signals (N, size, C) and their names. Raises DataError for none."""
    rows, names, why = list[NDArray[Any]](), list[str](), ""
    for each in sources:
        if each.signal is not None:
            rows.append(view.fit_signal(each.signal))
            names.append(each.shown)
        elif not why and each.findings:
            why = f": {each.findings[0].kind}, {each.findings[0].detail}"
        if len(rows) == most:
            break
    if not rows:
        raise DataError(f"{printable(str(data))}: none of its {view.inputs}s can be used{why}")
    return np.stack(rows), names
