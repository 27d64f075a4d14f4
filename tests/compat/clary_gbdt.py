"""Runs clary_gbdt_tool from Python: writes matrices, trains, reads models back."""
import os
import subprocess

import numpy as np

TOOL = os.environ.get("CLARY_GBDT_TOOL", "clary_gbdt_tool")


def write_matrix(path, values, label, weight=None, groups=None, bounds=None, base_margin=None):
    label = np.asarray(label, dtype=np.float32)
    flags = (1 if weight is not None else 0) | (2 if groups is not None else 0) | (4 if bounds is not None else 0)
    flags |= (8 if base_margin is not None else 0) | ((1 if label.ndim == 1 else label.shape[1]) - 1) << 8
    rows, columns = values.shape
    with open(path, "wb") as out:
        np.array([rows, columns, flags], dtype=np.int64).tofile(out)
        label.tofile(out)
        if weight is not None:
            padded = np.zeros(rows, dtype=np.float32)
            padded[: len(weight)] = weight
            padded.tofile(out)
        if groups is not None:
            np.array([len(groups), *groups], dtype=np.uint32).tofile(out)
        if bounds is not None:
            np.asarray(bounds, dtype=np.float32).tofile(out)
        if base_margin is not None:
            np.array([np.size(base_margin)], dtype=np.int64).tofile(out)
            np.ascontiguousarray(base_margin, dtype=np.float32).tofile(out)
        np.ascontiguousarray(values, dtype=np.float32).tofile(out)


def run(*words):
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.splitlines()


def train(model, data, evals, params):
    """Returns the printed lines; the last one is the time. `params` as XGBoost names them."""
    words = [f"{k}={v}" for k, v in params.items()]
    sets = [f"{k}={v}" for k, v in evals.items()]
    return run("train", model, data, *sets, "--", *words)


def margins(model):
    """Margins of the last evaluation set (or of the training set) by our own predictor."""
    return np.fromfile(model + ".margin", dtype=np.float32)


def predict(model, data, kind, rounds=()):
    """Flat predictions of a model file; `rounds` is (first, end)."""
    out = f"{model}.{kind}.f32"
    run("predict", model, data, kind, out, *rounds)
    return np.fromfile(out, dtype=np.float32)


def importance(model):
    """{kind: {feature: value}}."""
    kinds = {}
    for line in run("importance", model):
        kind, feature, value = line.split()
        kinds.setdefault(kind, {})[int(feature)] = float(value)
    return kinds


def metrics(predictions, data, names, params):
    """The printed values of metrics of transformed predictions."""
    path = f"{data}.predictions.f32"
    np.asarray(predictions, dtype=np.float32).tofile(path)
    words = [f"{k}={v}" for k, v in params.items()]
    return [line.rsplit(":", 1)[1] for line in run("metrics", path, data, *names, "--", *words)]
