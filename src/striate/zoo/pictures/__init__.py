"""Networks that give a picture: a map of classes, a reconstruction, an invention."""
