"""Settings of a task are read by name, and what it has not is answered with what it has."""

import pytest

from striate.errors import OptionError
from striate.options.base import option
from striate.options.task_params import TaskParams


class Curved(TaskParams):
    loss: str = option("squared", "The loss")
    delta: float = option(1.0, "Where it bends", gt=0)


def test_settings_are_read_by_name():
    assert Curved.parse("loss=huber, delta=0.5", "regression") == Curved(loss="huber", delta=0.5)
    assert Curved.parse(None, "regression") == Curved()
    assert TaskParams.parse(None, "plain") == TaskParams()


TAKES = (
    "\nthe task regression takes loss: The loss, default squared; "
    "delta: Where it bends, default 1.0"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dleta=2", f"no option is called 'dleta'; did you mean 'delta'?;{TAKES}"),
        ("delta=0", f"delta must be above 0.0, but '0' came;{TAKES}"),
        (
            "huber",
            "--task-params takes settings as in loss=squared,delta=1.0, but 'huber' came;" + TAKES,
        ),
        ("delta=1,delta=2", f"--task-params names 'delta' twice;{TAKES}"),
    ],
)
def test_what_a_task_does_not_take_is_refused_with_what_it_takes(text: str, message: str):
    with pytest.raises(OptionError) as refusal:
        Curved.parse(text, "regression")
    assert str(refusal.value) == message


def test_a_task_without_settings_takes_none():
    with pytest.raises(OptionError) as refusal:
        TaskParams.parse("focal=2", "classification")
    assert str(refusal.value) == (
        "the task classification has no use for --task-params 'focal=2'; leave it out"
    )
