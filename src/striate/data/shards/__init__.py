"""Pictures in a few large tar files with an index: written by `pack`, read as one more layout."""
