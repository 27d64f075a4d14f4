#!/usr/bin/env python3
"""Boosters, training modes, model files and metrics against XGBoost.

 - dart, gblinear and process_type=update train the same model: trees, weights, dropped trees.
 - Models of ours load there and predict (1e-6) and explain (1e-5) the same, as JSON and UBJSON.
 - Models of theirs (JSON, UBJSON and, from 1.x, the old binary format) load here and predict,
   explain and rank features the same, for every booster and objective.
 - Metrics of the same predictions print the same digits.

  CLARY_GBDT_TOOL=.../clary_gbdt_tool python xgboost_boosters.py [part ...]
"""
import json
import os
import sys
import tempfile

import numpy as np
import xgboost as xgb

import clary_gbdt
import xgboost_objectives
from tree_walk import first_difference, is_near_tie
from xgboost_trees import MAJOR, RELEASE

NEAR_TIES = []
DEFAULTS = {"lambda": 1.0, "gamma": 0.0, "min_child_weight": 1.0}


class Data:
    """A matrix here and there."""

    def __init__(self, folder, x, label, weight=None, groups=None, bounds=None):
        self.path = os.path.join(folder, "data.bin")
        label = np.zeros(len(x)) if bounds is not None else label
        clary_gbdt.write_matrix(self.path, x, label, weight, groups, bounds)
        self.x, self.label = x, label
        self.matrix = xgb.DMatrix(x, None if bounds is not None else label, weight=weight)
        if groups:
            self.matrix.set_group(groups)
        if bounds is not None:
            self.matrix.set_float_info("label_lower_bound", bounds[0])
            self.matrix.set_float_info("label_upper_bound", bounds[1])


def draw(folder, seed, rows=800, columns=7, classes=0, missing=0.1, weighted=False):
    rng = np.random.default_rng(seed)
    x = rng.integers(-20, 20, (rows, columns)).astype(np.float32) / 8
    x[rng.random(x.shape) < missing] = np.nan
    score = np.nan_to_num(x) @ rng.normal(size=columns) + rng.normal(size=rows)
    label = score if classes == 0 else np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    weight = rng.choice([0.5, 1, 3], rows).astype(np.float32) if weighted else None
    return Data(folder, x, label.astype(np.float32), weight)


def learner(booster):
    return json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]


def learner_part(booster, part):
    inner = learner(booster)
    return (inner.get("gbtree") or inner)["model"][part]


def trees_of(booster):
    return learner_part(booster, "trees")


def close(a, b, tolerance):
    a, b = np.ravel(a), np.ravel(b)
    if a.shape != b.shape:
        return f"{a.shape} values instead of {b.shape}"
    off = np.abs(a - b) / np.maximum(1, np.abs(b))
    return None if not len(off) or off.max() <= tolerance else f"off by {off.max():.2e} ({a[off.argmax()]} {b[off.argmax()]})"


def train_both(folder, data, params, rounds, **options):
    model = os.path.join(folder, "ours.json")
    clary_gbdt.train(model, data.path, {}, {**params, "num_round": rounds, "version": RELEASE, **options.get("ours", {})})
    theirs = xgb.train({**params, "nthread": 1}, data.matrix, rounds, **options.get("theirs", {}))
    return model, xgb.Booster(model_file=model), theirs


def same_trees(ours, theirs, params):
    a, b = trees_of(ours), trees_of(theirs)
    if len(a) != len(b):
        return f"{len(a)} trees instead of {len(b)}"
    where = first_difference(a, b)
    if where and not is_near_tie(a, b, where, {**DEFAULTS, **params}):
        return f"tree {where[0]} node {where[1]}: {where[3]}"
    if where:
        NEAR_TIES.append(params)
        return "near-tie"
    return None


def dart():
    base = {"booster": "dart", "max_depth": 4, "eta": 0.3, "base_score": 0.5, "tree_method": "hist"}
    for number, extra in enumerate([
        {"rate_drop": 0.0},
        {"rate_drop": 0.3},
        {"rate_drop": 0.3, "normalize_type": "forest"},
        {"rate_drop": 0.3, "sample_type": "weighted"},
        {"rate_drop": 0.05, "one_drop": 1},
        {"rate_drop": 0.05, "one_drop": 1, "sample_type": "weighted", "normalize_type": "forest"},
        {"rate_drop": 0.4, "skip_drop": 0.5},
        {"rate_drop": 0.3, "num_parallel_tree": 2},
        {"rate_drop": 0.3, "subsample": 0.7, "seed": 5},
        {"rate_drop": 0.3, "objective": "binary:logistic"},
        {"rate_drop": 0.3, "tree_method": "exact"},
        {"rate_drop": 0.3, "tree_method": "approx", "objective": "binary:logistic"},
        {"rate_drop": 0.3, "objective": "multi:softprob", "num_class": 3},
    ]):
        params = {**base, **extra}
        classes = 3 if "num_class" in extra else (2 if "objective" in extra else 0)

        def check(folder, params=params, classes=classes, number=number):
            data = draw(folder, number, classes=classes)
            model, ours, theirs = train_both(folder, data, params, 12)
            result = same_trees(ours, theirs, params)
            if result == "near-tie":
                return None
            return (result or close(learner(ours)["weight_drop"], learner(theirs)["weight_drop"], 1e-5)
                    or close(ours.predict(data.matrix, output_margin=True), theirs.predict(data.matrix, output_margin=True), 2e-4)
                    or close(clary_gbdt.margins(model), ours.predict(data.matrix, output_margin=True), 1e-6))

        yield f"dart {extra}", check


def gblinear():
    for objective, classes in (("reg:squarederror", 0), ("binary:logistic", 2), ("multi:softprob", 3)):
        for updater, extra in [
            ("shotgun", {}),
            ("shotgun", {"alpha": 0.01, "lambda": 0.1}),
            ("coord_descent", {"alpha": 0.02}),
            ("coord_descent", {"lambda": 0.5}),
            ("coord_descent", {"feature_selector": "shuffle", "seed": 3}),
            ("coord_descent", {"feature_selector": "random", "seed": 4}),
            ("coord_descent", {"feature_selector": "greedy", "top_k": 3}),
            ("coord_descent", {"feature_selector": "greedy"}),
            ("coord_descent", {"feature_selector": "thrifty", "top_k": 4, "alpha": 0.01}),
            ("coord_descent", {"feature_selector": "thrifty"}),
            ("shotgun", {"feature_selector": "shuffle"}),
        ]:
            params = {"booster": "gblinear", "objective": objective, "updater": updater, "base_score": 0.5, **extra}
            if classes == 3:
                params["num_class"] = 3

            def check(folder, params=params, classes=classes):
                data = draw(folder, 11, classes=classes, weighted=True)
                model, ours, theirs = train_both(folder, data, params, 8)
                return (close(learner(ours)["model"]["weights"], learner(theirs)["model"]["weights"], 2e-4)
                        or close(ours.predict(data.matrix, output_margin=True), theirs.predict(data.matrix, output_margin=True), 5e-4)
                        or close(clary_gbdt.margins(model), ours.predict(data.matrix, output_margin=True), 2e-6))

            yield f"gblinear {objective} {updater} {extra}", check

    def estimated(folder):
        data = draw(folder, 12)
        _, ours, theirs = train_both(folder, data, {"booster": "gblinear", "updater": "coord_descent"}, 8)
        return close(ours.predict(data.matrix), theirs.predict(data.matrix), 5e-4)

    yield "gblinear with its own intercept", estimated


def update():
    for extra in [
        {"updater": "refresh"},
        {"updater": "refresh", "refresh_leaf": 0},
        {"updater": "refresh,prune", "gamma": 3.0},
        {"updater": "prune", "gamma": 30.0},
        {"updater": "prune", "max_depth": 2},
        {"updater": "refresh", "max_delta_step": 0.3, "alpha": 0.5},
        {"updater": "refresh", "num_parallel_tree": 2},
        {"updater": "refresh", "objective": "multi:softprob", "num_class": 3},
    ]:
        def check(folder, extra=extra):
            classes = extra.get("num_class", 0)
            data = draw(folder, 20, classes=classes)
            params = {"max_depth": 5, "eta": 0.4, "base_score": 0.5, "tree_method": "hist"}
            params.update({k: v for k, v in extra.items() if k in ("objective", "num_class", "num_parallel_tree")})
            first = xgb.train({**params, "nthread": 1}, data.matrix, 6)
            start = os.path.join(folder, "start.json")
            first.save_model(start)
            other = draw(folder, 21, classes=classes)
            changed = {**params, "process_type": "update", **extra}
            _, ours, theirs = train_both(folder, other, changed, 4, ours={"initial": start}, theirs={"xgb_model": start})
            a, b = trees_of(ours), trees_of(theirs)
            if len(a) != len(b):
                return f"{len(a)} trees instead of {len(b)}"
            where = first_difference(a, b)
            return f"tree {where[0]} node {where[1]}: {where[3]}" if where else close(ours.predict(other.matrix), theirs.predict(other.matrix), 1e-4)

        yield f"update {extra}", check


def sequences():
    # 1.7 fails on its own "sync".
    for updater in ("grow_colmaker", "grow_colmaker,prune", "grow_histmaker", "grow_quantile_histmaker,prune", "grow_quantile_histmaker,refresh,prune") + (("grow_quantile_histmaker,sync",) if MAJOR > 1 else ()):
        params = {"updater": updater, "max_depth": 5, "base_score": 0.5, "gamma": 1.0, "eta": 0.5}

        def check(folder, params=params):
            data = draw(folder, 30)
            _, ours, theirs = train_both(folder, data, params, 4)
            result = same_trees(ours, theirs, params)
            return None if result == "near-tie" else result

        yield f"updater {updater}", check

    def lossguide(folder):
        data = draw(folder, 31, rows=3000)
        for leaves in (2, 7, 31, 200):
            params = {"grow_policy": "lossguide", "max_leaves": leaves, "max_depth": 0, "base_score": 0.5, "tree_method": "hist"}
            _, ours, theirs = train_both(folder, data, params, 4)
            result = same_trees(ours, theirs, params)
            if result not in (None, "near-tie"):
                return f"{leaves} leaves: {result}"
        return None

    yield "lossguide", lossguide


def continued():
    """Rounds added to a model of the other one."""
    for booster in ("gbtree", "dart", "gblinear"):
        def check(folder, booster=booster):
            data = draw(folder, 40, classes=2)
            params = {"booster": booster, "objective": "binary:logistic", "base_score": 0.5, "max_depth": 3}
            if booster == "gblinear":
                params.update(updater="coord_descent")
                del params["max_depth"]
            start = os.path.join(folder, "start.ubj")
            xgb.train({**params, "nthread": 1}, data.matrix, 3).save_model(start)
            _, ours, theirs = train_both(folder, data, params, 3, ours={"initial": start}, theirs={"xgb_model": start})
            return close(ours.predict(data.matrix, output_margin=True), theirs.predict(data.matrix, output_margin=True), 5e-4)

        yield f"continued {booster}", check


def sampling():
    """Rows drawn by gradient: as good as theirs on data not seen, over a few seeds."""
    if MAJOR < 3:
        return

    def quality(folder):
        data = draw(folder, 60, rows=4000)
        label = data.label
        rows = np.arange(len(label)) < 2500
        errors = {"ours": [], "theirs": []}
        path = os.path.join(folder, "part.bin")
        clary_gbdt.write_matrix(path, data.x[rows], label[rows])
        train, test = xgb.DMatrix(data.x[rows], label[rows]), xgb.DMatrix(data.x[~rows])
        for seed in range(6):
            params = {"subsample": 0.15, "sampling_method": "gradient_based", "max_depth": 4, "eta": 0.2, "seed": seed, "tree_method": "hist"}
            model = os.path.join(folder, "sampled.json")
            clary_gbdt.train(model, path, {}, {**params, "num_round": 40})
            for name, booster in (("ours", xgb.Booster(model_file=model)), ("theirs", xgb.train({**params, "nthread": 1}, train, 40))):
                errors[name].append(float(np.sqrt(np.mean((booster.predict(test) - label[~rows]) ** 2))))
        ours, theirs = np.mean(errors["ours"]), np.mean(errors["theirs"])
        return None if ours < theirs * 1.02 else f"{ours:.4f} instead of {theirs:.4f} ({errors})"

    yield "gradient_based", quality


def agree(folder, data, model, booster, params, trees):
    """The model file here against the same model there: predictions, contributions, importance."""
    path = os.path.join(folder, os.path.basename(model))
    problems = []

    def expect(kind, wanted, tolerance):
        try:
            problem = close(clary_gbdt.predict(path, data.path, kind), wanted, tolerance)
        except RuntimeError as error:
            problem = str(error)
        if problem:
            problems.append(f"{kind} {problem}")

    expect("margin", booster.predict(data.matrix, output_margin=True), 2e-6 if not trees else 1e-6)
    expect("value", booster.predict(data.matrix), 2e-6)
    expect("contributions", booster.predict(data.matrix, pred_contribs=True), 1e-5)
    if trees:
        expect("approx_contributions", booster.predict(data.matrix, pred_contribs=True, approx_contribs=True), 1e-5)
        expect("interactions", booster.predict(data.matrix, pred_interactions=True), 2e-5)
        expect("leaf", booster.predict(data.matrix, pred_leaf=True), 0)
    ranks = clary_gbdt.importance(path)
    for kind in ("weight", "gain", "cover", "total_gain", "total_cover") if trees else ("weight",):
        score = booster.get_score(importance_type=kind)
        wanted = {int(f[1:]): float(np.sum(v)) for f, v in score.items()}
        if params.get("num_class") and not trees:
            continue  # a list of weights a feature there
        got = ranks.get(kind, {})
        if set(got) != set(wanted) or close([got[f] for f in wanted], list(wanted.values()), 1e-5):
            problems.append(f"importance {kind}: {got} instead of {wanted}")
    return "; ".join(problems) or None


def same_digits(data, theirs, params, names, log):
    """Our metrics of their predictions print what theirs print."""
    if params["objective"] == "multi:softmax":
        return None  # its metrics are of probabilities that it does not give
    got = clary_gbdt.metrics(theirs.predict(data.matrix), data.path, names, {**params, "version": RELEASE})
    wanted = [f"{log['train'][n][-1]:.5f}" for n in names]
    return None if got == wanted else f"metrics {names}: {got} instead of {wanted}"


def metrics():
    """With weights, of rows or of queries."""
    rng = np.random.default_rng(8)
    drawn = list(xgboost_objectives.cases(rng))
    x = xgboost_objectives.X
    if MAJOR == 1:  # where ranking is checked for its metrics alone
        score = np.nan_to_num(x[:, 0]) - np.nan_to_num(x[:, 1])
        drawn.append(("rank:ndcg", np.digitize(score, [-20, 0, 20]).astype(np.float32), "query", "ndcg,ndcg@3,ndcg@2-,auc", {}))
        drawn.append(("rank:map", (score > 25).astype(np.float32), "query", "map,map@3,map@2-,pre@3", {}))
    for objective, label, weight, names, extra in drawn:
        if weight is None and objective != "survival:aft":
            continue
        params = {"objective": objective, "max_depth": 3, "eta": 0.3, **extra}
        names = names.split(",")
        if objective == "reg:quantileerror":
            params["quantile_alpha"] = "[0.2, 0.5, 0.9]"
        elif objective == "reg:squarederror":
            names += ["mape", "mphe"]

        def check(folder, objective=objective, label=label, weight=weight, names=names, params=params):
            groups = [20] * (len(x) // 20) if objective.startswith("rank:") else None
            if isinstance(weight, str):
                weight = np.random.default_rng(3).choice([1.0, 2.0, 0.25], len(groups))
            data = Data(folder, x, label, weight, groups, label if objective == "survival:aft" else None)
            log = {}
            theirs = xgb.train({**params, "eval_metric": names, "nthread": 1}, data.matrix, 4,
                               evals=[(data.matrix, "train")], evals_result=log, verbose_eval=False)
            return same_digits(data, theirs, params, names, log)

        yield f"metrics {objective} {names}", check


def outputs():
    """Several quantiles, several targets, position bias."""
    if MAJOR < 2:
        return

    def quantiles(folder):
        data = draw(folder, 50)
        params = {"objective": "reg:quantileerror", "quantile_alpha": "[0.1, 0.5, 0.8]", "base_score": 0.5, "max_depth": 3, "min_child_weight": 0}
        path, ours, theirs = train_both(folder, data, params, 4)
        problem = same_trees(ours, theirs, {**params, "min_child_weight": 0})
        return problem if problem not in (None, "near-tie") else agree(folder, data, path, ours, params, True)

    yield "quantiles", quantiles

    def targets(folder):
        one = draw(folder, 51)
        data = Data(folder, one.x, np.stack([one.label, -one.label + one.label**2], axis=1))
        params = {"base_score": 0.5, "max_depth": 3}
        path, ours, theirs = train_both(folder, data, params, 4)
        problem = same_trees(ours, theirs, params)
        return problem if problem not in (None, "near-tie") else agree(folder, data, path, ours, params, True)

    yield "targets", targets

    for extra in ({}, {"objective": "rank:map"}, {"objective": "rank:pairwise"}, {"lambdarank_bias_norm": 0.5},
                  {"lambdarank_num_pair_per_sample": 6}):
        def unbiased(folder, extra=extra):
            rng = np.random.default_rng(52)
            x = rng.integers(0, 50, (2000, 5)).astype(np.float32)
            shown = np.tile(np.arange(10), 200)
            label = ((x[:, 0] > 20) & (rng.random(2000) < 1 / (1 + shown))).astype(np.float32)
            data = Data(folder, x, label, None, [10] * 200)
            params = {"objective": "rank:ndcg", "lambdarank_unbiased": 1, "max_depth": 3, "base_score": 0.5, **extra}
            _, ours, theirs = train_both(folder, data, params, 5)
            problem = same_trees(ours, theirs, params)
            return problem if problem not in (None, "near-tie") else None

        yield f"unbiased {extra}", unbiased


def models():
    """Every objective with every booster, both ways."""
    rng = np.random.default_rng(7)
    drawn = list(xgboost_objectives.cases(rng))
    x = xgboost_objectives.X
    for objective, label, weight, metrics, extra in drawn:
        if weight is not None and not isinstance(weight, str):
            continue
        for booster in ("gbtree", "dart", "gblinear"):
            if booster == "gblinear" and objective in ("reg:absoluteerror", "reg:quantileerror"):
                continue
            params = {"objective": objective, "booster": booster, "eta": 0.3, **extra}
            params.pop("base_score", None)  # intercepts as each release writes them
            if booster == "dart":
                params["rate_drop"] = 0.3
            if booster == "gblinear":
                params.update({"updater": "coord_descent", "eta": 0.1, "lambda": 0.1})
            else:
                params["max_depth"] = 4

            def check(folder, objective=objective, label=label, weight=weight, metrics=metrics, booster=booster, params=params):
                groups = [20] * (len(x) // 20) if objective.startswith("rank:") else None
                data = Data(folder, x, label, None, groups, label if objective == "survival:aft" else None)
                names = metrics.split(",")
                log = {}
                theirs = xgb.train({**params, "eval_metric": names, "nthread": 1}, data.matrix, 4,
                                   evals=[(data.matrix, "train")], evals_result=log, verbose_eval=False)
                problems = []
                for ending in ("json", "ubj") + (("deprecated",) if MAJOR == 1 else ()):
                    path = os.path.join(folder, f"theirs.{ending}")
                    theirs.save_model(path)
                    problem = agree(folder, data, path, theirs, params, booster != "gblinear")
                    if problem:
                        problems.append(f"their {ending}: {problem}")
                for ending in ("json", "ubj"):
                    path = os.path.join(folder, f"ours.{ending}")
                    clary_gbdt.train(path, data.path, {}, {**params, "num_round": 4, "version": RELEASE})
                    problem = agree(folder, data, path, xgb.Booster(model_file=path), params, booster != "gblinear")
                    if problem:
                        problems.append(f"our {ending}: {problem}")
                problem = same_digits(data, theirs, params, names, log)
                if problem:
                    problems.append(problem)
                return "; ".join(problems) or None

            yield f"{objective} {booster} {extra}", check


def categories():
    """A model that knows what a data frame calls its categories keeps that through us."""
    if MAJOR < 3:
        return
    import pandas as pd

    rng = np.random.default_rng(70)
    ids = np.array([2**53 + 1, 7, -(2**62) - 1], dtype=np.int64)
    frame = pd.DataFrame({
        "colour": pd.Categorical(rng.choice(["red", "green", 'x"y\\', ""], 600)),
        "size": rng.normal(size=600),
        "id": pd.Categorical(rng.choice(ids, 600)),
        "small": pd.Categorical(rng.choice(np.array([3, -7], dtype=np.int16), 600)),
    })
    label = frame["colour"].cat.codes + 3.0 * frame["id"].cat.codes + frame["size"] * frame["small"].astype(int)
    other = frame.copy()  # the same rows under other codes
    other["colour"] = frame["colour"].cat.reorder_categories(['x"y\\', "red", "", "green"])
    other["id"] = frame["id"].cat.reorder_categories(ids)
    for booster in ("gbtree", "dart"):
        def check(folder, booster=booster):
            matrix = xgb.DMatrix(frame, label, enable_categorical=True)
            theirs = xgb.train({"booster": booster, "max_depth": 4, "nthread": 1}, matrix, 4)
            wanted = theirs.predict(matrix)
            for first in ("json", "ubj"):
                for then in ("json", "ubj"):
                    start, path = os.path.join(folder, f"theirs.{first}"), os.path.join(folder, f"ours.{then}")
                    theirs.save_model(start)
                    clary_gbdt.run("convert", start, path)
                    ours = xgb.Booster(model_file=path)
                    if any(learner_part(ours, "cats") != learner_part(b, "cats") for b in (theirs, xgb.Booster(model_file=start))):
                        return f"{first} to {then}: {learner_part(ours, 'cats')} instead of {learner_part(theirs, 'cats')}"
                    again = xgb.DMatrix(other, enable_categorical=True)
                    if problem := close(ours.predict(again), wanted, 1e-6):
                        return f"{first} to {then}: {problem}"
            return None

        yield f"names of categories {booster}", check


PARTS = (dart, gblinear, update, sequences, continued, sampling, outputs, categories, metrics, models)


def main():
    xgb.set_config(verbosity=0)
    failed = total = 0
    for part in PARTS:
        if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
            continue
        for name, check in part():
            total += 1
            with tempfile.TemporaryDirectory() as folder:
                try:
                    problem = check(folder)
                except (RuntimeError, xgb.core.XGBoostError) as error:
                    problem = str(error).strip().splitlines()[0] if str(error) else repr(error)
            if problem:
                failed += 1
                print(f"{name}: {problem}", flush=True)
    print(f"xgboost {xgb.__version__}: {total} checks, {failed} failed, {len(NEAR_TIES)} with a proven near-tie")
    return 1 if failed or len(NEAR_TIES) > 0.1 * total + 1 else 0


if __name__ == "__main__":
    sys.exit(main())
