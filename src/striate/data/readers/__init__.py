"""A reader for each layout of a data set on the disk."""
