"""Bodies of requests as arrays."""
import io
import json

import numpy as np

from sagemaker_inference import content_types
from sagemaker_inference.errors import UnsupportedFormatError


def _text(body):
    return body.decode() if isinstance(body, bytes) else body


def _npz(body):
    import scipy.sparse

    return scipy.sparse.load_npz(io.BytesIO(body))


_DECODERS = {
    content_types.JSON: lambda body: np.array(json.loads(body)),
    content_types.CSV: lambda body: np.genfromtxt(io.StringIO(_text(body)), delimiter=","),
    # Objects in it would be code that a client runs here.
    content_types.NPY: lambda body: np.load(io.BytesIO(body), allow_pickle=False),
    content_types.NPZ: _npz,
}


def decode(obj, content_type):
    """The array in a body of the content type."""
    if content_type not in _DECODERS:
        raise UnsupportedFormatError(content_type)
    return _DECODERS[content_type](obj)
