"""A trained model as one graph that other runtimes answer with, and the proof that they do."""
