"""Batch augmentation: ranges, geometry, color, erasing, mixup and CutMix."""
