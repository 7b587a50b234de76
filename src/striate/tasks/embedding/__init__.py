"""Embedding: pictures of one class lie near each other, also of classes not trained on."""
