"""striate turns pictures into a convolutional network that its owner can train, understand, trust and ship."""

__version__ = "0.1.0"
