"""What a network takes is foretold before it is trained."""

from __future__ import annotations

import time

import pytest

from striate.options import TrainOptions
from striate.progress import drain
from striate.studies.foretell import foretell
from striate.training import checkpoint

QUICK = {"network": "lenet5", "batch": 16, "threads": 1, "size": 32}


def test_a_network_is_told_with_its_params_and_memory(photos):
    told = drain(foretell(photos, TrainOptions.read(QUICK)))
    assert (told.network, told.params) == ("lenet5", 61_111)
    assert told.memory > 4 * told.params
    assert 0 < told.milliseconds / 1000 < told.epoch_seconds


def test_an_epoch_has_the_time_of_its_checkpoint(photos, monkeypatch):
    monkeypatch.setattr(checkpoint, "save", lambda *_: time.sleep(0.4))
    told = drain(foretell(photos, TrainOptions.read(QUICK)))
    assert told.epoch_seconds == pytest.approx(0.4, abs=0.35)
    assert told.epoch_seconds > 0.4
