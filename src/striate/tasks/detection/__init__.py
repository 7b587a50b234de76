"""Detection: where objects are, and of which class."""
