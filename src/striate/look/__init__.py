"""Looking inside: what a trained network has learned, as pictures and as arrays."""
