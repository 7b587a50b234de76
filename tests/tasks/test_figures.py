"""How figures and their intervals are shown."""

import pytest

from striate.tasks.classification.scores import ACCURACY
from striate.tasks.figures import Score
from striate.tasks.multilabel.metrics import MAP
from striate.tasks.segmentation.metrics import MEAN_IOU


@pytest.mark.parametrize("figure", [MEAN_IOU, MAP])
@pytest.mark.parametrize(("images", "counted"), [(8, "8 images"), (20_000, "20,000 images")])
def test_an_interval_has_the_decimals_of_its_value(figure, images, counted):
    score = Score(figure, 0.0803, 0.0766, 0.0841, images)
    assert str(score) == f"{figure.title} 8.0 % ({counted}, 95 % interval 7.7 to 8.4 %)"


@pytest.mark.parametrize(
    ("images", "shown", "interval"),
    [
        (50, "48 %", "35 to 61 %"),
        (100, "48.0 %", "35.0 to 61.0 %"),
        (10_000, "48.00 %", "35.00 to 61.00 %"),
    ],
)
def test_one_image_changes_the_last_digit_of_a_share_of_images(images, shown, interval):
    score = Score(ACCURACY, 0.48, 0.35, 0.61, images)
    assert (score.shown, score.interval) == (shown, interval)
