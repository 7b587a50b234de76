"""What leaves the house: predictions of a trained network, as values and as files."""
