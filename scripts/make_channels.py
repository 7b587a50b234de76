"""Make the channel cards of the page on channels, which are kept in the repository.

python scripts/make_channels.py RUN LAYER CLOTHING

RUN is a run folder of the training that the page names, CLOTHING the folder it was trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from striate.look.channels import make_cards
from striate.look.draw_channels import draw_cards
from striate.model import one_network
from striate.model_file import load
from striate.options import EvaluateOptions
from striate.progress import drain

FILE = Path(__file__).parents[1] / "docs" / "images" / "channels.png"


def main(run: str, layer: str, data: str) -> None:
    model = one_network(load(run), "make_channels")
    options = EvaluateOptions(batch=64)
    work = make_cards(model, Path(data), layer, range(8), options, most=200, patches=6)
    sheet = draw_cards(drain(work), most=2)
    sheet.write(FILE)
    print(sheet)


if __name__ == "__main__":
    main(*sys.argv[1:])
