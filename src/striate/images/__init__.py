"""One image: as numbers, filtered, and the sheet of augmented ones."""
