"""What a layer costs and gives, in integers: no torch is needed to know it."""

from striate.arithmetic.sizes import conv_params, output_size, span

__all__ = ["conv_params", "output_size", "span"]
