"""The process of `striate serve` that holds the model.

python -P -m striate.verbs.engine '{"model": "photos.safetensors", ...}' DESCRIPTOR
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from striate.cache_store import file_digest
from striate.onnx_model import OnnxModel, is_onnx
from striate.prediction.engine import Engine
from striate.serving.compute import Served, serve_batches


def main() -> None:
    """Load the model that the settings name, and answer batches until the server ends."""
    settings, memory = json.loads(sys.argv[1]), int(sys.argv[2])
    given = settings["options"]
    serve_batches(partial(_load, settings), memory, int(given["largest"]), int(given["batch"]))


def _load(settings: dict[str, Any]) -> Served:
    from striate.options import PredictOptions  # lazily: errors are told to the server
    from striate.verbs.answering import files_of, make_predictor

    model = Path(settings["model"])
    if settings["threads"] and not is_onnx(model):
        import torch

        torch.set_num_threads(settings["threads"])
    given = {name: value for name, value in settings["options"].items() if value is not None}
    predictor = make_predictor(model, PredictOptions.read(given), settings["threads"] or 0)
    engine = predictor.model if predictor.full_size else _quicken(predictor.model)
    file = next(files_of(model))
    return Served(engine, predictor.full_size, file_digest(file), engine.network_name)


def _quicken(engine: Engine) -> Engine:
    """Fold norms into convolutions: a sixth less work for ResNet-18, equal up to rounding."""
    if isinstance(engine, OnnxModel):  # has none left, and PyTorch is not needed
        return engine
    from striate.hardware import to_device
    from striate.layers.fold_norms import fold_norms
    from striate.model import Ensemble, Model

    def quick(model: Model) -> Model:
        if not model.spec.ours:
            return model
        device = next(model.network.parameters()).device
        return replace(model, network=to_device(fold_norms(model.network), device))

    if isinstance(engine, Ensemble):
        return replace(engine, members=tuple(map(quick, engine.members)))
    return quick(engine) if isinstance(engine, Model) else engine


if __name__ == "__main__":
    main()
