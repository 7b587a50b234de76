"""A trained model as one graph that other runtimes answer with, and the proof that they do.

Raises OptionError on import where a package that writes or runs the graph is missing.
"""

from __future__ import annotations

from importlib.util import find_spec

from striate.errors import OptionError

for _package in ("onnx", "onnxscript", "onnxruntime"):
    if find_spec(_package) is None:
        raise OptionError(
            f"this needs {_package}, which is not installed: pip install 'striate[onnx]'"
        )
