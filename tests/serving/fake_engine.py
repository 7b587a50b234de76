"""An engine without a network, which answers with the mean color of an image.

    python -m tests.serving.fake_engine '{"side": 8, "seconds": 0.01, ...}' DESCRIPTOR

It takes `seconds` for a batch and `each` for an image; an image of the color `deadly` ends it, and
one of the color `endless` answers NaN.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.data.decoding.preprocess import Preprocess
from striate.serving.compute import Served, serve_batches

DEADLY, ENDLESS = 254, 253


@dataclass(frozen=True)
class MeanAnswer:
    mean: tuple[int, ...]
    top: int
    rejected: bool

    def to_json(self) -> dict[str, Any]:
        return {"mean": list(self.mean), "top": self.top, "rejected": self.rejected}


class MeanTask:
    name, head = "mean", "logits"

    def answer(self, decoded, top):
        return MeanAnswer(tuple(decoded.round().astype(int).tolist()), top, rejected=False)

    def reject(self, decoded, top):
        return MeanAnswer(tuple(decoded.round().astype(int).tolist()), top, rejected=True)

    def restore(self, decoded, preprocess, size):
        return decoded


@dataclass(frozen=True)
class FakeEngine:
    side: int
    seconds: float
    each: float
    task = MeanTask()

    @property
    def preprocess(self) -> Preprocess:
        return Preprocess(self.side, 3, "stretch")

    @property
    def views(self) -> tuple[Preprocess, ...]:
        return (self.preprocess,)

    def decode_and_reject(self, pixels):
        time.sleep(self.seconds + self.each * len(pixels))
        decoded = pixels.reshape(len(pixels), -1, 3).mean(axis=1)
        if (decoded == DEADLY).all(axis=1).any():
            os.kill(os.getpid(), signal.SIGKILL)
        decoded[(decoded == ENDLESS).all(axis=1)] = np.nan
        return decoded, np.zeros(len(pixels), bool)


def main() -> None:
    told = json.loads(sys.argv[1])
    engine = FakeEngine(told.get("side", 8), told.get("seconds", 0.0), told.get("each", 0.0))
    serve_batches(lambda: Served(engine, None, "0" * 64, "fake"), int(sys.argv[2]), 200, 32)


if __name__ == "__main__":
    main()
