"""The commands that look after what trainings leave: runs and the cache."""
