#!/usr/bin/env python3
"""The report of a tuning job: its figures against numpy, scipy, scikit-learn and Optuna, its page in a real browser.

    tuning_report.py CLARY [--pictures DIR]

Real tuning jobs on the census data through `clary tune`; everything is computed again from what their trials were and gave.
"""
import argparse
import csv
import io
import json
import os
import pathlib
import sys
import tempfile
import urllib.parse

import numpy as np
import optuna
from scipy import stats
from selenium.webdriver.support.ui import WebDriverWait
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from browser import Browser, By, need, need_chromium

optuna.logging.set_verbosity(optuna.logging.ERROR)
CHARTS = {"progress", "progress-time", "parallel-coordinates", "importance", "curves", "curves-best", "gap", "size", "time",
          "trial-curve", "parameter-eta", "parameter-max_depth", "parameter-grow_policy"}


def near(a, b, tolerance, what):
    need(abs(a - b) <= tolerance, f"{what}: {a}, not {b} (within {tolerance})")


# --- jobs ---

def tune(clary, home, name, *options):
    import service
    told = json.loads(clary("tune", "--train", home / "train.csv", "--validation", home / "validation.csv", "--objective",
                            "binary:logistic", "--name", name, "--json", *options, home=home, timeout=500).stdout)
    need(told["status"] == "Completed", f"{name}: {told['status']} {told['failure_reason']}")
    need(len(told["reports"]) == 1, f"{name}: reports {told['reports']}")
    page = pathlib.Path(told["reports"][0])
    return told, page, json.loads(page.with_suffix(".json").read_text())


# --- the trials, as the report and the service tell them ---

def measured(report, d=0):
    return [i for i, t in enumerate(report["trials"]) if t["definition"] == d and t["value"] is not None and t["status"] != "Failed"]


def check_trials(told, page, report, clary, home):
    need([t["name"] for t in told["trials"]] == [t["name"] for t in report["trials"]], "other trials")
    for a, b in zip(told["trials"], report["trials"]):
        near(a["value"], float(np.float32(b["value"])), 0, f"value of {a['name']}")
        need(a["hyperparameters"] == b["tuned"], f"hyperparameters of {a['name']}")
    need(all(t.get("origin") for t in report["trials"]), "trials that nobody suggested")
    rows = list(csv.DictReader(io.StringIO(page.with_suffix(".csv").read_text())))
    need([r["origin"] for r in rows] == [t["origin"] for t in report["trials"]], "origins of the table")
    need(len(rows) == len(report["trials"]), "rows of the table")
    equal = {i for d in report["definitions"] for i in d["equal"]}
    for i, (row, t) in enumerate(zip(rows, report["trials"])):
        need(row["name"] == t["name"] and float(row["value"]) == t["value"], f"row {i + 1} of the table")
        need(row["equal_to_best"] == ("1" if i in equal else "0"), f"equal_to_best of row {i + 1}")
        need({k: row[k] for k in t["tuned"]} == t["tuned"], f"hyperparameters of row {i + 1}")
    best = max(report["trials"], key=lambda t: t["value"])
    need(report["trials"][report["best"]]["value"] == best["value"], "the best trial")
    # A curve is what the log says.
    log = clary("logs", best["name"], home=home).stdout
    said = [float(line.split("validation-auc:")[1].split()[0].split("#")[0]) for line in log.splitlines() if "validation-auc:" in line]
    need([v for _, v in best["curve"]] == said and best["rounds"] == len(said), "the curve of the best trial")
    model = sum(1 for t in report["trials"] if t.get("modelBytes", 0) > 100)
    need(model == len(report["trials"]), f"{model} models have a size")


def unit(parameters, config):
    out = []
    for p, v in zip(parameters, config):
        if "values" in p:
            out.append((v + 0.5) / len(p["values"]))
            continue
        half = 0.5 if p["integer"] else 0
        scale = np.log if p["scale"] == "log" else float
        low, high = scale(p["min"] - half), scale(p["max"] + half)
        out.append((scale(v) - low) / (high - low))
    return out


def half_rank(costs):
    costs = np.asarray(costs)
    n = len(costs)
    order = np.argsort(costs, kind="stable")
    median = costs[order[(n - 1) // 2]]
    better = costs[costs <= median]
    spread = np.sqrt(np.mean((better - median) ** 2))
    y = costs.copy()
    for rank, i in enumerate(order):
        if costs[i] > median:
            y[i] = median + (spread if spread > 0 else 1) * stats.norm.ppf(max((rank + 0.5) / n, 0.5))
    return (y - y.mean()) / (y.std() or 1)


# --- importance ---

def density(cells, count, categories):
    n = len(cells)
    counts = np.bincount(cells, minlength=count)
    p = np.full(count, 1 / count / (n + 1))
    if categories:
        return p + counts / (n + 1)
    values = np.sort(cells)
    sd = np.std(values, ddof=1)
    iqr = values[min(n - 1, n * 3 // 4)] - values[max(n // 4, 1) - 1]
    width = max(0.305, 1.059 * min(iqr / 1.34, sd) * n ** -0.2)
    edges = np.arange(count + 1) - 0.5
    for at in np.flatnonzero(counts):
        cdf = stats.norm.cdf(edges, at, width)
        p += counts[at] / (n + 1) * np.diff(cdf) / (cdf[-1] - cdf[0])
    return p


def check_ped_anova(report):
    d = report["definitions"][0]
    trials = [report["trials"][i] for i in measured(report)]
    cost = np.array([-t["value"] if d["maximize"] else t["value"] for t in trials])
    limit = np.sort(cost)[max(2, int(np.ceil(0.1 * len(cost)))) - 1]
    best = np.flatnonzero(cost <= limit)
    u = np.array([unit(d["parameters"], t["config"]) for t in trials])
    raw = []
    for j, p in enumerate(d["parameters"]):
        own = len(p["values"]) if "values" in p else p["max"] - p["min"] + 1 if p["integer"] else 0
        count = int(own) if "values" in p or (0 < own <= 50 and p["scale"] == "linear") else 50
        cells = np.minimum(count - 1, (u[:, j] * count).astype(int))
        every, top = density(cells, count, "values" in p), density(cells[best], count, "values" in p)
        raw.append(np.sum((top - every) ** 2 / every))
    shares = np.array(raw) / np.sum(raw)
    for p, share in zip(d["parameters"], shares):
        near(p["local"][0], share, 1e-9, f"PED-ANOVA of {p['name']}")
        need(p["local"][1] <= p["local"][0] <= p["local"][2], f"interval of {p['name']}")
    return shares


def study_of(report, values):
    """The trials as Optuna has them: what is continuous on the unit interval, so that scales are the same."""
    d = report["definitions"][0]
    study = optuna.create_study(direction="minimize")
    distributions = {}
    for p in d["parameters"]:
        if "values" in p:
            distributions[p["name"]] = optuna.distributions.CategoricalDistribution(p["values"])
        elif p["integer"]:
            distributions[p["name"]] = optuna.distributions.IntDistribution(int(p["min"]), int(p["max"]))
        else:
            distributions[p["name"]] = optuna.distributions.FloatDistribution(0, 1)
    for i, value in zip(measured(report), values):
        t = report["trials"][i]
        u = unit(d["parameters"], t["config"])
        params = {p["name"]: p["values"][int(t["config"][j])] if "values" in p else int(t["config"][j]) if p["integer"] else u[j]
                  for j, p in enumerate(d["parameters"])}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=float(value)))
    return study


def check_importance(report):
    d = report["definitions"][0]
    trials = [report["trials"][i] for i in measured(report)]
    cost = [-t["value"] if d["maximize"] else t["value"] for t in trials]
    shares = check_ped_anova(report)
    ped = optuna.importance.get_param_importances(study_of(report, cost), evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    total = sum(ped.values()) or 1
    theirs = np.array([ped[p["name"]] / total for p in d["parameters"]])
    # Their cells reach half a step beyond the range and integers are numbers to them: near, not equal.
    need(np.argmax(theirs) == np.argmax(shares) and np.abs(theirs - shares).max() < 0.2, f"PED-ANOVA: {shares}, Optuna {theirs}")
    fanova = optuna.importance.get_param_importances(study_of(report, half_rank(cost)),
                                                     evaluator=optuna.importance.FanovaImportanceEvaluator(seed=1), normalize=False)
    for p in d["parameters"]:
        low, high = p["global"][1], p["global"][2]
        need(low <= p["global"][0] <= high, f"interval of {p['name']}")
        near(p["global"][0], fanova[p["name"]], 0.08, f"fANOVA of {p['name']} against Optuna's")
    pairs = {(a, b): v for a, b, v, _, _ in d["pairs"]}
    left = 1 - sum(p["global"][0] for p in d["parameters"])
    need(sum(pairs.values()) <= left + 0.05, "pairs have more than is left")


# --- the landscape ---

def check_landscape(report):
    d = report["definitions"][0]
    trials = [report["trials"][i] for i in measured(report)]
    sign = -1 if d["maximize"] else 1
    x = []
    for t in trials:
        row = []
        for p, u, v in zip(d["parameters"], unit(d["parameters"], t["config"]), t["config"]):
            row += [float(v == k) / np.sqrt(2) for k in range(len(p["values"]))] if "values" in p else [u]
        x.append(row)
    x = np.array(x)
    y = half_rank([sign * t["value"] for t in trials])
    # Lengths below the distances of the trials would explain everything as noise between them.
    kernel = ConstantKernel(1, (0.1, 100)) * Matern(np.ones(x.shape[1]), (0.3, 1e2), nu=2.5) + WhiteKernel(1e-2, (1e-4, 0.3))
    gp = GaussianProcessRegressor(kernel, n_restarts_optimizer=3, random_state=0).fit(x, y)
    cube = stats.qmc.Sobol(len(d["parameters"]), seed=0).random(256)
    strongest = max((p for p in d["parameters"] if "values" not in p), key=lambda p: np.ptp(p["marginal"]["mean"]))
    j = d["parameters"].index(strongest)
    said = np.array(strongest["marginal"]["mean"]) * sign
    curve = []
    for at in strongest["marginal"]["at"]:
        rows = []
        for u in cube:
            row = []
            for k, (p, v) in enumerate(zip(d["parameters"], u)):
                if "values" in p:
                    c = at if k == j else min(int(v * len(p["values"])), len(p["values"]) - 1)
                    row += [float(c == q) / np.sqrt(2) for q in range(len(p["values"]))]
                elif k == j:
                    row.append(unit([p], [at])[0])
                else:
                    row.append(v)
            rows.append(row)
        curve.append(gp.predict(np.array(rows)).mean())
    like = stats.pearsonr(said, curve).statistic
    need(like > 0.8, f"the curve of {strongest['name']} is like scikit-learn's only by {like}")
    for p in d["parameters"]:
        m = p["marginal"]
        need(all(a <= b <= c for a, b, c in zip(m["low"], m["mean"], m["high"])), f"band of {p['name']}")
    gain = d["gain"]
    need(0 <= gain["low"] <= gain["mean"] <= max(gain["high"], gain["mean"]), f"gain {gain}")


def check_band(report):
    """Of a random search: the best of k values that are drawn from its own, with replacement."""
    d = report["definitions"][0]
    need(report["job"]["strategy"] == "Random", "not a random search")
    values = np.sort([-report["trials"][i]["value"] for i in measured(report)])
    n = len(values)
    rng = np.random.default_rng(0)
    for k, row in enumerate(d["band"], 1):
        for q, said in zip((0.1, 0.5, 0.9), row):
            # The smallest x with 1 - (1 - F(x))^k >= q.
            share = np.array([1 - (1 - (i + 1) / n) ** k for i in range(n)])
            near(said, -values[np.flatnonzero(share >= q - 1e-12)[0]], 1e-12, f"band after {k}")
    drawn = values[rng.integers(0, n, (20_000, 5))].min(1)
    near(float(np.mean(drawn <= -d["band"][4][1])), 0.5, 0.25, "half of random searches are there after 5")


def check_equal(report):
    """Of cross-validated trials: the corrected resampled t-test."""
    d = report["definitions"][0]
    need(d["equalBy"] == "folds", "not by folds")
    best = report["trials"][d["best"]]
    k = len(best["folds"])
    near(np.mean(best["folds"]), best["value"], 1e-5, "the value is the mean of the folds")
    near(stats.sem(best["folds"]), best["standardError"], 1e-12, "standard error")
    want = set()
    for i in measured(report):
        t = report["trials"][i]
        difference = np.array(best["folds"]) - np.array(t["folds"])
        mean, variance = difference.mean(), difference.var(ddof=1)
        if i == d["best"] or mean <= 0 or t["value"] == best["value"]:
            want.add(i)
        elif variance > 0 and mean / np.sqrt(variance * (1 / k + 1 / (k - 1))) <= stats.t.ppf(0.95, k - 1):
            want.add(i)
    need(set(d["equal"]) == want, f"equal {d['equal']}, not {sorted(want)}")
    smallest = min(want, key=lambda i: report["trials"][i]["modelBytes"])
    need(report["trials"][d["smallest"]]["modelBytes"] == report["trials"][smallest]["modelBytes"], "the smallest of them")


def check_pareto(report):
    d = report["definitions"][0]
    trials = [(i, report["trials"][i]["value"], report["trials"][i]["modelBytes"]) for i in measured(report) if report["trials"][i]["status"] == "Completed"]
    want = {i for i, v, b in trials if not any((w >= v and c <= b) and (w > v or c < b) for _, w, c in trials)}
    points = lambda s: {(report["trials"][i]["value"], report["trials"][i]["modelBytes"]) for i in s}
    need(points(d["pareto"]) == points(want), f"front {d['pareto']}, not {sorted(want)}")


# --- going on ---

def check_next(report, client):
    """The request for more is one that the service takes."""
    request = json.loads(report["nextRequest"])
    need(request["WarmStartConfig"]["ParentHyperParameterTuningJobs"][0]["HyperParameterTuningJobName"] == report["job"]["name"], "its parent")
    edges = {p["name"]: p["edge"] for p in report["definitions"][0]["parameters"]}
    old = json.loads(report["request"])["HyperParameterTuningJobConfig"]["ParameterRanges"]
    new = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    for kind in ("ContinuousParameterRanges", "IntegerParameterRanges"):
        for a, b in zip(old[kind], new[kind]):
            moved = (float(b["MinValue"]) < float(a["MinValue"])) * -1 or (float(b["MaxValue"]) > float(a["MaxValue"])) * 1
            need(moved == edges[a["Name"]], f"range of {a['Name']}: {a} became {b}, edge {edges[a['Name']]}")
    client.create_hyper_parameter_tuning_job(**request)
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=request["HyperParameterTuningJobName"])


# --- the page ---

def column(browser, index):
    return browser.driver.execute_script(
        "return [...document.querySelectorAll('#trials-table tbody tr')].map(r => r.children[arguments[0]].textContent)", index)


def check_page(browser, page, report, pictures):
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.open(page)
        browser.check(f"tuning, {scheme}", CHARTS)
        browser.picture(pictures, f"tuning-{scheme}")
        if scheme == "dark":
            browser.picture(pictures, "tuning-report-parallel-dark", "#parallel")
    browser.scheme("light")
    browser.open(page)
    browser.picture(pictures, "tuning-report", height=1150)
    browser.picture(pictures, "tuning-report-importance", "#importance")
    browser.picture(pictures, "tuning-report-parameters", "#parameters")
    text = browser.one("main").text
    for word in ("NaN", "undefined", "[object", "null"):
        need(word not in text, f"the page says {word}")
    best = report["trials"][report["best"]]
    need(f"in trial {best['number']}" in browser.one("#verdict h2").text, "the headline does not name the best trial")
    # The table: best first, sorted by a click, filtered, a row shows its trial, and it is saved as it stands.
    d = report["definitions"][0]
    heads = [e.text for e in browser.driver.find_elements(By.CSS_SELECTOR, "#trials-table th button")]
    browser.press("#trials-table .more")
    at = heads.index(d["metric"])
    values = [float(v) for v in column(browser, at)]
    need(values == sorted(values, reverse=True) and len(values) == len(report["trials"]), "the table is not best first")
    browser.press(f"//div[@id='trials-table']//th[{heads.index('eta') + 1}]/button", By.XPATH)
    etas = [float(v) for v in column(browser, heads.index("eta"))]
    need(etas == sorted(etas, reverse=True), "a click on eta does not sort")
    browser.press(f"//div[@id='trials-table']//th[{heads.index('eta') + 1}]/button", By.XPATH)
    need([float(v) for v in column(browser, heads.index("eta"))] == sorted(etas), "a second click does not turn the order")
    name = report["trials"][3]["name"]
    browser.driver.execute_script("const b = document.querySelector('#trials-table input'); b.value = arguments[0]; b.dispatchEvent(new Event('input'))", name)
    need(column(browser, 0) == ["4"], f"the filter finds {column(browser, 0)}")
    browser.press("#trials-table tbody tr")
    need(name in browser.one("#trial-detail").text and report["trials"][3]["model"] in browser.one("#trial-detail").text, "the row does not show its trial")
    other = report["trials"][1]["name"]
    need(browser.one("#trials-table tbody a").get_attribute("href").endswith(f"#{name}"), "a name in the table is no link")
    browser.driver.execute_script("location.hash = arguments[0]", other)
    WebDriverWait(browser.driver, 60).until(lambda _: other in browser.one("#trial-detail").text)
    need(f"clary report {other} --train-again" in browser.one("#trial-detail").text, "how to have a trial's own report")
    browser.driver.execute_script("const a = document.querySelector('#trials-table .save'); a.addEventListener('click', e => e.preventDefault()); a.click()")
    saved = urllib.parse.unquote(browser.one("#trials-table .save").get_attribute("href").split(",", 1)[1])
    rows = list(csv.DictReader(io.StringIO(saved)))
    need(len(rows) == 1 and rows[0]["name"] == name and float(rows[0][d["metric"]]) == report["trials"][3]["value"], f"saved: {rows}")
    # A brush keeps the trials that pass.
    browser.driver.execute_script("""
        const grip = document.querySelector('.grip[data-axis="eta"]'), box = grip.getBoundingClientRect();
        const at = (y) => ({bubbles: true, clientX: box.x + 5, clientY: y});
        grip.dispatchEvent(new PointerEvent('pointerdown', at(box.y + 1)));
        document.dispatchEvent(new PointerEvent('pointerup', at(box.y + box.height / 2)));""")
    upper = sum(unit([p], [t["config"][j]])[0] >= 0.5 for j, p in enumerate(d["parameters"]) if p["name"] == "eta" for t in report["trials"])
    said = browser.one("#parallel-kept").text
    kept = browser.driver.execute_script("return document.querySelectorAll('.parallel path[data-kept=\"1\"]').length")
    need(said.startswith(f"{kept} of") and abs(kept - upper) <= 2 and 0 < kept < len(report["trials"]), f"brush: '{said}', {kept} drawn, {upper} expected")
    browser.check("tuning, after use", CHARTS)


def check_small_page(browser, page):
    browser.scheme("light")
    browser.open(page)
    browser.check("cross-validated", {"progress", "curves"})
    need("Too few" in browser.one("#too-few").text, "no word that the trials are too few")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clary")
    parser.add_argument("--pictures", type=pathlib.Path)
    args = parser.parse_args()
    os.environ["CLARY"] = args.clary
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
    import service
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    with service.Service() as running, tempfile.TemporaryDirectory() as scratch:
        home = running.home
        (home / "train.csv").write_bytes(b"".join(service.census("train").splitlines(True)[:6000]))
        (home / "validation.csv").write_bytes(b"".join(service.census("validation").splitlines(True)[:2000]))
        told, page, report = tune(service.clary, home, "big", "--num-round", "20", "--range", "eta=0.01:0.5:log", "--range", "max_depth=2:8",
                                  "--range", "subsample=0.5:1", "--range", "grow_policy=depthwise,lossguide", "--range",
                                  "min_child_weight=0.1:30:log", "-P", "tree_method=hist", "--max-jobs", "40", "--seed", "5")
        check_trials(told, page, report, service.clary, home)
        check_importance(report)
        check_landscape(report)
        check_pareto(report)
        print("Bayesian: trials, importance, curves and front are right")
        _, random_page, random_report = tune(service.clary, home, "random", "--num-round", "5", "--range", "eta=0.01:0.5:log", "--range",
                                             "max_depth=2:6", "--strategy", "random", "--max-jobs", "12")
        check_band(random_report)
        print("Random: the band is right")
        _, folds_page, folds = tune(service.clary, home, "folds", "--num-round", "10", "--range", "eta=0.05:0.5:log", "--range", "max_depth=2:6",
                                    "-P", "_kfold=4", "--max-jobs", "10", "--seed", "3")
        check_equal(folds)
        print("Cross-validated: the trials equal to the best are right")
        check_next(report, running.boto("sagemaker"))
        print("The next request is taken")
        need_chromium()
        browser = Browser(pathlib.Path(scratch) / "profile")
        try:
            check_page(browser, page, report, args.pictures)
            check_small_page(browser, folds_page)
            print("The page draws every chart, light and dark, sorts, filters, saves and brushes")
        finally:
            browser.driver.quit()


if __name__ == "__main__":
    main()
