"""Stands for the package of that name in SageMaker's XGBoost images: what scripts import from it."""
