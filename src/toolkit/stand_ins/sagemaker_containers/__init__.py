"""Stands for the package of that name in SageMaker's images: what scripts import from it."""
