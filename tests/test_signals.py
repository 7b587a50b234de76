"""Signals from files to answers, by the verbs that images have."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import striate
from striate.data.signals.letters import decode, encode, other_strand
from striate.data.signals.sequence_input import SequenceInput
from striate.data.signals.signal_input import SignalInput
from striate.errors import DataError, ModelError, OptionError
from striate.model_file import load
from striate.training.run import Run
from tests.data.signals.beats import KINDS, LENGTH, beat, write_folders


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("signals") / "beats", 30)


@pytest.fixture(scope="module")
def run(beats: Path) -> Path:
    out = beats.parent / "run"
    striate.train(beats, out=out, epochs=8, threads=1, autotune="no")
    return out


def test_beats_are_told_apart(run: Path) -> None:
    results = striate.evaluate(run)
    assert results.scores()[0].value > 0.9


def test_the_model_says_what_it_takes(run: Path, beats: Path) -> None:
    model = load(run)
    assert isinstance(model.preprocess, SignalInput)
    assert (model.network_name, model.preprocess.size) == ("lenet5_1d", LENGTH)
    values = np.stack([beat(kind, seed) for kind in KINDS for seed in range(30)])
    assert model.preprocess.mean[0] == pytest.approx(values.mean(), abs=0.05)
    assert model.preprocess.std[0] == pytest.approx(values.std(), abs=0.05)


def test_files_folders_tables_and_arrays_are_predicted_alike(run: Path, tmp_path: Path) -> None:
    signals = np.stack([beat(kind, 500) for kind in KINDS])
    write_folders(tmp_path / "more", 1)
    np.save(tmp_path / "one.npy", signals[0])
    np.savetxt(tmp_path / "rows.csv", signals, delimiter=",", fmt="%.9g")
    np.savez(tmp_path / "all.npz", signals=signals, labels=[0, 1, 2])
    found = striate.predict(
        run, tmp_path / "one.npy", tmp_path / "rows.csv", tmp_path / "all.npz", signals,
        signals[2], tmp_path / "more",
    )  # fmt: skip
    assert [each.class_name for each in found] == ["early", *KINDS * 3, "wide", *KINDS]
    assert [Path(each.path).name for each in found[:4]] == [
        "one.npy", "rows.csv#1", "rows.csv#2", "rows.csv#3",
    ]  # fmt: skip
    again = [found[at].probability for at in (1, 4, 7)]
    assert again == pytest.approx([found[0].probability] * 3, abs=1e-5)


def test_what_cannot_be_predicted_has_its_reason(run: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\nnan\n3\n")
    np.save(tmp_path / "b.npy", np.zeros((LENGTH, 3)))
    found = striate.predict(run, tmp_path / "a.csv", tmp_path / "b.npy")
    assert [each.error for each in found] == [
        "not a number: sample 2 of 3", "other channels: 3, not 1",
    ]  # fmt: skip


def test_a_report_draws_traces(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert f"{LENGTH} samples, 1 channel, letterbox" in page
    assert "data:image/" in page


def test_a_resumed_run_is_the_same_to_the_last_bit(beats: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"epochs": 3, "threads": 1, "autotune": "no", "augment": "light"}
    striate.train(beats, out=tmp_path / "whole", **given)
    for event in striate.stream(beats, out=tmp_path / "parts", **given):
        if type(event).__name__ == "Epoch":
            break
    striate.train(resume=tmp_path / "parts")
    first, second = (load(tmp_path / name).network.state_dict() for name in ("whole", "parts"))
    assert all(values.equal(second[name]) for name, values in first.items())
    assert striate.verify(tmp_path / "whole").same


def test_two_models_are_averaged(run: Path, beats: Path, tmp_path: Path) -> None:
    striate.train(beats, out=tmp_path / "other", epochs=2, seed=1, threads=1, size=48)
    striate.ensemble(run, tmp_path / "other", out=tmp_path / "both.safetensors")
    both = load(tmp_path / "both.safetensors")
    assert len(both.views) == 2
    (found,) = striate.predict(both, beat("wide", 700))
    assert found.class_name == "wide"


def test_models_of_images_and_of_signals_are_not_averaged(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    striate.train(photos, out=tmp_path / "photos", epochs=1, threads=1)
    with pytest.raises(OptionError) as caught:
        striate.ensemble(run, tmp_path / "photos", out=tmp_path / "both.safetensors")
    assert str(caught.value) == (
        f"{tmp_path}/photos: takes images, unlike {run}, which takes signals; answers to "
        "different questions cannot be averaged"
    )


def test_numbers_are_learned_from_a_table(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rates = random.uniform(1, 4, 200)
    time = np.arange(48) / 48
    waves = np.sin(2 * math.pi * (rates[:, None] * time + random.uniform(0, 1, (200, 1))))
    heads = ",".join([*(f"t{at}" for at in range(48)), "rate"])
    table = np.column_stack([waves, rates])
    np.savetxt(tmp_path / "a.csv", table, delimiter=",", header=heads, comments="", fmt="%.5g")
    striate.train(tmp_path / "a.csv", out=tmp_path / "run", epochs=15, threads=1, autotune="no")
    results = striate.evaluate(tmp_path / "run")
    assert results.scores()[0].figure.title == "MAE"
    assert results.scores()[0].value < 0.4


def test_what_does_not_fit_signals_is_refused(beats: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as unpacked:
        striate.pack(beats, tmp_path / "shards")
    assert str(unpacked.value) == (
        f"{beats}: class folders is of signals, no images; train on it as it is"
    )
    refusals = (
        (lambda: striate.train(beats, network="lenet5"),
         "lenet5 takes images, but the data are signals; choose another network, such as "
         "lenet5_1d"),
        (lambda: striate.train(beats, color="gray"),
         "signals have no color, but --color gray came; leave it out"),
        (lambda: striate.train(beats, network="lenet5_1d", size=20),
         "lenet5_1d takes signals of 32 samples or more, but signals of 20 samples came; give "
         "another --size, or choose another network"),
        (lambda: striate.evaluate(run, invariance=5),
         "--invariance is for models of images, but this one takes signals"),
        (lambda: striate.check(beats, augment="light"),
         "a sheet shows images as augmentation changes them, but these are signals; leave out "
         "--augment, --augment-params and --out"),
    )  # fmt: skip
    for call, message in refusals:
        with pytest.raises(OptionError) as caught:
            call()
        assert str(caught.value) == message


def test_images_are_no_input_of_a_network_on_signals(photos: Path) -> None:
    with pytest.raises(OptionError) as caught:
        striate.train(photos, network="resnet18_1d")
    assert str(caught.value) == (
        "resnet18_1d takes signals, but the data are images; choose another, such as lenet5"
    )


def test_images_are_nothing_for_a_model_of_signals(run: Path, photos: Path) -> None:
    with pytest.raises(DataError) as caught:
        striate.embed(run, photos)
    assert str(caught.value) == f"{photos}: holds images, but the model takes signals"


def test_a_file_with_a_wrong_length_or_deviation_is_refused(run: Path, tmp_path: Path) -> None:
    from striate import tensorfile

    description, tensors = tensorfile.read(run / "model.safetensors")
    for change, message in (
        ({"size": 0}, "preprocess.size: Input should be greater than or equal to 1"),
        ({"std": [0.0]}, "preprocess.std.0: Input should be greater than 0"),
        ({"std": [1.0, 1.0]}, "preprocess: mean and std need 1 numbers each"),
        ({"inputs": "smell"}, "preprocess.inputs: Input should be 'signal'"),
    ):
        changed = {**description, "preprocess": {**description["preprocess"], **change}}
        tensorfile.write(tmp_path / "a.safetensors", tensors, changed)
        with pytest.raises(ModelError) as caught:
            load(tmp_path / "a.safetensors")
        assert str(caught.value) == f"{tmp_path}/a.safetensors: model refused: {message}"


def test_the_events_and_options_of_a_run_hold_no_color(run: Path) -> None:
    options = json.loads((run / "options.json").read_text())
    assert (options["color"], options["size"], options["fit"]) == (None, LENGTH, "letterbox")
    started = next(event for event in Run.open(run).events() if event["event"] == "Started")
    assert started["inputs"] == "signal"


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sequences with a motif on either strand, and without."""
    folder, random = tmp_path_factory.mktemp("dna") / "dna", np.random.default_rng(0)
    folder.mkdir()
    for name, motifs in (("bound", ("TGACTCAG", "CTGAGTCA")), ("other", ("", ""))):
        lines = list[str]()
        for number in range(300):
            letters = "".join(random.choice(list("ACGT"), 50))
            motif, at = motifs[number % 2], int(random.integers(0, 42))
            lines += [f">{number}", letters[:at] + motif + letters[at + len(motif) :]]
        (folder / f"{name}.fa").write_text("\n".join(lines) + "\n")
    return folder


def test_a_motif_is_found_on_both_strands(bound: Path, tmp_path: Path) -> None:
    striate.train(bound, out=tmp_path / "run", epochs=15, threads=1, autotune="no")
    assert striate.evaluate(tmp_path / "run").scores()[0].value > 0.9
    model = load(tmp_path / "run")
    assert isinstance(model.preprocess, SequenceInput)
    assert (model.network_name, model.preprocess.both_strands) == ("deepbind", True)
    assert model.facts["optimizer"] == "adamw, weight decay 0.05"
    assert model.facts["learning rate"] == "0.003, one-cycle"
    text = "ACCATGATTGACTCAGTTAGGCACAGGATTACCAGATTACAGGTTCATCC"
    other = decode(other_strand(encode(text.encode())))
    found = striate.predict(model, text, [other], bound / "other.fa")
    assert found[0].class_name == found[1].class_name == "bound"
    assert found[0].probability == pytest.approx(found[1].probability, abs=1e-6)
    assert len(found) == 302
    page = (tmp_path / "run" / "report.html").read_text()
    assert "50 letters of DNA, both strands, letterbox" in page


def test_the_rate_is_found_for_the_optimizer_of_the_network(bound: Path) -> None:
    assert striate.find_rate(bound, steps=10, threads=1).optimizer == "adamw"


def test_without_mirrors_one_strand_is_answered_for(bound: Path, tmp_path: Path) -> None:
    striate.train(bound, out=tmp_path / "run", epochs=1, threads=1, augment="none")
    seen = load(tmp_path / "run").preprocess.describe()
    assert seen == "50 letters of DNA, one strand, letterbox"
    with pytest.raises(OptionError) as caught:
        striate.train(bound, fit="stretch")
    assert str(caught.value) == "letters cannot be stretched, but --fit stretch came; leave it out"
