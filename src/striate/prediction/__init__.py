"""Inference: predictions for single images, as tables, and over sliding windows."""
