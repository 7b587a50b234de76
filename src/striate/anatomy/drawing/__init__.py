"""A picture of a network: its volumes to scale, in order, with forks and joins."""

from striate.anatomy.drawing.layout import laid_out
from striate.anatomy.drawing.png import png
from striate.anatomy.drawing.shapes import Drawing
from striate.anatomy.drawing.svg import svg

__all__ = ["Drawing", "laid_out", "png", "svg"]
