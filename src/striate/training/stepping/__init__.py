"""A step of a training: what it does, what it is made of here, and whether it is well."""
