"""Studies: several trainings with one question, which go on where they were killed."""
