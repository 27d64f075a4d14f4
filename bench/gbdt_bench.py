"""The engine beside XGBoost, LightGBM and CatBoost: time, memory and quality.

    python bench/gbdt_bench.py train                      # every set, 1 and 2 threads
    python bench/gbdt_bench.py train --sets higgs,reg --threads 1 --depth 8 --reps 3
    python bench/gbdt_bench.py train --policy lossguide --leaves 255 --bins 64
    python bench/gbdt_bench.py csv --sets higgs           # from a file to a model
    python bench/gbdt_bench.py predict                    # 1M rows, single rows, contributions
    python bench/gbdt_bench.py evaluation --threads 2     # what each metric costs in a round

Needs bench/requirements-gbdt.txt and the program gbdt_bench (preset "bench"). Every engine starts
from the same float32 matrix in memory; "total" is construction (cuts, bins) and training. Each
repetition runs every engine once, each in a process of its own, so that drift of the machine hits
all; a cell is the median, a ratio the median of the ratios within a repetition. "extra" is the
growth of the process's peak memory over what it had with the matrix loaded. Small sets repeat
inside the process (--inner), and the first inner run is not counted.

Settings: eta 0.1, lambda 1, min_child_weight 1, 256 bins (255 for LightGBM, whose first is for
zero), and the same tree shape: LightGBM gets num_leaves = 2^depth and max_depth. "lgb-quant" is
use_quantized_grad with quant_train_renew_leaf (without renewal it loses accuracy). CatBoost grows
symmetric trees, its default.
"""

import argparse
import difflib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import gbdt_data  # noqa: E402

ENGINES = ["clary", "xgb", "lgb", "lgb-quant", "catboost"]
LABEL = {"clary": "Clary", "xgb": "XGBoost", "lgb": "LightGBM", "lgb-quant": "LightGBM quantized",
         "catboost": "CatBoost"}


def status_mb(name):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name)) / 1024


# ---- workers: one engine, one set, in a process of its own ----

def xgb_params(a, objective):
    p = {"objective": objective, "eta": 0.1, "lambda": 1, "min_child_weight": 1,
         "max_depth": a.depth, "max_bin": a.bins, "nthread": a.thread, "tree_method": "hist",
         "seed": a.seed}
    if a.policy == "lossguide":
        p |= {"grow_policy": "lossguide", "max_leaves": a.leaves, "max_depth": 0}
    if objective.startswith("multi"):
        p["num_class"] = 10
    return p


def train_xgb(a, objective, X, y, groups):
    import xgboost
    sizes = None if groups is None else groups.astype("int64")
    qid = None if sizes is None else __import__("numpy").repeat(range(len(sizes)), sizes)
    make = xgboost.QuantileDMatrix if a.quantile else xgboost.DMatrix
    extra = {"max_bin": a.bins} if a.quantile else {}
    start = time.perf_counter()
    data = make(X, y, qid=qid, nthread=a.thread, **extra)
    built = time.perf_counter()
    model = xgboost.train(xgb_params(a, objective), data, a.rounds)
    return built - start, time.perf_counter() - built, \
        lambda T: model.predict(xgboost.DMatrix(T), output_margin=True), model


def train_lgb(a, objective, X, y, groups):
    import lightgbm
    names = {"binary:logistic": "binary", "reg:squarederror": "regression",
             "multi:softprob": "multiclass", "rank:ndcg": "lambdarank"}
    p = {"objective": names[objective], "learning_rate": 0.1, "lambda_l2": 1,
         "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 1, "max_bin": a.bins - 1, "verbose": -1,
         "num_threads": a.thread, "num_leaves": 2 ** a.depth, "max_depth": a.depth,
         "seed": a.seed}
    if a.policy == "lossguide":
        p |= {"num_leaves": a.leaves, "max_depth": -1}
    if a.engine == "lgb-quant":
        p |= {"use_quantized_grad": True, "quant_train_renew_leaf": True}
    if objective.startswith("multi"):
        p["num_class"] = 10
    start = time.perf_counter()
    data = lightgbm.Dataset(X, y, group=groups, params=p)
    data.construct()
    built = time.perf_counter()
    model = lightgbm.train(p, data, a.rounds)
    return built - start, time.perf_counter() - built, \
        lambda T: model.predict(T, raw_score=True), model


def train_catboost(a, objective, X, y, groups):
    import catboost
    names = {"binary:logistic": "Logloss", "reg:squarederror": "RMSE",
             "multi:softprob": "MultiClass", "rank:ndcg": "YetiRank"}
    p = {"loss_function": names[objective], "iterations": a.rounds, "learning_rate": 0.1,
         "depth": a.depth, "l2_leaf_reg": 1, "border_count": a.bins - 2, "thread_count": a.thread,
         "bootstrap_type": "No", "boosting_type": "Plain", "logging_level": "Silent",
         "allow_writing_files": False, "random_seed": a.seed}
    if a.policy == "lossguide":
        p |= {"grow_policy": "Lossguide", "max_leaves": min(a.leaves, 64)}
    if objective == "rank:ndcg":
        del p["bootstrap_type"]
    start = time.perf_counter()
    qid = None if groups is None else __import__("numpy").repeat(range(len(groups)), groups)
    data = catboost.Pool(X, y, group_id=qid)
    built = time.perf_counter()
    model = catboost.CatBoost(p).fit(data)
    return built - start, time.perf_counter() - built, \
        lambda T: model.predict(catboost.Pool(T), prediction_type="RawFormulaVal"), model


def quality(objective, margin, y, groups):
    """(name, value, larger is better)."""
    import numpy as np
    from sklearn import metrics
    if objective == "binary:logistic":
        return "AUC", metrics.roc_auc_score(y, margin), True
    if objective == "reg:squarederror":
        return "RMSE", float(np.sqrt(np.mean((margin - y) ** 2))), False
    if objective == "multi:softprob":
        margin = np.reshape(margin, (len(y), -1))
        return "error", float(np.mean(margin.argmax(1) != y)), False
    total, at = 0.0, 0
    for size in groups:
        total += metrics.ndcg_score([y[at:at + size]], [margin[at:at + size]], k=10)
        at += size
    return "NDCG@10", total / len(groups), True


def worker(a):
    name = a.set
    objective = gbdt_data.SETS[name][3]
    X, y, groups = gbdt_data.load(a.dir, "train")
    __import__({"xgb": "xgboost", "catboost": "catboost"}.get(a.engine, "lightgbm"))
    out = []
    for _ in range(a.inner):
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
        before = status_mb("VmRSS")
        train = {"xgb": train_xgb, "catboost": train_catboost}.get(a.engine, train_lgb)
        construct, seconds, predict, _ = train(a, objective, X, y, groups)
        peak = status_mb("VmHWM")
        out.append({"construct": construct, "train": seconds, "total": construct + seconds,
                    "peak_mb": peak, "extra_mb": peak - before})
    T, ty, tg = gbdt_data.load(a.dir, "test")
    out[-1]["quality"] = quality(objective, predict(T), ty, tg)
    print(json.dumps(out))


def run_clary(a, name, folder, thread):
    import numpy as np
    objective = gbdt_data.SETS[name][3]
    p = xgb_params(argparse.Namespace(**vars(a) | {"thread": thread}), objective)
    p |= {"num_round": a.rounds}
    args = [a.program, "train", str(folder), str(a.inner)] + [f"{k}={v}" for k, v in p.items()]
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    out = [json.loads(line) for line in done.stdout.splitlines()]
    margin = np.fromfile(folder / "clary.margin.f32", np.float32)
    y = np.load(folder / "y_test.npy")
    groups = folder / "groups_test.npy"
    groups = np.load(groups) if groups.exists() else None
    out[-1]["quality"] = quality(objective, margin, y, groups)
    return out


def run_other(a, engine, name, folder, thread):
    args = [sys.executable, __file__, "worker", "--engine", engine, "--set", name, "--dir",
            str(folder), "--thread", str(thread)]
    for key in ("depth", "bins", "leaves", "rounds", "policy", "inner", "seed"):
        args += [f"--{key}", str(getattr(a, key))]
    if a.quantile:
        args.append("--quantile")
    done = subprocess.run(args, capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": str(thread)})
    if done.returncode:
        return None
    return json.loads(done.stdout.splitlines()[-1])


def counted(runs):
    """What a process reports: without its first run if it has more."""
    return runs[1:] if len(runs) > 1 else runs


def compare(a):
    for name in a.sets.split(","):
        folder = gbdt_data.folder(a.cache, name, a.scale)
        for thread in map(int, a.threads.split(",")):
            seen = {e: [] for e in a.engines.split(",")}
            grades = {}
            for _ in range(a.reps):
                for engine in seen:
                    if engine == "clary":
                        runs = run_clary(a, name, folder, thread)
                    else:
                        runs = run_other(a, engine, name, folder, thread)
                    if runs is None:
                        continue
                    grades[engine] = runs[-1].pop("quality")
                    seen[engine].append({k: statistics.median(r[k] for r in counted(runs))
                                         for k in ("total", "construct", "train")} |
                                        {k: max(r[k] for r in runs)
                                         for k in ("peak_mb", "extra_mb")})
            table(a, name, thread, seen, grades)


def table(a, name, thread, seen, grades):
    shape = f"depth {a.depth}" if a.policy == "depthwise" else f"lossguide {a.leaves} leaves"
    print(f"\n**{name}**, {thread} thread{'s' * (thread > 1)}, {a.rounds} rounds, {shape}, "
          f"{a.bins} bins\n")
    grade = next(iter(grades.values()))[0]
    print(f"| engine | total s | construct | train | ratio [min..max] | train ratio | {grade} "
          "| peak MB | extra MB | extra ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    ours = seen.get("clary") or []
    for engine, runs in seen.items():
        if not runs:
            print(f"| {LABEL[engine]} | failed |")
            continue
        mid = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
        ratios = sorted(r["total"] / o["total"] for r, o in zip(runs, ours))
        train = [r["train"] / o["train"] for r, o in zip(runs, ours)]
        cells = ["-", "-", "-"]
        if ratios:
            cells = [f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}..{ratios[-1]:.2f}]",
                     f"{statistics.median(train):.2f}",
                     f"{ours[0]['extra_mb'] / max(mid['extra_mb'], 0.1):.2f}"]
        print(f"| {LABEL[engine]} | {mid['total']:.3f} | {mid['construct']:.3f} | "
              f"{mid['train']:.3f} | {cells[0]} | {cells[1]} | {grades[engine][1]:.5f} | "
              f"{mid['peak_mb']:.0f} | {mid['extra_mb']:.0f} | {cells[2]} |", flush=True)
    if a.json:
        with open(a.json, "a") as f:
            f.write(json.dumps({"set": name, "threads": thread, "shape": shape, "bins": a.bins,
                                "rounds": a.rounds, "runs": seen, "quality": grades}) + "\n")


def compare_csv(a):
    """From a CSV file (label first) to a model: reading, construction and training."""
    import numpy as np
    for name in a.sets.split(","):
        folder = gbdt_data.folder(a.cache, name, a.scale)
        path = folder / "train.csv"
        if not path.exists():
            X, y, _ = gbdt_data.load(folder, "train")
            with open(path, "w") as f:
                for i in range(0, len(y), 10000):
                    part = np.column_stack([y[i:i + 10000], X[i:i + 10000]])
                    np.savetxt(f, part, fmt="%.7g", delimiter=",")
        objective = gbdt_data.SETS[name][3]
        for thread in map(int, a.threads.split(",")):
            b = argparse.Namespace(**vars(a) | {"thread": thread, "engine": "lgb"})
            params = xgb_params(b, objective)

            def clary():
                p = [f"{k}={v}" for k, v in (params | {"num_round": a.rounds}).items()]
                out = subprocess.run([a.program, "csv", str(path), "1", *p], capture_output=True,
                                     text=True, check=True).stdout
                return json.loads(out)["total"]

            def xgb():
                import xgboost
                start = time.perf_counter()
                data = xgboost.DMatrix(f"{path}?format=csv&label_column=0", nthread=thread)
                xgboost.train(params, data, a.rounds)
                return time.perf_counter() - start

            def lgb():
                import lightgbm
                p = {"objective": "binary" if objective.startswith("bin") else "regression",
                     "learning_rate": 0.1, "max_bin": 255, "num_threads": thread, "verbose": -1,
                     "num_leaves": 2 ** a.depth, "max_depth": a.depth, "min_data_in_leaf": 1}
                start = time.perf_counter()
                lightgbm.train(p, lightgbm.Dataset(str(path), params=p), a.rounds)
                return time.perf_counter() - start

            interleave(f"{name} from CSV, {thread} thread(s), {a.rounds} rounds", a.reps,
                       {"Clary": clary, "XGBoost": xgb, "LightGBM": lgb}, 1, "s")


def interleave(title, reps, engines, scale, unit):
    """Runs each engine in turn, prints medians and ratios to the first."""
    seen = {e: [] for e in engines}
    for _ in range(reps):
        for engine, run in engines.items():
            seen[engine].append(run())
    print(f"\n**{title}**\n\n| engine | {unit} | ratio [min..max] |\n|---|---|---|")
    ours = next(iter(seen.values()))
    for engine, times in seen.items():
        ratios = sorted(t / o for t, o in zip(times, ours))
        print(f"| {engine} | {statistics.median(times) * scale:.4g} | "
              f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}..{ratios[-1]:.2f}] |", flush=True)


def compare_predict(a):
    """One model, made by XGBoost and loaded by both: a million rows, single rows, TreeSHAP."""
    import numpy as np
    import xgboost
    for name in a.sets.split(","):
        if name in ("libsvm", "rank", "huge"):
            continue
        folder = gbdt_data.folder(a.cache, name, a.scale)
        X, y, _ = gbdt_data.load(folder, "train")
        fit = argparse.Namespace(**vars(a) | {"thread": 2})
        objective = gbdt_data.SETS[name][3]
        rows = min(len(y), 100_000)
        booster = xgboost.train(xgb_params(fit, objective), xgboost.DMatrix(X[:rows], y[:rows]),
                                a.rounds)
        model = str(folder / "xgb.model.json")
        booster.save_model(model)
        many = np.resize(X, (1_000_000, X.shape[1])) if X.shape[1] <= 100 else X
        case = folder / "predict"
        case.mkdir(exist_ok=True)
        np.save(case / "x_test.npy", many)
        np.save(case / "y_test.npy", np.zeros(len(many), np.float32))

        def program(*args, key="total"):
            done = subprocess.run([a.program, *map(str, args)], capture_output=True, text=True,
                                  check=True)
            return statistics.median(json.loads(line)[key] for line in done.stdout.splitlines())

        def timed(f, times=3):
            out = []
            for _ in range(times):
                start = time.perf_counter()
                f()
                out.append(time.perf_counter() - start)
            return statistics.median(out)

        for thread in map(int, a.threads.split(",")):
            booster.set_param({"nthread": thread})
            interleave(f"{name}: margins of {len(many)} rows, {a.rounds} rounds of depth "
                       f"{a.depth}, {thread} thread(s)", a.reps,
                       {"Clary": lambda: program("predict", model, case, thread, 3),
                        "XGBoost inplace_predict": lambda: timed(
                            lambda: booster.inplace_predict(many, predict_type="margin"))},
                       1, "s")
        one = np.ascontiguousarray(many[:1])
        booster.set_param({"nthread": 1})
        interleave(f"{name}: one row a call", a.reps,
                   {"Clary": lambda: program("single", model, case, 20000),
                    "XGBoost inplace_predict (from Python)": lambda: timed(
                        lambda: booster.inplace_predict(one, predict_type="margin"), 1000)},
                   1e6, "microseconds")
        some = 10_000 if X.shape[1] <= 100 else 1000
        part = xgboost.DMatrix(many[:some])
        for thread in map(int, a.threads.split(",")):
            booster.set_param({"nthread": thread})
            interleave(f"{name}: contributions of {some} rows, {thread} thread(s)", a.reps,
                       {"Clary": lambda: program("contributions", model, case, some, thread, 3),
                        "XGBoost pred_contribs": lambda: timed(
                            lambda: booster.predict(part, pred_contribs=True), 1)}, 1, "s")


def evaluation(a):
    """The share of a round that metrics of training and validation data take (least of all rounds)."""
    rows = int(262_144 * a.scale)
    for thread in map(int, a.threads.split(",")):
        print(f"\n**{rows} + {rows // 4} rows, 24 features, depth 6, {thread} thread(s)**\n\n"
              "| metric | objective | round, ms | evaluation, ms | share |\n|---|---|---|---|---|")
        done = subprocess.run([a.program, "evaluation", str(rows), str(a.rounds), str(thread)],
                              capture_output=True, text=True, check=True)
        for r in map(json.loads, done.stdout.splitlines()):
            print(f"| {r['metric']} | {r['objective']} | {r['round_ms']:.2f} | "
                  f"{r['evaluate_ms']:.3f} | {100 * r['share']:.1f} % |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command", choices=["train", "csv", "predict", "evaluation", "worker"])
    p.add_argument("--sets", default=",".join(gbdt_data.DEFAULT))
    p.add_argument("--engines", default=",".join(ENGINES))
    p.add_argument("--threads", default="1,2")
    p.add_argument("--depth", type=int, default=6)
    p.add_argument("--bins", type=int, default=256)
    p.add_argument("--policy", choices=["depthwise", "lossguide"], default="depthwise")
    p.add_argument("--leaves", type=int, default=31)
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--reps", type=int, default=3)
    p.add_argument("--inner", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    p.add_argument("--quantile", action="store_true", help="XGBoost's QuantileDMatrix")
    p.add_argument("--program", default=str(HERE.parent / "build/bench/bench/gbdt_bench"))
    p.add_argument("--cache", default=os.path.expanduser("~/.cache/clary/bench"))
    p.add_argument("--json", help="append every run to this file")
    p.add_argument("--engine", help=argparse.SUPPRESS)
    p.add_argument("--set", help=argparse.SUPPRESS)
    p.add_argument("--dir", help=argparse.SUPPRESS)
    p.add_argument("--thread", type=int, help=argparse.SUPPRESS)
    a = p.parse_args()
    for option, names in (("engines", ENGINES), ("sets", sorted(gbdt_data.SETS))):
        for name in filter(lambda n: n not in names, getattr(a, option).split(",")):
            near = difflib.get_close_matches(name, names, 1, 0.4)
            p.error(f"--{option}: there is no '{name}'" + (f"; did you mean {near[0]}?" if near else "")
                    + f" There are: {', '.join(names)}")
    {"worker": worker, "train": compare, "csv": compare_csv, "predict": compare_predict,
     "evaluation": evaluation}[a.command](a)


if __name__ == "__main__":
    main()
