"""The program that lies beside an exported model: from files to answers without striate."""

from __future__ import annotations

from textwrap import indent

from striate.data.decoding.preprocess import Preprocess
from striate.tasks.answers import Answers

EXAMPLE = "answer.py"  #: name of the program's file

_HEAD = '''\
"""Answers by {file}: python {example} {given}  (needs: pip install {needs})"""

import json
import sys
from pathlib import Path

{imports}

session = onnxruntime.InferenceSession(Path(__file__).parent / "{file}")
about = json.loads(session.get_modelmeta().custom_metadata_map["striate"])["targets"]
names, constants = about["names"], about["constants"]
for path in sys.argv[1:]:
'''
_IMAGE = """\
    image = Image.open(path)
{draft}\
    pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    decoded = session.run(None, {{"images": pixels[None]}})[0][0]
"""
_SIGNAL = """\
    rows = np.load(path, allow_pickle=False).astype(np.{dtype}).reshape(1, {shape})
    decoded = session.run(None, {{"rows": rows}})[0][0]
"""
_DRAFT = """\
    # a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, as it was in training
    image.draft(None, tuple(-(-side * {size} // {by}) for side in image.size))
"""
_BY = {"letterbox": "max(image.size)", "crop": "min(image.size)", "stretch": "side"}


def write_example(task: Answers, view: Preprocess, file: str) -> str:
    """Return the program for a model in this file."""
    images = view.inputs == "image"
    imports = ["import numpy as np", "import onnxruntime"]
    imports += ["from PIL import Image, ImageOps"] if images else []
    head = _HEAD.format(
        file=file,
        example=EXAMPLE,
        given="IMAGE..." if images else "FILE.npy...",
        needs="onnxruntime pillow" if images else "onnxruntime",
        imports="\n".join(imports),
    )
    shape = ", ".join(map(str, view.row_shape))
    read = _SIGNAL.format(dtype=view.dtype, shape=shape)
    if images:
        draft = "" if task.own_size else _DRAFT.format(size=view.size, by=_BY[view.fit])
        read = _IMAGE.format(draft=draft)
    return head + read + indent(task.write_python(), "    ") + "\n"
