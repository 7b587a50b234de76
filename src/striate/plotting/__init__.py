"""Arrays as pictures: numbers of any sign in colours, beside each other, and many in a gallery."""

from striate.plotting.boxes import drawn
from striate.plotting.color import Scale, choose, coloured
from striate.plotting.curves import curve, curve_panel
from striate.plotting.figure import gallery, side_by_side
from striate.plotting.panels import Bar, Panel, kernel_panel, panel

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
