"""Runs clary_gbdt_tool from Python: writes matrices, trains, reads models back."""
import os
import subprocess

import numpy as np

TOOL = os.environ.get("CLARY_GBDT_TOOL", "clary_gbdt_tool")


def write_matrix(path, values, label, weight=None, groups=None, bounds=None):
    flags = (1 if weight is not None else 0) | (2 if groups is not None else 0) | (4 if bounds is not None else 0)
    rows, columns = values.shape
    with open(path, "wb") as out:
        np.array([rows, columns, flags], dtype=np.int64).tofile(out)
        np.asarray(label, dtype=np.float32).tofile(out)
        if weight is not None:
            padded = np.zeros(rows, dtype=np.float32)
            padded[: len(weight)] = weight
            padded.tofile(out)
        if groups is not None:
            np.array([len(groups), *groups], dtype=np.uint32).tofile(out)
        if bounds is not None:
            np.asarray(bounds, dtype=np.float32).tofile(out)
        np.ascontiguousarray(values, dtype=np.float32).tofile(out)


def train(model, data, evals, params):
    """Returns the printed lines; the last one is the time. `params` as XGBoost names them."""
    words = [f"{k}={v}" for k, v in params.items()]
    sets = [f"{k}={v}" for k, v in evals.items()]
    run = subprocess.run([TOOL, "train", model, data, *sets, "--", *words], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    return run.stdout.splitlines()


def margins(model):
    """Margins of the last evaluation set (or of the training set) by our own predictor."""
    return np.fromfile(model + ".margin", dtype=np.float32)


def predict(model, data, kind):
    """Our predictions of any model file: kind is value, margin, leaf, contributions, interactions."""
    out = model + ".predicted"
    run = subprocess.run([TOOL, "predict", model, data, kind, out], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    return np.fromfile(out, dtype=np.float32)
