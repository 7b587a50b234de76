"""What a layer costs and gives, in integers: no torch is needed to know it."""

from striate.arithmetic.sizes import output_size, span, transposed_size
from striate.arithmetic.windows import Size, size

__all__ = ["Size", "output_size", "size", "span", "transposed_size"]
