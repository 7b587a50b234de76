"""Several labels: which of them an image has."""
