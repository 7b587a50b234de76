"""Layer arithmetic: output sizes, parameters, MACs and receptive fields, without torch."""

from striate.arithmetic.chains import size
from striate.arithmetic.sizes import output_size, span, transposed_size
from striate.arithmetic.volumes import LayerSize, Volumes
from striate.arithmetic.windows import Size

__all__ = ["LayerSize", "Size", "Volumes", "output_size", "size", "span", "transposed_size"]
