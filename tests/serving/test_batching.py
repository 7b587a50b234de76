"""Images of many clients are computed together, and everybody gets the own answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.fake_engine import DEADLY, ENDLESS
from tests.serving.running import JPEG, Reply, Running, colored, fake, form_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    engine = {"seconds": 0.004}
    with fake(tmp_path_factory.mktemp("fake"), engine, {"decoders": 2, "batch": 16}) as running:
        yield running


def color_of(number: int) -> tuple[int, int, int]:
    return number % 250, number // 250 % 250, 7


def mean(reply: Reply) -> list[int]:
    assert reply.status == 200, reply
    (row,) = reply.json["predictions"]
    return row["mean"]


def figure(server: Running, name: str) -> float:
    text = server.ask("GET", "/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def test_every_client_gets_the_answer_to_its_own_image(server: Running):
    def client(first: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        wrong = list[int]()
        with contextlib.closing(connection):
            for number in range(first, first + 60):
                connection.request("POST", "/v1/predict", colored(*color_of(number)), JPEG)
                (row,) = json.loads(connection.getresponse().read())["predictions"]
                if row["mean"] != list(color_of(number)):
                    wrong.append(number)
        return wrong

    before = figure(server, "striate_batch_images_count")
    with ThreadPoolExecutor(24) as pool:
        wrong = list(pool.map(client, range(0, 24 * 60, 60)))
    assert wrong == [[]] * 24
    assert figure(server, "striate_batch_images_count") - before < 24 * 60 / 2, "computed together"


def test_parts_of_a_form_are_answered_in_their_order(server: Running):
    body, header = form_of(*(colored(number, 0, 0) for number in (3, 1, 2)), names="cab")
    reply = server.ask("POST", "/v1/predict?top=7", body, header)
    rows = reply.json["predictions"]
    told = [(row["name"], row["mean"], row["top"]) for row in rows]
    assert told == [("c", [3, 0, 0], 7), ("a", [1, 0, 0], 7), ("b", [2, 0, 0], 7)]
    assert sorted(rows[0]["timing"]) == ["compute_ms", "decode_ms", "queue_ms"]


def test_an_unreadable_part_has_its_error_beside_the_answers_of_others(server: Running):
    body, header = form_of(colored(9, 9, 9), b"%PDF-1.7", names=["good", "bad"])
    reply = server.ask("POST", "/v1/predict", body, header)
    message = "not an image: it looks like a PDF document"
    assert reply.status == 200
    good, bad = reply.json["predictions"]
    assert good["mean"] == [9, 9, 9]
    assert bad == {"name": "bad", "error": {"code": "unreadable", "message": message}}


def test_an_answer_that_is_not_finite_is_refused(server: Running):
    reply = server.predict(colored(ENDLESS, ENDLESS, ENDLESS))
    assert reply.error == (422, "no_answer", "the network's answer is not finite")


def test_a_connection_takes_one_request_after_the_other(server: Running):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        connection.connect()
        sock = connection.sock
        for number in range(5):
            connection.request("POST", "/v1/predict", colored(number, 0, 0), JPEG)
            (row,) = json.loads(connection.getresponse().read())["predictions"]
            assert row["mean"] == [number, 0, 0]
        assert connection.sock is sock


def test_beyond_the_queue_a_client_is_told_when_to_ask_again(tmp_path: Path):
    with fake(tmp_path, {"seconds": 0.3}, {"queue": 3, "batch": 1, "decoders": 1}) as server:
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: server.predict(colored(5, 5, 5)), range(12)))
        answered = [reply for reply in replies if reply.status == 200]
        refused = [reply for reply in replies if reply.status == 429]
        assert len(answered) + len(refused) == 12
        assert len(answered) >= 3
        assert {mean(reply) == [5, 5, 5] for reply in answered} == {True}
        message = "3 images wait, and at most 3 may; ask again"
        assert {reply.error for reply in refused} == {(429, "too_many_requests", message)}
        assert {1 <= int(reply.headers["Retry-After"]) <= 60 for reply in refused} == {True}
        assert server.predict(colored(1, 1, 1)).status == 200


def test_sigterm_answers_what_was_asked_and_refuses_what_comes_after(tmp_path: Path):
    with fake(tmp_path, {"seconds": 0.25}, {"batch": 4, "decoders": 2}) as server:
        assert server.ask("GET", "/readyz").json == {"status": "ready"}
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        replies = list[Reply]()
        ask = lambda at: replies.append(server.predict(colored(at, 0, 0)))  # noqa: E731
        asking = [threading.Thread(target=ask, args=(at,)) for at in range(16)]
        for thread in asking:
            thread.start()
        time.sleep(0.3)
        children = server.children()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        drained = server.ask("GET", "/readyz")
        assert (drained.status, drained.json) == (503, {"status": "draining"})
        assert server.predict(colored(1, 1, 1)).error[:2] == (503, "unavailable")
        assert server.process.wait(20) == 0
        for thread in asking:
            thread.join()
        assert sorted(mean(reply)[0] for reply in replies) == list(range(16))
        assert {reply.headers.get("Connection") for reply in replies} <= {"close", None}
        alive = [pid for pids in children.values() for pid in pids if Path(f"/proc/{pid}").exists()]
        assert alive == []
        idle.close()


def test_ctrl_c_ends_with_130(tmp_path: Path):
    with fake(tmp_path) as server:
        assert server.end(signal.SIGINT) == 130


def test_a_killed_decoder_costs_one_answer_and_is_replaced(tmp_path: Path):
    with fake(tmp_path, {"seconds": 0.001}, {"decoders": 2}) as server:
        ended = threading.Event()
        statuses = list[int]()

        def client(first: int) -> None:
            number = first
            while not ended.is_set():
                reply = server.predict(colored(*color_of(number), side=900, form="JPEG"))
                statuses.append(reply.status)
                if reply.status == 503:
                    assert reply.error[1] == "unavailable"
                    assert "Retry-After" in reply.headers
                number += 1

        clients = [threading.Thread(target=client, args=(at * 1000,)) for at in range(4)]
        for thread in clients:
            thread.start()
        killed = 0
        for _ in range(10):
            time.sleep(0.25)
            wait_until(lambda: "decoder" in server.children(), 5)
            victim = server.children()["decoder"][0]
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                killed += 1
        wait_until(lambda: server.ask("GET", "/readyz").status == 200, 5)
        wait_until(lambda: len(server.children()["decoder"]) == 2, 5)
        ended.set()
        for thread in clients:
            thread.join()
        assert set(statuses) <= {200, 503}
        assert statuses.count(503) <= killed
        assert figure(server, 'striate_restarts_total{process="decoder"}') == killed
        assert mean(server.predict(colored(8, 8, 8))) == [8, 8, 8]


def test_no_process_outlives_a_server_that_is_killed(tmp_path: Path):
    with fake(tmp_path, {}, {"decoders": 2}) as server:
        pids = [pid for pids in server.children().values() for pid in pids]
        assert len(pids) == 3
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), 5)


def test_a_model_that_dies_is_loaded_again(tmp_path: Path):
    with fake(tmp_path, {"seconds": 0.001}) as server:
        reply = server.predict(colored(DEADLY, DEADLY, DEADLY))
        message = "the model stopped while it computed (SIGKILL); ask again"
        assert reply.error == (503, "unavailable", message)
        assert reply.headers["Retry-After"] == "1"
        wait_until(lambda: server.ask("GET", "/readyz").status == 200, 5)
        assert mean(server.predict(colored(8, 8, 8))) == [8, 8, 8]


def wait_until(condition, seconds: float) -> None:
    ending = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ending, "it takes too long"
        time.sleep(0.05)
