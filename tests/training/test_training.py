"""A training learns, tells, saves, stops, goes on and notices when it fails."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import torch

import striate
from striate import tensorfile
from striate.data.listing.samples import Record
from striate.data.listing.target_spec import TargetSpec
from striate.errors import BusyError, DataError, DivergedError, OptionError
from striate.input_description import from_json
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.tasks.classification.task import ACCURACY
from striate.training.events import (
    Epoch,
    Finished,
    Note,
    Scores,
    Started,
    Step,
    Stopped,
)
from striate.training.run import Run
from striate.training.view import choose_view
from striate.verbs import display

QUICK = {"epochs": 4, "batch": 16, "threads": 1, "seed": 3}


def weights(file: Path) -> dict[str, list[float]]:
    return {name: tensor.tolist() for name, tensor in tensorfile.read(file)[1].items()}


def without_times(events: list) -> list[str]:
    timed = ("seconds", "images_per_second", "waiting", "remaining", "folder", "progress")
    return [
        json.dumps({k: v for k, v in event.items() if k not in timed}, sort_keys=True)
        for event in events
        if event["event"] in ("Step", "Epoch", "Finished")
    ]


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One whole run that several tests look at and leave as it is."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    return striate.train(
        photos,
        out=out,
        progress=False,
        **{**QUICK, "epochs": 12, "batch": 8, "learning_rate": 0.15},
    )


def test_stripes_are_learned(run: Run):
    assert run.finished
    assert max(epoch.validation_accuracy for epoch in run.epochs()) > 0.9
    assert run.epochs()[-1].train_loss < run.epochs()[0].train_loss / 2


def test_the_run_folder_holds_all_that_was_promised(run: Run):
    files = {str(file.relative_to(run.folder)) for file in run.folder.rglob("*") if file.is_file()}
    assert files == {
        "checkpoints/last.safetensors",
        "checkpoints/previous.safetensors",
        "data_report.json",
        "environment.json",
        "evaluation.json",
        "events.jsonl",
        "lock",
        "model.safetensors",
        "options.json",
        "pictures.jsonl",
        "report.html",
    }


def test_what_was_not_asked_for_is_chosen_and_recorded(run: Run):
    options = run.read_json("options.json")
    assert options["network"] == "lenet5"
    assert (options["size"], options["color"], options["augment"]) == (32, "gray", "light")
    assert (options["seed"], options["batch"], options["epochs"]) == (3, 8, 12)
    striate.TrainOptions.read({k: v for k, v in options.items() if k != "data"})


def test_every_image_is_recorded_with_its_part(run: Run):
    images = run.samples()
    assert len(images) == 120
    assert {entry["split"] for entry in images} == {"train", "validation", "test"}
    assert run.read_json("data_report.json")["images"] == {
        part: sum(entry["split"] == part for entry in images)
        for part in ("train", "validation", "test")
    }


def test_the_report_tells_how_it_was_trained(run: Run):
    page = html.unescape(run.report_file.read_text("utf-8")).replace("\xa0", " ")
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd><bdi>(.*?)</bdi>", page))
    last, options = run.epochs()[-1], run.read_json("options.json")
    assert (facts["epochs"], facts["batch"]) == ("12", "8")
    assert facts["learning rate"] == "0.15, one-cycle"
    assert facts["optimizer"] == "nesterov, weight decay 0.0005"
    assert (facts["augmentation"], facts["precision"]) == ("light", options["precision"])
    assert (facts["device"], facts["seed"]) == ("cpu", "3")
    digits = 0 if last.seconds >= 10 else 1
    assert facts["trained"] == f"12 epochs in {last.seconds:.{digits}f} s"
    assert facts["best epoch"] == str(max(e.epoch for e in run.epochs() if e.best))
    kept = striate.load(run.model_file).facts
    assert kept.items() <= facts.items() | {("images", kept["images"])}


def test_the_last_event_has_the_headline_of_the_report(run: Run):
    (finished,) = [event for event in run.events() if event["event"] == "Finished"]
    evaluation = run.read_json("evaluation.json")
    share = evaluation["accuracy"]
    assert finished["scores"] == {
        "split": "test",
        "figures": [
            {
                "figure": asdict(ACCURACY),
                "value": share["value"],
                "low": share["low"],
                "high": share["high"],
                "images": evaluation["images"],
            }
        ],
        "leaked": evaluation["leaked"],
        "near_leaked": evaluation["near_leaked"],
        "grouped": False,
        "baseline": asdict(striate.evaluate(run.folder).baseline()),
        "same_answer": False,
    }
    page = run.report_file.read_text("utf-8").replace("&nbsp;", " ")
    scores = from_json(Scores, finished["scores"])
    headline = f"{scores.split} {scores.figures[0]}".capitalize()
    assert f'<p class="headline">{headline}</p>' in page


def test_the_events_come_in_order(photos: Path, tmp_path: Path):
    events = list(striate.stream(photos, out=tmp_path / "run", **QUICK))
    kinds = [type(event) for event in events if isinstance(event, (Started, Epoch, Finished))]
    assert kinds == [Started, *[Epoch] * 4, Finished]
    started = next(event for event in events if isinstance(event, Started))
    assert started.images["train"] + started.images["validation"] + started.images["test"] == 120
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.step for step in steps if step.epoch == 2] == list(range(1, started.steps + 1))
    assert steps[-1].learning_rate < steps[len(steps) // 3].learning_rate / 10
    assert all(0 <= step.progress <= 1 and step.remaining >= 0 for step in steps)


def test_the_same_seed_gives_the_same_events_and_weights_and_another_does_not(
    photos: Path, tmp_path: Path
):
    runs = [
        striate.train(photos, out=tmp_path / str(n), progress=False, **{**QUICK, "seed": seed})
        for n, seed in enumerate((3, 3, 4))
    ]
    told = [without_times(list(run.events())) for run in runs]
    assert told[0] == told[1] != told[2]
    found = [weights(run.model_file) for run in runs]
    assert found[0] == found[1] != found[2]


@pytest.fixture(scope="module")
def unstopped(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Train without a stop; the same options give the same run."""

    @cache
    def trained(**options: Any) -> Run:
        return striate.train(
            photos, out=tmp_path_factory.mktemp("whole"), progress=False, **options
        )

    return trained


@pytest.mark.parametrize("augment_params", [None, "shear=9,hue=20,erase=0.2,mixup=0.4,cutmix=0.8"])
@pytest.mark.parametrize(("network", "size"), [("lenet5", 32), ("resnet20", 16)])
@pytest.mark.parametrize("stop_at", [(1, 1), (2, 3), (3, 5)])
def test_a_stopped_run_ends_with_the_weights_of_an_unstopped_one(
    photos: Path,
    tmp_path: Path,
    unstopped: Callable[..., Run],
    network: str,
    size: int,
    stop_at: tuple[int, int],
    augment_params: str | None,
):
    options = {
        **QUICK, "epochs": 3, "network": network, "size": size, "augment_params": augment_params
    }  # fmt: skip
    whole = unstopped(**options)
    stopped = None
    for event in striate.stream(photos, out=tmp_path / "stopped", **options):
        if isinstance(event, Step) and (event.epoch, event.step) == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        stopped = event
    assert isinstance(stopped, Stopped)
    assert (stopped.signal, stopped.epoch) == (signal.SIGINT, stop_at[0])
    resumed = striate.train(resume=stopped.folder, progress=False)
    last = "checkpoints/last.safetensors"
    assert weights(resumed.folder / last) == weights(whole.folder / last)
    assert weights(resumed.model_file) == weights(whole.model_file)
    for one, other in zip(resumed.epochs(), whole.epochs(), strict=True):
        assert (one.train_loss, one.validation_loss) == (other.train_loss, other.validation_loss)


def test_a_run_goes_on_from_the_checkpoint_before_when_the_last_is_damaged(
    photos: Path, tmp_path: Path
):
    whole = striate.train(photos, out=tmp_path / "whole", progress=False, **QUICK)
    run = striate.train(photos, out=tmp_path / "run", progress=False, **QUICK)
    last = run.checkpoints / "last.safetensors"
    damaged = bytearray(last.read_bytes())
    damaged[-5] ^= 4
    last.write_bytes(damaged)
    run.events_file.write_text("".join(run.events_file.read_text().splitlines(keepends=True)[:-1]))
    resumed = striate.train(resume=run.folder, progress=False)
    assert weights(resumed.checkpoints / "last.safetensors") == weights(
        whole.checkpoints / "last.safetensors"
    )


def test_resuming_a_finished_run_trains_no_further(run: Run, tmp_path: Path):
    copy = tmp_path / "moved elsewhere"
    shutil.copytree(run.folder, copy)
    before = weights(copy / "model.safetensors")
    events = list(striate.stream(resume=copy))
    assert isinstance(events[-1], Finished)
    assert not any(isinstance(event, (Step, Epoch)) for event in events)
    assert weights(copy / "model.safetensors") == before


def test_resuming_after_images_changed_is_refused(run: Run, photos: Path, tmp_path: Path):
    here, copy = tmp_path / "stripes", tmp_path / "run"
    shutil.copytree(photos, here)
    shutil.copytree(run.folder, copy)
    (here / "flat" / "07.png").unlink()
    (here / "flat" / "08.png").unlink()
    shutil.copy(here / "upright" / "03.png", here / "upright" / "99.png")
    shutil.copy(here / "upright" / "03.png", here / "upright" / "04.png")
    with pytest.raises(OptionError) as caught:
        striate.train(here, resume=copy, progress=False)
    assert str(caught.value) == (
        f"{copy}: the images are not those the run began with: 1 added ('upright/99.png'), "
        "2 removed ('flat/07.png'), 1 changed ('upright/04.png'); put them back, or train anew"
    )


def test_a_resumed_run_says_when_the_machine_is_another(run: Run, tmp_path: Path):
    copy = tmp_path / "run"
    shutil.copytree(run.folder, copy)
    environment = json.loads((copy / "environment.json").read_text())
    (copy / "environment.json").write_text(json.dumps({**environment, "torch": "2.11.5"}))
    notes = [event for event in striate.stream(resume=copy) if isinstance(event, Note)]
    assert notes == [Note(f"resumed, but not bit for bit: torch 2.11.5 is now {torch.__version__}")]


def test_a_resumed_run_keeps_its_options(run: Run):
    with pytest.raises(OptionError) as caught:
        striate.train(resume=run.folder, batch=9, epochs=20, progress=False)
    assert str(caught.value) == (
        "a resumed run keeps its options, but epochs, minutes and patience may be raised; "
        "leave out batch, or train anew"
    )


def test_a_folder_that_is_no_run_cannot_be_resumed(tmp_path: Path):
    with pytest.raises(OptionError) as caught:
        striate.train(resume=tmp_path, progress=False)
    assert str(caught.value) == f"{tmp_path}: not a run of striate: it has no options.json"


def test_training_needs_images():
    with pytest.raises(OptionError) as caught:
        striate.train(progress=False)
    assert str(caught.value) == (
        "train needs a folder of images, or --resume with the folder of a run"
    )


def test_a_run_in_use_is_not_resumed(photos: Path, tmp_path: Path):
    events = striate.stream(photos, out=tmp_path / "run", **QUICK)
    list(takewhile(lambda event: not isinstance(event, Step), events))
    with pytest.raises(BusyError) as caught:
        striate.train(resume=tmp_path / "run", progress=False)
    assert str(caught.value) == (
        f"the run {tmp_path / 'run'} is in use by process {os.getpid()} on {os.uname().nodename}; "
        "wait, or stop it first"
    )
    events.close()


def test_an_existing_folder_is_never_written_into(photos: Path, tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    run = striate.train(photos, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    assert run.folder == tmp_path / "run-2"
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_a_diverging_rate_stops_the_training_and_keeps_nothing_bad(photos: Path, tmp_path: Path):
    with pytest.raises(DivergedError) as caught:
        striate.train(photos, out=tmp_path / "r", progress=False, learning_rate=1e30, **QUICK)
    assert re.fullmatch(
        r"training diverged in epoch 1 at step 2: the loss is \S+ at a learning rate of "
        r"3\.33e\+29; the output of \S+ reaches \S+; likely cause: that rate; "
        r"no epoch was good enough to keep; try --learning-rate 1e\+29",
        str(caught.value),
    )
    assert not list((tmp_path / "r").rglob("*.safetensors"))


def test_a_training_that_diverges_later_keeps_the_last_good_model(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from striate.training import loop

    usual = loop.schedule.learning_rate
    monkeypatch.setattr(
        loop.schedule,
        "learning_rate",
        lambda peak, p, *more: 1e30 if p > 0.6 else usual(peak, p, *more),
    )
    out = tmp_path / "run"
    with pytest.raises(DivergedError) as caught:
        striate.train(photos, out=out, progress=False, **QUICK)
    assert f"{out}/model.safetensors keeps epoch" in str(caught.value)
    for name, tensor in tensorfile.read(out / "model.safetensors")[1].items():
        assert tensor.isfinite().all(), name
    assert striate.predict(out, photos / "flat" / "00.png")[0].error == ""


def test_torch_is_left_as_it_was(photos: Path, tmp_path: Path):
    def settings() -> tuple[int, int, bool]:
        mode = torch.get_deterministic_debug_mode()
        return torch.get_num_threads(), mode, torch.backends.cudnn.benchmark

    asked = {"threads": 1 + torch.get_num_threads(), "deterministic": True, "batch": 16}
    before = settings()
    run = striate.train(photos, out=tmp_path / "run", epochs=1, progress=False, **asked)
    assert settings() == before
    assert striate.verify(run.folder).same
    assert settings() == before
    striate.find_rate(photos, steps=10, **asked)
    assert settings() == before


def test_minutes_end_a_training_in_time(photos: Path, tmp_path: Path):
    run = striate.train(
        photos, out=tmp_path / "run", minutes=0.03, batch=16, threads=1, progress=False
    )
    assert run.finished
    assert 1.5 < run.epochs()[-1].seconds < 15
    *_, last = (event for event in run.events() if event["event"] == "Step")
    assert last["progress"] > 0.9


def test_a_size_that_the_network_cannot_take_is_refused(photos: Path):
    with pytest.raises(OptionError) as caught:
        striate.train(photos, network="lenet5", size=48, progress=False)
    assert str(caught.value) == (
        "lenet5 takes images of 32x32 pixels only, but --size 48 came; "
        "leave --size out or choose another network"
    )


@pytest.mark.parametrize(
    ("network", "size"), [("alexnet", 67), ("vgg11", 32), ("mlp", 32), ("lenet5", 32)]
)
def test_images_are_enlarged_to_what_the_network_takes(network: str, size: int):
    record = Record(width=20, height=30, channels=1)
    task = bind_task(None, TargetSpec("label", ("cat", "dog")))
    view = choose_view(TrainOptions(network=network), [record], task)
    assert view.size == size
    with pytest.raises(OptionError, match="pixels or more, but --size 31 came"):
        choose_view(TrainOptions(network="vgg11", size=31), [record], task)


def test_a_network_that_bears_less_has_its_own_rate(photos: Path, tmp_path: Path):
    options = {**QUICK, "epochs": 1, "network": "lenet5_1998"}
    own = striate.train(photos, out=tmp_path / "own", progress=False, **options)
    usual = striate.train(photos, out=tmp_path / "a", progress=False, learning_rate=0.1, **options)
    assert own.read_json("options.json")["learning_rate"] == pytest.approx(0.01 * (16 / 128) ** 0.5)
    assert own.epochs()[0].train_loss < 2 < usual.epochs()[0].train_loss


def test_a_network_with_arguments_is_trained_and_found_again(photos: Path, tmp_path: Path):
    run = striate.train(
        photos,
        out=tmp_path / "run",
        progress=False,
        **{**QUICK, "epochs": 1, "network": "mlp(widths=(9, 7))", "size": 16},
    )
    model = striate.load(run.model_file)
    assert model.network_name == "mlp(widths=(9, 7))"
    assert model.network.get_parameter("hidden1.dense.weight").shape == (9, 16 * 16)
    assert len(striate.predict(model, photos)) > 0


def test_bad_images_are_left_out_and_said(photos: Path, tmp_path: Path):
    here = tmp_path / "photos"
    shutil.copytree(photos, here)
    for number in range(0, 40, 2):
        file = here / "flat" / f"{number:02}.png"
        file.write_bytes(file.read_bytes()[:-30])
    events = list(striate.stream(here, out=tmp_path / "run", **{**QUICK, "epochs": 1}))
    assert Note("20 files are left out; `striate check` names them and says why") in events
    report = Run.open(tmp_path / "run").read_json("data_report.json")
    assert report["findings"] == {"truncated": 20}
    assert report["left_out"][1]["path"] == "flat/02.png"


def test_bad_images_can_be_made_to_fail_a_run(photos: Path, tmp_path: Path):
    here = tmp_path / "photos"
    shutil.copytree(photos, here)
    (here / "notes.txt").write_text("not expected to be an image, so no reason to fail")
    for number in (5, 9):
        (here / "flat" / f"{number:02}.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        striate.train(here, bad_images="fail", progress=False, out=tmp_path / "run")
    assert str(caught.value) == f"{here}: flat/05.png: empty, one of 2 files that cannot be used"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seed", [20_261_121, 2**63 - 1])
def test_a_seed_may_be_a_date_or_the_largest_number(photos: Path, tmp_path: Path, seed: int):
    asked = {**QUICK, "epochs": 1, "seed": seed}
    one, other = (
        striate.train(photos, out=tmp_path / name, progress=False, **asked) for name in "ab"
    )
    assert one.epochs()[0].weights == other.epochs()[0].weights


def test_the_terminal_shows_an_epoch_a_line(photos: Path, tmp_path: Path, capsys):
    events = striate.stream(photos, out=tmp_path / "run", **QUICK)
    for _ in display.show_events(events):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("lenet5: 61,111 parameters, 3 classes, images of 32x32 pixels (")
    assert lines[2].startswith("execution: channels-last, float32")
    assert lines[4].split() == ["epoch", *("loss", "accuracy") * 2, "images/s", "time"]
    assert [line.split()[0] for line in lines[5:9]] == ["1", "2", "3", "4"]
    assert lines[9].startswith("finished in 0:0")


@pytest.mark.parametrize("name", ["", "model.safetensors"])
def test_a_trained_network_is_described_with_what_it_learned(run: Run, name: str):
    source = str(run.folder / name)
    anatomy = striate.describe(source)
    assert (anatomy.input, anatomy.params) == ((1, 32, 32), 61_706 - 7 * 85)
    with pytest.raises(OptionError) as caught:
        striate.describe(source, classes=4)
    assert str(caught.value) == f"{source}: a trained network keeps its classes; leave it out"


def test_a_run_reads_well(run: Run):
    best = max(run.epochs(), key=lambda epoch: (epoch.best, epoch.epoch))
    assert best.validation_accuracy == 1
    assert repr(run) == (
        f"Run({str(run.folder)!r}, finished, 12 epochs, best is {best.epoch}, "
        "validation accuracy 100 %)"
    )


def test_a_run_is_a_table_in_a_notebook(run: Run):
    page = run._repr_html_()
    assert page.count("<tr>") == 1 + 12
    assert f"<caption>{html.escape(repr(run))}</caption>" in page
    last = run.epochs()[-1]
    assert f"<td>12</td><td>{last.train_loss:.4f}</td>" in page


@pytest.mark.parametrize(
    ("schedule", "noted"),
    [("cosine", True), ("one-cycle", True), ("constant", False), ("step", False)],
)
def test_patience_along_a_rate_that_falls_to_the_end_is_noted(
    photos: Path, tmp_path: Path, schedule: str, noted: bool
):
    asked = {**QUICK, "epochs": 1, "patience": 1, "schedule": schedule}
    events = list(striate.stream(photos, out=tmp_path / "run", **asked))
    text = (
        f"patience 1 may stop this training before the rate has fallen, and along {schedule} the "
        "best epochs are the last; it goes with constant, step or plateau"
    )
    assert (Note(text) in events) is noted
