"""Classical vision on arrays: convolution, filters, pooling, resampling, templates, proposals.

Images are (H, W) or (H, W, C), signals are (N,). NumPy in, NumPy out; tensors return tensors.
"""

from striate.vision.conv_layer import as_layer
from striate.vision.convolution import convolve, correlate
from striate.vision.convolution_methods import Border, Method, Mode
from striate.vision.filters import derivative, gradient_direction, gradient_magnitude, step_response
from striate.vision.kernel_parser import kernel
from striate.vision.kernels import KERNELS
from striate.vision.pooling import average_pool, max_pool, subsample
from striate.vision.proposals import propose_regions
from striate.vision.resample import Fill, downsample, upsample
from striate.vision.samples import SAMPLES, sample
from striate.vision.superpixels import find_superpixels
from striate.vision.template_match import Matches, find

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
    "find_superpixels",
    "gradient_direction",
    "gradient_magnitude",
    "kernel",
    "max_pool",
    "propose_regions",
    "sample",
    "step_response",
    "subsample",
    "upsample",
]
