// The report of an analysis: a page over the frame of all reports, a notebook beside it, and the
// tables as PDF.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "base/clock.h"
#include "base/quote.h"
#include "clarify/bias.h"
#include "clarify/internal/findings.h"
#include "clarify/internal/metric_words.h"
#include "clarify/internal/results.h"
#include "reports/notebook.h"
#include "reports/page.h"
#include "reports/pdf.h"
#include "reports/publish.h"

namespace clary::clarify {
namespace fs = std::filesystem;
namespace {

using reports::Json;
using reports::NotebookCell;

constexpr size_t kShownRows = 2000;  // of the SHAP figures
constexpr size_t kShownFeatures = 20;
constexpr size_t kPdfFeatures = 10;
constexpr size_t kShownUnits = 30;  // of text
constexpr size_t kMaxConfigShown = 20'000;

// Enough digits for a figure.
Json Short(double value) {
  if (!std::isfinite(value)) return MetricNumber(value);
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);  // throws for no value
}

const Json* Member(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found != object.end() ? &*found : nullptr;
}

std::string NumberText(const Json& value) {
  if (value.is_number()) return fmt::format("{:.4f}", value.get<double>());
  if (value.is_string()) return value.get<std::string>() == "Infinity" ? "infinite" : "-infinite";
  return "-";
}

class Report {
 public:
  explicit Report(const AnalysisResults& results)
      : r_(results), verdict_(MakeVerdict(results)), config_(*results.input.config.report) {}

  Json Model() const {
    const std::string now = FormatIso8601(Clock::System().Now());
    Json model = {{"kind", "clarify"},
                  {"job",
                   {{"name", r_.input.job_name.empty() ? config_.title : r_.input.job_name},
                    {"base", ""},
                    {"status", ""},
                    {"failureReason", ""},
                    {"image", ""},
                    {"instance", ""},
                    {"created", nullptr},
                    {"started", nullptr},
                    {"ended", nullptr},
                    {"written", now},
                    {"version", CLARY_VERSION},
                    {"channels", Json::array()},
                    {"rules", Json::array()},
                    {"hyperparameters", Json::object()}}},
                  {"verdict", reports::VerdictJson(verdict_)},
                  {"title", config_.title},
                  {"dataset", r_.input.dataset_source},
                  {"rows", r_.dataset.rows},
                  {"features", r_.dataset.features.size()},
                  {"warnings", r_.warnings},
                  {"compared", !r_.last.is_null()},
                  {"threshold", r_.input.config.probability_threshold},
                  {"metrics", Metrics()}};
    const Json& bias = r_.bias.extras;
    model["label"] = bias.is_null() ? Json() : bias["label"];
    model["groups"] = Json::array();
    model["thresholds"] = Json::array();
    if (!bias.is_null()) {
      for (const Json& facet : bias["facets"]) {
        for (Json group : facet["groups"]) {
          group["facet"] = facet["facet"];
          group["of"] = facet["value_or_threshold"];
          model["groups"].push_back(std::move(group));
        }
        if (!facet.contains("thresholds")) continue;
        model["thresholds"].push_back({{"facet", facet["facet"]},
                                       {"group", facet["value_or_threshold"]},
                                       {"curves", facet["thresholds"]}});
      }
    }
    const auto part = [&](const char* name) {
      return !bias.is_null() && bias.contains(name) ? bias[name] : Json::array();
    };
    model["intersections"] = part("intersections");
    model["segments"] = part("segments");
    model["shap"] = r_.shap ? Shap() : Json();
    model["pdp"] = Pdp();
    model["config"] = r_.input.config_text.size() <= kMaxConfigShown
                          ? r_.input.config_text
                          : r_.input.config_text.substr(0, kMaxConfigShown) + "\n...";
    return model;
  }

  // Every metric of every facet group, with its words.
  Json Metrics() const {
    Json out = Json::array();
    for (const auto& [stage, section] :
         {std::pair{"pre", &r_.bias.pre}, std::pair{"post", &r_.bias.post}}) {
      if (section->is_null()) continue;
      for (const auto& [facet, groups] : (*section)["facets"].items()) {
        size_t at = 0;
        for (const Json& group : groups) {
          const Json& extra = Extra(facet, at++);
          for (const Json& m : group["metrics"]) {
            const std::string name = m["name"];
            Json one = {
                {"stage", stage},
                {"facet", facet},
                {"group", group["value_or_threshold"]},
                {"name", name},
                {"description", m["description"]},
                {"value", m["value"]},
                {"error", m.value("error", "")},
                {"low", nullptr},
                {"high", nullptr},
                {"last", LastValue(r_.last, stage, facet, group["value_or_threshold"], name)}};
            if (!extra.is_null() && extra["intervals_95"].contains(name)) {
              one["low"] = extra["intervals_95"][name][0];
              one["high"] = extra["intervals_95"][name][1];
            }
            if (const MetricWords* words = FindMetricWords(name)) {
              one["parity"] = words->parity;
              one["question"] = words->question;
              one["above"] = words->above;
              one["below"] = words->below;
            }
            out.push_back(std::move(one));
          }
        }
      }
    }
    return out;
  }

  std::string Notebook() const {
    std::vector<NotebookCell> cells = {
        {NotebookCell::kMarkdown,
         fmt::format("# {}\n\n{}\n\n{}", config_.title, verdict_.headline, verdict_.summary)},
        {NotebookCell::kCode,
         "import json\nimport pandas as pd\n\nanalysis = json.load(open(\"analysis.json\"))\nours "
         "= "
         "json.load(open(\"clary_analysis.json\"))"}};
    const auto bias = [&](const char* section, const char* title) {
      cells.push_back({NotebookCell::kMarkdown, fmt::format("## {}", title)});
      cells.push_back(
          {NotebookCell::kCode,
           fmt::format(
               "rows = [{{\"facet\": facet, \"group\": group[\"value_or_threshold\"], **metric}}\n"
               "        for facet, groups in analysis[\"{}\"][\"facets\"].items()\n"
               "        for group in groups for metric in group[\"metrics\"]]\n"
               "pd.DataFrame(rows)",
               section)});
    };
    if (!r_.bias.pre.is_null()) bias("pre_training_bias_metrics", "Bias in the labels");
    if (!r_.bias.post.is_null()) bias("post_training_bias_metrics", "Bias in the predictions");
    if (r_.shap) {
      cells.push_back({NotebookCell::kMarkdown, "## What the model looks at"});
      cells.push_back({NotebookCell::kCode,
                       "for label, values in analysis[\"explanations\"][\"kernel_shap\"].items():\n"
                       "    frame = pd.Series(values[\"global_shap_values\"]).sort_values()\n"
                       "    frame.tail(20).plot.barh(title=label)"});
    }
    if (!r_.pdp.empty()) {
      cells.push_back({NotebookCell::kMarkdown, "## Partial dependence"});
      cells.push_back({NotebookCell::kCode,
                       "for one in analysis[\"explanations\"][\"pdp\"]:\n"
                       "    if \"error\" in one:\n        continue\n"
                       "    frame = pd.DataFrame(dict(zip(one[\"label_headers\"], "
                       "one[\"model_predictions\"])), index=one[\"feature_values\"])\n"
                       "    frame.plot(title=one[\"feature_name\"])"});
    }
    return reports::RenderNotebook(cells);
  }

  std::string Pdf() const {
    reports::PdfDocument pdf(config_.title);
    pdf.Heading(config_.title);
    pdf.Text(verdict_.headline + ". " + verdict_.summary);
    for (const reports::Finding& f : verdict_.findings) {
      pdf.Heading(f.title, 3);
      pdf.Text(f.detail + (f.advice.empty() ? "" : " " + f.advice));
    }
    std::string last;
    std::vector<std::vector<std::string>> rows;
    const auto flush = [&] {
      if (rows.size() > 1) pdf.Table({7, 46, 14, 24}, rows);
      rows = {{"", "Metric", "Value", "95 % of draws"}};
    };
    for (const Json& m : Metrics()) {
      const std::string title =
          fmt::format("{}: {} = {}", m["stage"] == "pre" ? "Labels" : "Predictions",
                      m["facet"].get<std::string>(), m["group"].get<std::string>());
      if (title != last) {
        flush();
        pdf.Heading(title, 2);
        last = title;
      }
      const std::string error = m["error"];
      rows.push_back(
          {m["name"], m["description"], error.empty() ? NumberText(m["value"]) : "no value",
           m["low"].is_null() ? error : NumberText(m["low"]) + " to " + NumberText(m["high"])});
    }
    flush();
    if (r_.shap) PdfOfShap(pdf);
    for (const PartialDependence& p : r_.pdp) {
      if (!p.error.empty()) continue;
      pdf.Heading("Partial dependence: " + r_.space.name(p.feature), 2);
      std::vector<reports::PdfBar> bars;
      for (size_t g = 0; g < p.predictions[0].size(); ++g) {
        bars.push_back({p.categorical ? p.categories[g] : fmt::format("{:.4g}", p.grid[g]),
                        p.predictions[0][g], fmt::format("{:.4g}", p.predictions[0][g])});
      }
      pdf.Bars(bars);
    }
    if (!r_.warnings.empty()) {
      pdf.Heading("Assumptions", 2);
      for (const std::string& warning : r_.warnings) pdf.Text(warning);
    }
    return pdf.Finish();
  }

 private:
  // clary_analysis.json's entry of the facet's `at`-th group.
  const Json& Extra(const std::string& facet, size_t at) const {
    static const Json kNone;
    for (const Json& one : r_.bias.extras["facets"]) {
      if (one["facet"] == facet && at-- == 0) return one;
    }
    return kNone;
  }

  size_t outputs() const { return r_.shap->values.explanations.outputs; }

  // Features by their global values, largest first.
  std::vector<size_t> Order() const {
    std::vector<double> sums(r_.space.size());
    for (size_t i = 0; i < r_.shap->global.size(); ++i) {
      sums[i / outputs()] += std::abs(r_.shap->global[i]);
    }
    std::vector<size_t> order(r_.space.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return sums[a] > sums[b]; });
    return order;
  }

  void PdfOfShap(reports::PdfDocument& pdf) const {
    const auto order = Order();
    for (size_t k = 0; k < outputs(); ++k) {
      pdf.Heading("What moves " + r_.shap->score_names[k], 2);
      std::vector<reports::PdfBar> bars;
      for (size_t i = 0; i < std::min(order.size(), kPdfFeatures); ++i) {
        const double v = r_.shap->global[order[i] * outputs() + k];
        bars.push_back({r_.space.name(order[i]), v, fmt::format("{:.4g}", v)});
      }
      pdf.Bars(bars);
    }
  }

  Json Shap() const {
    const auto& rows = r_.shap->values.explanations.rows;
    const size_t width = r_.space.size(), count = rows.size();
    std::vector<size_t> shown;
    const size_t some = std::min(count, kShownRows);
    for (size_t i = 0; i < some; ++i) shown.push_back(i * count / some);
    Json features = Json::array();
    auto order = Order();
    order.resize(std::min(order.size(), kShownFeatures));
    for (const size_t f : order) {
      Json one = {{"name", r_.space.name(f)}, {"text", r_.space.is_text(f)}};
      Json global = Json::array(), errors = Json::array(), contributions = Json::array();
      for (size_t k = 0; k < outputs(); ++k) {
        global.push_back(Short(r_.shap->global[f * outputs() + k]));
        double sum = 0, squares = 0;
        for (const Explanation& row : rows) {
          const double v = std::abs(row.values[f * outputs() + k]);
          sum += v;
          squares += v * v;
        }
        const auto n = static_cast<double>(count);
        errors.push_back(
            Short(1.96 * std::sqrt(std::max(0.0, squares / n - sum / n * sum / n) / n)));
        Json list = Json::array();
        for (const size_t r : shown) list.push_back(Short(rows[r].values[f * outputs() + k]));
        contributions.push_back(std::move(list));
      }
      Json values = Json::array();
      for (const size_t r : shown) {
        const double v = r_.rows[r * width + f];
        values.push_back(std::isnan(v)         ? Json()
                         : r_.space.is_text(f) ? Json(r_.space.Text(f, v))
                                               : Short(v));
      }
      one["global"] = std::move(global);
      one["error"] = std::move(errors);
      one["contributions"] = std::move(contributions);
      one["values"] = std::move(values);
      features.push_back(std::move(one));
    }
    Json baseline = Json::array();
    for (size_t b = 0; b < r_.shap->baseline.size() && baseline.size() < 20; b += width) {
      Json row = Json::array();
      for (const size_t f : order) row.push_back(r_.space.Text(f, r_.shap->baseline[b + f]));
      baseline.push_back(std::move(row));
    }
    const auto& config = *r_.input.config.shap;
    Json texts = Json::array();
    for (const auto& [f, of_feature] : r_.shap->top_text) {
      for (size_t k = 0; k < of_feature.size(); ++k) {
        Json units = Json::array();
        for (const TextValue& v : of_feature[k]) {
          if (units.size() == kShownUnits) break;
          units.push_back({v.text, Short(v.value), v.rows});
        }
        texts.push_back(
            {{"feature", r_.space.name(f)}, {"output", k}, {"units", std::move(units)}});
      }
    }
    return {
        {"texts", std::move(texts)},
        {"method", ShapMethodName(r_.shap->values.method)},
        {"unit", config.use_logit ? "log-odds" : "score"},
        {"aggregation", config.agg_method == AggregationMethod::kMedian       ? "median"
                        : config.agg_method == AggregationMethod::kMeanSquare ? "mean of squares"
                                                                              : "mean of sizes"},
        {"seed", config.seed.value_or(0)},
        {"coalitions",
         {r_.shap->values.min_coalitions, r_.shap->values.median_coalitions,
          r_.shap->values.max_coalitions}},
        {"outputs", r_.shap->score_names},
        {"expected", r_.shap->values.explanations.expected_value},
        {"explained", count},
        {"shown", shown},
        {"features", std::move(features)},
        {"baseline", std::move(baseline)},
        {"byFacet", ByFacet(order)}};
  }

  // How much each feature moves the group's answers more than everybody else's: of the first score.
  Json ByFacet(const std::vector<size_t>& order) const {
    Json out = Json::array();
    const auto& rows = r_.shap->values.explanations.rows;
    for (size_t i = 0; i < r_.dataset.facets.size(); ++i) {
      const Column& column = r_.dataset.columns[r_.dataset.facets[i]];
      const auto groups = GroupsOf(column, r_.input.config.facets[i].values);
      if (!groups) continue;
      for (const Group& group : *groups) {
        Json list = Json::array();
        for (const size_t f : order) {
          double sum[2] = {0, 0}, n[2] = {0, 0};
          for (size_t r = 0; r < rows.size(); ++r) {
            sum[group.member[r]] += rows[r].values[f * outputs()];
            ++n[group.member[r]];
          }
          if (n[0] == 0 || n[1] == 0) continue;
          list.push_back({r_.space.name(f), Short(sum[1] / n[1] - sum[0] / n[0])});
        }
        out.push_back(
            {{"facet", column.name}, {"group", group.text}, {"features", std::move(list)}});
      }
    }
    return out;
  }

  Json Pdp() const {
    Json out = Json::array();
    for (const PartialDependence& p : r_.pdp) {
      if (!p.error.empty()) continue;
      Json curves = Json::array(), means = Json::array();
      const auto shortened = [](const std::vector<double>& values) {
        Json list = Json::array();
        for (const double v : values) list.push_back(Short(v));
        return list;
      };
      for (const auto& c : p.curves) curves.push_back(shortened(c));
      for (const auto& m : p.predictions) means.push_back(shortened(m));
      out.push_back({{"name", r_.space.name(p.feature)},
                     {"categorical", p.categorical},
                     {"values", p.categorical ? Json(p.categories) : shortened(p.grid)},
                     {"shares", shortened(p.distribution)},
                     {"means", std::move(means)},
                     {"curves", std::move(curves)}});
    }
    return out;
  }

  const AnalysisResults& r_;
  const reports::Verdict verdict_;
  const ReportConfig& config_;
};

}  // namespace

Json LastValue(const Json& last, std::string_view stage, const std::string& facet,
               const std::string& group, const std::string& metric) {
  const Json* at = Member(last, std::string(stage) + "_training_bias_metrics");
  if (at != nullptr) at = Member(*at, "facets");
  if (at != nullptr) at = Member(*at, facet);
  if (at == nullptr || !at->is_array()) return nullptr;
  for (const Json& one : *at) {
    const Json* name = Member(one, "value_or_threshold");
    const Json* metrics = Member(one, "metrics");
    if (name == nullptr || *name != group || metrics == nullptr) continue;
    for (const Json& m : *metrics) {
      const Json* called = Member(m, "name");
      const Json* value = Member(m, "value");
      if (called != nullptr && *called == metric && value != nullptr) return *value;
    }
  }
  return nullptr;
}

Status WriteReport(const AnalysisResults& results, const fs::path& directory) {
  if (!results.input.config.report) return {};
  const Report report(results);
  const fs::path base = directory / results.input.config.report->name;
  CLARY_CHECK_OK(reports::PublishFile(
      base.string() + ".html",
      reports::RenderPage(results.input.config.report->title, reports::DumpJson(report.Model()))));
  CLARY_CHECK_OK(reports::PublishFile(base.string() + ".ipynb", report.Notebook()));
  return reports::PublishFile(base.string() + ".pdf", report.Pdf());
}

}  // namespace clary::clarify
