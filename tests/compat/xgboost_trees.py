#!/usr/bin/env python3
"""Trees equal XGBoost's: hist, exact and approx, over random data and hyperparameters.

With at most max_bin distinct values a feature the trees must be the same: features, thresholds,
category sets, default directions; leaf values and covers to 1e-4. Models must load there and
predict the same to 1e-6; theirs must load here and predict and explain the same. Where a tree
differs, near_tie.py must prove that both choices gain the same to within rounding.

  CLARY_GBDT_TOOL=.../clary_gbdt_tool python xgboost_trees.py [cases] [first seed]
"""
import json
import os
import sys
import tempfile

import numpy as np
import xgboost as xgb

import clary_gbdt
import near_tie

MAJOR, MINOR = map(int, xgb.__version__.split(".")[:2])
RELEASE = 100 * MAJOR + MINOR  # as TrainParams::version counts


def draw_column(rng, rows):
    kind = rng.integers(0, 4)
    if kind == 0:
        return rng.integers(0, rng.integers(2, 200), rows)
    if kind == 1:
        return np.round(rng.normal(size=rows), 1)
    if kind == 2:
        return rng.integers(0, 2, rows)
    return rng.choice(rng.normal(size=int(rng.integers(3, 250))), rows)


def draw_case(rng):
    rows = int(rng.choice([60, 300, 1500, 5000]))
    columns = int(rng.integers(1, 12))
    method = str(rng.choice(["hist", "hist", "exact", "approx"]))
    x = np.empty((rows, columns), dtype=np.float32)
    types = ["q"] * columns
    categories = method != "exact" and rng.random() < 0.35
    for f in range(columns):
        x[:, f] = draw_column(rng, rows)
        if categories and rng.random() < 0.5:
            types[f] = "c"
            x[:, f] = rng.integers(0, rng.choice([2, 3, 6, 40, 300]), rows)
        if rng.random() < 0.4:
            x[rng.random(rows) < rng.choice([0.02, 0.3, 0.9]), f] = np.nan
    effect = np.nan_to_num(x)
    for f in range(columns):
        if types[f] == "c":
            effect[:, f] = rng.normal(size=301)[effect[:, f].astype(int)]
    score = effect @ rng.normal(size=columns) + rng.normal(size=rows)
    score = (score - score.mean()) / (score.std() + 1e-9)
    params = {
        "eta": float(rng.choice([0.1, 0.3, 1.0])),
        "max_depth": int(rng.integers(1, 9)),
        "min_child_weight": float(rng.choice([0, 1, 5])),
        "lambda": float(rng.choice([0, 1, 3.5])),
        "alpha": float(rng.choice([0, 0, 0.5, 3])),
        "gamma": float(rng.choice([0, 0, 0.5, 2])),
        "max_delta_step": float(rng.choice([0, 0, 0.7])),
        "grow_policy": str(rng.choice(["depthwise", "lossguide"])),
        "tree_method": method,
        "seed": int(rng.integers(0, 1000)),
    }
    if categories:
        params["max_cat_to_onehot"] = int(rng.choice([1, 4, 10]))
        params["max_cat_threshold"] = int(rng.choice([4, 64]))
    if rng.random() < 0.4:
        params["max_leaves"] = int(rng.integers(2, 40))
        if params["grow_policy"] == "lossguide" and method != "exact" and rng.random() < 0.5:
            params["max_depth"] = 0
    # Releases draw samples differently for exact and approx; hist's samples are the same.
    if method == "hist":
        if rng.random() < 0.3:
            params["subsample"] = float(rng.choice([0.5, 0.8]))
        for name in ("colsample_bytree", "colsample_bylevel", "colsample_bynode"):
            if rng.random() < 0.2:
                params[name] = float(rng.choice([0.4, 0.7]))
    if rng.random() < 0.25:
        params["monotone_constraints"] = "(" + ",".join(str(rng.integers(-1, 2)) for _ in range(columns)) + ")"
    if columns > 3 and rng.random() < 0.25:
        groups = [sorted(rng.choice(columns, size=int(rng.integers(2, columns)), replace=False).tolist()) for _ in range(2)]
        params["interaction_constraints"] = json.dumps(groups)
    if rng.random() < 0.15:
        params["num_parallel_tree"] = 2
    objective = str(rng.choice(["reg:squarederror", "binary:logistic", "multi:softprob"]))
    params["objective"] = objective
    if objective == "binary:logistic":
        label = (score > 0).astype(np.float32)
        label[:2] = [0, 1]
        if rng.random() < 0.3:
            params["scale_pos_weight"] = 2.5
    elif objective == "multi:softprob":
        params["num_class"] = 3
        label = np.digitize(score, [-0.5, 0.5]).astype(np.float32)
    else:
        label = score.astype(np.float32)
    weight = rng.choice([0.5, 1, 2, 7.25], rows).astype(np.float32) if rng.random() < 0.3 else None
    if rng.random() < 0.5 or objective == "multi:softprob":
        params["base_score"] = 0.5  # later releases estimate one per class
    return x, label, weight, types, params


def trees_of(booster):
    return json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]


def differences(a, b):
    """The topmost differences of two trees: (node of a, node of b, what, whether choices differ).

    Numbering may differ, so this walks."""
    found = []
    stack = [(0, 0)]
    while stack:
        i, j = stack.pop()
        leaf_a, leaf_b = a["left_children"][i] == -1, b["left_children"][j] == -1
        if not np.isclose(a["sum_hessian"][i], b["sum_hessian"][j], rtol=1e-4, atol=1e-4):
            found.append((i, j, "cover", False))
        elif leaf_a != leaf_b:
            found.append((i, j, "leaf or split", True))
        elif leaf_a:
            u, v = a["split_conditions"][i], b["split_conditions"][j]
            if abs(u - v) > 1e-4 * max(1, abs(v)):
                found.append((i, j, f"leaf value {u} {v}", False))
        else:
            u, v = ([t["split_indices"][n], t["split_conditions"][n], t["default_left"][n]] for t, n in ((a, i), (b, j)))
            sets = [near_tie.right_categories(t, n) for t, n in ((a, i), (b, j))]
            if sets[0] is not None:
                u[1] = v[1] = 0  # fillers
            if u != v or sets[0] != sets[1]:
                found.append((i, j, f"split {u} {sets[0]} {v} {sets[1]}", True))
            elif abs(a["loss_changes"][i] - b["loss_changes"][j]) > 1e-3 * max(1, abs(b["loss_changes"][j])):
                found.append((i, j, f"gain {a['loss_changes'][i]} {b['loss_changes'][j]}", False))
            else:
                stack.append((a["left_children"][i], b["left_children"][j]))
                stack.append((a["right_children"][i], b["right_children"][j]))
    return found


def start_margin(booster, rows):
    learner = json.loads(booster.save_raw("json"))["learner"]
    base = np.atleast_1d(json.loads(learner["learner_model_param"]["base_score"].replace("[", "[ "))).astype(np.float32)
    if learner["objective"]["name"] == "binary:logistic":
        base = -np.log(1 / base - 1)
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    return np.tile(np.broadcast_to(base, outputs), (rows, 1)).astype(np.float32)


def explain(found, a, b, t, theirs, case):
    """None if every difference of tree t is a near-tie or follows from one, else the first that is not."""
    x, label, weight, _, params, data = case
    outputs = params.get("num_class", 1)
    per_round = outputs * params.get("num_parallel_tree", 1)
    margin = start_margin(theirs, len(label))
    if t >= per_round:
        margin = theirs.predict(data, output_margin=True, iteration_range=(0, t // per_round)).reshape(margin.shape)
    grad, hess = near_tie.gradients(params, margin if outputs > 1 else margin[:, 0], label, weight)
    kept = near_tie.kept_rows(params, len(label), t)
    output = t % per_round // params.get("num_parallel_tree", 1)
    scorer = near_tie.Scorer(params, np.where(kept, grad[:, output], 0), np.where(kept, hess[:, output], 0))
    unproven = []
    budget = {0: [], 1: []}  # gains of the splits that only one side has
    for i, j, what, choice in found:
        why = near_tie.prove(scorer, a, b, i, j, x) if choice else "not a choice"
        if why is None:
            continue
        if what == "leaf or split" and "max_leaves" in params and params["tree_method"] != "exact":
            side, tree, node = (0, a, i) if a["left_children"][i] != -1 else (1, b, j)
            budget[side].append((tree["loss_changes"][node], what, why))
        else:
            unproven.append(f"{what}: {why}")
    if unproven:
        return unproven[0]
    # Leaves that ran out: one more split here is one less there, by a near-tie in the order (both
    # gains are then the same) or elsewhere in the tree.
    if len(budget[0]) + len(budget[1]) == len(found):
        gains = [sorted(gain for gain, _, _ in budget[side]) for side in (0, 1)]
        if len(gains[0]) != len(gains[1]) or not np.allclose(*gains, rtol=1e-4, atol=1e-4):
            return f"leaf or split: {gains} under max_leaves"
    return None


def check(seed, folder):
    rng = np.random.default_rng(seed)
    x, label, weight, types, params = draw_case(rng)
    rounds = 4
    path = os.path.join(folder, "train.bin")
    model = os.path.join(folder, str(rng.choice(["model.json", "model.ubj"])))
    clary_gbdt.write_matrix(path, x, label, weight)
    metrics = {"reg:squarederror": "rmse,mae", "binary:logistic": "logloss,error,auc", "multi:softprob": "mlogloss,merror,auc"}
    names = metrics[params["objective"]]
    ours_params = {**params, "num_round": rounds, "version": RELEASE, "eval_metric": names}
    if "c" in types:
        ours_params["feature_types"] = ",".join(types)
    lines = clary_gbdt.train(model, path, {"train": path}, ours_params)
    data = xgb.DMatrix(x, label, weight=weight, feature_types=types, enable_categorical=True)
    log = {}
    theirs = xgb.train({**params, "eval_metric": names.split(","), "nthread": 1}, data, rounds, evals=[(data, "train")], evals_result=log, verbose_eval=False)
    ours = xgb.Booster(model_file=model)
    margin = ours.predict(data, output_margin=True).ravel()
    if not np.allclose(margin, clary_gbdt.margins(model), rtol=1e-6, atol=1e-6):
        return f"predictions differ by {np.abs(margin - clary_gbdt.margins(model)).max()}"
    if problem := check_reading(theirs, data, path, folder, rng):
        return problem
    a, b = trees_of(ours), trees_of(theirs)
    if len(a) != len(b):
        return f"{len(a)} trees, expected {len(b)}"
    for t in range(len(a)):
        if found := differences(a[t], b[t]):
            why = explain(found, a[t], b[t], t, theirs, (x, label, weight, types, params, data))
            return "near-tie" if why is None else f"tree {t}: {why} {params}"
    last = lines[-2].split("\t")[1:]
    want = [f"train-{m}:{log['train'][m][-1]:.5f}" for m in names.split(",")]
    values = [[float(word.split(":")[1]) for word in words] for words in (last, want)]
    close = np.allclose(*values, rtol=0, atol=3e-5, equal_nan=True)
    return None if close else f"metrics {last} {want}"


def check_reading(theirs, data, path, folder, rng):
    """Their model, read here: margins, leaves and explanations."""
    file = os.path.join(folder, str(rng.choice(["theirs.json", "theirs.ubj"])))
    theirs.save_model(file)
    wanted = {
        "margin": theirs.predict(data, output_margin=True),
        "leaf": theirs.predict(data, pred_leaf=True),
        "contributions": theirs.predict(data, pred_contribs=True),
    }
    for kind, want in wanted.items():
        got = clary_gbdt.predict(file, path, kind)
        if not np.allclose(got, want.ravel(), rtol=1e-5, atol=1e-5):
            return f"reading their model: {kind} differs by {np.abs(got - want.ravel()).max()}"
    return None


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    ties = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + cases):
            result = check(seed, folder)
            if result == "near-tie":
                ties += 1
            elif result is not None:
                failed += 1
                print(f"seed {seed}: {result}")
    print(f"xgboost {xgb.__version__}: {cases} cases, {failed} failed, {ties} with a proven near-tie")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
