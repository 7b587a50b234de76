"""Single-image tools: pixel statistics, filtering, and augmentation contact sheets."""
