"""Folder of pictures -> checked listing -> packed pixels -> split -> batches.

Only `batches` and `augment` load torch; nothing is imported here, as every decoding child starts here.
"""
