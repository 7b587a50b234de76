"""What a line of results looks like as a table; needs the standard library alone."""
