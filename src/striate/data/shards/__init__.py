"""Images in tar files with an index."""
