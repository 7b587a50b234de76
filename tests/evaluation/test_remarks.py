from dataclasses import replace

from striate.evaluation.remarks import Remark, headline, make_remarks
from tests.evaluation.evaluations import of_matrix
from tests.training.trainings import epoch


def texts(evaluation, epochs=()):
    return [remark.text for remark in make_remarks(evaluation, epochs)]


def test_the_headline_says_the_share_the_images_and_the_interval():
    assert headline(of_matrix([[367, 8], [8, 367]])) == (
        "97.9 % of 750 test images right (95 % interval 96.6 to 98.7)"
    )
    assert headline(of_matrix([[1, 0], [0, 0]], split="all")) == (
        "100 % of 1 image right (95 % interval 21 to 100)"
    )


def test_a_good_figure_on_many_test_images_is_told_without_warnings():
    evaluation = of_matrix([[367, 8], [8, 367]], sure=0.979)
    assert make_remarks(evaluation, ()) == (
        Remark(
            "750 images pin it down to 2.1 points: a smaller difference between two networks may "
            "be chance."
        ),
        Remark(
            "It neither learned from these images nor chose its epoch by them. Images of "
            "another origin (another camera, light or place) may go worse."
        ),
        Remark(
            "Weakest class: “class 0”. Of its 375 images 97.9 % are found, and 97.9 % of the "
            "answers “class 0” are right."
        ),
    )


def test_leakage_is_the_first_remark_and_a_warning():
    evaluation = of_matrix([[4, 0], [0, 5]])
    assert "Leakage" not in " ".join(texts(evaluation))
    assert make_remarks(replace(evaluation, leaked=3), ())[0] == Remark(
        "Leakage: 3 of these 9 images are in train or validation too, so the figures are too good; "
        "--leaked drop leaves out such images.",
        warning=True,
    )
    judged = replace(of_matrix([[4, 0], [0, 5]], split="validation"), leaked=1)
    assert texts(judged)[0].startswith("Leakage: 1 of these 9 images is in train too, so ")


def test_few_images_are_a_warning():
    found = make_remarks(of_matrix([[11, 1], [2, 10]], sure=0.88), ())
    assert found[0] == Remark(
        "24 images leave 27 points open: take the figure as a rough idea, and judge on more "
        "images before relying on it.",
        warning=True,
    )


def test_images_that_chose_the_epoch_flatter():
    evaluation = of_matrix([[40, 3], [2, 30]], split="validation")
    chose = make_remarks(evaluation, [epoch(1, best=True), epoch(2)])[1]
    assert chose == Remark(
        "It did not learn from these images. These images chose the epoch that was kept, so it "
        "flatters a little.",
        warning=True,
    )
    assert make_remarks(evaluation, ())[1] == Remark("It did not learn from these images.")


def test_images_it_learned_from_say_nothing_of_new_ones():
    matrix = [[40, 3], [2, 30]]
    all_of_them = Remark(
        "These are the images it learned from: the figures say nothing about new ones.",
        warning=True,
    )
    assert make_remarks(of_matrix(matrix, split="train"), ())[1] == all_of_them
    assert make_remarks(of_matrix(matrix, split="all", trained_on=75), ())[1] == all_of_them
    for split in ("test", "validation", "all"):
        assert make_remarks(of_matrix(matrix, split=split, trained_on=60), ())[1] == Remark(
            "It learned from 60 of these 75 images: new ones may do far worse.", warning=True
        )


def test_it_is_told_where_nothing_is_known_of_what_it_learned_from():
    for split in ("test", "all"):
        assert texts(of_matrix([[40, 3], [2, 30]], split=split, trained_on=None))[1] == (
            "Whether it learned from any of these images is not known: its run is not here."
        )
    assert texts(of_matrix([[40, 3], [2, 30]], split="all"))[1] == (
        "It learned from none of these images, and so all of them were judged."
    )


def test_a_network_no_better_than_the_most_frequent_class_is_found_out():
    found = make_remarks(of_matrix([[60, 5], [30, 5]], sure=0.65), ())
    assert found[2] == Remark(
        "Always answering “class 0” would be right in 65.0 %: the network is not clearly better "
        "than that.",
        warning=True,
    )
    uneven = texts(of_matrix([[590, 10], [20, 180]], sure=0.96))
    assert uneven[2] == (
        "The classes are uneven: always answering “class 0” would already be right in 75.0 %."
    )


def test_classes_with_few_or_no_images_are_named():
    evaluation = of_matrix([[26, 0, 1, 0], [0, 3, 0, 0], [2, 0, 25, 0], [0, 0, 0, 0]], sure=0.95)
    weakest, few, absent = texts(evaluation)[2:]
    assert weakest == (
        "Weakest class: “class 2”. Of its 27 images 93 % are found, and 96 % of the answers "
        "“class 2” are right."
    )
    assert few == (
        "1 class has fewer than 10 images here (“class 1”): the figures of such a class "
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
        "Weakest class: “class 1”. Of its 16 images none is found: the network never gives this "
        "answer."
    )


def test_a_network_too_sure_of_itself_is_told():
    evaluation = of_matrix([[80, 20], [20, 80]], sure=0.999)
    assert make_remarks(evaluation, ())[-1] == Remark(
        "It is overconfident: its mean confidence is 99.9 %, but 80.0 % are right.",
        warning=True,
    )
    assert texts(of_matrix([[80, 20], [20, 80]], sure=0.6))[-1] == (
        "It is underconfident: its mean confidence is 60.0 %, but 80.0 % are right."
    )


def test_learning_by_heart_and_stopping_early_are_told():
    last = epoch(2, train_accuracy=0.98, validation_accuracy=0.71, best=True)
    epochs = [epoch(1, best=True), last]
    evaluation = of_matrix([[80, 20], [20, 80]], sure=0.8)
    assert make_remarks(evaluation, epochs)[-2:] == (
        Remark(
            "It overfits: at its best epoch, 98.0 % of the training images were right, but "
            "71.0 % of the validation images. More images or stronger augmentation may help.",
            warning=True,
        ),
        Remark("The last epoch was the best: training for longer may give more."),
    )


def test_no_error_no_weakest_class():
    assert len(texts(of_matrix([[80, 0], [0, 80]], sure=0.99))) == 2
