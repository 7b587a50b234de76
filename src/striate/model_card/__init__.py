"""What a model file is, told to people: `info`, `reading`, `front_matter`, `card`."""
