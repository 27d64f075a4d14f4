"""The modules that scripts import for their inference functions, as far as training needs them."""
from sagemaker_containers.beta.framework import content_types, encoders, env, worker

__all__ = ["content_types", "encoders", "env", "worker"]
