"""Classification: which one of several classes an image shows."""
