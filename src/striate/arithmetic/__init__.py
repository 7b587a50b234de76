"""What a layer costs and gives, in integers: no torch is needed to know it."""

from striate.arithmetic.sizes import output_size, span, transposed_size

__all__ = ["output_size", "span", "transposed_size"]
