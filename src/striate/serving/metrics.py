"""What the server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from striate.errors import OptionError

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

    from striate.serving.items import Item

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
#: of requests: others are counted together, as anybody may invent one
_KNOWN = frozenset(("/", "/v1/predict", "/healthz", "/readyz", "/metrics", "/openapi.json"))


def check_installed() -> None:
    """Raise OptionError without what serving needs."""
    if find_spec("prometheus_client") is None:
        raise OptionError(
            "serving needs prometheus-client; install it with pip install 'striate[serve]'"
        )


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        import prometheus_client as client  # lazily: of the extra

        self._registry = registry = client.CollectorRegistry()
        self._generate = client.generate_latest
        client.ProcessCollector(registry=registry)
        self._requests = client.Counter(
            "striate_requests",
            "Requests, by path and status.",
            ["path", "status"],
            registry=registry,
        )
        self._seconds = client.Histogram(
            "striate_request_seconds", "From the head of a request to its answer.",
            ["path"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        stages = client.Histogram(
            "striate_stage_seconds", "Of an image: waiting, decoding, computing.",
            ["stage"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._stages = [stages.labels(name) for name in ("queue", "decode", "compute")]
        images = client.Counter(
            "striate_images", "Images, answered or refused.", ["outcome"], registry=registry
        )
        self._outcomes = [images.labels(name) for name in ("answered", "refused")]
        self.batches = client.Histogram(
            "striate_batch_images", "Images computed together.", buckets=_IMAGES, registry=registry
        )
        self.restarts = client.Counter(
            "striate_restarts",
            "Processes that ended and were replaced.",
            ["process"],
            registry=registry,
        )
        self._gauge, self._info = client.Gauge, client.Info
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def watch(self, name: str, told: str, read: Callable[[], float]) -> None:
        """Show a number that is read when it is asked for."""
        self._gauge(name, told, registry=self._registry).set_function(read)

    def describe(self, about: dict[str, str]) -> None:
        """Show which model is served."""
        self._info("striate_model", "What is served.", registry=self._registry).info(about)

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        key = (path if path in _KNOWN else "other"), status
        if (found := self._children.get(key)) is None:
            found = self._requests.labels(key[0], str(status)), self._seconds.labels(key[0])
            self._children[key] = found
        found[0].inc()
        found[1].observe(seconds)

    def count_image(self, item: Item, *, answered: bool) -> None:
        """Count an image, and how long each stage took if it was answered."""
        self._outcomes[not answered].inc()
        if answered:
            told = item.queue_ms, item.decode_ms, item.compute_ms
            for stage, milliseconds in zip(self._stages, told, strict=True):
                stage.observe(milliseconds / 1000)

    def render(self) -> bytes:
        """Return all in the text format of Prometheus."""
        return self._generate(self._registry)
