#!/usr/bin/env python3
"""The training report's numbers equal scikit-learn's, and its notebooks run.

    report_numbers.py TOOL [JOB...]      TOOL: clary_report_tool; jobs of report_jobs.py, all by default
    report_numbers.py TOOL --keep DIR    leaves the reports in DIR
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import nbclient
import nbformat
import numpy as np
from sklearn import calibration, metrics

import report_jobs

FAILURES = []


def check(job, name, ours, theirs, tolerance=1e-5):
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=tolerance, atol=tolerance):
        FAILURES.append(f"{job}: {name}: ours {ours}, scikit-learn's {theirs}")


def equal(job, name, ours, theirs):
    if ours != theirs:
        FAILURES.append(f"{job}: {name}: ours\n{ours}\nexpected\n{theirs}")


def last(description, name):
    for step in reversed(description["steps"]):
        for t in step["tensors"]:
            if t["name"] == name:
                values = np.array([np.nan if v is None else v for v in t["values"]], dtype=np.float32)
                return values.reshape(t["shape"])
    raise KeyError(name)


def check_classes(job, load, y, predicted, classes):
    confusion = load("ConfusionMatrix")
    equal(job, "confusion", confusion["group_counts"],
          metrics.confusion_matrix(y, predicted, labels=range(classes)).ravel().tolist())
    evaluation = load("EvaluationMetrics")
    equal(job, "classification report", evaluation["classification_report"],
          metrics.classification_report(y, predicted, zero_division=0))
    check(job, "accuracy", evaluation["overall_accuracy"], metrics.accuracy_score(y, predicted))
    for average in ("micro", "macro", "weighted"):
        p, r, f, _ = metrics.precision_recall_fscore_support(y, predicted, average=average, zero_division=0)
        ours = evaluation[f"{average}_performance_metrics"]
        check(job, average, [ours["precision"], ours["recall"], ours["f1_score"]], [p, r, f])
    lines = load("IterativeClassAccuracy")
    recall = metrics.recall_score(y, predicted, average=None, labels=range(classes), zero_division=0)
    check(job, "recall of the last step", [lines[str(c)][-1] for c in range(classes)], recall)


def check_curve(job, roc, pr, y, score):
    check(job, "AUC", roc["auc"], metrics.roc_auc_score(y, score), 1e-9)
    check(job, "average precision", pr["average_precision"], metrics.average_precision_score(y, score), 1e-9)
    fpr, tpr, _ = metrics.roc_curve(y, score, drop_intermediate=False)
    at = np.interp(roc["false_positive_rate"], fpr, tpr)  # on the curve where it is not vertical
    inner = [i for i, x in enumerate(roc["false_positive_rate"]) if np.count_nonzero(np.isclose(fpr, x, atol=6e-6)) == 1]
    check(job, "ROC", np.array(roc["true_positive_rate"])[inner], at[inner], 2e-4)


def check_binary(job, load, y, score):
    check_classes(job, load, y, (score > 0.5).astype(int), 2)
    check_curve(job, load("ROCCurve")["curves"][0], load("PrecisionRecallCurve")["curves"][0], y, score)
    stats = load("ConfusionMatrix")["stats"]
    predicted = score > 0.5
    check(job, "stats", [stats["precision"], stats["recall"], stats["f1"]],
          [metrics.precision_score(y, predicted), metrics.recall_score(y, predicted), metrics.f1_score(y, predicted)])
    ours = load("Calibration")
    check(job, "Brier score", ours["brier_score"], metrics.brier_score_loss(y, score), 1e-6)
    observed, mean = calibration.calibration_curve(y, score, n_bins=10)
    bins = [b for b in ours["bins"] if b["rows"]]
    check(job, "calibration", [[b["observed"], b["predicted"]] for b in bins], np.stack([observed, mean], axis=1))
    counts = load("ThresholdCounts")
    for i in (0, 137, 500, 761, 1000):
        taken = score.astype(np.float64) >= i / 1000
        equal(job, f"threshold {i}", [counts["true_positives"][i], counts["false_positives"][i]],
              [int((taken & (y == 1)).sum()), int((taken & (y == 0)).sum())])
    order = np.argsort(-score, kind="stable")
    tenth = len(y) // 10
    if len(np.unique(score)) == len(score):
        check(job, "gain", load("GainsAndLift")["share_of_positives"][10], y[order[:tenth]].sum() / y.sum(), 2e-3)


def check_numbers(job, load, y, predicted, counts):
    ours = load("RegressionScores")
    check(job, "MAE", ours["mean_absolute_error"], metrics.mean_absolute_error(y, predicted))
    check(job, "RMSE", ours["root_mean_squared_error"], metrics.root_mean_squared_error(y, predicted))
    if len(np.unique(y)) > 1:
        check(job, "R2", ours["r2"], metrics.r2_score(y, predicted))
    else:
        equal(job, "R2 of equal labels", ours["r2"], None)
    check(job, "median error", ours["median_absolute_error"], metrics.median_absolute_error(y, predicted))
    check(job, "max error", ours["max_error"], metrics.max_error(y, predicted))
    if counts:
        check(job, "Poisson deviance", ours["mean_poisson_deviance"], metrics.mean_poisson_deviance(y, predicted))
    elif (y != 0).any():
        check(job, "MAPE", ours["mean_absolute_percentage_error"], metrics.mean_absolute_percentage_error(y, predicted))
    bins = load("LabelBinErrors")
    if len(np.unique(y)) == 1:
        return
    edges = np.array(bins["edges"])
    place = np.clip(np.digitize(y, edges[1:-1]), 0, 9)
    equal(job, "rows of label bins", bins["rows"], np.bincount(place, minlength=10).tolist())


def check_residuals(job, load, residuals):
    ours = load("ResidualDistribution")
    # numpy before 2.2, SageMaker's: Sturges where the middle half is one value.
    same = np.ptp(np.quantile(residuals, [0.25, 0.75])) == 0
    histogram, edges = np.histogram(residuals, bins="sturges" if same else "auto", density=True)
    check(job, "residual edges", ours["edges"], edges, 1e-4)
    if len(ours["hist"]) == len(histogram):
        check(job, "residual density", ours["hist"], histogram, 2e-2)
    check(job, "mu, sigma", [ours["mu"], ours["sigma"]], [residuals.mean(), residuals.std()])


def concordance(y, risk):
    right = pairs = 0.0
    time, event = np.abs(y), y > 0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        pairs += later.sum()
        right += (risk[later] < risk[i]).sum() + 0.5 * (risk[later] == risk[i]).sum()
    return right / pairs


def check_one_class(job, load, y, score):
    curve = load("ROCCurve")["curves"][0]
    equal(job, "AUC of one class", curve["auc"], None)
    check(job, "Brier score", load("Calibration")["brier_score"], np.mean((score - y) ** 2), 1e-6)
    stats = load("ConfusionMatrix")["stats"]
    predicted = score > 0.5
    check(job, "accuracy", stats["accuracy"], np.mean(predicted == y))
    for what, exists in (("precision", predicted.any()), ("recall", (y == 1).any())):
        equal(job, f"{what} exists", stats[what] is not None, bool(exists))


def check_delivered(job, description, load):
    """Rounds, best round and importance are of the model."""
    said = load("Findings")
    rounds = int(last(description, "clary_report/delivered_rounds")[0])
    deciding = next(t for s in description["steps"] for t in s["tensors"] if t["name"] == "clary_report/deciding_metric")
    series = np.array([r["loss"] for r in load("LossData")["category_loss_per_step"] if r["category"] == deciding["values"][0]])
    best = int(series.argmax() if deciding["values"][0].split("-")[1].startswith(report_jobs.MAXIMIZED) else series.argmin())
    if f"after {rounds} round" not in said["summary"]:
        FAILURES.append(f"{job}: the model has {rounds} rounds, and the summary says: {said['summary']}")
    if "early_stopping_rounds" in description["context"]["hyperparameters"]:
        equal(job, "the best round is the last one kept", best, rounds - 1)
        equal(job, "step of the figures", load("ResidualDistribution")["plot_step"], rounds - 1)
        text = json.dumps(said)
        equal(job, "overfitting of rounds that were cut", '"overfitting"' in text, False)
        shares = last(description, "clary_report/importance/gain")
        ours = {f["feature"]: f["importance"] for f in load("FeatureImportance")["features"]["gain"]}
        check(job, "importance", [ours.get(f"f{i}", 0) for i in range(len(shares))], shares * 100, 1e-4)
    ids = [f["id"] for f in said["findings"]]
    if job == "shifted":
        equal(job, "first finding", ids[0], "feature-range")
        equal(job, "it names the feature", "month" in said["headline"], True)
    if job == "unvalidated":
        equal(job, "findings of nothing held out", set(ids) <= {"no-validation", "class-imbalance"}, True)


def check_job(name, description, folder):
    def load(file):
        return json.loads((folder / "xgboost-reports" / f"{file}.json").read_text())

    y = last(description, "labels")
    try:
        predictions = last(description, "clary_report/predictions")  # of the model, where it was cut
    except KeyError:
        predictions = last(description, "predictions")
    check_delivered(name, description, load)
    labels = load("LabelsDistribution")["labels_and_samples"]
    equal(name, "label counts are of one step", sum(r["num_samples_per_label"] for r in labels), float(len(y)))
    loss = load("LossData")["category_loss_per_step"]
    steps = [s["step"] for s in description["steps"]]
    categories = {r["category"] for r in loss}
    equal(name, "rounds of the losses", sorted({r["steps"] for r in loss}), list(range(steps[-1] + 1)))
    equal(name, "losses", len(loss), len(categories) * (steps[-1] + 1))
    objective = description["context"]["hyperparameters"]["objective"]
    if objective.startswith("binary:") and len(np.unique(y)) < 2:
        check_one_class(name, load, y.astype(int), predictions)
    elif objective.startswith("binary:"):
        check_binary(name, load, y.astype(int), predictions)
    elif objective.startswith("multi:"):
        chosen = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions.astype(int)
        check_classes(name, load, y.astype(int), chosen, 5)
        check_residuals(name, load, chosen - y)
        if predictions.ndim == 2:
            for k, (roc, pr) in enumerate(zip(load("ROCCurve")["curves"], load("PrecisionRecallCurve")["curves"])):
                check_curve(name, roc, pr, (y == k).astype(int), predictions[:, k])
    elif objective.startswith(("reg:", "count:")):
        check_numbers(name, load, y.astype(float), predictions.astype(float), objective.startswith("count:"))
        check_residuals(name, load, predictions.astype(float) - y.astype(float))
    elif objective.startswith("survival:"):
        check(name, "concordance", load("Survival")["concordance"], concordance(y, predictions), 1e-9)

    if len(list((folder / "xgboost-reports").glob("*.json"))) < 6:
        FAILURES.append(f"{name}: too few files")
    check_page(name, folder / "xgboost_report.html", folder / "xgboost_report.ipynb")


def check_page(name, page, file):
    """The page is small, the notebook valid, and it runs."""
    size = page.stat().st_size
    if size > 2_000_000:
        FAILURES.append(f"{name}: the page has {size} bytes")
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(file.parent)}}).execute()
    pictures = sum("image/png" in o.get("data", {}) for c in notebook.cells for o in c.get("outputs", []))
    if pictures < 3:
        FAILURES.append(f"{name}: the notebook drew {pictures} pictures")
    print(f"{name}: {page.name} has {size // 1000} kB, the notebook drew {pictures} pictures")


# SageMaker's names of the files of a profiling report, each always there.
PROFILER_RULES = ["BatchSize", "CPUBottleneck", "Dataloader", "GPUMemoryIncrease", "IOBottleneck", "LoadBalancing",
                  "LowGPUUtilization", "MaxInitializationTime", "OverallFrameworkMetrics", "OverallSystemUsage",
                  "StepOutlier"]


def check_profile(name, description, folder):
    numbers = folder / "profiler-reports"
    for rule in PROFILER_RULES:
        content = json.loads((numbers / f"{rule}.json").read_text())
        equal(name, f"members of {rule}", list(content),
              ["RuleTriggered", "Violations", "Details", "Datapoints", "RuleParameters"])
    steps = {e[5]: e[4] / 1000 for e in description["profile"]["events"] if e[0].startswith("Step")}
    rounds = json.loads((numbers / "RoundDurations.json").read_text())["rounds"]
    check(name, "rounds", [r["milliseconds"] for r in rounds], [steps[r["round"]] for r in rounds])
    summary = json.loads((numbers / "Summary.json").read_text())
    phases = {p["name"]: p["seconds"] for p in summary["job_phases"]}
    check(name, "time in rounds", phases["rounds"], sum(steps.values()) / 1000)
    check(name, "the phases are the whole", sum(phases.values()), summary["seconds"])
    usage = {u["metric"]: u for u in summary["system_usage"]}
    cpu = [s[5] for s in description["profile"]["samples"] if s[3] == "CPUUtilization"]
    check(name, "CPU quantiles", [usage["CPU"][q] for q in ("p50", "p95", "p99", "max")],
          [*np.percentile(cpu, [50, 95, 99]), max(cpu)], 1e-3)  # samples are rounded in their file
    check_page(name, folder / "profiler-report.html", folder / "profiler-report.ipynb")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("jobs", nargs="*")
    parser.add_argument("--keep")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.jobs or report_jobs.JOBS:
            description = report_jobs.JOBS[name]()
            folder = pathlib.Path(args.keep or scratch) / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "job.json").write_text(json.dumps(description))
            took = subprocess.run([args.tool, folder / "job.json", folder], check=True, capture_output=True, text=True)
            print(f"{name}: report in {took.stdout.strip()}")
            check_job(name, description, folder / "report")
            if "profile" in description:
                check_profile(name, description, folder / "profiler-report")
    for failure in FAILURES:
        print("FAILED", failure, file=sys.stderr)
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    main()
