"""One picture: from bytes of any kind to upright 8-bit pixels, or the reason why not."""
