"""A kernel slid over a signal or a picture, by the quickest of three methods."""

from striate.vision.correlation.settings import Border, Method, Mode
from striate.vision.correlation.sliding import convolve, correlate

__all__ = ["Border", "Method", "Mode", "convolve", "correlate"]
