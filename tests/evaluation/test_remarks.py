from dataclasses import replace

import pytest

from striate.evaluation.remarks import headline, make_remarks
from striate.tasks.sections import Remark
from tests.evaluation.evaluations import of_matrix
from tests.training.trainings import epoch


def texts(evaluation, epochs=()):
    return [remark.text for remark in make_remarks(evaluation, epochs)]


def test_the_headline_says_the_share_the_images_and_the_interval():
    assert headline(of_matrix([[367, 8], [8, 367]])) == (
        "Test accuracy 97.9 % (734 of 750 images, 95 % interval 96.6 to 98.7 %)"
    )
    assert headline(of_matrix([[1, 0], [0, 0]], split="all")) == (
        "Accuracy 100 % (1 of 1 image, 95 % interval 21 to 100 %)"
    )


def test_a_good_figure_on_many_test_images_is_told_without_warnings():
    evaluation = of_matrix([[367, 8], [8, 367]], sure=0.979)
    assert make_remarks(evaluation, ()) == (
        Remark(
            "With 750 images the 95 % interval is 2.1 points wide: a smaller difference between "
            "two networks may be chance."
        ),
        Remark(
            "These images were used neither for training nor for choosing the best epoch. Accuracy "
            "on images from another source (another camera, light or place) may be lower."
        ),
        Remark(
            "Weakest class: “class 0”. Of its 375 images 97.9 % are found (recall), and 97.9 % "
            "of the predictions “class 0” are correct (precision)."
        ),
        Remark(
            "The calibration error of 0.03 % may be chance, which alone gives up to 1.2 % with 750 "
            "images: they do not show that the probabilities are off."
        ),
    )


@pytest.mark.parametrize(
    ("inputs", "sources"),
    [
        ("image", "another camera, light or place"),
        ("signal", "another device, person or place"),
        ("sequence", "another organism, cell or experiment"),
    ],
)
def test_another_source_is_one_that_such_inputs_may_have(inputs, sources):
    evaluation = of_matrix([[367, 8], [8, 367]], sure=0.979)
    seen = replace(evaluation, about=replace(evaluation.about, inputs=inputs))
    told = [text for text in texts(seen) if "another source" in text]
    assert [text.partition("source ")[2] for text in told] == [f"({sources}) may be lower."]


def leaking(evaluation, leaked):
    return replace(evaluation, about=replace(evaluation.about, leaked=leaked))


def test_leakage_is_the_first_remark_and_a_warning():
    evaluation = of_matrix([[4, 0], [0, 5]])
    assert "Leakage" not in " ".join(texts(evaluation))
    assert make_remarks(leaking(evaluation, 3), ())[0] == Remark(
        "Leakage: 3 of these 9 images are in train or validation too, so the figures are too "
        "good; --leaked drop leaves out such images.",
        warning=True,
    )
    judged = leaking(of_matrix([[4, 0], [0, 5]], split="validation"), 1)
    assert texts(judged)[0].startswith("Leakage: 1 of these 9 images is in train too, so the ")


def test_few_images_are_a_warning():
    found = make_remarks(of_matrix([[11, 1], [2, 10]], sure=0.88), ())
    assert found[0] == Remark(
        "With 24 images the 95 % interval is 27 points wide: take the accuracy as a rough "
        "estimate, and evaluate on more images before relying on it.",
        warning=True,
    )


def test_images_that_chose_the_epoch_flatter():
    evaluation = of_matrix([[40, 3], [2, 30]], split="validation")
    chose = make_remarks(evaluation, [epoch(1, best=True), epoch(2)])[1]
    assert chose == Remark(
        "These images were not used for training. They chose the best epoch, so the accuracy is a "
        "little optimistic.",
        warning=True,
    )
    assert make_remarks(evaluation, ())[1] == Remark("These images were not used for training.")


def test_images_it_learned_from_say_nothing_of_new_ones():
    matrix = [[40, 3], [2, 30]]
    all_of_them = Remark(
        "These are its training images: the metrics say nothing about new ones.",
        warning=True,
    )
    assert make_remarks(of_matrix(matrix, split="train"), ())[1] == all_of_them
    assert make_remarks(of_matrix(matrix, split="all", trained_on=75), ())[1] == all_of_them
    for split in ("test", "validation", "all"):
        assert make_remarks(of_matrix(matrix, split=split, trained_on=60), ())[1] == Remark(
            "60 of these 75 images were used for training: accuracy on new ones may be lower.",
            warning=True,
        )


def test_it_is_told_where_nothing_is_known_of_what_it_learned_from():
    for split in ("test", "all"):
        assert texts(of_matrix([[40, 3], [2, 30]], split=split, trained_on=None))[1] == (
            "Whether these images were used for training is unknown: its run is not here."
        )
    assert texts(of_matrix([[40, 3], [2, 30]], split="all"))[1] == (
        "None of these images were used for training, so all of them were evaluated."
    )


def test_a_network_no_better_than_the_most_frequent_class_is_found_out():
    found = make_remarks(of_matrix([[60, 5], [30, 5]], sure=0.65), ())
    assert found[2] == Remark(
        "Always predicting “class 0” has an accuracy of 65.0 %: the network is not clearly better "
        "than this majority-class baseline.",
        warning=True,
    )
    uneven = texts(of_matrix([[590, 10], [20, 180]], sure=0.96))
    assert uneven[2] == (
        "The classes are imbalanced: always predicting “class 0” has an accuracy of 75.0 % already."
    )


def test_classes_with_few_or_no_images_are_named():
    evaluation = of_matrix([[26, 0, 1, 0], [0, 3, 0, 0], [2, 0, 25, 0], [0, 0, 0, 0]], sure=0.95)
    weakest, few, absent = texts(evaluation)[2:5]
    assert weakest == (
        "Weakest class: “class 2”. Of its 27 images 93 % are found (recall), and 96 % of the "
        "predictions “class 2” are correct (precision)."
    )
    assert few == (
        "1 class has fewer than 10 images here (“class 1”): the scores of such a class "
        "are little more than chance."
    )
    assert absent == "1 class has no image here (“class 3”): nothing is known of it."


def test_a_class_with_few_images_is_not_called_the_weakest_while_others_have_more():
    evaluation = of_matrix([[3, 4, 0], [0, 25, 0], [0, 2, 24]], sure=0.9)
    assert texts(evaluation)[2].startswith("Weakest class: “class 1”.")
    assert texts(of_matrix([[4, 1], [0, 4]], sure=0.9))[2].startswith("Weakest class: “class 0”.")


def test_a_class_never_answered_is_the_weakest():
    evaluation = of_matrix([[30, 0, 1], [12, 0, 4], [2, 0, 40]], sure=0.79)
    assert texts(evaluation)[2] == (
        "Weakest class: “class 1”. Of its 16 images none is found (recall): it is never predicted."
    )


def test_a_network_too_sure_of_itself_is_told():
    evaluation = of_matrix([[80, 20], [20, 80]], sure=0.999)
    assert make_remarks(evaluation, ())[-1] == Remark(
        "Overconfident: mean confidence 99.9 %, but 80.0 % correct. The calibration error is "
        "19.9 % (95 % interval 13.8 to 26.0 %), and chance alone gives up to 0.4 %. evaluate "
        "--calibrate fits a temperature.",
        warning=True,
    )
    assert texts(of_matrix([[80, 20], [20, 80]], sure=0.6))[-1] == (
        "Underconfident: mean confidence 60.0 %, and 80.0 % correct. The calibration error is "
        "20.0 % (95 % interval 12.5 to 25.3 %), and chance alone gives up to 7.5 %. evaluate "
        "--calibrate fits a temperature."
    )


def test_learning_by_heart_and_stopping_early_are_told():
    last = epoch(2, train_accuracy=0.98, validation_accuracy=0.71, best=True)
    epochs = [epoch(1, best=True), last]
    evaluation = of_matrix([[80, 20], [20, 80]], sure=0.8)
    assert make_remarks(evaluation, epochs)[-2:] == (
        Remark(
            "It overfits: at its best epoch, training accuracy was 98.0 %, but validation accuracy "
            "71.0 %. More images or stronger augmentation may help.",
            warning=True,
        ),
        Remark("The last epoch was the best: longer training may raise the accuracy."),
    )


def test_no_error_no_weakest_class():
    assert not any("Weakest" in text for text in texts(of_matrix([[80, 0], [0, 80]], sure=0.99)))
