"""From the first convolutional networks to the deepest without shortcuts; dense rivals."""
