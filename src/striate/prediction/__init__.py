"""A trained model on images: one by one, in tables, and slid over a large one."""
