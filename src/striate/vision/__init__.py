"""Classical vision on arrays: what convolution does to pictures and signals before anything learns.

Pictures are (H, W) or (H, W, C), signals are (N,). NumPy in, NumPy out; a tensor comes back as one.
"""

from striate.vision.boxes import drawn
from striate.vision.correlation import Border, Method, Mode, convolve, correlate
from striate.vision.kernels import KERNELS, kernel
from striate.vision.search import Matches, find

__all__ = [
    "KERNELS",
    "Border",
    "Matches",
    "Method",
    "Mode",
    "convolve",
    "correlate",
    "drawn",
    "find",
    "kernel",
]
