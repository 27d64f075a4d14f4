"""Arrays from and to the bodies of requests."""
from sagemaker_inference.decoder import decode
from sagemaker_inference.encoder import encode
from sagemaker_inference.errors import UnsupportedFormatError

__all__ = ["UnsupportedFormatError", "decode", "encode"]
