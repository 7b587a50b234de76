"""Data pipeline: folder of images -> checked listing -> decoded pixels -> splits -> batches.

Only `loader`, `augment` and `listing.splits` load torch, and nothing is imported here: every
decoding worker imports this file first.
"""
