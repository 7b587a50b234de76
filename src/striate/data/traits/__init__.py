"""Traits of image files, and whether they give the class away."""
