"""Classical vision on arrays: what convolution does to pictures and signals before anything learns.

Pictures are (H, W) or (H, W, C), signals are (N,). NumPy in, NumPy out; a tensor comes back as one.
"""

from striate.vision.bridge import as_layer
from striate.vision.correlation import convolve, correlate
from striate.vision.kernels import KERNELS, kernel
from striate.vision.settings import Border, Method, Mode

__all__ = [
    "KERNELS",
    "Border",
    "Method",
    "Mode",
    "as_layer",
    "convolve",
    "correlate",
    "kernel",
]
