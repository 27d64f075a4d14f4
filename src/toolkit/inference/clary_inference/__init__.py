"""Serves a user's inference script (docs/serving.md)."""
