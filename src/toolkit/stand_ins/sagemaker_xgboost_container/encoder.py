"""Bodies of requests as a DMatrix: rows of features, without a label."""
import json
import os
import tempfile

import numpy as np
import xgboost

from sagemaker_inference.errors import UnsupportedFormatError
from sagemaker_xgboost_container import data_utils


def csv_to_dmatrix(input, dtype=None):
    """Rows of CSV, text or bytes; an empty field is a missing value."""
    text = input.decode() if isinstance(input, bytes) else input
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("the body has no rows")
    delimiter = data_utils._delimiter(lines[0])
    rows = [[field.strip() or "nan" for field in line.split(delimiter)] for line in lines]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ValueError("row %d has %d fields, and the first has %d"
                             % (number, len(row), len(rows[0])))
    return xgboost.DMatrix(np.array(rows).astype(dtype or np.float32))


def libsvm_to_dmatrix(string_like):
    """Rows of LIBSVM with their labels; indices as in training."""
    body = string_like.encode() if isinstance(string_like, str) else string_like
    handle, path = tempfile.mkstemp(suffix=".libsvm")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(body)
        return xgboost.DMatrix(path + "?format=libsvm")
    finally:
        os.remove(path)


def recordio_protobuf_to_dmatrix(string_like):
    """Records with their features."""
    matrix = data_utils._recordio([bytes(string_like)])
    if matrix is None:
        raise ValueError("the body has no records")
    return matrix


def json_to_jsonlines(json_data):
    """The entries of the one list of a JSON object, a line each."""
    document = json_data if isinstance(json_data, dict) else json.loads(json_data)
    if len(document) != 1:
        raise ValueError("JSON response is not compatible for conversion to jsonlines.")
    entries = next(iter(document.values()))
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


_DECODERS = {
    "text/csv": csv_to_dmatrix,
    "text/libsvm": libsvm_to_dmatrix,
    "text/x-libsvm": libsvm_to_dmatrix,
    "application/x-recordio-protobuf": recordio_protobuf_to_dmatrix,
}


def decode(obj, content_type):
    """The rows in a body of the content type."""
    name = (content_type or "").split(";")[0].strip().lower()
    if name not in _DECODERS:
        raise UnsupportedFormatError("%s (known: %s)" % (content_type, ", ".join(sorted(_DECODERS))))
    return _DECODERS[name](obj)
