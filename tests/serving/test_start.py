"""What must be right before a server listens is told in a line, and where it listens is guarded."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from striate.errors import OptionError
from striate.model_file import save
from striate.serving import metrics
from striate.serving.access import check_host
from tests.prediction.map_models import make_model
from tests.serving.running import JPEG, ROOT, Running, colored, serve

TOKEN = "f3c1" * 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "masks.safetensors"
    save(make_model(), path)
    return path


def told(*words: str) -> tuple[int, str]:
    """The exit code of `striate serve`, and what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "striate", "serve", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_port_in_use_is_told_before_the_model_is_loaded(tmp_path: Path):
    (tmp_path / "no.safetensors").write_bytes(b"no model")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = told(str(tmp_path / "no.safetensors"), "--port", port)
    message = f"port {port} of 127.0.0.1 is in use; end what uses it, or give another --port"
    assert (code, said) == (2, f"striate: error: {message}\n")


def test_an_address_of_another_machine_is_refused(tmp_path: Path):
    (tmp_path / "a").touch()
    code, said = told(str(tmp_path / "a"), "--host", "192.0.2.1", "--no-auth")
    reason = "--host 192.0.2.1: cannot assign requested address; give an address of this machine"
    warning = "warning: other machines reach 192.0.2.1: anybody may ask, without encryption\n"
    assert (code, said) == (2, f"{warning}striate: error: {reason}\n")
    code, said = told(str(tmp_path / "a"), "--host", "no such host", "--no-auth")
    assert code == 2
    assert said.endswith("error: --host no such host: no address of this machine\n")


def test_a_model_that_cannot_be_loaded_ends_the_server_with_its_error(tmp_path: Path):
    path = tmp_path / "no.safetensors"
    code, said = told(str(path))
    assert (code, said) == (
        2,
        f"striate: error: {path}: no such file; expected a model file or the folder of a run\n",
    )
    path.write_bytes(b"no model at all")
    code, said = told(str(path), "--port", "0")
    assert code == 7
    assert said.startswith(f"striate: error: {path}: ")
    assert said.count("\n") == 1


def token_file(folder: Path, content: str = TOKEN, mode: int = 0o600) -> Path:
    file = folder / "token"
    file.write_text(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700 | 0o001])
def test_a_token_file_that_others_can_read_is_refused(mode: int, tmp_path: Path):
    file = token_file(tmp_path, mode=mode)
    code, said = told(str(tmp_path), "--token-file", str(file))
    told_ = (
        f"{file}: others can read this token file (mode {mode:04o}); run chmod 600 {file}, and "
        "put a new token into it"
    )
    assert (code, said) == (2, f"striate: error: {told_}\n")


@pytest.mark.parametrize("content", ["", "short", "two words that are long", "line one is long\nb"])
def test_a_token_that_is_none_is_refused(content: str, tmp_path: Path):
    file = token_file(tmp_path, content)
    code, said = told(str(tmp_path), "--token-file", str(file))
    told_ = (
        f"{file}: expected a token of 16 to 1,024 letters and digits in one line; make one with: "
        f"openssl rand -hex 32 > {file}"
    )
    assert (code, said) == (2, f"striate: error: {told_}\n")


def test_a_missing_token_file_is_told(tmp_path: Path):
    code, said = told(str(tmp_path), "--token-file", str(tmp_path / "no"))
    assert (code, said) == (4, f"striate: error: {tmp_path}/no: no such file or directory\n")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "myhost"])
def test_other_machines_need_a_token_unless_told_otherwise(host: str, tmp_path: Path):
    code, said = told(str(tmp_path), "--host", host)
    message = (
        f"--host {host} lets other machines ask; give --token-file with a file that holds a "
        "token, or --no-auth if all who reach it may ask"
    )
    assert (code, said) == (2, f"striate: error: {message}\n")
    check_host(host, TOKEN, no_auth=False)
    check_host(host, None, no_auth=True)


def test_this_machine_needs_no_token():
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        check_host(host, None, no_auth=False)


def test_without_the_extra_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "find_spec", lambda _: None)
    with pytest.raises(OptionError) as error:
        metrics.check_installed()
    assert str(error.value) == (
        "serving needs prometheus-client; install it with pip install 'striate[serve]'"
    )


def test_who_has_no_token_is_refused(model: Path, tmp_path: Path):
    file = token_file(tmp_path, f"{TOKEN}\n")
    words = (str(model), "--host", "0.0.0.0", "--token-file", str(file))
    with serve(tmp_path, *words) as server:
        who = "who has the token may ask, without encryption"
        assert f"warning: other machines reach 0.0.0.0: {who}\n" in server.said()
        check_token(server)


def check_token(server: Running) -> None:
    message = "a token is needed, as in the header field Authorization: Bearer TOKEN"
    wrong = ("", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN)
    for given in wrong:
        for method, path in (("POST", "/v1/predict"), ("GET", "/metrics"), ("GET", "/")):
            headers = {**JPEG, **({"Authorization": given} if given else {})}
            reply = server.ask(method, path, None, headers)
            assert reply.error == (401, "unauthorized", message)
            assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert [server.ask("GET", f"/{page}").status for page in ("healthz", "readyz")] == [200, 200]
    reply = server.predict(colored(1, 2, 3), Authorization=f"bearer {TOKEN}")
    assert reply.status == 200
