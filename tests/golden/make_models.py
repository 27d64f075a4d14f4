"""Writes small models of real XGBoost, and what XGBoost says about them, into ./models.

Run once with each of XGBoost 0.90, 1.0, 1.2, 1.7 and 3.x (the first three need numpy 1.26); the
files are named after the release. The old ones write what their format was, fewer kinds of models.
"""
import json
import pathlib

import numpy as np
import xgboost as xgb

OUT = pathlib.Path(__file__).parent / "models"
RELEASE = next((r for r in ("0.90", "1.0", "1.2", "1.7") if xgb.__version__.startswith(r)), "3")
OLD = RELEASE in ("0.90", "1.0", "1.2")


def numbers(array):
    return [None if np.isnan(v) else float(v) for v in np.asarray(array, np.float64).ravel()]


def write(name, params, rounds, y, x, types=None, formats=("json",)):
    more = {} if types is None else {"feature_types": types, "enable_categorical": True}
    data = xgb.DMatrix(x, y, **more)
    params = {"nthread": 1, "max_depth": 3, "seed": 1, "verbosity": 0, **params}
    model = xgb.train(params, data, rounds)
    model.set_attr(best_iteration=str(rounds - 2), note="a \"note\"\n")
    rows = x[:6]
    few = xgb.DMatrix(rows, **more)
    linear = params.get("booster") == "gblinear"
    if OLD:  # dart leaves trees out unless it is told how many there are
        args = {} if linear else {"ntree_limit": rounds}
    else:
        args = {} if linear else {"iteration_range": (0, model.num_boosted_rounds())}
    expected = {
        "columns": x.shape[1],
        "rows": numbers(rows),
        "value": numbers(model.predict(few, **args)),
        "margin": numbers(model.predict(few, output_margin=True, **args)),
        "contributions": numbers(model.predict(few, pred_contribs=True, **args)),
    }
    if RELEASE == "0.90" and params.get("booster") == "dart":
        del expected["contributions"]  # they leave the trees' weights out, and do not add up
    elif not linear:
        expected["approx_contributions"] = numbers(
            model.predict(few, pred_contribs=True, approx_contribs=True, **args))
        expected["interactions"] = numbers(model.predict(few, pred_interactions=True, **args))
    if not linear:
        expected["leaf"] = numbers(model.predict(few, pred_leaf=True, **args))
        if not OLD:
            expected["second_round_on"] = numbers(
                model.predict(few, output_margin=True, iteration_range=(1, model.num_boosted_rounds())))
        for kind in ("weight", "gain", "cover", "total_gain", "total_cover"):
            expected[kind] = {k[1:]: v for k, v in model.get_score(importance_type=kind).items()}
    (OUT / f"{name}-{RELEASE}.expected").write_text(json.dumps(expected) + "\n")
    for form in formats:
        model.save_model(str(OUT / f"{name}-{RELEASE}.{form}"))


def main():
    OUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    x[rng.random(x.shape) < 0.15] = np.nan
    z = np.nan_to_num(x)
    score = z[:, 0] - 2 * z[:, 1] * z[:, 2] + np.sin(3 * z[:, 3])
    binary = (score + rng.normal(size=300) > 0).astype(np.float32)
    classes = np.digitize(score, [-1, 1]).astype(np.float32)
    counts = rng.poisson(np.exp(score / 4)).astype(np.float32)
    dense = z.astype(np.float32)
    if OLD:
        formats = ("deprecated",) if RELEASE == "0.90" else ("json", "deprecated")
        write("binary", {"objective": "binary:logistic", "base_score": 0.3}, 4, binary, x, formats=formats)
        write("logitraw", {"objective": "binary:logitraw", "base_score": 0.3}, 2, binary, x, formats=formats)
        write("poisson", {"objective": "count:poisson", "max_depth": 2}, 2, counts, x, formats=formats)
        write("dart", {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5}, 4, score, x,
              formats=formats)
        write("linear", {"objective": "multi:softprob", "num_class": 3, "booster": "gblinear"}, 3, classes,
              dense, formats=formats)
        return
    old = ("json", "ubj", "deprecated") if RELEASE == "1.7" else ("json", "ubj")
    write("binary", {"objective": "binary:logistic"}, 4, binary, x, formats=old)
    write("softprob", {"objective": "multi:softprob", "num_class": 3, "max_depth": 2}, 3, classes, x,
          formats=old)
    write("dart", {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5}, 4, score, x,
          formats=old)
    write("linear", {"objective": "multi:softprob", "num_class": 3, "booster": "gblinear"}, 3, classes,
          dense, formats=old)
    write("exact", {"objective": "reg:squarederror", "tree_method": "exact", "gamma": 20,
                    "max_depth": 4}, 3, score, x, formats=("json",) + old[2:])
    write("forest", {"objective": "reg:squarederror", "num_parallel_tree": 2, "subsample": 0.6}, 3,
          counts, x, formats=("ubj",))
    if RELEASE == "3":
        codes = rng.integers(0, 7, size=(300, 2)).astype(np.float32)
        mixed = np.concatenate([codes, x[:, :2]], axis=1)
        target = (np.isin(codes[:, 0], [1, 4, 5]) * 3 + codes[:, 1] % 3 + z[:, 0]).astype(np.float32)
        write("categorical", {"objective": "reg:squarederror", "tree_method": "hist",
                              "max_cat_to_onehot": 3}, 4, target, mixed,
              types=["c", "c", "float", "float"], formats=("json", "ubj"))


main()
