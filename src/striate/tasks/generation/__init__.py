"""Generation: new images like those given."""
