"""Sealed ONNX files, opened while other code is imported."""

import threading

import pytest

from striate import runtimes, sealed
from striate.cli import main
from striate.errors import ModelError
from striate.onnx_seal import BLANK, DIGEST, seal
from tests.deployment.graphs import Written


@pytest.fixture
def file(tmp_path):
    graph = Written()
    model = graph.body(graph.head(graph.start, channels=3))
    model.metadata_props.add(key=DIGEST, value=BLANK)
    path = tmp_path / "model.onnx"
    path.write_bytes(seal(model.SerializeToString()))
    return path


@pytest.fixture
def opened(monkeypatch):
    """The threads in which the runtime was given a model."""
    threads, open_session = list[threading.Thread](), runtimes.open_session

    def watched(*given):
        threads.append(threading.current_thread())
        return open_session(*given)

    monkeypatch.setattr(runtimes, "open_session", watched)
    return threads


def test_a_file_that_is_begun_is_opened_once_by_a_thread(file, opened):
    with sealed.begin_session(file):
        first = sealed.open_sealed(file)
        assert [thread is threading.current_thread() for thread in opened] == [False]
        second = sealed.open_sealed(file)
    assert opened[1:] == [threading.current_thread()]
    assert first.file == second.file
    assert first.file.content == file.read_bytes()


def test_threads_that_are_asked_for_are_given(file, opened):
    with sealed.begin_session(file):
        session = sealed.open_sealed(file, 1).session
    assert session.get_session_options().intra_op_num_threads == 1
    assert len(opened) == 2


def test_nothing_is_kept_of_a_file_that_is_not_used(file, opened):
    with sealed.begin_session(file):
        pass
    sealed.open_sealed(file)
    assert len(opened) == 2


def test_a_damaged_file_is_not_given_to_the_runtime(file, opened):
    file.write_bytes(file.read_bytes().replace(b"head.bias", b"head.bits"))
    with sealed.begin_session(file), pytest.raises(ModelError, match="damaged"):
        sealed.open_sealed(file)
    assert opened == []


@pytest.mark.parametrize(
    ("photo", "code", "told"),
    [
        ("model.onnx", 7, "model.onnx: model refused: format: Field required\n"),
        ("none.jpg", 3, "none.jpg: no such file or folder\n"),
    ],
)
def test_the_command_reports_what_is_wrong_once(file, photo, code, told, opened, capfd):
    assert main(["predict", str(file), str(file.parent / photo)]) == code
    assert capfd.readouterr().err.startswith(f"striate: error: {file.parent}/{told}")
    assert len(opened) == 1


def test_ctrl_c_while_a_library_is_loaded_is_told_as_that(file, monkeypatch, capfd):
    def interrupted():
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr(runtimes, "import_onnxruntime", interrupted)
    assert main(["predict", str(file), str(file)]) == 130
    assert capfd.readouterr().err.strip() == "striate: error: interrupted"
