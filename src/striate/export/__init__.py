"""Exported models: written, in 8 bits where asked for, and proven to answer the same."""
