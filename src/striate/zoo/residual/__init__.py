"""Networks whose layers see past the layer before: by sums, or side by side."""
