"""Networks of the zoo, one module per paper."""
