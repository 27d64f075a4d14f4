#!/usr/bin/env python3
"""Every objective and metric against XGBoost: first rounds' trees, intercepts, printed metrics.

  CLARY_GBDT_TOOL=.../clary_gbdt_tool python xgboost_objectives.py
"""
import os
import sys
import tempfile

import numpy as np
import xgboost as xgb

import clary_gbdt
from tree_walk import first_difference, is_near_tie, trees_of
from xgboost_trees import MAJOR, RELEASE

DEFAULTS = {"lambda": 1.0, "gamma": 0.0, "min_child_weight": 1.0}
ROW_METRICS = "rmse,mae,mape,mphe,rmsle"


def cases(rng):
    n, f = 600, 6
    x = rng.integers(0, 40, (n, f)).astype(np.float32)
    x[rng.random((n, f)) < 0.1] = np.nan
    score = np.nan_to_num(x[:, 0]) / 20 - np.nan_to_num(x[:, 1]) / 25 + rng.normal(size=n) * 0.3
    binary = (score > score.mean()).astype(np.float32)
    positive = np.exp(score).astype(np.float32)
    counts = rng.poisson(positive).astype(np.float32)
    classes = np.digitize(score, [-0.4, 0.4]).astype(np.float32)
    weight = rng.choice([0.5, 1, 3], n).astype(np.float32)
    plain = {}
    some = weight * (rng.random(n) < 0.6)  # the other rows weigh nothing
    for w in (None, weight, some):
        yield "reg:squarederror", positive, w, ROW_METRICS, plain
        yield "reg:squaredlogerror", positive, w, "rmsle", plain
        yield "reg:pseudohubererror", positive, w, "mphe,mae", plain
        yield "reg:absoluteerror", score.astype(np.float32), w, "mae", {"min_child_weight": 0}
        for method in ("hist", "approx"):
            yield "reg:absoluteerror", score.astype(np.float32), w, "mae", {"min_child_weight": 0, "num_parallel_tree": 3, "tree_method": method}
            yield "reg:squarederror", positive, w, "rmse", {"tree_method": method}
        yield "reg:logistic", binary, w, "rmse,logloss", plain
        yield "binary:logistic", binary, w, "logloss,error,error@0.7,auc,aucpr", plain
        yield "binary:logitraw", binary, w, "auc,aucpr", plain
        yield "binary:hinge", binary, w, "error", plain
        yield "count:poisson", counts, w, "poisson-nloglik,rmse", plain
        yield "reg:gamma", positive, w, "gamma-nloglik,gamma-deviance", plain
        yield "reg:tweedie", counts, w, "tweedie-nloglik@1.5,tweedie-nloglik@1.2", plain
        yield "multi:softprob", classes, w, "mlogloss,merror,auc,aucpr", {"num_class": 3, "base_score": 0.5}
        yield "multi:softmax", classes, w, "mlogloss,merror", {"num_class": 3, "base_score": 0.5}
        if MAJOR >= 2:
            yield "reg:quantileerror", score.astype(np.float32), w, "quantile", {"quantile_alpha": 0.3, "min_child_weight": 0}
    times = np.ceil(positive * 10) / 10
    yield "survival:cox", np.where(binary > 0, times, -times).astype(np.float32), None, "cox-nloglik", plain
    upper = np.where(rng.random(n) < 0.3, np.inf, times * rng.choice([1, 1.5], n))
    for distribution in ("normal", "logistic", "extreme"):
        yield "survival:aft", np.stack([times, upper]), None, "aft-nloglik,interval-regression-accuracy", {
            "aft_loss_distribution": distribution, "aft_loss_distribution_scale": 1.2}
    if MAJOR >= 2:
        relevance = np.clip(np.floor(score + 2), 0, 4).astype(np.float32)
        yield "rank:pairwise", relevance, "query", "ndcg,ndcg@5", plain
        yield "rank:ndcg", relevance, "query", "ndcg@3,ndcg@5-", plain
        yield "rank:ndcg", relevance, None, "ndcg", {"lambdarank_num_pair_per_sample": 4}
        yield "rank:map", binary, "query", "map,map@3,pre@3,auc,aucpr", plain
    globals()["X"] = x


def check(folder, x, rng, objective, label, weight, metrics, extra):
    n = len(x)
    groups = None
    if objective.startswith("rank:"):
        groups = [20] * (n // 20)
        weight = rng.choice([1.0, 2.0], len(groups)) if isinstance(weight, str) else None
    bounds = label if objective == "survival:aft" else None
    plain_label = np.zeros(n) if bounds is not None else label
    path = os.path.join(folder, "train.bin")
    model = os.path.join(folder, "model.json")
    clary_gbdt.write_matrix(path, x, plain_label, weight, groups, bounds)
    params = {"objective": objective, "eta": 0.4, "max_depth": 4, "tree_method": "hist", **extra}
    rounds = 3
    lines = clary_gbdt.train(model, path, {"train": path}, {**params, "num_round": rounds, "version": RELEASE, "eval_metric": metrics})
    data = xgb.DMatrix(x, None if bounds is not None else label, weight=weight)
    if groups:
        data.set_group(groups)
    if bounds is not None:
        data.set_float_info("label_lower_bound", bounds[0])
        data.set_float_info("label_upper_bound", bounds[1])
    log = {}
    theirs = xgb.train({**params, "eval_metric": metrics.split(","), "nthread": 1}, data, rounds, evals=[(data, "train")], evals_result=log, verbose_eval=False)
    ours = xgb.Booster(model_file=model)
    margin = ours.predict(data, output_margin=True).ravel()
    if not np.allclose(margin, clary_gbdt.margins(model), rtol=1e-6, atol=1e-6):
        return f"{np.abs(margin - clary_gbdt.margins(model)).max()} between their prediction of our model and ours"
    a, b = trees_of(ours), trees_of(theirs)
    where = first_difference(a, b)
    if where and not is_near_tie(a, b, where, {**DEFAULTS, **params}):
        return f"tree {where[0]} node {where[1]}: {where[3]}"
    if where is None and not np.allclose(margin, theirs.predict(data, output_margin=True).ravel(), rtol=1e-4, atol=2e-4):
        return f"margins differ by {np.abs(margin - theirs.predict(data, output_margin=True).ravel()).max()}"
    if where is None:
        for word, name in zip(lines[-2].split("\t")[1:], metrics.split(",")):
            printed, expected = float(word.rsplit(":", 1)[1]), log["train"][name][-1]
            if abs(printed - expected) > 3e-5 * max(1, abs(expected)):
                return f"{name}: {printed} {expected}"
    return None


def default_metrics(folder):
    """The metric that is printed when none is asked for."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 2)).astype(np.float32), (rng.random(60) > 0.5).astype(np.float32)
    path, model = os.path.join(folder, "default.bin"), os.path.join(folder, "default.json")
    for objective in ("reg:squarederror", "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror", "reg:absoluteerror",
                      "binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "reg:gamma", "reg:tweedie",
                      "multi:softmax", "multi:softprob", "survival:cox", "survival:aft", "rank:pairwise", "rank:ndcg", "rank:map"):
        label = y + 1 if objective in ("reg:gamma", "survival:aft") else y
        bounds = np.stack([label, label]) if objective == "survival:aft" else None
        groups = [20, 20, 20] if objective.startswith("rank:") else None
        params = {"objective": objective, **({"num_class": 2} if objective.startswith("multi:") else {})}
        clary_gbdt.write_matrix(path, x, label, None, groups, bounds)
        lines = clary_gbdt.train(model, path, {"train": path}, {**params, "num_round": 1, "version": RELEASE})
        data = xgb.DMatrix(x, label)
        if groups:
            data.set_group(groups)
        if bounds is not None:
            data.set_float_info("label_lower_bound", bounds[0])
            data.set_float_info("label_upper_bound", bounds[1])
        log = {}
        xgb.train(params, data, 1, evals=[(data, "train")], evals_result=log, verbose_eval=False)
        ours, theirs = lines[-2].split("\t")[1].split(":")[0], f"train-{list(log['train'])[0]}"
        if ours != theirs:
            yield f"{objective}: the metric is {ours}, expected {theirs}"


def main():
    failed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(7)
        drawn = list(cases(rng))
        for objective, label, weight, metrics, extra in drawn:
            total += 1
            try:
                result = check(folder, X, rng, objective, label, weight, metrics, extra)
            except RuntimeError as error:
                result = str(error)
            if result:
                failed += 1
                print(f"{objective}{'' if weight is None else ' weighted'} {extra}: {result}")
        for problem in default_metrics(folder):
            failed += 1
            print(problem)
    print(f"xgboost {xgb.__version__}: {total} objectives, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
