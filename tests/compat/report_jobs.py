"""Jobs for the report tests: trained by real XGBoost, described for clary_report_tool.

Each maker returns the description (see src/debugger/testing/report_tool.cc); its last step's labels
and predictions are what the tests check the report's numbers against.
"""
import gzip
import json
import math
import pathlib

import numpy as np
import xgboost as xgb

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMPORTANCE = ["weight", "gain", "cover", "total_gain", "total_cover"]


def tensor(collection, name, values, kind="f64", shape=None):
    if kind == "str":
        values = list(values)
        return dict(collection=collection, name=name, type=kind, shape=[len(values)], values=values)
    array = np.asarray(values)
    flat = [None if isinstance(v, float) and math.isnan(v) else v for v in array.ravel().tolist()]
    return dict(collection=collection, name=name, type=kind, shape=shape or list(array.shape), values=flat)


def tree_json(dump, round_, class_, names):
    nodes = {}

    def walk(node):
        if "leaf" in node:
            nodes[node["nodeid"]] = {"v": round(node["leaf"], 6), "c": round(node["cover"], 2)}
            return
        nodes[node["nodeid"]] = {"f": names[int(node["split"][1:])] if node["split"] not in names else node["split"],
                                 "t": node["split_condition"], "y": node["yes"], "n": node["no"],
                                 "m": node["missing"], "g": round(node["gain"], 4), "c": round(node["cover"], 2)}
        for child in node["children"]:
            walk(child)

    walk(json.loads(dump))
    order = sorted(nodes)
    place = {old: i for i, old in enumerate(order)}
    out = []
    for old in order:
        node = dict(nodes[old])
        for key in ("y", "n", "m"):
            if key in node:
                node[key] = place[node[key]]
        out.append(node)
    return json.dumps({"round": round_, "class": class_, "nodes": out}, separators=(",", ":"))


MAXIMIZED = ("auc", "ndcg", "map")


def describe(x, name):
    """What clary_report says of each column."""
    with np.errstate(all="ignore"):
        return [tensor("clary_report", f"clary_report/{name}/{what}", values) for what, values in dict(
            missing=np.isnan(x).mean(axis=0), mean=np.nanmean(x, axis=0), std=np.nanstd(x, axis=0),
            min=np.nanmin(x, axis=0), max=np.nanmax(x, axis=0)).items() if name == "data" or what in ("missing", "min", "max")]


def job(name, hyperparameters, x, y, vx, vy, rounds, interval=5, names=None, groups=None, context=None,
        explain=1000, classes=None, categories=None):
    """Early stopping, if the hyperparameters ask for it, cuts the model as the job does. Without `vx` the
    training rows are evaluated."""
    validated = vx is not None
    if not validated:
        vx, vy = x, y
    names = names or [f"f{i}" for i in range(x.shape[1])]
    safe = [f"f{i}" for i in range(x.shape[1])]  # XGBoost refuses some names that data may have
    train, valid = xgb.DMatrix(x, y, feature_names=safe), xgb.DMatrix(vx, vy, feature_names=safe)
    if groups:
        train.set_group(groups[0])
        valid.set_group(groups[1])
    params = dict(hyperparameters, nthread=1)
    metrics = params.pop("eval_metric", None)
    if metrics:
        params["eval_metric"] = metrics.split(",")
    history = {}
    patience = params.pop("early_stopping_rounds", None)
    last_set = "validation" if validated else "train"
    booster = xgb.train(params, train, rounds, evals=[(train, "train")] + [(valid, "validation")] * validated,
                        evals_result=history, verbose_eval=False, early_stopping_rounds=patience)
    metric = list(history[last_set])[-1]
    deciding = history[last_set][metric]
    best = int(np.argmax(deciding) if metric.startswith(MAXIMIZED) else np.argmin(deciding))
    rounds = len(deciding)
    delivered = best + 1 if patience else rounds
    objective = hyperparameters["objective"]
    steps = sorted(set(range(0, rounds, interval)) | {rounds - 1})
    out = []
    for step in steps:
        tensors = []
        if step == 0:
            for key, value in dict(hyperparameters, num_round=rounds).items():
                tensors.append(tensor("hyperparameters", f"hyperparameters/{key}", [str(value)], "str"))
            tensors += [
                tensor("clary_report", "clary_report/feature_names", names, "str"),
                tensor("clary_report", "clary_report/rows", [len(x), len(vx) * validated]),
                tensor("clary_report", "clary_report/train_labels", y[:100000], "f32"),
                tensor("clary_report", "clary_report/deciding_metric", [f"{last_set}-{metric}"], "str"),
            ] + describe(x, "data")
            if classes:
                tensors.append(tensor("clary_report", "clary_report/class_names", classes, "str"))
            for f, texts in (categories or {}).items():
                tensors.append(tensor("clary_report", f"clary_report/categories/{f}", texts, "str"))
            if validated:
                there = ~np.isnan(vx)
                beyond = there & ((vx < np.nanmin(x, axis=0)) | (vx > np.nanmax(x, axis=0)))
                tensors += describe(vx, "validation")
                tensors.append(tensor("clary_report", "clary_report/validation/outside",
                                      beyond.sum(axis=0) / np.maximum(1, there.sum(axis=0))))
        for data, values in history.items():
            for metric, series in values.items():
                kind = "metrics" if metric in ("auc", "map") else "losses"
                tensors.append(tensor("metrics", f"{data}-{metric}", [series[step]]))
                if kind == "losses":
                    tensors.append(tensor("losses", f"{data}-{metric}", [series[step]]))
        upto = booster[: step + 1]
        prediction = upto.predict(valid)
        tensors.append(tensor("predictions", "predictions", prediction, "f32"))
        tensors.append(tensor("labels", "labels", vy, "f32"))
        for kind in IMPORTANCE:
            scores = upto.get_score(importance_type=kind)
            total = sum(scores.values()) or 1
            for feature, value in scores.items():
                tensors.append(tensor("feature_importance",
                                      f"feature_importance/{kind}/{names[int(feature[1:])]}", [value / total]))
        if step == steps[-1]:
            m = min(explain, len(vx))
            rows = np.arange(m) * len(vx) // m
            model = booster[:delivered]
            contributions = model.predict(xgb.DMatrix(vx[rows], feature_names=safe), pred_contribs=True)
            per_round = max(1, len(model.get_dump()) // delivered)
            trees = [tree_json(d, i // per_round, i % per_round, names)
                     for i, d in enumerate(model.get_dump(with_stats=True, dump_format="json"))]
            if delivered < rounds:
                tensors.append(tensor("clary_report", "clary_report/predictions", model.predict(valid), "f32"))
                for kind in IMPORTANCE:
                    scores = model.get_score(importance_type=kind)
                    total = sum(scores.values()) or 1
                    tensors.append(tensor("clary_report", f"clary_report/importance/{kind}",
                                          [scores.get(f, 0) / total for f in safe]))
            for data, values in history.items():
                for m, series in values.items():
                    tensors.append(tensor("clary_report", f"clary_report/metrics/{data}-{m}", series))
            tensors += [
                tensor("clary_report", "clary_report/delivered_rounds", [delivered], "i64"),
                tensor("clary_report", "clary_report/tree_count", [len(trees)], "i64"),
                tensor("clary_report", "clary_report/shap", contributions, "f32"),
                tensor("clary_report", "clary_report/shap_features", vx[rows], "f32"),
                tensor("clary_report", "clary_report/shap_rows", rows, "i64"),
                tensor("clary_report", "clary_report/trees", trees[: 50 * per_round] + trees[-1:], "str"),
                tensor("clary_report", "clary_report/best_round", [best], "i64"),
            ]
        out.append(dict(step=step, tensors=tensors))
    about = dict(job_name=f"{name}-2026-11-26-10-40-00-123", base_job_name=name, status="Completed",
                 image="xgboost:1.7-1", instance="1 x ml.m5.xlarge", created="2026-11-26T10:40:00.123Z",
                 started="2026-11-26T10:40:01.000Z", ended="2026-11-26T10:40:03.250Z",
                 hyperparameters={k: str(v) for k, v in dict(hyperparameters, num_round=rounds).items()})
    about.update(context or {})
    assert objective
    return dict(context=about, ended=True, steps=out)


def census(rounds=100, **more):
    """UCI Adult as the tutorial trains it: binary, real feature names."""
    folder = ROOT / "examples/data/census"
    names = [n for n in (folder / "columns.txt").read_text().split() if n != "label"]

    def read(part):
        with gzip.open(folder / f"{part}.csv.gz", "rt") as f:
            table = np.loadtxt(f, delimiter=",", dtype=np.float32)
        return table[:, 1:], table[:, 0]

    x, y = read("train")
    vx, vy = read("validation")
    parameters = dict(objective="binary:logistic", max_depth=5, eta=0.2, gamma=4, min_child_weight=6,
                      subsample=0.7, eval_metric="logloss,auc")
    parameters.update(more)
    other = [dict(name=f"census-2026-11-2{i}-09-12-44-{i}77", status="Completed",
                  metrics={"validation:auc": 0.9164 + 0.0011 * i, "validation:logloss": 0.2962 - 0.002 * i},
                  hyperparameters=dict(objective="binary:logistic", max_depth=str(3 + i), eta="0.3", num_round="50",
                                       gamma="4", min_child_weight="6", subsample="0.7", eval_metric="logloss,auc"))
             for i in (3, 2, 1)]
    context = dict(
        channels=[dict(name="train", source="s3://bucket/census/train.csv", type="text/csv"),
                  dict(name="validation", source="s3://bucket/census/validation.csv", type="text/csv")],
        rules=[dict(name="CreateXgboostReport", rule="CreateXgboostReport", status="InProgress", details=""),
               dict(name="LossNotDecreasing", rule="LossNotDecreasing", status="NoIssuesFound", details=""),
               dict(name="ClassImbalance", rule="ClassImbalance", status="NoIssuesFound", details="")],
        other_jobs=other)
    return job("census", parameters, x, y, vx, vy, rounds, names=names, context=context)


def overfitted():
    """Few rows, noisy labels, deep trees: overfits after a few rounds. Names that try to break out."""
    random = np.random.default_rng(3)
    x = random.normal(size=(800, 6)).astype(np.float32)
    x[random.random(x.shape) < 0.05] = np.nan
    y = (np.nan_to_num(x[:, 0]) + random.normal(scale=1.5, size=800) > 1.4).astype(np.float32)
    names = ["</script><script>alert(1)</script>", "a\u2028b\u2029c", "$\\frac{x", "<img src=x onerror=alert(2)>",
             "\"quoted' & name", "x" * 300]
    return job("</script><b>job", dict(objective="binary:logistic", max_depth=8, eta=0.3), x[:500], y[:500], x[500:],
               y[500:], 40, interval=1, names=names)


def early_stopped():
    """Trained long after its best round: the report must be of the model that was cut there."""
    random = np.random.default_rng(21)
    x = random.normal(size=(350, 5)).astype(np.float32)
    y = (x[:, 0] + 0.5 * x[:, 1] + random.normal(scale=1.3, size=350) > 0).astype(np.float32)
    return job("stopped", dict(objective="binary:logistic", eta=0.6, eval_metric="logloss", early_stopping_rounds=20),
               x[:150], y[:150], x[150:], y[150:], 300)


def shifted():
    """A month that counts on: 1 to 9 in training, 10 to 12 in validation."""
    random = np.random.default_rng(22)
    x = random.normal(size=(500, 3)).astype(np.float32)
    x[:, 0] = np.concatenate([random.integers(1, 10, 300), random.integers(10, 13, 200)])
    chance = 1 / (1 + np.exp(-(x[:, 1] + 0.4 * (x[:, 0] - 5) * np.where(np.arange(500) < 300, 1, -1))))
    y = (random.random(500) < chance).astype(np.float32)
    return job("by-time", dict(objective="binary:logistic", eval_metric="auc"), x[:300], y[:300], x[300:], y[300:], 30,
               names=["month", "income", "noise"])


def unvalidated():
    random = np.random.default_rng(23)
    x = random.normal(size=(600, 4)).astype(np.float32)
    y = (x[:, 0] + random.normal(scale=0.3, size=600) > 0).astype(np.float32)
    return job("alone", dict(objective="binary:logistic", max_depth=6), x, y, None, None, 30)


def one_class():
    """Validation rows of one class: most statistics do not exist."""
    random = np.random.default_rng(24)
    x = random.normal(size=(400, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.float32)
    held = x[:, 0] > 0.2
    held[:150] = False
    return job("positives", dict(objective="binary:logistic", eval_metric="logloss"), x[:150], y[:150], x[held], y[held], 12)


def constant():
    """A regression whose validation labels are all the same."""
    random = np.random.default_rng(25)
    x = random.normal(size=(300, 3)).astype(np.float32)
    y = (x[:, 0] * 3).astype(np.float32)
    y[200:] = 0
    return job("zeros", dict(objective="reg:squarederror"), x[:200], y[:200], x[200:], y[200:], 12)


DIGITS = ["zero", "<b>one</b>", "two, or more", "three", 'the "fourth"']


def multiclass():
    random = np.random.default_rng(5)
    centers = random.normal(scale=1.6, size=(5, 8))
    share = [0.4, 0.3, 0.18, 0.1, 0.02]
    y = random.choice(5, size=4000, p=share)
    x = (centers[y] + random.normal(scale=1.7, size=(4000, 8))).astype(np.float32)
    y = y.astype(np.float32)
    return job("digits", dict(objective="multi:softprob", num_class=5, max_depth=4, eta=0.15,
                              eval_metric="merror,mlogloss"), x[:3000], y[:3000], x[3000:], y[3000:], 40,
               names=[f"measure {i}" for i in range(8)], classes=DIGITS)


def softmax():
    description = multiclass()
    description["context"]["hyperparameters"]["objective"] = "multi:softmax"
    for step in description["steps"]:
        for t in step["tensors"]:
            if t["name"] == "predictions":
                k = t["shape"][1]
                rows = np.array(t["values"]).reshape(-1, k).argmax(axis=1).astype(float)
                t["values"], t["shape"] = rows.tolist(), [len(rows)]
    return description


def regression(objective="reg:squarederror", **more):
    random = np.random.default_rng(7)
    x = random.uniform(-2, 2, size=(3000, 6)).astype(np.float32)
    mean = 12 + 4 * np.sin(2 * x[:, 0]) + 3 * x[:, 1] ** 2 + 2 * x[:, 2] * (x[:, 3] > 0)
    y = mean + random.normal(scale=1 + 0.6 * np.abs(x[:, 4]), size=3000)
    if objective == "count:poisson":
        y = random.poisson(np.exp(0.4 + 0.5 * x[:, 0] + 0.3 * x[:, 1]))
    y = y.astype(np.float32)
    return job("houses", dict(objective=objective, max_depth=4, eta=0.2, **more), x[:2200], y[:2200], x[2200:],
               y[2200:], 60, names=["rooms", "age", "distance", "river", "noise", "index"])


def count():
    return regression("count:poisson")


def ranking():
    random = np.random.default_rng(9)
    x = random.normal(size=(2400, 7)).astype(np.float32)
    score = x[:, 0] + 0.7 * x[:, 1] * x[:, 2] + random.normal(scale=0.6, size=2400)
    y = np.digitize(score, [-0.5, 0.6, 1.5, 2.4]).astype(np.float32)
    return job("search", dict(objective="rank:ndcg", max_depth=4, eta=0.1, eval_metric="ndcg,ndcg@5"), x[:1800],
               y[:1800], x[1800:], y[1800:], 40, groups=([20] * 90, [20] * 30))


def survival():
    random = np.random.default_rng(11)
    x = random.normal(size=(2000, 5)).astype(np.float32)
    event = random.exponential(scale=np.exp(-(0.9 * x[:, 0] + 0.5 * x[:, 1])) * 10)
    censored = random.exponential(scale=15, size=2000)
    y = np.where(event < censored, event, -censored).astype(np.float32)
    return job("patients", dict(objective="survival:cox", max_depth=3, eta=0.1), x[:1500], y[:1500], x[1500:],
               y[1500:], 40, names=["age", "dose", "weight", "height", "marker"])


def profile(seconds=75, cores=4, rounds=300, interval=0.5):
    """A job's system metrics and time line: download, load, rounds with a few slow ones, upload."""
    random = np.random.default_rng(13)
    begin = 1_795_689_600.0
    events, samples = [], []

    def event(name, process, start, length, step=-1):
        events.append([name, process, "0-algo-1", int((begin + start) * 1e6), int(length * 1e6), step])

    event("download", "runner", 0.4, 6.1)
    event("load", "engine", 7.0, 4.2)
    at = 11.4
    parts = dict(gradient=0.06, histogram=0.52, split=0.05, partition=0.16, predict=0.04, evaluate=0.09, tensors=0.03)
    for r in range(rounds):
        length = 0.19 * (1 + 0.06 * random.standard_normal()) * (0.8 + 0.4 * r / rounds)
        length *= 3.4 if r in (41, 137, 222) else 1
        start, step_parts = at, dict(parts)
        if r == 0:
            step_parts = dict(binning=2.2, **parts)
            length += 0.42
        if r % 50 == 49:
            step_parts["checkpoint"] = 0.08
        whole = sum(step_parts.values()) * 1.04
        event("Step:ModeKeys.TRAIN", "engine", start, length, r)
        for name, share in step_parts.items():
            event(name, "engine", at, length * share / whole, r)
            at += length * share / whole
        at = start + length + 0.0004
    end = at
    event("train", "runner", 6.6, end - 6.4)
    event("upload", "runner", end + 0.3, 1.9)
    seconds = end + 2.6
    for i in range(int(seconds / interval)):
        t = i * interval + 0.1
        busy = 88 if 11.4 <= t <= end else 25 if 7 <= t < 11.4 else 4
        for core in range(cores):
            value = busy + random.normal(0, 5) - (14 if core == cores - 1 and busy > 50 else 0)
            if 7 <= t < 11.4:
                value = 97 if core == 0 else 3
            samples.append([begin + t, "cpu", f"cpu{core}", "CPUUtilization", "algo-1", float(np.clip(value, 0, 100))])
            samples.append([begin + t, "cpu", f"cpu{core}", "I/OWaitPercentage", "algo-1",
                            float(np.clip(random.normal(14 if t < 7 else 1, 2), 0, 100))])
        memory = 6 + min(t, 12) * 2.4 + max(0, t - 12) * 0.02
        samples.append([begin + t, "memory", "MemoryUsedPercent", "", "algo-1", memory])
        samples.append([begin + t, "i/o", "ReadThroughputInBytesPerSecond", "", "algo-1", 3.1e7 if 6.5 < t < 11 else 2e4])
        samples.append([begin + t, "i/o", "WriteThroughputInBytesPerSecond", "", "algo-1", 4.4e7 if t < 6.5 else 9e4])
        samples.append([begin + t, "network", "ReceiveBytesPerSecond", "Algorithm", "algo-1", 4.2e7 if t < 6.5 else 3e3])
        samples.append([begin + t, "network", "TransmitBytesPerSecond", "Algorithm", "algo-1", 6e6 if t > end else 2e3])
    return dict(samples=samples, events=events)


def profiled():
    """A short training run with a profile."""
    description = regression()
    description["profile"] = profile()
    description["context"].update(created=None, started=None, ended=None)
    for key in ("created", "started", "ended"):
        del description["context"][key]
    return description


JOBS = dict(census=census, overfitted=overfitted, early_stopped=early_stopped, shifted=shifted,
            unvalidated=unvalidated, one_class=one_class, constant=constant, multiclass=multiclass, softmax=softmax, regression=regression,
            count=count, ranking=ranking, survival=survival, profiled=profiled)
