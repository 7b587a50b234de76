"""A page a paper."""
