"""Here decoders start as users start them."""

from __future__ import annotations

import subprocess

import pytest

from striate.data.cache import workers


@pytest.fixture(autouse=True)
def new_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "subprocess", subprocess)
