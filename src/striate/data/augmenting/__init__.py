"""The parts of `striate.data.augment`: ranges, maps, colours, and pictures over pictures."""
