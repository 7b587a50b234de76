"""How good a network is, and how far to trust that: numbers, an evaluation, the page, a replay.

From low to high: `metrics`, `scores`, `evaluation`, `inference`, `page`, `replay`.
"""
