"""Decoding of one image file to pixels."""
