"""Shards: images in tar files with an index."""
