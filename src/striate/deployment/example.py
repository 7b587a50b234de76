"""The program that lies beside an exported model: from files to answers without striate."""

from __future__ import annotations

from textwrap import indent

from striate.data.decoding.preprocess import Preprocess
from striate.deployment.target import Target
from striate.tasks.answers import Answers
from striate.tasks.results import NONE_OF_THESE

EXAMPLE = "answer.py"  #: name of the program's file

_HEAD = '''\
"""Answers by {file}: python {example} {given}  (needs: pip install {needs})"""

import json
import sys
from pathlib import Path

{imports}

here = Path(__file__).parent
{opening}

about = json.loads(described)["targets"]
names, constants = about["names"], about["constants"]
for path in sys.argv[1:]:
'''
_IMAGE = """\
    image = Image.open(path)
    if image.mode[0] in "IF":
        sys.exit(f"{{path}}: expected 8 bits a value, but the mode {{image.mode}} came")
{draft}\
    image = ImageOps.exif_transpose(image).convert("RGBA")
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(image, mask=image)
    {outputs} = run(np.array(opaque)[None]{repeat})
"""
_SIGNAL = """\
    signal = np.load(path, allow_pickle=False).astype(np.float32).reshape(1, -1, {channels})
    {outputs} = run(signal{repeat})
"""
_SEQUENCE = """\
    codes = [["ACGT".find(letter) % 5] for letter in path.upper().replace("U", "T")]
    {outputs} = run(np.array([codes], np.uint8){repeat})
"""
_REJECT = f"""\
    if rejected:
        print(path, "{NONE_OF_THESE}")
        continue
"""
_DRAFT = """\
    # a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, as it was in training
    image.draft(None, tuple(-(-side * {size} // {by}) for side in image.size))
"""
_BY = {"letterbox": "max(image.size)", "crop": "min(image.size)", "stretch": "side"}


def write_example(
    task: Answers, view: Preprocess, target: Target, *, rejects: bool, batch: int | None = None
) -> str:
    """Return the program for a model in a file of this kind, which may reject images.

    Where it takes `batch` images at once alone, each is given so many times.
    """
    read, given = {
        "image": (_IMAGE, "IMAGE..."),
        "signal": (_SIGNAL, "FILE.npy..."),
        "sequence": (_SEQUENCE, "ACGT..."),
    }[view.inputs]
    images = view.inputs == "image"
    imports = ["import numpy as np", target.imports]
    imports += ["from PIL import Image, ImageOps"] if images else []
    head = _HEAD.format(
        file=target.files[0],
        example=EXAMPLE,
        given=given,
        needs=f"{target.package} pillow" if images else target.package,
        imports="\n".join(imports),
        opening=target.opening,
    )
    read = read.format(
        outputs="(decoded, *_), (rejected, *_)" if rejects else "((decoded, *_),)",
        repeat=f".repeat({batch}, axis=0)" if batch else "",
        channels=view.channels,
        draft="" if task.own_size else _DRAFT.format(size=view.size, by=_BY[view.fit]),
    )
    read += _REJECT if rejects else ""
    return head + read + indent(task.write_python(), "    ") + "\n"
