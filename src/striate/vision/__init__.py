"""Classical vision on arrays: what convolution does to pictures and signals before anything learns.

Pictures are (H, W) or (H, W, C), signals are (N,). NumPy in, NumPy out; a tensor comes back as one.
"""

from striate.vision.bridge import as_layer
from striate.vision.correlation import Border, Method, Mode, convolve, correlate
from striate.vision.gradients import gradient_direction, gradient_magnitude
from striate.vision.kernels import KERNELS, kernel
from striate.vision.pooling import average_pool, max_pool, subsample
from striate.vision.samples import SAMPLES, sample
from striate.vision.sampling import Fill, downsample, upsample
from striate.vision.search import Matches, find
from striate.vision.signals import derivative, step_response

__all__ = [
    "KERNELS",
    "SAMPLES",
    "Border",
    "Fill",
    "Matches",
    "Method",
    "Mode",
    "as_layer",
    "average_pool",
    "convolve",
    "correlate",
    "derivative",
    "downsample",
    "find",
    "gradient_direction",
    "gradient_magnitude",
    "kernel",
    "max_pool",
    "sample",
    "step_response",
    "subsample",
    "upsample",
]
