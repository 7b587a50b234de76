"""What differs between tasks: target, loss, what counts as right. A task is one file here."""

from striate.tasks import classification

__all__ = ["classification"]
