"""Images decoded once, in processes of their own, into rows of a file; or as a stream."""
