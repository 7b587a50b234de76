"""The description of the routes, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

import striate
from striate.serving.limits import MOST_TOP

_KINDS = {"image": "image/*", "signal": "text/csv", "sequence": "text/plain"}
_REFUSED = {
    "400": "The request cannot be read",
    "401": "A token is needed",
    "404": "There is no such page",
    "405": "Another method is needed",
    "408": "The request did not come in time",
    "413": "The body, or an image decoded, is too large",
    "415": "The content type is not one that is read",
    "422": "The image cannot be read",
    "429": "Too many images wait; Retry-After says for how many seconds",
    "431": "The head of the request is too large",
    "503": "The server is full, starting or ending; Retry-After says for how many seconds",
}
_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}


def describe_routes(inputs: str, *, token: bool) -> dict[str, Any]:
    """Return the document for a model of images, signals or sequences."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    files = {"type": "array", "items": binary["schema"]}
    form = {"schema": _object({inputs: files}, inputs)}
    types = (_KINDS[inputs], "application/octet-stream")
    predict = {
        "operationId": "predict",
        "summary": f"Predict one {inputs}, or several as parts of a form",
        "parameters": [
            _parameter("top", {"type": "integer", "minimum": 1, "maximum": MOST_TOP}),
            _parameter("picture", {"type": "string", "enum": ["yes", "no"]}),
        ],
        "requestBody": {
            "required": True,
            "content": {**dict.fromkeys(types, binary), "multipart/form-data": form},
        },
        "responses": {
            "200": _response("The answers, in order", "#/components/schemas/Predictions"),
            **{
                code: _response(told, "#/components/schemas/Refused")
                for code, told in _REFUSED.items()
            },
        },
    }
    pages = {
        "/healthz": "Whether the process runs",
        "/readyz": "Whether images are answered: 503 while it starts or ends",
        "/metrics": "Figures for Prometheus",
        "/openapi.json": "This document",
    }
    scheme = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "striate", "version": striate.__version__},
        "paths": {
            "/v1/predict": {"post": predict},
            **{path: {"get": _page(path, told)} for path, told in pages.items()},
        },
        "components": {"schemas": _schemas(), **({"securitySchemes": scheme} if token else {})},
        **({"security": [{"token": []}]} if token else {}),
    }


def _schemas() -> dict[str, Any]:
    error = _object({"code": _TEXT, "message": _TEXT}, "code", "message")
    timing = _object(dict.fromkeys(("queue_ms", "decode_ms", "compute_ms"), _NUMBER))
    model = _object(dict.fromkeys(("sha256", "task", "network"), _TEXT), "sha256")
    notes = {"type": "array", "items": _TEXT}
    # the other fields are those that `striate predict --json` prints for the task
    row = _object({"name": _TEXT, "notes": notes, "error": error, "timing": timing}, "name")
    several = {"type": "array", "items": row}
    return {
        "Predictions": _object({"model": model, "predictions": several}, "model", "predictions"),
        "Refused": _object({"error": error}, "error"),
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _response(told: str, schema: str) -> dict[str, Any]:
    return {"description": told, "content": {"application/json": {"schema": {"$ref": schema}}}}


def _page(path: str, told: str) -> dict[str, Any]:
    name = path.strip("/").removesuffix(".json")
    return {"operationId": name, "summary": told, "responses": {"200": {"description": told}}}
