"""Errors of inference functions."""
from sagemaker_inference.errors import UnsupportedFormatError

__all__ = ["UnsupportedFormatError"]
