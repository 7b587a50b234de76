"""Folder of images -> checked listing -> packed pixels -> split -> batches.

Only `batches` and `augment` load torch, and nothing is imported here: every child that decodes
images starts with this file.
"""
