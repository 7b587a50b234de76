"""The commands around a training: what rate it takes, and what it leaves in runs and cache."""
