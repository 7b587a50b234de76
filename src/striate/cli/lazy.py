"""Functions behind the commands, imported with faster torch loading.

Garbage collection during import, and once more at exit, takes 0.4 of the 1.7 seconds of
loading torch and exiting.
"""

from __future__ import annotations

from striate.cli.imports import without_collection

with without_collection():
    import torch as torch

    from striate import verbs as verbs
