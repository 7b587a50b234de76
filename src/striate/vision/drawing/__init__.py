"""Arrays as pictures: numbers of any sign in colours, beside each other, and many in a gallery."""

from striate.vision.drawing.bars import Bar
from striate.vision.drawing.boxes import drawn
from striate.vision.drawing.curves import curve, curve_panel
from striate.vision.drawing.figures import gallery, side_by_side
from striate.vision.drawing.panels import Panel, kernel_panel, panel
from striate.vision.drawing.scales import Scale, choose, coloured

__all__ = [
    "Bar",
    "Panel",
    "Scale",
    "choose",
    "coloured",
    "curve",
    "curve_panel",
    "drawn",
    "gallery",
    "kernel_panel",
    "panel",
    "side_by_side",
]
