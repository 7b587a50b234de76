"""Plotting: charts, color scales, panels and galleries; shapes rendered as SVG and PNG."""

from striate.plotting.boxes import draw_matches
from striate.plotting.color import Scale, choose_scale, colorize
from striate.plotting.curves import curve, curve_panel
from striate.plotting.figure import draw_gallery, draw_side_by_side
from striate.plotting.panels import Bar, Panel, make_kernel_panel, make_panel

__all__ = [
    "Bar",
    "Panel",
    "Scale",
    "choose_scale",
    "colorize",
    "curve",
    "curve_panel",
    "draw_gallery",
    "draw_matches",
    "draw_side_by_side",
    "make_kernel_panel",
    "make_panel",
]
