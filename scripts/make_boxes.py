"""Make the picture of the page on boxes: true boxes as they are, and as augmentation moves them.

python benchmarks/task_data.py blood-boxes ARCHIVE blood
python scripts/make_boxes.py blood
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from striate.data.augment.boxes import move_boxes
from striate.data.augment.plan import apply_plan, make_plan, uniform_samples
from striate.data.augment.ranges import LEVELS
from striate.data.cache.stream import decode_rows
from striate.data.decoding.preprocess import Preprocess
from striate.data.prepare import record_images
from striate.progress import drain
from striate.tasks.detection.drawing import draw_targets

FILE = Path(__file__).parents[1] / "docs" / "images" / "boxes.webp"
SIDE, IMAGE, EPOCHS = 480, 1, (1, 3)


def main() -> None:
    """Draw one image, then as it is shown in two epochs."""
    listing, records = drain(record_images(sys.argv[1]))
    view = Preprocess(SIDE, 3, mean=(0.0,) * 3, std=(1.0,) * 3)
    decoded = decode_rows(listing, records, np.array([IMAGE]), view)
    boxes = decoded.targets.placed(view, decoded.records)
    images, spec = view.normalize(torch.from_numpy(decoded.pixels[:])), decoded.targets.spec
    shown = [draw_targets(decoded.pixels[0], boxes[0], spec)]
    for epoch in EPOCHS:
        uniform = uniform_samples(1, 0, epoch)
        plan = make_plan(uniform, LEVELS["strong"], images.shape[1:], fill=view.padding)
        pixels = apply_plan(images, plan)[0].permute(1, 2, 0).mul(255).clamp(0, 255).byte()
        moved = move_boxes(torch.from_numpy(boxes), plan)[0].numpy()
        shown.append(draw_targets(pixels.contiguous().numpy(), moved, spec))
    Image.fromarray(np.concatenate(shown, axis=1)).save(FILE, quality=80)


if __name__ == "__main__":
    main()
