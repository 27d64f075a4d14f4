"""The modules that scripts import for their inference functions."""
from sagemaker_containers.beta.framework import content_types, encoders, env, errors, worker

__all__ = ["content_types", "encoders", "env", "errors", "worker"]
