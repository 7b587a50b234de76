"""Weights that are here already: found without importing their library, told with their license."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from striate.zoo.pretrained import local


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with torchvision and timm installed, no package of weights, and empty caches."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    there = {"torchvision", "timm"}
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: name in there or None)
    return tmp_path


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()


def test_no_weights_are_here(nothing: Path):
    assert local.find_local(None) is None
    assert local.find_local("resnet18") is None
    assert local.find_local("lenet5") is None


def test_weights_in_the_cache_of_torchvision_are_found(nothing: Path):
    touch(nothing / "hub" / "checkpoints" / "resnet18-f37072fd.pth")
    assert local.find_local(None) == ("resnet18", "torchvision")
    assert local.find_local("resnet50") is None


def test_weights_in_the_cache_of_timm_are_found(nothing: Path):
    place = nothing / "hf" / "hub" / "models--timm--resnet18.a1_in1k" / "snapshots" / "1"
    touch(place / "model.safetensors")
    assert local.find_local("resnet18") == ("resnet18", "timm")
    assert local.find_local("timm:resnet18") == ("timm:resnet18", "timm")
    assert local.find_local("timm:resnet18.tv_in1k") is None


def test_a_license_that_forbids_commercial_use_is_said(monkeypatch: pytest.MonkeyPatch):
    told = SimpleNamespace(architecture="resnet18", tag="fb_swsl", license="cc-by-nc-4.0")
    fake = SimpleNamespace(get_pretrained_cfg=lambda _: told)
    monkeypatch.setattr(local, "import_library", lambda *_: fake)
    assert str(local.find_terms("resnet18", "timm")) == (
        "timm resnet18.fb_swsl, license cc-by-nc-4.0, which forbids commercial use"
    )
    told.license = None
    assert str(local.find_terms("resnet18", "timm")) == (
        "timm resnet18.fb_swsl, which states no license"
    )
