"""Serving: a trained model behind HTTP, on asyncio and processes of its own; no torch."""
