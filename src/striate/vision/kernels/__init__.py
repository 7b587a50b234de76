"""Kernels: those that have names, and those that are typed or read from a file."""

from striate.vision.kernels.named import KERNELS, Kernel
from striate.vision.kernels.spelling import kernel

__all__ = ["KERNELS", "Kernel", "kernel"]
