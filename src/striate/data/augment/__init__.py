"""Augmentation of whole batches: ranges, geometry, colors, and images laid over images."""
