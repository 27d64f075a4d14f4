#!/usr/bin/env python3
"""Test quality beside XGBoost: the same data, parameters and seeds, hist on both sides.

  CLARY_GBDT_TOOL=.../clary_gbdt_tool python bench/quality.py run RESULTS.jsonl [set[:depth/max_bin][*seeds] ...]
  CLARY_GBDT_TOOL=.../clary_gbdt_tool python bench/quality.py census
  python bench/quality.py table RESULTS.jsonl

`run` appends one line per fit of each side. A seed draws the split of a real set, the rows of a
generated one, and the row sample of every tree (subsample 0.8). `table` prints, per set and
configuration, the mean of both sides over the seeds, and the mean of the paired difference with its
standard error; "worse" is a difference beyond two of them. `census` trains examples/tutorial.py's
job (1,000 rounds) with every tree method on both sides.
"""
import collections
import json
import os
import pathlib
import re
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("CLARY_SHARED", HERE.parent.parent / "shared")) / "data"
sys.path.insert(0, str(HERE.parent / "tests" / "compat"))

ROUNDS, ETA = 100, 0.1
CONFIGS = [(6, 256), (8, 256), (6, 64), (8, 64)]  # depth, max_bin


# Each set: seed -> (objective, x, y, weight or None, x_test, y_test, weight_test or None).


def split(objective, x, y, seed, share=0.7):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    cut = int(share * len(y))
    a, b = order[:cut], order[cut:]
    return objective, x[a], y[a], None, x[b], y[b], None


def text_table(*names):
    tables = [np.genfromtxt(SHARED / name, delimiter=None, dtype=np.float32) for name in names]
    return np.concatenate(tables)


def lightgbm_example(name, objective):
    def load(seed):
        table = text_table(f"lightgbm-examples/{name}.train", f"lightgbm-examples/{name}.test")
        return split(objective, table[:, 1:], table[:, 0], seed)
    return load


def census(seed):
    table = np.concatenate([np.genfromtxt(SHARED / "census" / f"{part}.csv", delimiter=",", dtype=np.float32)
                            for part in ("train", "validation", "test")])
    return split("binary:logistic", table[:, 1:], table[:, 0], seed)


def agaricus(seed):
    from sklearn.datasets import load_svmlight_files
    parts = load_svmlight_files([SHARED / "agaricus" / f"agaricus.txt.{p}" for p in ("train", "test")], n_features=127)
    x = np.concatenate([part.toarray() for part in parts[::2]]).astype(np.float32)
    x[x == 0] = np.nan
    y = np.concatenate(parts[1::2]).astype(np.float32)
    return split("binary:logistic", x, y, seed, share=0.1)


def sklearn_set(name, objective):
    def load(seed):
        import sklearn.datasets
        data = getattr(sklearn.datasets, f"load_{name}")()
        return split(objective, data.data.astype(np.float32), data.target.astype(np.float32), seed)
    return load


def logistic(rng, z):
    return (rng.uniform(size=len(z)) < 1 / (1 + np.exp(-(z - z.mean())))).astype(np.float32)


def physics(rows, weights=None):
    """28 continuous features of mixed shape. Weights "tailed" spread over eight decades; with
    "light" one row in a hundred weighs 100,000 times as much as the others, and those are tested."""
    def load(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2 * rows, 28)).astype(np.float32)
        x[:, :9] = np.abs(x[:, :9]) ** 1.5
        x[:, 20:24] = np.exp(2 * x[:, 20:24])
        x[:, 14] = rng.choice([0, 1.09, 2.17], 2 * rows)
        z = 1.5 * np.sin(2 * x[:, 10] * x[:, 11]) + (x[:, 0] * x[:, 1] > 1) * (x[:, 9] > 0)
        z += np.cos(2 * x[:, 12]) * x[:, 13] - np.abs(x[:, 2] - x[:, 3]) + np.tanh(x[:, 16]) * x[:, 14]
        z += 0.3 * np.log(x[:, 20] + x[:, 21])
        y = logistic(rng, 1.3 * z)
        w = np.exp(rng.normal(0, 2.5, 2 * rows)).astype(np.float32) if weights == "tailed" else None
        if weights == "light":
            heavy = (np.arange(2 * rows) < rows) & (rng.uniform(size=2 * rows) < 0.01)
            x = np.column_stack([x, heavy]).astype(np.float32)
            w = np.where(heavy, 1e5, 1).astype(np.float32)
        cut = lambda v: (None, None) if v is None else (v[:rows], v[rows:])
        (a, b), (wa, wb) = cut(x), cut(w)
        return "binary:logistic", a, y[:rows], wa, b, y[rows:], wb
    return load


def skewed(rows, objective):
    """A positive target over six decades: gradients are as heavy-tailed as it is."""
    def load(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2 * rows, 15)).astype(np.float32)
        z = x[:, 0] + np.sin(2 * x[:, 1]) + 0.5 * x[:, 2] * x[:, 3] + (x[:, 4] > 1)
        y = np.exp(1.2 * z + 1.2 * rng.normal(size=2 * rows)).astype(np.float32)
        return objective, x[:rows], y[:rows], None, x[rows:], y[rows:], None
    return load


def gaps(rows):
    """200 features, 70 % missing."""
    def load(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2 * rows, 200)).astype(np.float32)
        x[:, ::5] = np.round(2 * x[:, ::5])
        gone = rng.uniform(size=x.shape) < 0.7
        z = x[:, :30] @ np.linspace(-0.8, 0.8, 30) + x[:, 0] * x[:, 1] + 0.6 * gone[:, 6] * gone[:, 7]
        x[gone] = np.nan
        y = logistic(rng, z)
        return "binary:logistic", x[:rows], y[:rows], None, x[rows:], y[rows:], None
    return load


SETS = {
    "census": (census, 5),
    "agaricus": (agaricus, 5),
    "lgb binary": (lightgbm_example("binary", "binary:logistic"), 10),
    "lgb regression": (lightgbm_example("regression", "reg:squarederror"), 10),
    "lgb multiclass": (lightgbm_example("multiclass", "multi:softprob"), 5),
    "breast cancer": (sklearn_set("breast_cancer", "binary:logistic"), 20),
    "diabetes": (sklearn_set("diabetes", "reg:squarederror"), 20),
    "digits": (sklearn_set("digits", "multi:softprob"), 5),
    "wine": (sklearn_set("wine", "multi:softprob"), 20),
    "physics": (physics(200_000), 3),
    "physics, small": (physics(40_000), 14),
    "tailed weights": (physics(50_000, "tailed"), 5),
    "light rows": (physics(20_000, "light"), 6),
    "skewed": (skewed(30_000, "reg:squarederror"), 5),
    "skewed gamma": (skewed(10_000, "reg:gamma"), 12),
    "gaps": (gaps(10_000), 5),
}


def score(objective, margin, y, w):
    """(name, value), lower is better."""
    w = np.ones(len(y)) if w is None else w.astype(np.float64)
    margin = margin.reshape(len(y), -1).astype(np.float64)
    if objective == "binary:logistic":
        z = margin[:, 0] * np.where(y > 0, -1, 1)
        return "logloss", np.average(np.logaddexp(0, z), weights=w)
    if objective == "multi:softprob":
        top = margin.max(axis=1)
        norm = top + np.log(np.exp(margin - top[:, None]).sum(axis=1))
        return "mlogloss", np.average(norm - margin[np.arange(len(y)), y.astype(int)], weights=w)
    if objective == "reg:gamma":
        ratio = np.clip(y / np.exp(margin[:, 0]), 1e-12, None)
        return "gamma deviance", 2 * np.average(ratio - 1 - np.log(ratio), weights=w)
    return "rmse", np.sqrt(np.average((margin[:, 0] - y) ** 2, weights=w))


def run(out, wanted):
    import clary_gbdt
    import xgboost as xgb
    for word in wanted or SETS:
        name, depth_bins, seeds = re.fullmatch(r"([^:*]+)(?::(\d+/\d+))?(?:\*(\d+))?", word).groups()
        load = SETS[name][0]
        configs = [tuple(map(int, depth_bins.split("/")))] if depth_bins else CONFIGS
        for seed in range(int(seeds or SETS[name][1])):
            objective, x, y, w, x_test, y_test, w_test = load(seed)
            train = xgb.DMatrix(x, y, weight=w)
            test = xgb.DMatrix(x_test, y_test, weight=w_test)
            with tempfile.TemporaryDirectory() as folder:
                paths = [os.path.join(folder, part) for part in ("train.bin", "test.bin")]
                clary_gbdt.write_matrix(paths[0], x, y, w)
                clary_gbdt.write_matrix(paths[1], x_test, y_test, w_test)
                for depth, bins in configs:
                    params = {"objective": objective, "eta": ETA, "max_depth": depth, "max_bin": bins, "subsample": 0.8,
                              "seed": seed, "tree_method": "hist", "nthread": 1}
                    if objective == "multi:softprob":
                        params |= {"num_class": int(y.max()) + 1, "base_score": 0.5}
                    theirs = xgb.train(params, train, ROUNDS).predict(test, output_margin=True)
                    model = os.path.join(folder, "model.ubj")
                    clary_gbdt.train(model, paths[0], {"test": paths[1]}, {**params, "num_round": ROUNDS, "quiet": 1})
                    ours = clary_gbdt.margins(model)
                    for side, margin in (("clary", ours), ("xgboost", theirs)):
                        metric, value = score(objective, margin, y_test, w_test)
                        line = {"set": name, "seed": seed, "depth": depth, "max_bin": bins, "side": side, "metric": metric, "value": value}
                        with open(out, "a") as file:
                            file.write(json.dumps(line) + "\n")


def auc(margin, y):
    order = np.argsort(margin, kind="stable")
    _, first, count = np.unique(margin[order], return_index=True, return_counts=True)
    rank = np.empty(len(y))
    rank[order] = np.repeat(first + (count + 1) / 2, count)
    ones = y > 0
    return (rank[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum())


def tutorial_job():
    import clary_gbdt
    import xgboost as xgb
    parts = [np.genfromtxt(SHARED / "census" / f"{p}.csv", delimiter=",", dtype=np.float32) for p in ("train", "validation")]
    (x, y), (x_test, y_test) = [(part[:, 1:], part[:, 0]) for part in parts]
    rounds = 1000
    job = {"max_depth": 5, "eta": 0.2, "gamma": 4, "min_child_weight": 6, "subsample": 0.7, "objective": "binary:logistic"}
    major = int(xgb.__version__.split(".")[0])
    print(f"| census job, {rounds} rounds | validation logloss | validation AUC |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, part) for part in ("train.bin", "test.bin")]
        clary_gbdt.write_matrix(paths[0], x, y)
        clary_gbdt.write_matrix(paths[1], x_test, y_test)
        train, test = xgb.DMatrix(x, y), xgb.DMatrix(x_test, y_test)
        for method in ("auto", "hist", "approx", "exact"):
            params = {**job, "tree_method": method}
            model = os.path.join(folder, "model.ubj")
            clary_gbdt.train(model, paths[0], {"test": paths[1]}, {**params, "num_round": rounds, "quiet": 1, "version": major})
            theirs = xgb.train({**params, "nthread": 1}, train, rounds).predict(test, output_margin=True)
            for side, margin in (("Clary", clary_gbdt.margins(model)), (f"XGBoost {xgb.__version__}", theirs)):
                print(f"| {side}, {method} | {score('binary:logistic', margin, y_test, None)[1]:.5f} | {auc(margin, y_test):.5f} |", flush=True)


def table(path):
    values = collections.defaultdict(dict)
    for text in open(path):
        line = json.loads(text)
        values[line["set"], line["depth"], line["max_bin"], line["metric"]][line["side"], line["seed"]] = line["value"]
    print("| set | metric | depth | max_bin | seeds | Clary | XGBoost | difference | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (name, depth, bins, metric), by in values.items():
        seeds = sorted({seed for _, seed in by})
        pairs = np.array([[by["clary", s], by["xgboost", s]] for s in seeds])
        apart = pairs[:, 0] - pairs[:, 1]
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        verdict = "worse" if apart.mean() > 2 * error else "better" if apart.mean() < -2 * error else ""
        ours, theirs = pairs.mean(axis=0)
        print(f"| {name} | {metric} | {depth} | {bins} | {len(seeds)} | {ours:.5g} | {theirs:.5g} | {apart.mean():+.2g} ± {error:.1g} | {verdict} |")


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table(sys.argv[2])
    elif sys.argv[1] == "census":
        tutorial_job()
    else:
        run(sys.argv[2], sys.argv[3:])
