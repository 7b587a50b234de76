"""FastAPI and torch, as its guide has it: an image is decoded and computed in a worker thread.

python serve_fastapi.py WEIGHTS PORT NETWORK SIDE
"""

from __future__ import annotations

import sys

import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from served import load, prepare

weights, port, network, side = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
model = load(weights, network)
app = FastAPI()


def answer(content: bytes) -> dict[str, object]:
    with torch.inference_mode():
        shares = model(prepare(content, side)[None]).softmax(1)[0]
    share, place = shares.max(0)
    return {"class": int(place), "probability": float(share)}


@app.post("/predict")
async def predict(request: Request) -> dict[str, object]:
    return await run_in_threadpool(answer, await request.body())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
