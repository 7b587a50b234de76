"""Images that every split of the suite uses, and a cache of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from striate.data.cache import decode_all, workers
from tests.decoders import USABLE_CORES, forked_decoders

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
# A shell starts what runs in its background with Ctrl-C ignored; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's cache is neither used nor filled by the suite."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws from torch does not depend on the tests before it."""
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def quick_decoders() -> Iterator[None]:
    with forked_decoders():
        yield


@pytest.fixture
def new_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders start as users start them."""
    monkeypatch.setattr(workers, "subprocess", subprocess)
    monkeypatch.setattr(decode_all, "usable_cores", USABLE_CORES)


def striped(kind: str, seed: int, side: int = 20) -> Image.Image:
    """A noisy gray image of "flat" or "upright" stripes, or of "slanted" ones."""
    random = np.random.default_rng((seed, len(kind)))
    down, across = np.mgrid[:side, :side]
    phase = {"flat": down, "upright": across, "slanted": down + across}[kind]
    waves = 128 + 80 * np.sin(phase * 1.2 + random.uniform(0, 6))
    noisy = waves + random.normal(0, 12, waves.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype("uint8"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images of each of three kinds of stripes, as PNG files in class folders."""
    folder = tmp_path_factory.mktemp("data") / "stripes"
    for kind in ("flat", "slanted", "upright"):
        (folder / kind).mkdir(parents=True)
        for seed in range(40):
            striped(kind, seed).save(folder / kind / f"{seed:02}.png")
    return folder
