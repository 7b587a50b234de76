"""Requests and images that mean harm are answered in time, tell nothing, and hurt nobody else."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import threading
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from tests.data.images import FORMATS, encoded, noise, png
from tests.serving.fuzz import FINE, fuzz
from tests.serving.running import (
    JPEG,
    Reply,
    Running,
    colored,
    fake,
    form_of,
    post,
    receive_all,
    running,
    status_of,
)
from tests.serving.test_heads import AMBIGUOUS

LIMITS = {
    "head_seconds": 0.6,
    "body_seconds": 1.0,
    "write_seconds": 0.6,
    "idle_seconds": 0.6,
    "linger_seconds": 0.3,
    "body": 10**6,
    "decoders": 2,
    "largest_megabytes": 50,
}
#: of what is inside, in no answer
INSIDE = (b"Traceback", b"striate/", b".py", b"/tmp", b"/root", b"/home", b"/proc", b"0x7f")
EMPTY = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with fake(tmp_path_factory.mktemp("hostile"), {}, LIMITS) as running:
        yield running
        assert "Traceback" not in running.said()


@pytest.fixture(autouse=True)
def unharmed(request: pytest.FixtureRequest):
    """After each test the server answers as before."""
    yield
    if "server" in request.fixturenames:
        server = request.getfixturevalue("server")
        assert mean(server.predict(colored(7, 8, 9))) == [7, 8, 9]


def mean(reply: Reply) -> list[int]:
    assert reply.status == 200, reply
    return reply.json["predictions"][0]["mean"]


def refused(received: bytes) -> tuple[int, str]:
    """Status and code of the only answer, which tells nothing of the inside."""
    assert not any(word in received for word in INSIDE), received
    assert b"\r\nConnection: close\r\n" in received
    body = received.partition(b"\r\n\r\n")[2]
    return status_of(received), json.loads(body)["error"]["code"]


def test_what_could_be_read_in_two_ways_ends_the_connection(server: Running):
    for content in AMBIGUOUS:
        assert refused(server.say(content)) == (400, "bad_request"), content


def test_a_second_request_after_one_that_is_refused_is_not_read(server: Running):
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    lines = EMPTY + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert refused(server.say(lines + smuggled)) == (400, "bad_request")
    assert refused(server.say(post(b"x").replace(b"POST", b"PUT") + smuggled)) == (
        405, "method_not_allowed",
    )  # fmt: skip


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(server: Running):
    most = LIMITS["body"]
    assert server.predict(b"a" * int(most)).error[0] == 422
    for claimed in (most + 1, 10 * 2**30):
        started = time.monotonic()
        head = EMPTY + b"Content-Length: %d\r\n\r\n" % claimed
        assert refused(server.say(head)) == (413, "too_large")
        assert time.monotonic() - started < 2
    chunk = b"20000\r\n" + b"a" * 0x20000 + b"\r\n"
    chunks = EMPTY + b"Transfer-Encoding: chunked\r\n\r\n"
    assert refused(server.say(chunks, *[chunk] * 20)) == (413, "too_large")
    pieces = [EMPTY + b"Content-Length: 2000000\r\n\r\n", *[b"a" * 400_000] * 5]
    assert refused(server.say(*pieces, pause=0.02)) == (413, "too_large")  # who sends on sees it


def test_a_client_may_wait_before_it_sends_its_body(server: Running):
    image = colored(1, 2, 3)
    head = EMPTY + b"Connection: close\r\nExpect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(image))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(image)
        assert status_of(receive_all(client)) == 200
    head = head.replace(b"100-continue", b"nothing") + b"Content-Length: 5\r\n\r\n"
    assert refused(server.say(head)) == (417, "expectation_failed")
    head = EMPTY + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"
    assert refused(server.say(head)) == (413, "too_large")


def test_other_types_are_refused(server: Running):
    kinds = (
        *("", "text/html", "application/json", "application/x-www-form-urlencoded", "image"),
        *("image/", "multipart/mixed; boundary=x", "multipart", "image/png, text/html", "ä"),
    )
    bodies = (
        *(b'{"image": "file:///etc/passwd"}', b'{"image": "http://169.254.169.254/"}'),
        *(b"[" * 100_000, b'{"a": NaN, "a": 1e400}', b'"\\ud800"', b"{" + b'"a":1,' * 10_000),
    )
    for kind in kinds:
        for body in bodies:
            reply = server.ask("POST", "/v1/predict", body, {"Content-Type": kind.encode()})
            assert reply.error[:2] == (415, "unsupported_type")
    image = colored(1, 1, 1)
    assert server.predict(zlib.compress(image), **{"Content-Encoding": "gzip"}).status == 415
    form, header = form_of(image)
    assert server.ask("POST", "/v1/predict", form, JPEG).error[:2] == (422, "unreadable")
    assert server.ask("POST", "/v1/predict", image, header).error[:2] == (400, "bad_request")
    many = form_of(*[image] * 65)
    assert server.ask("POST", "/v1/predict", *many).error[:2] == (413, "too_many_images")


def test_no_path_leads_anywhere_else(server: Running):
    up = ("..", "%2e%2e", "%252e%252e", "..;", ".%00.", "%c0%ae%c0%ae", "..\\", "%5c..", "....//")
    roots = ("", "v1", "v1/predict", "healthz", "static", "models", "openapi.json")
    ends = ("etc/passwd", "proc/self/environ", "", "C:/windows/win.ini")
    for step in up:
        for root in roots:
            for end in ends:
                target = f"/{root}/{step}/{step}/{end}".replace("//", "/")
                received = server.say(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert refused(received) == (404, "not_found"), target
    for name in ("/v1/predict/", "//v1/predict", "/V1/predict", "/v1/predict%00", "/v1//predict"):
        assert server.ask("POST", name, b"").error[:2] == (404, "not_found")
    names = ("../../../etc/passwd", "/etc/passwd", "C:\\x", "\u202egpj.exe", "a" * 1900)
    form = form_of(*[colored(5, 5, 5)] * len(names), names=names)
    rows = server.ask("POST", "/v1/predict", *form).json["predictions"]
    told = [*names[:2], "C:x", "\\u202egpj.exe", "a" * 255 + "..."]
    assert [row["name"].replace("\\x", "x") for row in rows] == told


def test_other_methods_are_refused(server: Running):
    for path in ("/", "/healthz", "/readyz", "/metrics", "/openapi.json"):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
            reply = server.ask(method, path)
            assert reply.error[:2] == (405, "method_not_allowed")
            assert reply.headers["Allow"] == "GET, HEAD"
    assert server.ask("GET", "/v1/predict").headers["Allow"] == "POST"


def broken() -> dict[str, bytes]:
    """Images that are cut, poisoned, of two kinds, or larger than they look."""
    found = {
        "zip": b"PK\x03\x04" + bytes(100),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
        "address": b"http://169.254.169.254/latest/meta-data",
        "zeros": bytes(5000),
        "bomb": png(50_000, 50_000, rows=b""),
        "wide": png(2**31 - 1, 1, rows=b""),
        "gif and script": b"GIF89a/*" + b"\0" * 20 + b"*/=alert(1)//",
        "webp": b"RIFF\xff\xff\xff\x7fWEBPVP8 ",
        "tiff": b"II*\0\xff\xff\xff\xff",
        "bmp": b"BM" + b"\xff" * 60,
    }
    for form, options in FORMATS.items():
        content = encoded(noise(90, 70, seed=1), form, **options)
        for part in range(0, 16, 3):
            found[f"{form} cut at {part}"] = content[: len(content) * part // 16]
        found[f"{form} changed"] = content[:60] + bytes(60) + content[120:]
    return found


def test_broken_images_are_refused_in_the_words_of_predict(server: Running):
    view = Preprocess(8, 3, "stretch")
    for what, content in broken().items():
        image, record = decode(content, "image", preprocess=view, largest_megabytes=50)
        reply = server.ask("POST", "/v1/predict", content, {"Content-Type": "image/png"})
        if image is not None:
            assert reply.status == 200
            continue
        reason = record.findings[0]
        message = f"{reason.kind}: {reason.detail}" if reason.detail else reason.kind
        status = (413, "too_large") if reason.kind == "huge" else (422, "unreadable")
        assert reply.error == (*status, message), what
        assert not any(word in reply.body for word in INSIDE), what


def test_image_that_fits_behind_another_file_is_read_as_predict_reads_it(server: Running):
    image = colored(9, 9, 9)
    assert mean(server.predict(image + b"<script>alert(1)</script>" + b"PK\x03\x04")) == [9, 9, 9]
    assert server.predict(b"PK\x03\x04" + image).status == 422


def test_slow_heads_and_bodies_are_cut_while_others_are_answered(server: Running):
    started = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
    for number, client in enumerate(slow):
        if number % 3 == 0:
            client.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\n")
        elif number % 3 == 1:
            client.sendall(EMPTY + b"Content-Length: 100\r\n\r\nabc")
    for _ in range(20):
        assert mean(server.predict(colored(1, 2, 3))) == [1, 2, 3]
    answers = Counter[int]()
    for client in slow:
        client.settimeout(10)
        received = receive_all(client)
        answers[status_of(received) if received else 0] += 1
        client.close()
    assert answers == {408: 100, 0: 50}  # who says nothing is not answered
    assert time.monotonic() - started < 5


def test_a_body_that_trickles_is_cut(server: Running):
    started = time.monotonic()
    pieces = [EMPTY + b"Content-Length: 1000\r\n\r\n", *[b"a"] * 40]
    assert refused(server.say(*pieces, pause=0.05)) == (408, "timeout")
    assert time.monotonic() - started < 4


def test_who_takes_no_answers_is_cut(server: Running):
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.settimeout(0.3)
        with contextlib.suppress(OSError):
            for _ in range(3000):
                client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        time.sleep(1.5)
        client.settimeout(10)
        received = receive_all(client)
    assert len(received) < 20 * 10**6
    assert open_connections(server) == 1


def open_connections(server: Running) -> int:
    text = server.ask("GET", "/metrics").body.decode()
    return int(float(text.partition("\nstriate_connections ")[2].partition("\n")[0]))


def test_who_leaves_costs_nothing(server: Running):
    folder = Path(f"/proc/{server.process.pid}/fd")
    image = colored(3, 3, 3)
    before = len(list(folder.iterdir()))
    for number in range(300):
        client = socket.create_connection(("127.0.0.1", server.port))
        whole = post(image)
        client.sendall(whole[: len(whole) * (number % 3 + 1) // 3])
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    ending = time.monotonic() + 5
    while open_connections(server) > 1 and time.monotonic() < ending:
        time.sleep(0.05)
    assert len(list(folder.iterdir())) <= before + 2
    text = server.ask("GET", "/metrics").body.decode()
    assert "\nstriate_queue_images 0.0\n" in text


def test_connections_beyond_the_limit_are_told(tmp_path: Path):
    with fake(tmp_path, {}, {"connections": 5}) as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
        time.sleep(0.1)
        received = server.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert refused(received) == (503, "unavailable")
        assert b"\r\nRetry-After: 1\r\n" in received
        assert b"the server is full: 5 connections are open; ask again" in received
        held.pop().close()
        time.sleep(0.1)
        assert server.ask("GET", "/healthz").status == 200
        for client in held:
            client.close()


def test_bytes_that_wait_are_limited_in_all(tmp_path: Path):
    with fake(tmp_path, {}, {"held": 3 * 10**6, "body": 10**6}) as server:
        lines = EMPTY + b"Content-Length: 1000000\r\n\r\n" + b"a" * 999_000
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for client in held:
            client.sendall(lines)
        time.sleep(0.3)
        assert refused(server.say(lines + b"a" * 1000)) == (503, "unavailable")
        for client in held:
            client.close()
        time.sleep(0.3)
        assert mean(server.predict(colored(1, 1, 1))) == [1, 1, 1]


def test_five_hundred_clients_at_once_are_all_answered(tmp_path: Path):
    with fake(tmp_path, {"seconds": 0.002}, {"connections": 600, "queue": 200}) as server:
        body = post(colored(4, 5, 6), b"Connection: close")
        clients = [
            socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(500)
        ]
        for client in clients:
            client.sendall(body)
        found = Counter[int]()
        for client in clients:
            received = receive_all(client)
            found[status_of(received)] += 1
            if b" 200 OK" in received:
                assert b'"mean": [4, 5, 6]' in received
            else:
                assert b"\r\nRetry-After: " in received
            client.close()
        assert found.keys() <= {200, 429}
        assert found[200] >= 200


def test_an_image_that_crashes_hangs_or_floods_its_decoder_hurts_nobody_else(tmp_path: Path):
    limits = {"decoders": 2, "decode_seconds": 0.5}
    with fake(tmp_path, {}, limits, faulty=True) as server:
        ended = threading.Event()
        others = list[list[int]]()

        def client(_: int) -> None:
            while not ended.is_set():
                others.append(mean(server.predict(colored(6, 6, 6))))

        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(client, at) for at in range(3)]
            answers = {}
            for name in ("crash", "hang", "greedy"):
                form = form_of(colored(1, 1, 1), names=[name])
                started = time.monotonic()
                answers[name] = server.ask("POST", "/v1/predict", *form)
                assert time.monotonic() - started < 5
            ended.set()
            for each in asking:
                each.result()
        told = {
            "crash": "unreadable: the decoder crashed on it (SIGSEGV)",
            "hang": "too slow: decoding it takes longer than 0.5 seconds",
        }
        for name, message in told.items():
            assert answers[name].error == (503, "unavailable", message)
            assert answers[name].headers["Retry-After"] == "1"
        assert answers["greedy"].status == 200  # the memory limit held, and it went on
        assert len(others) > 3
        assert {tuple(each) for each in others} == {(6, 6, 6)}


def test_crashes_use_nothing_up(tmp_path: Path):
    with fake(tmp_path, {}, {"decoders": 1, "batch": 1}, faulty=True) as server:
        form = form_of(colored(1, 1, 1), names=["crash"])
        for _ in range(6):  # more than there are slots for images
            assert server.ask("POST", "/v1/predict", *form).status == 503
        assert mean(server.predict(colored(1, 2, 3))) == [1, 2, 3]


AUDIT = """
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        with open(os.environ["NOTED"], "a") as file:
            file.write(f"{event} {args[1:]}\\n")

sys.addaudithook(note)
"""


def test_the_server_asks_nothing_of_others(tmp_path: Path):
    """A hook in all of its processes notes who is asked for, and what is connected to."""
    (tmp_path / "sitecustomize.py").write_text(AUDIT)
    noted = tmp_path / "noted"
    noted.touch()
    words = ("{}", "{}", "{}")
    known = {"NOTED": str(noted), "PYTHONPATH": os.pathsep.join([str(tmp_path), *PATHS])}
    with running(["-m", "tests.serving.fake_server", *words], tmp_path, known) as server:
        assert "socket.getaddrinfo" in noted.read_text(), "of the address to listen at"
        noted.write_text("")
        for body in (b"http://127.0.0.1:1/x", colored(1, 1, 1), b"file:///etc/passwd"):
            server.predict(body)
        for page in ("/", "/metrics", "/openapi.json", "/http://127.0.0.1:1/"):
            server.ask("GET", page)
        assert server.end() == 0
    assert noted.read_text() == ""


PATHS = [str(Path(__file__).parents[2] / "src"), str(Path(__file__).parents[2])]


def test_mutated_requests_are_all_answered(server: Running):
    before = server.children()
    found = fuzz(server.port, 1500, seed=int(os.environ.get("FUZZ_SEED", "1")))
    assert found.keys() - {0} <= FINE
    assert found[200] > 50
    assert server.children() == before, "a process was replaced"


@pytest.mark.slow
def test_twenty_thousand_mutated_requests_are_answered(server: Running):
    test_mutated_requests_are_all_answered(server)
    for seed in range(2, 15):
        assert fuzz(server.port, 1500, seed=seed).keys() - {0} <= FINE


def test_a_large_picture_is_refused_by_its_header_alone(server: Running):
    file = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(file, "PNG")
    started = time.monotonic()
    reply = server.predict(file.getvalue())
    assert reply.error[0] == 413
    assert reply.error[2].startswith("huge: 20,000 x 20,000 pixels need ")
    assert time.monotonic() - started < 2
