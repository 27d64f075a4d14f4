"""Stands for the package of that name in SageMaker's images: what inference scripts import from it."""
