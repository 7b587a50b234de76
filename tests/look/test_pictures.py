"""What `look` draws of networks that answer with a picture, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.errors import OptionError
from striate.verbs.look import look

NETWORKS = {
    "super_resolution": "edsr(width=3,blocks=1)",
    "colorization": "unet(width=2)",
    "autoencoder": "conv_autoencoder(widths=(3,2))",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(8):
        colors = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(colors).resize((32, 32)).save(place / f"{number}.png")
    return place


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: Any, data: Path, tmp_path_factory: pytest.TempPathFactory) -> striate.Model:
    options = {"network": NETWORKS[request.param], "size": 32, "epochs": 1, "threads": 1}
    out = tmp_path_factory.mktemp("runs") / request.param
    loaded = striate.load(striate.train(data, out=out, task=request.param, **options).folder)
    assert isinstance(loaded, striate.Model)
    return loaded


@pytest.mark.parametrize("show", ["filters", "maps", "field", "dreams", "channels"])
def test_layers_of_a_network_that_answers_with_a_picture_are_drawn(
    show: str, model: striate.Model, data: Path, tmp_path: Path
):
    first = next(name for name, _ in model.network.named_children())
    asked = {"maps": data / "0.png", "field": data / "0.png", "channels": data}.get(show)
    of = {"channel": 0} if show == "dreams" else {}
    of |= {} if show == "filters" else {"layers": first}
    (drawn,) = look(model, asked, show=show, out=tmp_path / "sheets", **of)
    assert drawn.path.name == f"{show}-{of.get('layers', 'first')}.png"
    with Image.open(drawn.path) as sheet:
        assert min(sheet.size) > 32


def test_class_maps_of_a_picture_are_refused(model: striate.Model, data: Path):
    with pytest.raises(OptionError) as caught:
        look(model, data / "0.png", show="classes")
    assert str(caught.value) == (
        "class maps show what speaks for a class, a label or a number, but the model answers with "
        "only a picture; look at its maps instead"
    )
