"""Files of a channel as a DMatrix: label first, without a header."""
import csv as csv_module
import os
import struct

import numpy as np
import xgboost

CSV, LIBSVM, PARQUET, RECORDIO_PROTOBUF = "csv", "libsvm", "parquet", "recordio-protobuf"
_TYPES = {
    "csv": CSV, "text/csv": CSV,
    "libsvm": LIBSVM, "text/libsvm": LIBSVM, "text/x-libsvm": LIBSVM,
    "parquet": PARQUET, "application/x-parquet": PARQUET,
    "recordio-protobuf": RECORDIO_PROTOBUF,
    "application/x-recordio-protobuf": RECORDIO_PROTOBUF,
}
_MAGIC = 0xCED7230A


class UserError(Exception):
    """The data, or what was said about it, is wrong."""


def get_content_type(content_type_cfg_val):
    """The short name of a content type; libsvm for none."""
    if content_type_cfg_val is None:
        return LIBSVM
    name, _, parameters = content_type_cfg_val.lower().partition(";")
    if name.strip() not in _TYPES:
        raise UserError("%s is not an accepted ContentType: %s." % (
            content_type_cfg_val, ", ".join(sorted(_TYPES))))
    for parameter in parameters.split(";"):
        key, _, value = parameter.strip().partition("=")
        if key == "label_size" and value != "1":
            raise UserError("%s is not an accepted csv ContentType. Optional parameter label_size "
                            "must be equal to 1" % content_type_cfg_val)
    return _TYPES[name.strip()]


def _files(path):
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [os.path.join(folder, n) for n in sorted(names) if not n.startswith((".", "_"))]
    return found


def _split(table, csv_weights):
    first = 2 if csv_weights == 1 else 1
    if table.shape[1] <= first:
        raise UserError("the data has %d columns, and there have to be features behind the label%s"
                        % (table.shape[1], " and the weight" if first == 2 else ""))
    weight = table[:, 1] if csv_weights == 1 else None
    return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=weight)


def _delimiter(line):
    try:
        return csv_module.Sniffer().sniff(line[:4096], delimiters=",\t ;|").delimiter
    except csv_module.Error:
        return ","


def _csv(sources, csv_weights):
    tables = []
    for source in sources:
        lines = [line for line in source.decode("utf-8-sig").splitlines() if line.strip()]
        if not lines:
            continue
        try:
            table = np.genfromtxt(lines, delimiter=_delimiter(lines[0]), dtype=np.float32,
                                  comments=None)
        except ValueError as error:
            raise UserError("Failed to load csv data: %s" % error) from error
        tables.append(table.reshape(len(lines), -1))
    return _split(np.concatenate(tables), csv_weights) if tables else None


def _parquet(files):
    import pandas

    tables = [pandas.read_parquet(f).to_numpy(dtype=np.float32) for f in files]
    return _split(np.concatenate(tables), 0) if tables else None


def _libsvm(files):
    from scipy.sparse import vstack
    from sklearn.datasets import load_svmlight_files

    loaded = load_svmlight_files(files, dtype=np.float32, zero_based=True)
    return xgboost.DMatrix(vstack(loaded[0::2]), label=np.concatenate(loaded[1::2]))


# --- RecordIO-protobuf: frames of a Record {features = 1, label = 2}, each a map from a name to a
# Value that holds a tensor {values = 1, keys = 2, shape = 3} of float32 = 2, float64 = 3, int32 = 7.

def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data):
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        elif kind == 5:
            value, at = data[at:at + 4], at + 4
        else:
            raise UserError("not a protobuf record")
        yield tag >> 3, kind, value


def _integers(kind, value):
    if kind == 0:
        return [value]
    out, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        out.append(number)
    return out


def _tensor(value):
    for field, _, tensor in _fields(value):
        if field not in (2, 3, 7):
            continue
        values, keys, shape = [], [], []
        for part, kind, content in _fields(tensor):
            if part == 1 and field == 7:
                values += [n - (1 << 64) if n >> 63 else n for n in _integers(kind, content)]
            elif part == 1:
                values += np.frombuffer(content, "<f4" if field == 2 else "<f8").tolist()
            elif part == 2:
                keys += _integers(kind, content)
            elif part == 3:
                shape += _integers(kind, content)
        return values, keys, shape
    return [], [], []


def _record(data):
    features, label = ([], [], []), []
    for field, _, entry in _fields(data):
        if field in (1, 2):
            for part, _, value in _fields(entry):
                if part == 2 and field == 1:
                    features = _tensor(value)
                elif part == 2:
                    label = _tensor(value)[0]
    return features, label


def _recordio(sources):
    from scipy.sparse import csr_matrix

    values, columns, starts, labels, width = [], [], [0], [], 0
    for source in sources:
        at = 0
        while at + 8 <= len(source):
            magic, word = struct.unpack_from("<II", source, at)
            if magic != _MAGIC:
                raise UserError("Failed to load recordio-protobuf data: no frame at byte %d" % at)
            size = word & 0x1FFFFFFF
            (found, keys, shape), label = _record(source[at + 8:at + 8 + size])
            at += 8 + (size + 3) // 4 * 4
            columns += keys if keys else range(len(found))
            values += found
            starts.append(len(values))
            labels += label[:1]
            width = max(width, shape[-1] if shape else 0, (max(keys) + 1) if keys else len(found))
    if len(starts) == 1:
        return None
    matrix = csr_matrix((values, columns, starts), shape=(len(starts) - 1, width), dtype=np.float32)
    return xgboost.DMatrix(matrix, label=labels if len(labels) == len(starts) - 1 else None)


def _read(path):
    with open(path, "rb") as source:
        return source.read()


def get_dmatrix(data_path, content_type, csv_weights=0, is_pipe=False, combine_train_val=False):
    """The files of a folder, or one file, as a DMatrix; None if there are none.

    With is_pipe, data_path is a channel of input mode Pipe, whose first epoch is read. data_path may
    be a list of folders.
    """
    kind = get_content_type(content_type)
    paths = data_path if isinstance(data_path, (list, tuple)) else [data_path]
    if is_pipe:
        files = [p + "_0" for p in paths]
    else:
        files = [f for p in paths if p and os.path.exists(p) for f in _files(p)]
    if not files:
        return None
    if kind == CSV:
        return _csv((_read(f) for f in files), csv_weights)
    if kind == RECORDIO_PROTOBUF:
        return _recordio(_read(f) for f in files)
    if kind == LIBSVM:
        return _libsvm(files)
    return _parquet(files)
