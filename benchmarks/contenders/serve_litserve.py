"""LitServe with its dynamic batching, of the same bounds on waiting and on a batch as striate's.

python serve_litserve.py WEIGHTS PORT NETWORK SIDE
"""

from __future__ import annotations

import base64
import sys

import litserve
import torch
from served import load, prepare

weights, port, network, side = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])


class Classifier(litserve.LitAPI):
    def setup(self, _device):
        self.model = load(weights, network)

    def decode_request(self, request):
        return prepare(base64.b64decode(request["image"]), side)

    def batch(self, inputs):
        return torch.stack(inputs)

    def predict(self, images):
        with torch.inference_mode():
            return self.model(images).softmax(1)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        share, place = output.max(0)
        return {"class": int(place), "probability": float(share)}


if __name__ == "__main__":
    api = Classifier(max_batch_size=32, batch_timeout=0.005, api_path="/predict")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
