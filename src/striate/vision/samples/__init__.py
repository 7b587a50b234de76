"""Images and a signal to play with. README.md says where each comes from, and its license."""

from striate.vision.samples.loading import SAMPLES, sample

__all__ = ["SAMPLES", "sample"]
