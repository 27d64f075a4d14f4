"""What real XGBoost says about a model.tar.gz."""
import tarfile

import numpy
import xgboost

import service


def load(archive):
    """The Booster in a model.tar.gz."""
    with tarfile.open(archive) as tar:
        data = bytearray(tar.extractfile("xgboost-model").read())
    booster = xgboost.Booster()
    booster.load_model(data)
    return booster


def predicted(booster, part):
    """Labels and the model's probabilities on a part of the census data."""
    labels, rows = service.census_rows(part)
    p = booster.predict(xgboost.DMatrix(numpy.asarray(rows, dtype=numpy.float32)))
    return numpy.asarray(labels), p.astype(numpy.float64)


def error(booster, part):
    """The share of rows whose probability is on the wrong side of one half."""
    labels, p = predicted(booster, part)
    return float(numpy.mean((p > 0.5) != (labels == 1)))


def logloss(booster, part):
    """Mean negative log likelihood of the model's probabilities."""
    labels, p = predicted(booster, part)
    p = numpy.clip(p, 1e-16, 1 - 1e-16)
    return float(-numpy.mean(labels * numpy.log(p) + (1 - labels) * numpy.log(1 - p)))


def trained(parameters, rounds):
    """XGBoost's own model of the same data."""
    labels, rows = service.census_rows("train")
    data = xgboost.DMatrix(numpy.asarray(rows, dtype=numpy.float32), numpy.asarray(labels))
    return xgboost.train(parameters | {"tree_method": "hist", "nthread": 2}, data, rounds)
