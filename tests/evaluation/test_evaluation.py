import json
import subprocess
import sys

import numpy as np
import pytest

from striate.errors import ModelError, OptionError
from striate.metrics.estimates import Estimate, from_hits
from striate.tasks.classification.results import make_evaluation
from striate.tasks.classification.scores import ClassScore
from striate.tasks.confusions import Confusion
from striate.tasks.results import About
from tests.evaluation.evaluations import drawn, of_matrix


def test_a_small_evaluation_prints_as_a_table_that_says_how_little_it_knows():
    evaluation = of_matrix([[3, 1, 0], [0, 11, 1], [0, 0, 0]], names=["cat", "dog", "猫"])
    assert repr(evaluation) == "\n".join([
        "16 test images, 3 classes: net.safetensors",
        "  accuracy           88 %    (95 % interval 64 to 97 %)",
        "  accuracy to beat   75 %    (always “dog”)",
        "  macro-F1           89 %",
        "  log-loss           0.4667  (uniform guess: 1.0986)",
        "  calibration error  2 %     (95 % interval 0 to 29 %)",
        "",
        "  class  images  precision  recall    F1  most confused with",
        "  cat        *4      100 %    75 %  86 %  dog (1)",
        "  dog        12       92 %    92 %  92 %  猫 (1)",
        "  猫         *0        0 %       –     –  –",
        "  * fewer than 10 images: too few to rely on",
        "  1 of 16 labels may be wrong, or the network is: --suspects lists them.",
    ])  # fmt: skip


def test_a_network_that_answers_alike_for_all_images_is_named():
    same = "The network gives the same answer for all 12 images: it has learned nothing yet."
    constant = of_matrix([[7, 0], [5, 0]])
    assert same in [remark.text for remark in constant.remarks() if remark.warning]
    assert f"  {same}" in repr(constant).split("\n")
    for matrix in ([[6, 1], [5, 0]], [[12, 0], [0, 0]], [[7, 0], [2, 0]]):
        assert "the same answer" not in repr(of_matrix(matrix))


def test_many_classes_with_long_names_fit_a_terminal():
    names = [f"{at} " + "long " * 20 for at in range(30)]
    lines = repr(drawn(classes=30, images=900, names=names)).split("\n")
    assert max(map(len, lines)) <= 80
    assert lines[-2:] == [
        "  The weakest 12 classes; per_class has the other 18.",
        "  11 of 900 labels may be wrong, or the network is: --suspects lists them.",
    ]
    assert len(lines) == 23


def test_a_long_or_hostile_model_name_stays_on_one_line():
    evaluation = of_matrix([[4, 1], [2, 5]], model="runs/\n\x1b" + "deep/" * 30)
    title, second = repr(evaluation).split("\n")[:2]
    assert title == "12 test images, 2 classes: runs/\\n\\x1b" + "deep/" * 7 + "deep/d…"
    assert len(title) == 80
    assert second.startswith("  accuracy ")


def test_a_notebook_shows_hostile_names_as_text():
    evaluation = of_matrix([[2, 1], [0, 3]], names=["<script>alert(1)</script>", 'b"\n\x1b[31m'])
    page = evaluation._repr_html_()
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;alert(1)&lt;/script…" not in page  # a name is cut before it is escaped
    assert '<td style="text-align:left">&lt;script&gt;alert(1)&lt;…</td>' in page
    assert '<td style="text-align:left">b&quot;\\n\\x1b[31m</td>' in page


def test_accuracy_knows_its_interval_and_on_how_many_images_it_rests():
    evaluation = of_matrix([[3, 1], [2, 4]])
    assert evaluation.accuracy == Estimate(
        0.7, pytest.approx(0.396778, abs=1e-6), pytest.approx(0.892209, abs=1e-6), 10
    )
    (score,) = evaluation.scores()
    assert str(score) == "accuracy 70 % (7 of 10 images, 95 % interval 40 to 89 %)"


def test_top_5_is_told_only_where_it_can_be_wrong():
    assert drawn(classes=5, images=50).top5 is None
    evaluation = drawn(classes=20, images=50)
    order = np.argsort(-evaluation.probabilities, axis=1)[:, :5]
    hits = int((order == evaluation.labels[:, None]).any(axis=1).sum())
    assert hits < 50
    assert evaluation.top5 == from_hits(hits, 50)


def test_a_row_a_class_tells_what_it_is_taken_for():
    evaluation = of_matrix([[5, 1, 2], [0, 0, 0], [4, 0, 0]])
    assert evaluation.per_class == (
        ClassScore("class 0", 8, 5 / 9, 5 / 8, 10 / 17, "class 2", 2),
        ClassScore("class 1", 0, 0.0, None, None, None, 0),
        ClassScore("class 2", 4, 0.0, 0.0, 0.0, "class 0", 4),
    )
    assert [row.name for row in evaluation.weakest()] == ["class 2", "class 0", "class 1"]


def test_confused_pairs_come_by_count():
    evaluation = of_matrix([[5, 1, 2], [0, 6, 0], [4, 0, 0]])
    assert evaluation.top_confusions(2) == (
        Confusion("class 2", "class 0", 4, 1.0),
        Confusion("class 0", "class 2", 2, 0.25),
    )
    assert len(evaluation.top_confusions(9)) == 3


def test_the_worst_errors_are_the_wrong_ones_with_the_highest_loss():
    evaluation = drawn(classes=4, images=80)
    worst = evaluation.worst_mistakes(3)
    wrong = [row for row in range(80) if evaluation.predicted[row] != evaluation.labels[row]]
    expected = sorted(wrong, key=lambda row: evaluation.probabilities[row, evaluation.labels[row]])
    assert [mistake.row for mistake in worst] == expected[:3]
    first = worst[0]
    assert first.path == evaluation.about.paths[first.row]
    assert first.true == evaluation.class_names[evaluation.labels[first.row]]
    assert first.predicted == evaluation.class_names[evaluation.predicted[first.row]]
    assert first.true_probability < first.predicted_probability
    assert first.loss == pytest.approx(-np.log(first.true_probability))
    assert of_matrix([[3, 0], [0, 4]]).worst_mistakes() == ()


def test_the_least_sure_are_the_right_ones_with_the_lowest_probability():
    evaluation = drawn(classes=4, images=80)
    found = evaluation.least_sure(5)
    rated = np.sort(evaluation.probabilities, axis=1)
    right = [row for row in range(80) if evaluation.predicted[row] == evaluation.labels[row]]
    assert [doubt.row for doubt in found] == sorted(right, key=lambda row: rated[row, -1])[:5]
    for doubt in found:
        order = evaluation.probabilities[doubt.row].argsort()
        names = [evaluation.class_names[label] for label in order[:-3:-1]]
        assert [doubt.true, doubt.other] == names
        shares = doubt.other_probability, doubt.true_probability
        assert shares == tuple(rated[doubt.row, -2:].astype(float))
        assert doubt.path == evaluation.about.paths[doubt.row]
    assert of_matrix([[0, 3], [4, 0]]).least_sure() == ()


def test_json_has_null_where_a_number_cannot_be_given():
    evaluation = of_matrix([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
    document = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert document["images"] == 6
    assert document["split"] == "test"
    assert document["top5"] is None
    assert (document["trained_on"], document["warning"]) == (0, None)
    assert document["accuracy"] == {
        "value": 5 / 6,
        "low": evaluation.accuracy.low,
        "high": evaluation.accuracy.high,
        "n": 6,
    }
    assert document["confusion"] == [[3, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert document["per_class"][2] == {
        "name": "class 2",
        "images": 0,
        "precision": None,
        "recall": None,
        "f1": None,
        "confused_with": None,
        "confused_count": 0,
    }
    assert [mistake["path"] for mistake in document["worst"]] == ["class 0/3.png"]


def about(paths):
    return About("net", "test", tuple(paths))


def test_arguments_that_do_not_fit_each_other_are_refused():
    with pytest.raises(OptionError) as error:
        make_evaluation(np.full((7, 3), 1 / 3), [2] * 6, ["x", "y"], about("aaaaa"))
    assert str(error.value) == (
        "probabilities must be (images, classes), but came as (7, 3) for 6 labels, 5 paths and "
        "2 class names"
    )


def test_no_image_at_all_is_refused():
    with pytest.raises(OptionError) as error:
        make_evaluation(np.zeros((0, 2)), [], ["x", "y"], About("net", "validation", ()))
    assert str(error.value) == "there is no validation image to evaluate; at least one is needed"


def test_a_label_outside_the_classes_is_refused():
    with pytest.raises(OptionError) as error:
        make_evaluation(np.full((2, 3), 1 / 3), [2, 5], "xyz", about(["a.png", "b\n.png"]))
    assert str(error.value) == "labels must be from 0 to 2, but b\\n.png has 5"


def test_probabilities_that_are_no_numbers_are_the_models_fault():
    probabilities = np.full((4, 2), 0.5)
    probabilities[2:, 1] = [np.nan, np.inf]
    with pytest.raises(ModelError) as error:
        make_evaluation(probabilities, [1] * 4, ["x", "y"], about("abcd"))
    assert str(error.value) == (
        "net: it answers 2 of 4 images with numbers that are not finite, c first;\n"
        "its weights are damaged or diverged: use an earlier checkpoint"
    )


def test_logits_in_place_of_probabilities_are_refused():
    with pytest.raises(OptionError) as error:
        make_evaluation([[0.5, 0.5], [3.5, 2.75]], [1, 0], ["x", "y"], about("ab"))
    assert str(error.value) == (
        "the probabilities of an image must be 0 or more and sum to 1, but those of b sum to "
        "6.25;\nlogits need a softmax first"
    )


def test_an_evaluation_and_its_report_load_neither_torch_nor_jinja2():
    code = (
        "import sys, striate.evaluation.report\n"
        "print(sorted({'torch', 'jinja2', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_of_confusions_with_equal_counts_the_larger_fraction_comes_first():
    evaluation = of_matrix([[9, 1, 0], [0, 10, 0], [1, 0, 1]])
    assert [(pair.true, pair.fraction) for pair in evaluation.top_confusions()] == [
        ("class 2", 0.5),
        ("class 0", 0.1),
    ]
