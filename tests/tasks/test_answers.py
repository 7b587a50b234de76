"""What answers without torch."""

import subprocess
import sys

import pytest

from striate.tasks import _ANSWERS, _TASKS, find_answers, find_task


@pytest.mark.parametrize("name", sorted(_ANSWERS))
def test_a_task_answers_as_its_half_without_torch_does(name):
    answers, task = find_answers(name), find_task(name)
    assert issubclass(task, answers)
    shared = ("answer", "blank", "decide", "head", "own_size", "reject", "restore", "searches")
    assert [at for at in shared if getattr(task, at) is not getattr(answers, at)] == []


def test_every_task_that_predicts_has_its_answers():
    assert sorted(_ANSWERS) == sorted(
        name for name in _TASKS if find_task(name).used_by[0] == "predict"
    )


def test_no_answers_load_torch():
    program = (
        "import sys; from striate.tasks import _ANSWERS, find_answers\n"
        "[find_answers(name) for name in _ANSWERS]\n"
        "print(sorted({'torch', 'scipy', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
