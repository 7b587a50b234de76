"""The routes of the server: what is asked, checked before any byte of a body is read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from striate.errors import printable
from striate.serving import access
from striate.serving.answers import JSON, RequestError, Response, as_json
from striate.serving.connection import Connection
from striate.serving.head import Head
from striate.serving.items import Answered, Item
from striate.serving.limits import MOST_TOP, Limits
from striate.serving.metrics import Metrics
from striate.serving.multipart import File, read_boundary, split_parts
from striate.serving.openapi import describe_routes
from striate.serving.pipeline import Pipeline

PREDICT = "/v1/predict"
_READ = ("GET", "HEAD")
_METHODS = {
    PREDICT: ("POST",),
    **dict.fromkeys(("/", "/healthz", "/readyz", "/metrics", "/openapi.json"), _READ),
}
_TYPES = {
    "image": re.compile(r"image/[\w.+-]+|application/octet-stream"),
    "signal": re.compile(r"text/(?:csv|plain)|application/(?:octet-stream|x-npy)"),
    "sequence": re.compile(r"text/(?:x-fasta|plain)|application/octet-stream"),
}
_EXAMPLES = {"image": "image/jpeg", "signal": "text/csv", "sequence": "text/plain"}
_NO, _YES = ("0", "no", "false"), ("1", "yes", "true")


class App:
    """Answers the requests of all connections."""

    def __init__(
        self, pipeline: Pipeline, limits: Limits, metrics: Metrics, *, top: int, token: str | None
    ) -> None:
        self.limits = limits
        self.connections = set[Connection]()
        self.held = 0
        self.draining = False
        self._pipeline, self._metrics, self._top, self._token = pipeline, metrics, top, token
        about = pipeline.engine.about
        self._inputs = str(about["inputs"])
        self._model = {name: str(about[name]) for name in ("sha256", "task", "network")}
        self._prefix = b'{"model": ' + json.dumps(self._model).encode() + b', "predictions": ['
        metrics.describe(self._model)
        metrics.watch("striate_queue_images", "Not answered yet.", lambda: pipeline.count)
        metrics.watch("striate_connections", "Open ones.", lambda: len(self.connections))
        metrics.watch("striate_ready", "Whether images are answered.", lambda: self.ready)
        self._openapi = as_json(describe_routes(self._inputs, token=token is not None))

    @property
    def ready(self) -> bool:
        """Whether an image would be answered now."""
        return self._pipeline.ready and not self.draining

    def most_bytes(self, head: Head) -> int:
        """Return the limit of a body in bytes. Raises RequestError for what is not asked."""
        methods = _METHODS.get(head.path)
        if methods is None:
            raise RequestError(
                404, "not_found", f"there is no such page; images go to POST {PREDICT}"
            )
        if head.method not in methods:
            message = f"{head.path} takes {' and '.join(methods)} only"
            raise RequestError(405, "method_not_allowed", message, Allow=", ".join(methods))
        access.authorize(head, self._token)
        if head.path != PREDICT:
            return 0
        if self.draining:
            raise RequestError(
                503, "unavailable", "the server is ending; ask another", Retry_After="1"
            )
        self._check_type(head)
        return self.limits.body

    def answer_at_once(self, head: Head) -> Response | None:
        """Return what needs no work; None for what does."""
        match head.path:
            case "/healthz":
                return as_json({"status": "ok"})
            case "/readyz":
                status = "ready" if self.ready else "draining" if self.draining else "starting"
                return as_json({"status": status}, 200 if self.ready else 503)
            case "/metrics":
                text = "text/plain; version=0.0.4; charset=utf-8"
                return Response(200, self._metrics.render(), text)
            case "/openapi.json":
                return self._openapi
            case "/":
                return as_json({"model": self._model, "predict": PREDICT, "api": "/openapi.json"})
            case _:
                return None

    async def answer(self, head: Head, content: bytes) -> Response:
        """Answer the images of a request. Raises RequestError."""
        top, picture = _read_query(head.query, self._top)
        files = self._files(head, content)
        loop = asyncio.get_running_loop()
        items = [
            Item(file.name, file.content, top, picture, loop.create_future()) for file in files
        ]
        answers = await self._pipeline.answer(items)
        for item, (_, refusal) in zip(items, answers, strict=True):
            self._metrics.count_image(item, answered=refusal is None)
        return self._respond(items, answers)

    def count(self, head: Head | None, status: int, seconds: float) -> None:
        """Count an answer."""
        self._metrics.count_request(head.path if head else "", status, seconds)

    def _check_type(self, head: Head) -> None:
        """Raise RequestError for content of another kind than the model is given."""
        given = head.text(b"content-type").strip()
        kind = given.partition(";")[0].strip().lower()
        coded = head.text(b"content-encoding").lower()
        if coded not in ("", "identity"):
            raise RequestError(415, "unsupported_type", "content that is compressed once more came")
        if kind == "multipart/form-data" or _TYPES[self._inputs].fullmatch(kind):
            return
        example = _EXAMPLES[self._inputs]
        raise RequestError(
            415,
            "unsupported_type",
            f"expected {example}, application/octet-stream or multipart/form-data as Content-Type, "
            f"but {printable(given, 100) or 'none'} came; with curl: -H 'Content-Type: {example}' "
            f"--data-binary @FILE",
        )

    def _files(self, head: Head, content: bytes) -> Sequence[File]:
        content_type = head.text(b"content-type").strip()
        if content_type.lower().startswith("multipart/"):
            return split_parts(content, read_boundary(content_type))
        return [File(self._inputs, content)]

    def _respond(self, items: Sequence[Item], answers: Sequence[Answered]) -> Response:
        """Return the answers of all images, or the refusal if none was answered."""
        refusals = [answer.refusal for answer in answers if answer.refusal]
        if len(refusals) == len(answers):
            raise refusals[0]
        told = b", ".join(map(_render, items, answers))
        return Response(200, self._prefix + told + b"]}\n", JSON)


def _render(item: Item, answer: Answered) -> bytes:
    """Return an image's answer with its timing; for one that was refused, the error."""
    if answer.refusal:
        return json.dumps({"name": item.name, "error": answer.refusal.to_json()}).encode()
    return answer.content[:-1] + b', "timing": ' + json.dumps(item.timing).encode() + b"}"


def _read_query(query: str, top: int) -> tuple[int, bool]:
    """Return how many classes are listed, and whether pictures are sent. Raises RequestError."""
    if not query:
        return top, False
    try:
        given = parse_qsl(query, strict_parsing=True, max_num_fields=8, encoding="ascii")
    except ValueError:
        raise _bad("the query is not of the form top=5&picture=yes") from None
    told: Mapping[str, str] = dict(given)
    if len(told) < len(given) or told.keys() - {"top", "picture"}:
        raise _bad("the query may name top and picture, each once")
    asked, picture = told.get("top", str(top)), told.get("picture", "no")
    if not (re.fullmatch("[0-9]{1,4}", asked) and 1 <= int(asked) <= MOST_TOP):
        raise _bad(f"top must be a whole number from 1 to {MOST_TOP:,}")
    if picture not in _NO + _YES:
        raise _bad("picture must be yes or no")
    return int(asked), picture in _YES


def _bad(message: str) -> RequestError:
    return RequestError(400, "bad_request", message)
