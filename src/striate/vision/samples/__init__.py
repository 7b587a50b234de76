"""Sample images and a signal. README.md lists their sources and licenses."""

from striate.vision.samples.loading import SAMPLES, sample

__all__ = ["SAMPLES", "sample"]
