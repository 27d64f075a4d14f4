#!/usr/bin/env python3
"""The report of an analysis opens from disk in a real browser without a network, draws every chart, and works.

    CLARY=.../clary clarify_browser.py [--pictures DIR]
"""
import argparse
import csv
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from report_browser import Browser, need

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CHARTS = {"metrics-dots", "group-rates", "threshold-curves", "threshold-roc", "cells-heat-0", "shap-global", "shap-swarm", "shap-dependence",
          "shap-row", "shap-facet-0", "pdp-0", "pdp-4"}


def clary(home, *words):
    done = subprocess.run([os.environ["CLARY"], *map(str, words)], capture_output=True, text=True, timeout=300,
                          env={"PATH": os.environ["PATH"], "HOME": str(home), "CLARY_HOME": str(home / "home")})
    need(done.returncode == 0, f"clary {words}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def people(file):
    """Some of the census with names and texts, so that the model has categories of text."""
    names = (SOURCE / "examples/data/census/columns.txt").read_text().split()
    text = gzip.decompress((SOURCE / "examples/data/census/validation.csv.gz").read_bytes()).decode()
    with open(file, "w", newline="") as out:
        table = csv.writer(out)
        table.writerow(names)
        for row in csv.reader(text.splitlines()):
            row[names.index("sex")] = ["Female", "Male"][int(row[names.index("sex")])]
            row[names.index("label")] = ["<=50K", ">50K"][int(row[0])]
            table.writerow(row)


def move(browser, at):
    browser.driver.execute_script(
        "const r = document.getElementById('threshold-slider'); r.value = arguments[0];"
        "r.dispatchEvent(new Event('input', {bubbles: true}))", at)


def check_slider(browser, analysis):
    """The slider's counts are those of the file, and the points move along the curves."""
    bins = analysis["bias"]["facets"][0]["thresholds"]
    for at in (300, 700):
        move(browser, at)
        shown = browser.one("#threshold-facts").text
        accepted = sum(bins["facet"]["positive"][at:])
        need(f"{accepted:,} (" in shown, f"threshold {at}: {accepted} is not in {shown}")
        counts = bins["facet"]
        rates = [sum(counts[k][at:]) / sum(counts[k]) for k in ("negative", "positive")]
        points = browser.driver.execute_script("""
            const svg = document.querySelector('figure[data-chart=threshold-roc] svg');
            const x = svg.scale('x'), y = svg.scale('y');
            return [...svg.querySelectorAll('circle')].map(c => [x.invert(+c.getAttribute('cx')), y.invert(+c.getAttribute('cy'))])""")
        need(any(abs(p[0] - rates[0]) < 1e-3 and abs(p[1] - rates[1]) < 1e-3 for p in points), f"threshold {at}: {rates} is not among {points}")


def near(text, value, digit):
    """Whether a number was rounded to this text."""
    return bool(text) and abs(float(text.removesuffix(" %")) - value) < 0.51 * digit


def check_cells(browser, analysis):
    """Every cell of the map has the file's share and rows."""
    cells = analysis["bias"]["intersections"][0]["cells"]
    shown = {e.get_attribute("title").split(":")[0]: e.text for e in browser.driver.find_elements(
        By.CSS_SELECTOR, "figure[data-chart=cells-heat-0] td[title]")}
    for cell in cells:
        text = shown.get(cell["group"], "")
        share, rows = text.split("\nn = ") if "\nn = " in text else ("", "")
        need(near(share, cell["predicted_rate"] * 100, 0.1) and rows == f"{cell['rows']:,}", f"{cell}: {text}")
    need(all(" & ".join(c["values"]) == c["group"] for c in cells), "a cell's values are not its name")


def check_groups(browser, analysis):
    """A group's share beside the best one's, everybody else's and that of all."""
    picks = browser.driver.find_elements(By.CSS_SELECTOR, "#groups select")
    if picks:
        Select(picks[0]).select_by_visible_text("recall")
    group, rest = analysis["bias"]["facets"][0]["groups"]
    hits = [(g["confusion"][3], g["confusion"][2] + g["confusion"][3]) for g in (group, rest)]
    mine, other = (a / b for a, b in hits)
    overall = sum(a for a, _ in hits) / sum(b for _, b in hits)
    want = [(mine * 100, 0.1)] + [(value, 0.001) for b in (max(mine, other), other, overall) for value in (mine - b, mine / b)]
    rows = [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
            for row in browser.driver.find_elements(By.CSS_SELECTOR, "#groups-compared tbody tr")]
    need(any(all(near(text, *w) for text, w in zip(row[1:], want, strict=True)) for row in rows), f"{want} is not among {rows}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=pathlib.Path)
    args = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("SKIPPED: no chromium or chromedriver (tools/install-deps.sh test)")
        sys.exit(77)
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SE_OFFLINE", "true")
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)
        people(work / "people.csv")
        trained = json.loads(clary(work, "train", "--train", work / "people.csv", "--label", "label", "--num-round", "30", "--json"))
        name = trained.get("TrainingJobName") or trained.get("job") or trained.get("name")
        out = work / "out"
        clary(work, "clarify", name, "--facet", "sex=Female", "--facet", "age>40", "--group", "race", "--download", out)
        analysis = json.loads((out / "clary_analysis.json").read_text())
        page = out / "report.html"
        need(page.stat().st_size < 2_000_000, f"the page has {page.stat().st_size} bytes")
        browser = Browser(work / "profile")
        try:
            for scheme in ("light", "dark"):
                browser.scheme(scheme)
                browser.open(page)
                browser.check(f"analysis, {scheme}", CHARTS)
                browser.picture(args.pictures, f"clarify-{scheme}")
            browser.scheme("light")
            browser.open(page)
            text = browser.one("main").text
            for word in ("NaN", "undefined", "[object"):
                need(word not in text, f"the page says {word}")
            check_slider(browser, analysis)
            check_cells(browser, analysis)
            check_groups(browser, analysis)
            browser.press("//button[starts-with(text(), 'DI at least')]", By.XPATH)
            before = browser.one("figure[data-chart=group-rates] svg").get_attribute("outerHTML")
            need(browser.driver.find_elements(By.CSS_SELECTOR, "#metrics-table tbody tr"), "there is no table of metrics")
            need("sex = 0" in text or "Female" in text, "the group is not named")
            for part in ("verdict", "metrics", "groups", "threshold", "intersections", "shap"):
                browser.picture(args.pictures, f"clarify-{part}", f"#{part}")
            need(before, "the groups are not drawn")
            browser.check("analysis, after use", CHARTS)
            pdf = browser.pdf()
            need(len(pdf) > 50_000, "the printed report is empty")
        finally:
            browser.driver.quit()
    print("analysis: every chart is drawn, light and dark")


if __name__ == "__main__":
    main()
