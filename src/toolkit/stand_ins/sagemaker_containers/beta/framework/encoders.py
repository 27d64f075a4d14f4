"""Arrays from and to the bodies of requests."""
import io
import json

import numpy as np

from sagemaker_containers.beta.framework import content_types


class UnsupportedFormatError(Exception):
    """There is no coding for the content type."""


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


def encode(array_like, content_type):
    """`array_like` as a body of the content type."""
    if content_type == content_types.JSON:
        return json.dumps(_plain(array_like))
    if content_type == content_types.CSV:
        out = io.StringIO()
        np.savetxt(out, np.atleast_2d(np.asarray(array_like)), delimiter=",", fmt="%s")
        return out.getvalue()
    if content_type == content_types.NPY:
        out = io.BytesIO()
        np.save(out, np.asarray(array_like))
        return out.getvalue()
    raise UnsupportedFormatError(content_type)


def decode(obj, content_type):
    """The array in a body of the content type."""
    if content_type == content_types.JSON:
        return np.array(json.loads(obj))
    if content_type == content_types.CSV:
        text = obj.decode() if isinstance(obj, bytes) else obj
        return np.genfromtxt(io.StringIO(text), delimiter=",")
    if content_type == content_types.NPY:
        return np.load(io.BytesIO(obj), allow_pickle=False)
    raise UnsupportedFormatError(content_type)
