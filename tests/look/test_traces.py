"""Networks on signals: kernels as traces, maps as strips, and where an answer comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.data.signals.signal_input import SignalInput
from striate.errors import DataError, OptionError
from striate.layers import chain
from striate.look.traces import attribute_samples, draw_covered, draw_kernels
from striate.model import Model
from striate.plotting.shapes import Raster, Text
from striate.plotting.trace import draw_trace
from striate.tasks import find_task
from striate.verbs.look import look
from striate.zoo.spec import NetworkSpec

LENGTH = 64


@pytest.fixture
def model() -> Model:
    """A network that answers with the largest and the least sum of three samples."""
    conv = nn.Conv1d(1, 2, 3, padding=1)
    head = nn.Linear(2, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[1.0] * 3], [[-1.0] * 3]]))
        conv.bias.zero_()
        head.weight.copy_(torch.eye(2))
        head.bias.zero_()
    pool = chain(pool=nn.AdaptiveMaxPool1d(1), flatten=nn.Flatten())
    network = chain(c1=conv, best=pool, head=head).eval()
    view = SignalInput(LENGTH, 1, mean=(0.0,), std=(1.0,))
    task = find_task("classification")(TargetSpec("label", ("up", "down")))
    return Model(network, NetworkSpec.of("lenet5_1d"), task, view, SplitFractions(0.1, 0.1))


def peak(at: int = 40, height: float = 1.0) -> np.ndarray:
    signal = np.zeros((LENGTH, 1), np.float32)
    signal[at - 1 : at + 2] = height
    return signal


def test_an_answer_falls_where_what_it_rests_on_is_covered(model: Model) -> None:
    falls, column = attribute_samples(model, peak())
    assert column == 0
    assert falls[40] == falls.max() == 2.5  # of 3, as two of four pieces cover all of the peak
    assert np.flatnonzero(falls > 0).tolist() == list(range(36, 45))
    again, column = attribute_samples(model, peak(), 1)
    assert column == 1
    assert not again.any()


def test_what_speaks_against_an_answer_is_below_zero(model: Model) -> None:
    with torch.no_grad():
        model.network.get_submodule("head").weight[1, 0] = -1  # type: ignore[index]
    falls, _ = attribute_samples(model, peak(), 1)
    assert falls.argmin() == 40
    assert falls.max() == 0


def test_a_sheet_says_what_each_signal_is_answered_with(model: Model) -> None:
    sheet = draw_covered(model, np.stack([peak(), peak(20, -1)]), ["a", "b"])
    assert sheet.text == (
        "red: covering 4 samples there lowers the output, blue: raises it; a: up; b: down"
    )
    assert sheet.arrays["falls"].shape == (2, LENGTH)
    title, note, *captions = (each for each in sheet.picture.shapes if isinstance(each, Text))
    assert title.text == "Where the answer comes from"
    assert note.text == "red: covering 4 samples there lowers the output, blue: raises it"
    traces = [each for each in sheet.picture.shapes if isinstance(each, Raster)]
    assert [(each.text, each.x) for each in captions] == [
        ("a: up", traces[0].x), ("b: down", traces[1].x),
    ]  # fmt: skip
    assert traces[0].x + traces[0].width < traces[1].x


def test_kernels_are_traces_on_one_scale(model: Model) -> None:
    sheet = draw_kernels(model)
    assert sheet.text == (
        "c1: 2 kernels of 3 samples, a line for each of 1 channel; all from -1 to 1, 0 is the "
        "gray line"
    )
    assert sheet.arrays["kernels"][:, :, 0].tolist() == [[1] * 3, [-1] * 3]
    with pytest.raises(OptionError) as caught:
        draw_kernels(model, "head")
    assert str(caught.value) == "head is a Linear, which has no kernels; the first that has is c1"


def test_a_shade_is_red_or_blue_behind_its_samples() -> None:
    drawn = draw_trace(np.zeros((4, 1)), (40, 92), shade=np.array([1, 0, 0, -1]))
    row = drawn[2].astype(int)
    assert row[10].tolist() == [236, 122, 104]
    assert row[45].tolist() == [255] * 3
    assert row[81].tolist() == [104, 160, 214]


def test_look_writes_kernels_maps_and_classes(model: Model, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", peak())
    drawn = [
        *look(model, out=tmp_path / "one"),
        *look(model, tmp_path / "a.npy", layers="c1", out=tmp_path / "two", format="npz"),
        *look(model, tmp_path / "a.npy", show="classes", out=tmp_path / "three"),
    ]
    assert [each.path.name for each in drawn] == [
        "kernels-first.png", "maps-c1.npz", "classes.png",
    ]  # fmt: skip
    maps = np.load(drawn[1].path)["maps"]
    assert maps.shape == (2, 1, LENGTH)
    assert np.flatnonzero(maps[0, 0]).tolist() == list(range(38, 43))


def test_what_cannot_be_drawn_of_signals_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        look(model, show="dreams")
    assert str(caught.value) == (
        "of a model on signals look draws --show filters, maps and classes; leave out other "
        "kinds, --like and --motifs"
    )
    with pytest.raises(OptionError) as caught:
        look(model, show="classes")
    assert str(caught.value) == "signals are needed, as in: striate look MODEL beats.csv"
    (tmp_path / "a.csv").write_text("1\nx\n")
    with pytest.raises(DataError) as caught:
        look(model, tmp_path / "a.csv")
    assert (
        str(caught.value)
        == f"{tmp_path}/a.csv: none of its signals can be used: not a signal, line 2 has 'x'"
    )
