#include "debugger/report_notebook.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace clary::debugger {
using reports::NotebookCell;
namespace {

struct Drawing {
  std::string_view file;
  std::string_view title;
  std::string_view code;
};

// How the notebook draws a file. `load` and `plt` are from its first cell.
constexpr Drawing kDrawings[] = {
    {"Findings.json", "Findings",
     R"py(findings = load("Findings")
print(findings["headline"])
print(findings["summary"])
pd.DataFrame(findings["findings"]))py"},
    {"LabelsDistribution.json", "Distribution of the true labels",
     R"py(labels = pd.DataFrame(load("LabelsDistribution")["labels_and_samples"])
labels.plot.bar(x="labels", y="num_samples_per_label", legend=False, ylabel="validation rows"))py"},
    {"LossData.json", "Metrics by round",
     R"py(loss = pd.DataFrame(load("LossData")["category_loss_per_step"])
loss["loss"] = loss["loss"].astype(float)
loss["metric"] = loss["category"].str.split("-", n=1).str[1]
for metric, rows in loss.groupby("metric"):
    rows.pivot(index="steps", columns="category", values="loss").plot(title=metric, xlabel="round"))py"},
    {"FeatureImportance.json", "Feature importance",
     R"py(for kind, rows in load("FeatureImportance")["features"].items():
    frame = pd.DataFrame(rows).set_index("feature")["importance"].head(20)[::-1]
    frame.plot.barh(title=kind, xlabel="share in percent")
    plt.show())py"},
    {"ConfusionMatrix.json", "Confusion matrix",
     R"py(confusion = load("ConfusionMatrix")
counts = np.array(confusion["group_counts"])
size = int(round(len(counts) ** 0.5))
print(confusion["stats"])
pd.DataFrame(counts.reshape(size, size)).rename_axis(index="true", columns="predicted"))py"},
    {"EvaluationMetrics.json", "Evaluation of the confusion matrix",
     R"py(evaluation = load("EvaluationMetrics")
print(evaluation["classification_report"])
pd.DataFrame({k: evaluation[k + "_performance_metrics"] for k in ["micro", "macro", "weighted"]}))py"},
    {"IterativeClassAccuracy.json", "Recall of each class by round",
     R"py(pd.DataFrame(load("IterativeClassAccuracy"), dtype=float).plot(xlabel="saved step", ylabel="recall"))py"},
    {"ROCCurve.json", "ROC curve",
     R"py(for curve in load("ROCCurve")["curves"]:
    if curve["auc"] is None:
        print(f"class {curve['category']}: no curve, there is only one class")
        continue
    plt.plot(curve["false_positive_rate"], curve["true_positive_rate"],
             label=f"class {curve['category']}, AUC {curve['auc']:.5f}")
plt.plot([0, 1], [0, 1], "--", color="gray")
plt.xlabel("false positive rate"); plt.ylabel("true positive rate"); plt.legend())py"},
    {"PrecisionRecallCurve.json", "Precision and recall",
     R"py(for curve in load("PrecisionRecallCurve")["curves"]:
    if curve["average_precision"] is None:
        print(f"class {curve['category']}: no curve, there is no row of it")
        continue
    plt.plot(curve["recall"], curve["precision"],
             label=f"class {curve['category']}, AP {curve['average_precision']:.5f}")
plt.xlabel("recall"); plt.ylabel("precision"); plt.legend())py"},
    {"Calibration.json", "Calibration",
     R"py(bins = pd.DataFrame(load("Calibration")["bins"]).query("rows > 0")
plt.plot([0, 1], [0, 1], "--", color="gray")
plt.plot(bins["predicted"], bins["observed"], "o-")
plt.xlabel("mean prediction"); plt.ylabel("observed share"))py"},
    {"GainsAndLift.json", "Cumulative gains",
     R"py(gains = pd.DataFrame(load("GainsAndLift"))
gains.plot(x="share_of_rows", y="share_of_positives", legend=False))py"},
    {"RegressionScores.json", "Scores",
     R"py(pd.Series(load("RegressionScores"), name="validation").to_frame())py"},
    {"PredictedVersusTrue.json", "Predicted and true values",
     R"py(pairs = load("PredictedVersusTrue")
sample = pd.DataFrame(pairs["sample"])
sample.plot.scatter(x="label", y="prediction", s=4, alpha=0.4)
pd.DataFrame(pairs["groups_by_prediction"]))py"},
    {"ResidualDistribution.json", "Distribution of the residuals",
     R"py(residuals = load("ResidualDistribution")
edges, x = np.array(residuals["edges"]), np.array(residuals["x"])
plt.bar(edges[:-1], residuals["hist"], width=np.diff(edges), align="edge", alpha=0.6)
mu, sigma = residuals["mu"], residuals["sigma"]
if sigma > 0:
    plt.plot(x, np.exp(-((x - mu) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi)))
plt.xlabel(f"predicted - true (mean {mu:.4f}, standard deviation {sigma:.4f})"))py"},
    {"LabelBinErrors.json", "Mean absolute error by label, over the rounds",
     R"py(errors = load("LabelBinErrors")
pd.DataFrame(errors["errors_by_step"], index=errors["steps"], dtype=float).plot(xlabel="round", ylabel="mean |error|"))py"},
    {"ShapSummary.json", "Mean contribution of each feature (SHAP)",
     R"py(shap = pd.DataFrame(load("ShapSummary")["features"]).set_index("feature")["mean_abs_shap"]
shap = shap.map(sum).sort_values().tail(20)
shap.plot.barh(xlabel="mean |SHAP value|, margin"))py"},
    {"ScoresByLabel.json", "Scores by relevance",
     R"py(pd.DataFrame(load("ScoresByLabel")["scores_by_label"]))py"},
    {"Survival.json", "Survival by predicted risk",
     R"py(survival = load("Survival")
print("concordance", survival["concordance"])
for group in survival["groups"]:
    plt.step(group["time"], group["survival"], where="post", label=group["group"])
plt.xlabel("time"); plt.ylabel("share without event"); plt.legend())py"},
    {"WorstPredictions.json", "Worst predictions",
     R"py(pd.DataFrame(load("WorstPredictions")["rows"]))py"},
};

// Title and imports of both; `load` reads a file of `folder`.
std::vector<NotebookCell> Head(std::string_view title, const ReportContext& context,
                               std::string_view folder) {
  std::string name;  // as text in Markdown: what could be markup is left out
  for (const char c : context.job_name) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-') name += c;
  }
  return {{NotebookCell::kMarkdown,
           fmt::format("# {}\n\n{}\n\nDraws the numbers in `{}/`, which lies beside this notebook. "
                       "Needs pandas and matplotlib.",
                       title, name, folder)},
          {NotebookCell::kCode, fmt::format(R"py(import json
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

plt.rcParams["text.parse_math"] = False  # names may hold a $
reports = pathlib.Path("{}")


def load(name):
    return json.loads((reports / f"{{name}}.json").read_text()))py",
                                            folder)}};
}

}  // namespace

std::vector<NotebookCell> TrainingNotebook(const ReportContext& context,
                                           const std::vector<ReportFile>& files) {
  std::vector<NotebookCell> cells = Head("Training report", context, "xgboost-reports");
  for (const Drawing& drawing : kDrawings) {
    const bool there = std::any_of(files.begin(), files.end(),
                                   [&](const ReportFile& f) { return f.name == drawing.file; });
    if (!there) continue;
    cells.push_back({NotebookCell::kMarkdown, fmt::format("## {}", drawing.title)});
    cells.push_back({NotebookCell::kCode, std::string(drawing.code)});
  }
  return cells;
}

std::vector<NotebookCell> ProfilerNotebook(const ReportContext& context) {
  constexpr std::pair<std::string_view, std::string_view> kCells[] = {
      {"Summary", R"py(summary = load("Summary")
print(summary["verdict"]["headline"])
print(summary["verdict"]["summary"])
pd.DataFrame(summary["verdict"]["findings"]))py"},
      {"Where the time went", R"py(for title in ["job_phases", "engine_phases"]:
    phases = pd.DataFrame(summary[title])
    if len(phases):
        phases.set_index("name")["seconds"][::-1].plot.barh(title=title, xlabel="seconds")
        plt.show())py"},
      {"Use of the system", R"py(pd.DataFrame(summary["system_usage"]))py"},
      {"Use over time", R"py(utilization = load("Utilization")
for group in utilization["lines"]:
    for series in group["series"]:
        points = np.array(series["points"]).reshape(-1, 2)
        plt.plot(points[:, 0], points[:, 1], label=series["name"])
    plt.xlabel("seconds"); plt.ylabel(group["unit"]); plt.title(group["id"]); plt.legend()
    plt.show())py"},
      {"Use of each core", R"py(cores = utilization["cores"]
if cores["names"]:
    plt.imshow(np.array(cores["percent"], dtype=float), aspect="auto", vmin=0, vmax=100,
               extent=[0, cores["bucket"] * len(cores["percent"][0]), len(cores["names"]) - 0.5, -0.5])
    plt.yticks(range(len(cores["names"])), cores["names"])
    plt.xlabel("seconds"); plt.colorbar(label="percent"))py"},
      {"Rounds", R"py(rounds = pd.DataFrame(load("RoundDurations")["rounds"])
if len(rounds):
    rounds.plot(x="round", y="milliseconds", legend=False, ylabel="milliseconds")
    plt.show()
    rounds["milliseconds"].plot.hist(bins=40, xlabel="milliseconds")
rounds.describe())py"},
      {"Rules", R"py(rules = {}
for path in sorted(reports.glob("*.json")):
    content = json.loads(path.read_text())
    if "RuleTriggered" in content:
        rules[path.stem] = {k: content[k] for k in ["RuleTriggered", "Violations", "Datapoints", "RuleParameters"]}
pd.DataFrame(rules).T)py"},
  };
  std::vector<NotebookCell> cells = Head("Profiling report", context, "profiler-reports");
  for (const auto& [title, code] : kCells) {
    cells.push_back({NotebookCell::kMarkdown, fmt::format("## {}", title)});
    cells.push_back({NotebookCell::kCode, std::string(code)});
  }
  return cells;
}

}  // namespace clary::debugger
