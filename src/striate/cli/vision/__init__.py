"""Commands of classical vision: a picture as numbers, and what kernels make of it."""
