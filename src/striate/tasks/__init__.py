"""Tasks, one file each: targets, loss and correct counts."""

from striate.tasks import classification

__all__ = ["classification"]
