"""What a data set holds: samples, as columns, and the split each belongs to."""
