#!/usr/bin/env python3
"""Both reports open from disk in a real browser without a network, draw every chart, and work.

    report_browser.py TOOL [--pictures DIR]     TOOL: clary_report_tool
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import report_jobs
from browser import Browser, need, need_chromium

# What each job's page must show.
CHARTS = {
    "census": {"metric-auc", "metric-logloss", "threshold-curves", "score-distribution", "confusion", "class-recall",
               "roc", "precision-recall", "calibration", "gains", "lift", "residuals", "importance", "shap-mean",
               "shap-beeswarm", "shap-dependence", "waterfall", "trees", "labels", "comparison"},
    "overfitted": {"metric-logloss", "roc", "shap-beeswarm", "trees"},
    "early_stopped": {"metric-logloss", "confusion", "roc", "calibration", "shap-beeswarm", "trees"},
    "shifted": {"metric-auc", "roc"},
    "unvalidated": {"metric-logloss", "roc", "labels"},
    "one_class": {"metric-logloss", "confusion", "labels"},
    "constant": {"metric-rmse", "predicted-true", "labels"},
    "multiclass": {"confusion", "class-recall", "roc", "precision-recall", "calibration", "shap-mean", "shap-beeswarm",
                   "waterfall", "trees", "labels"},
    "regression": {"predicted-true", "prediction-groups", "residuals", "bin-errors", "bin-errors-rounds", "labels",
                   "shap-beeswarm", "waterfall"},
    "count": {"predicted-true", "prediction-groups", "residuals", "bin-errors", "labels"},
    "ranking": {"metric-ndcg", "scores-by-grade", "labels", "importance"},
    "survival": {"survival", "importance"},
}


PROFILER = {"job-phases", "engine-phases", "round-durations", "round-phases", "round-histogram", "core-heat", "usage-cpu",
            "usage-memory", "usage-wait", "usage-disk", "usage-network"}


def cells(browser):
    return {key: browser.one(f"#cell-{key} b").text for key in ("tn", "fp", "fn", "tp")}


def move(browser, value):
    browser.driver.execute_script(
        "const r = document.getElementById('threshold'); r.value = arguments[0];"
        "r.dispatchEvent(new Event('input', {bubbles: true}))", value)


def check_threshold(browser, numbers):
    """The slider changes the confusion matrix to the numbers of the JSON file."""
    counts = json.loads((numbers / "ThresholdCounts.json").read_text())
    before = cells(browser)
    for at in (500, 250, 812):
        move(browser, at)
        tp, fp = counts["true_positives"][at], counts["false_positives"][at]
        want = dict(tp=tp, fp=fp, fn=counts["positives"] - tp, tn=counts["negatives"] - fp)
        got = cells(browser)
        need(got == {k: f"{v:,}" for k, v in want.items()}, f"threshold {at}: {got}, not {want}")
        need(browser.one("#threshold-value").text == f"{at / 1000:.3f}", "the threshold is not shown")
    need(cells(browser) != before, "the slider changed nothing")
    cost = browser.one("#cost-fn")
    cost.clear()
    cost.send_keys("8")
    browser.press("#pick-cost")
    cheapest = min(range(1001), key=lambda i: counts["false_positives"][i] + 8 * (counts["positives"] - counts["true_positives"][i]))
    at = round(float(browser.one("#threshold-value").text) * 1000)
    price = lambda i: counts["false_positives"][i] + 8 * (counts["positives"] - counts["true_positives"][i])
    need(price(at) == price(cheapest), f"the least cost is at {cheapest}, not {at}")


def check_controls(browser):
    before = browser.one("figure[data-chart=trees] svg").get_attribute("outerHTML")
    Select(browser.one("#tree-pick")).select_by_index(3)
    Select(browser.one("#tree-depth")).select_by_value("5")
    need(browser.one("figure[data-chart=trees] svg").get_attribute("outerHTML") != before, "another tree looks the same")
    bars = browser.one("figure[data-chart=importance] svg").get_attribute("outerHTML")
    browser.press("//button[text()='Weight']", By.XPATH)
    need(browser.one("figure[data-chart=importance] svg").get_attribute("outerHTML") != bars, "another importance looks the same")


def check_words(browser, name):
    """What the page says in words where a figure alone would mislead."""
    browser.open(pathlib.Path(browser.driver.current_url.removeprefix("file://")))
    text = browser.one("main").text
    for word in ("NaN", "undefined", "[object", "null"):
        need(word not in text, f"{name}: the page says {word}")
    if name == "early_stopped":
        rounds = int(browser.driver.execute_script(
            "return JSON.parse(document.getElementById('model').textContent).job.rounds"))
        for said in (f"after {rounds} round{'s' * (rounds > 1)}, its best value", f"Early stopping kept {rounds} of", f"round {rounds - 1}"):
            need(said in text, f"{name}: the page does not say '{said}'")
        need("Overfitting" not in text, f"{name}: the page blames rounds that are not in the model")
    if name == "shifted":
        need("Validation values of month leave the training range" in browser.one("#verdict h2").text, "the shift is not first")
    if name == "unvalidated":
        need("validation rows" not in text.replace("no validation rows", ""), "the page speaks of validation rows")
    if name == "one_class":
        need("all of one class" in text, f"{name}: no word for the curves that do not exist")
    if name == "constant":
        need("all true values are equal" in text, f"{name}: no word for R² that does not exist")
    if name == "multiclass":  # classes have names
        for digit in report_jobs.DIGITS:
            need(digit in text, f"{name}: the page does not name class '{digit}'")
        need("class 0" not in text, f"{name}: the page says 'class 0' of a class with a name")
    if name == "survival":
        need("watched until then without" in text, "Cox's labels are not explained")


def training(browser, tool, work, pictures):
    for name, expected in CHARTS.items():
        folder = work / name
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps(report_jobs.JOBS[name]()))
        subprocess.run([tool, folder / "job.json", folder], check=True, stdout=subprocess.DEVNULL)
        page = folder / "report" / "xgboost_report.html"
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            browser.open(page)
            browser.check(f"{name}, {scheme}", expected)
            browser.picture(pictures, f"{name}-{scheme}")
        browser.scheme("light")
        if name == "census":
            browser.open(page)
            check_threshold(browser, folder / "report" / "xgboost-reports")
            check_controls(browser)
            browser.check("census, after use", expected)
            browser.picture(pictures, "census-used-threshold", "#threshold-section")
            pdf = browser.pdf()
            need(len(pdf) > 100_000 and pdf.startswith(b"%PDF"), "the printed report is empty")
            if pictures:
                (pictures / "census.pdf").write_bytes(pdf)
        check_words(browser, name)
        if name == "overfitted":
            browser.open(page)
            need(browser.driver.find_elements(By.CSS_SELECTOR, "[data-finding=overfitting]"), "overfitting was not found")
            need(browser.driver.execute_script("return document.querySelectorAll('main script, main img').length") == 0,
                 "a name became an element")
            need("</script><script>alert(1)</script>" in browser.one("#data").text, "a hostile name is not shown as it is")
        print(f"{name}: every chart is drawn, light and dark")


def profiling(browser, tool, work, pictures):
    folder = work / "profiled"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(report_jobs.JOBS["profiled"]()))
    subprocess.run([tool, folder / "job.json", folder], check=True, stdout=subprocess.DEVNULL)
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.open(folder / "profiler-report" / "profiler-report.html")
        browser.check(f"profiler, {scheme}", PROFILER)
        browser.picture(pictures, f"profiler-{scheme}")
    rules = browser.driver.find_elements(By.CSS_SELECTOR, "#rules tbody tr")
    need(len(rules) == 11, f"{len(rules)} rules, not 11")
    print("profiler: every chart is drawn, light and dark")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--pictures", type=pathlib.Path)
    args = parser.parse_args()
    need_chromium()
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)
        browser = Browser(work / "profile")
        try:
            training(browser, args.tool, work / "jobs", args.pictures)
            profiling(browser, args.tool, work / "jobs", args.pictures)
        finally:
            browser.driver.quit()


if __name__ == "__main__":
    main()
