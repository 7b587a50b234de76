"""How good a network is, and how far to trust that: numbers, an evaluation, remarks, the report.

From low to high: `metrics`, `text`, `scores`, `evaluation`, `curves`, `remarks`, `pictures`,
`report`, `inference`. Only `inference` loads torch.
"""
