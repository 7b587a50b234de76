"""Folder of pictures -> checked listing -> packed pixels -> split -> batches. Only `batches` and `augment` load torch."""
