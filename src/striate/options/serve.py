"""Options of `serve`."""

from __future__ import annotations

from pathlib import Path

from striate.options.base import Device, decode_limit, option
from striate.options.choices import Network
from striate.options.verbs import DecisionOptions


class ServeOptions(DecisionOptions):
    """Options of `serve`."""

    network: Network | None = option(None, "The custom network of the model, as in mynet.py:Net")
    gallery: Path | None = option(
        None, "Answer with the nearest image of this folder of class folders", "folder"
    )
    top: int = option(3, "Classes listed for each image; a request may say ?top=N", ge=1, le=1000)
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    host: str = option("127.0.0.1", "Address to listen at; 0.0.0.0 for other machines too", "text")
    port: int = option(8000, "Port to listen at; 0 for one that is free", ge=0, le=65_535)
    token_file: Path | None = option(
        None, "Answer those alone who send the token in this file, which none but you may read"
    )
    no_auth: bool = option(False, "Answer other machines without a token")
    batch: int = option(32, "Images computed together at most", ge=1, le=4096)
    wait: float = option(
        5, "Time for which a decoded image waits for others", "milliseconds", ge=0, le=1000
    )
    queue: int = option(
        512, "Images that may wait; further ones are answered with 429", ge=1, le=1_000_000
    )
    connections: int = option(
        1024, "Open connections; further ones are answered with 503", ge=1, le=100_000
    )
    body: int = option(32, "Size of a request", "megabytes", ge=1, le=2000)
    largest: int = decode_limit()
    decoders: int | None = option(
        None, "Processes that decode images; as many as there are cores", ge=1, le=256
    )
    threads: int | None = option(
        None, "Threads that compute a batch; as many as there are cores", ge=1, le=1024
    )
    head_seconds: float = option(
        10, "Time in which the head of a request must come", "seconds", gt=0, le=3600
    )
    body_seconds: float = option(
        30, "Time in which its body must come, and its answer be taken", "seconds", gt=0, le=3600
    )
    decode_seconds: float = option(
        20, "Time in which an image must be decoded", "seconds", gt=0, le=3600
    )
