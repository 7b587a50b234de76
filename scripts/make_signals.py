"""Make the images of the page on signals as inputs, kept in the repository.

Run it in a folder with the `beats.csv` and `runs/beats` of that page:

    python scripts/make_signals.py
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from striate.look.sheet import Sheet
from striate.look.signal_kinds import look_at_signals
from striate.model_file import load
from striate.options import LookOptions
from striate.plotting.png import to_png

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WANTED = {"classes": {"show": "classes"}, "maps-c1": {"show": "maps", "layers": "c1"}}


def main() -> None:
    model = load(Path("runs/beats/model.safetensors"))
    for name, options in WANTED.items():
        ((_, sheet),) = look_at_signals(model, Path("beats.csv"), LookOptions.read(options))
        write(f"beats-{name}", sheet)


def write(name: str, sheet: Sheet) -> None:
    target = IMAGES / f"{name}.webp"
    Image.open(io.BytesIO(to_png(sheet.picture))).convert("RGB").save(target, quality=80, method=6)
    print(f"{target.name}: {target.stat().st_size:,} bytes. {sheet}")


if __name__ == "__main__":
    main()
