"""Images that are perhaps mislabeled are named where the network was not trained on them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import striate
from striate import storage
from striate.cli import main
from striate.data.decoding.preprocess import Preprocess
from striate.data.readers.leave_out import read_list
from striate.errors import DataError, ModelError, OptionError
from striate.evaluation.suspects_list import format_suspects, suspects_of
from striate.evaluation.train_suspects import draw_folds, rate_held_out
from striate.progress import drain
from striate.tasks.classification.results import make_evaluation
from striate.tasks.results import About
from striate.tasks.suspects import Suspect, Suspects, list_suspects
from striate.training.run import Run
from tests.conftest import striped
from tests.evaluation.evaluations import of_matrix
from tests.test_ensemble import fresh

PLANTED = {f"upright/{seed}.png" for seed in range(70, 75)}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two classes, with images of the one in the other."""
    root = tmp_path_factory.mktemp("data") / "mixed"
    for label, kind, seeds in (
        ("flat", "flat", range(50, 70)),
        ("upright", "upright", range(50, 70)),
        ("upright", "flat", range(70, 75)),
    ):
        (root / label).mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            striped(kind, seed).save(root / label / f"{seed}.png")
    return root


def shown(section, evaluation):
    """Paths of the images in the gallery of a section."""
    found = [each for each in evaluation.sections() if each.title == section]
    pictures = found[0].parts[0].pictures if found else ()
    return [evaluation.about.paths[each.row] for each in pictures]


def test_suspects_stand_before_the_worst_errors_which_are_others():
    rated = np.array([[0.9, 0.1]] * 8 + [[0.1, 0.9]] * 8 + [[0.05, 0.95], [0.45, 0.55]])
    labels = [0] * 8 + [1] * 8 + [0, 0]
    paths = tuple(f"{at}.png" for at in range(18))
    evaluation = make_evaluation(rated, labels, "ab", About("net", "test", paths, 0))
    assert shown("Perhaps mislabeled", evaluation) == ["16.png"]
    assert shown("The worst errors", evaluation) == ["17.png"]
    (suspect,) = evaluation.suspects.found
    assert suspect == Suspect(16, "16.png", "a", "b", pytest.approx(0.05), pytest.approx(0.95))
    assert repr(evaluation).endswith(
        "\n  1 of 18 labels may be wrong, or the network is: --suspects lists them."
    )
    document = json.loads(json.dumps(evaluation.to_json()))["suspects"]
    assert (document["estimated"], document["images"]) == (evaluation.suspects.estimated, 18)
    assert document["found"][0]["suggested"] == "b"


def test_nothing_is_said_of_images_that_were_trained_on_or_may_have_been():
    for split, trained_on in (("train", None), ("all", None), ("all", 3), ("test", 1)):
        evaluation = of_matrix([[30, 2], [1, 24]], split=split, trained_on=trained_on)
        assert evaluation.suspects is None
        assert evaluation.to_json()["suspects"] is None
        assert "--suspects" not in repr(evaluation)
        assert not shown("Perhaps mislabeled", evaluation)
    for split, trained_on in (("all", 0), ("test", None), ("validation", 0)):
        evaluation = of_matrix([[30, 2], [1, 24]], split=split, trained_on=trained_on)
        assert len(evaluation.suspects.found) == 3


def test_where_nothing_can_be_said_a_list_is_refused():
    def refused(evaluation):
        with pytest.raises(DataError) as error:
            suspects_of(evaluation, "photos")
        return str(error.value)

    heart = (
        "used for training, and a network knows such labels by heart, right or wrong;\n"
        "--split test --leaked drop finds suspects among the others"
    )
    some = of_matrix([[30, 2], [1, 24]], split="all", trained_on=12)
    assert refused(some) == f"photos: 12 of these 57 images were {heart}"
    unknown = of_matrix([[30, 2], [1, 24]], split="all", trained_on=None)
    assert refused(unknown) == f"photos: these 57 images may be {heart}"
    assert refused(of_matrix([[7, 0], [5, 0]])) == (
        "photos: the network answers these 12 images alike, so it cannot tell which labels are "
        "wrong; use one that has learned more"
    )


def test_one_image_of_a_class_and_a_set_without_errors_give_no_suspect():
    for matrix in ([[9, 0], [1, 0]], [[9, 1], [0, 1]], [[5, 0], [0, 5]], [[1, 0], [0, 1]]):
        found = of_matrix(matrix).suspects
        assert found is None or [each.label for each in found.found] in ([], ["class 0"])
    assert "Perhaps mislabeled" not in [
        each.title for each in of_matrix([[5, 0], [0, 5]]).sections()
    ]


def test_the_list_can_be_read_by_leave_out_and_holds_no_formula(tmp_path: Path):
    paths = ["a/1.png", "=a/2.png", "#3.png", "a, b/4\udcff.png", "+x/5.png"]
    found = tuple(Suspect(at, path, "=cat", "dog", 0.25, 0.5) for at, path in enumerate(paths))
    file = tmp_path / "suspects.csv"
    storage.write(file, format_suspects({"test": Suspects(found, 5, 50)}))
    assert list(read_list(file)) == paths
    rows = list(csv.reader(file.read_text("utf-8", "surrogateescape").splitlines()))
    assert rows[0] == ["path", "split", "label", "suggested", "label_probability", "probability"]
    assert rows[2] == ["./=a/2.png", "test", "'=cat", "dog", "0.25", "0.5"]


def test_a_command_lists_planted_labels_and_leave_out_takes_the_list(
    photos: Path, mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run, file = tmp_path / "run", tmp_path / "suspects.csv"
    options = {"network": "lenet5", "epochs": 15, "threads": 1, "seed": 1}
    striate.train(photos, out=run, progress=False, **options)
    before = sorted(mixed.rglob("*"))
    asked = ["evaluate", str(run), str(mixed), "--suspects"]
    assert main([*asked, str(file)]) == 0
    listed = set(read_list(file))
    assert listed
    assert listed <= PLANTED
    assert f"  {len(listed)} of 45 labels may be wrong, or" in capsys.readouterr().out
    assert sorted(mixed.rglob("*")) == before
    left = striate.evaluate(run, mixed, leave_out=file)
    assert len(left) == 45 - len(listed)
    assert not listed & set(left.about.paths)
    assert main(["evaluate", str(run), "--suspects", str(file), "--split", "all"]) == 3
    assert "used for training, and a network knows such labels" in capsys.readouterr().err
    assert main([*asked, str(tmp_path / "list.txt")]) == 2
    assert set(read_list(file)) == listed


def test_a_task_without_classes_is_refused_before_images_are_read(tmp_path: Path):
    for seed in range(20):
        striped("flat", seed).save(tmp_path / f"{seed}.png")
    rows = "".join(f"{seed}.png,{seed / 10}\n" for seed in range(20))
    (tmp_path / "table.csv").write_text(f"path,value\n{rows}")
    striate.train(tmp_path / "table.csv", out=tmp_path / "run", progress=False, epochs=1)
    with pytest.raises(OptionError, match="the task regression gives none; leave out --suspects"):
        striate.evaluate(tmp_path / "run", suspects=tmp_path / "s.csv", split="all")


def test_training_labels_are_doubted_by_heads_that_have_not_seen_them():
    random = np.random.default_rng(0)
    true = np.arange(300) % 3
    features = torch.from_numpy(random.normal(size=(300, 8)) + 4 * np.eye(3, 8)[true]).float()
    labels, flipped = true.copy(), np.arange(0, 300, 20)
    labels[flipped] = (true[flipped] + 1) % 3
    folds = draw_folds(labels, np.arange(300))
    assert sorted(np.bincount(folds)) == [60] * 5
    assert max(np.bincount(folds[labels == 0])) - min(np.bincount(folds[labels == 0])) <= 1
    rated = drain(rate_held_out(features, labels, ("a", "b", "c"), folds))
    found = list_suspects(rated, labels, "abc", [str(row) for row in range(300)])
    doubted = {each.row for each in found.found}
    assert len(doubted & set(flipped.tolist())) == len(doubted) >= 14
    # a head of the folds without an image, fitted by scikit-learn, gives the same probabilities
    seen, held = folds != 2, folds == 2
    heads = [
        LogisticRegression(C=c, max_iter=5000, tol=1e-8).fit(features[seen], labels[seen])
        for c in np.geomspace(1e-4, 1e4, 60)
    ]
    apart = [np.abs(head.predict_proba(features[held]) - rated[held]).max() for head in heads]
    assert min(apart) < 0.05


def test_images_alike_are_in_one_fold():
    labels, alike = np.arange(100) % 2, np.repeat(np.arange(25), 4)
    folds = draw_folds(labels, alike)
    assert all(len(set(folds[alike == group])) == 1 for group in range(25))
    assert sorted(np.bincount(folds)) == [20] * 5


def test_the_list_has_the_training_images_too_with_their_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root, run, file = tmp_path / "photos", tmp_path / "run", tmp_path / "suspects.csv"
    for kind in ("flat", "upright"):
        (root / kind).mkdir(parents=True)
        for seed in range(60):
            striped(kind, seed).save(root / kind / f"{seed}.png")
    for seed in range(200, 206):
        striped("flat", seed).save(root / "upright" / f"{seed}.png")
    striate.train(root, out=run, progress=False, network="lenet5", epochs=6, threads=1, seed=1)
    splits = {
        row["path"]: row["split"]
        for row in map(json.loads, Run(run).images_file.read_text("utf-8").splitlines())
    }
    assert main(["evaluate", str(run), "--split", "train", "--suspects", str(file)]) == 0
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    planted = {path for path in splits if int(Path(path).stem) >= 200}
    assert {row["split"] for row in rows} == {"train"}
    assert all(splits[row["path"]] == "train" for row in rows)
    assert rows
    assert {row["path"] for row in rows} <= planted
    images = sum(split == "train" for split in splits.values())
    assert f"{file}: {len(rows)} of {images} train images\n" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--split", "validation", "--suspects", str(file)]) == 0
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert all(splits[row["path"]] == row["split"] for row in rows)
    assert "train" in {row["split"] for row in rows}
    assert len(striate.evaluate(run, leave_out=file, split="all")) == len(splits) - len(rows)


def test_one_image_of_a_class_is_no_suspect_and_breaks_no_fold():
    random = np.random.default_rng(1)
    labels = np.array([0] * 20 + [1] * 20 + [2])
    features = torch.from_numpy(random.normal(size=(41, 4)) + 5 * np.eye(3, 4)[labels]).float()
    folds = draw_folds(labels, np.arange(41))
    rated = drain(rate_held_out(features, labels, ("a", "b", "c"), folds))
    assert np.allclose(rated.sum(axis=1), 1)
    assert list_suspects(rated, labels, "abc", [str(row) for row in range(41)]).found == ()


def test_features_that_are_not_finite_are_an_error(mixed: Path, tmp_path: Path):
    model = fresh("lenet5", Preprocess(32, 1, "stretch", (0.5,), (1.0,)), names=("flat", "upright"))
    next(iter(model.network.parameters())).data.fill_(float("nan"))
    with pytest.raises(ModelError, match="are not finite"):
        striate.evaluate(model, mixed, split="train", suspects=tmp_path / "s.csv")
