"""One picture at a time, from a file, an array or a notebook: its numbers, and what kernels do."""
