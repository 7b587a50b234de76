"""Decoded-image cache: images decoded once by worker processes into an array, or streamed."""
