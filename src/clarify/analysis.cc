#include "clarify/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "base/hash.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clarify/baseline.h"
#include "clarify/internal/results.h"
#include "clarify/internal/shap_files.h"
#include "reports/publish.h"

namespace clary::clarify {
namespace fs = std::filesystem;
namespace {

using reports::Json;
using SteadyClock = std::chrono::steady_clock;

class Run {
 public:
  Run(const AnalysisInput& input, const fs::path& directory)
      : input_(input), config_(input.config), directory_(directory) {}

  Status All() {
    CLARY_TRY(dataset_, ReadDataset(config_, input_.files));
    for (const std::string& note : dataset_.notes) Say(note);
    Say(fmt::format("{} rows, {} columns, {} features", dataset_.rows, dataset_.columns.size(),
                    dataset_.features.size()));
    Timed("read");
    std::vector<const Column*> columns;
    for (const size_t f : dataset_.features) columns.push_back(&dataset_.columns[f]);
    FeatureSpace space(columns);
    std::vector<double> rows;
    if (config_.asks_model()) {
      rows = space.Rows(columns);
      CLARY_CHECK_OK(Baseline(space, rows));
      CLARY_TRY(ModelOptions options, input_.open_model());
      options.threads = input_.threads;
      CLARY_TRY(model_, ModelAccess::Make(*config_.predictor, space, std::move(options)));
      Timed("model");
    }
    AnalysisResults results{.input = input_, .dataset = dataset_, .space = space, .rows = rows};
    CLARY_CHECK_OK(Bias(results, rows));
    CLARY_CHECK_OK(Shap(results, space, rows));
    CLARY_CHECK_OK(Pdp(results, space, rows));
    results.warnings = std::move(warnings_);
    results.last = LastRun();
    results.analysis = AnalysisJson(results);
    results.extras = ExtrasJson(results);
    CLARY_CHECK_OK(Write("analysis.json", reports::DumpJson(results.analysis, 4) + "\n"));
    CLARY_CHECK_OK(WriteReport(results, directory_));
    Timed("report");
    results.extras["seconds"] = seconds_;
    return Write("clary_analysis.json", reports::DumpJson(results.extras, 1) + "\n");
  }

 private:
  void Say(const std::string& line) const {
    if (input_.log) input_.log(line);
  }
  void Warn(const std::string& warning) {
    if (std::ranges::find(warnings_, warning) != warnings_.end()) return;
    Say("WARNING: " + warning);
    warnings_.push_back(warning);
  }
  void Timed(const char* part) {
    const auto now = SteadyClock::now();
    seconds_[part] = std::chrono::duration<double>(now - begin_).count();
    begin_ = now;
  }
  // What an earlier run with this configuration found; null: nothing that can be read.
  Json LastRun() const {
    const Json extras = Json::parse(input_.last_extras, nullptr, false);
    if (!extras.is_object() || !extras.contains("config_sha256") ||
        extras["config_sha256"] != HexEncode(Sha256(input_.config_text))) {
      return nullptr;
    }
    Json analysis = Json::parse(input_.last_analysis, nullptr, false);
    return analysis.is_object() ? analysis : Json();
  }
  Status Write(const std::string& name, std::string_view bytes) const {
    return reports::PublishFile(directory_ / name, bytes);
  }

  // Before the model is opened, so that a wrong one costs nothing.
  Status Baseline(FeatureSpace& space, std::span<const double> rows) {
    if (!config_.shap) return {};
    CLARY_CHECK_OK(FindBaseline(space, rows));
    // In place of a unit of text stands the baseline's text, which may be empty.
    const bool given = !config_.shap->baseline_uri.empty() || !config_.shap->baseline_json.empty();
    if (!config_.shap->text) return {};
    for (const size_t f : FreeTextFeatures(space, rows)) {
      for (size_t b = f; b < baseline_.size(); b += space.size()) {
        if (!given || std::isnan(baseline_[b])) baseline_[b] = space.Code(f, "");
      }
    }
    return {};
  }

  Status FindBaseline(FeatureSpace& space, std::span<const double> rows) {
    const ShapConfig& shap = *config_.shap;
    for (const ColumnRef& ref : shap.features_to_explain) {
      CLARY_CHECK_OK(FeatureAt(ref, "features_to_explain"));
    }
    if (shap.baseline_uri.empty() && shap.baseline_json.empty()) {
      baseline_ = ClusterBaseline(space, rows,
                                  {.clusters = static_cast<size_t>(shap.num_clusters.value_or(0)),
                                   .seed = static_cast<uint64_t>(shap.seed.value_or(0))});
      Say(fmt::format("no baseline given: {} row{} of clusters (explanations_shap/baseline.csv)",
                      baseline_.size() / space.size(),
                      baseline_.size() == space.size() ? "" : "s"));
      return {};
    }
    const bool given = !shap.baseline_json.empty();
    CLARY_TRY(const auto columns,
              ReadBaseline(config_, dataset_,
                           {.text = given ? shap.baseline_json : input_.baseline_text,
                            .inline_json = given}));
    std::vector<const Column*> pointers;
    for (const Column& c : columns) pointers.push_back(&c);
    baseline_ = space.Rows(pointers);
    return {};
  }

  // A feature's place among the features.
  Result<size_t> FeatureAt(const ColumnRef& ref, std::string_view key) const {
    const auto column = FindColumn(dataset_.columns, ref);
    const auto at =
        column ? std::ranges::find(dataset_.features, *column) : dataset_.features.end();
    if (at != dataset_.features.end()) return static_cast<size_t>(at - dataset_.features.begin());
    return Fail(Code::kInvalidArgument, "ClientError",
                fmt::format("Feature names not found. {} '{}' is no feature; the features are {}",
                            key, Printable(RefText(ref), 60),
                            Printable(Join(dataset_.feature_names(), ", "), 600)));
  }

  Status Bias(AnalysisResults& results, std::span<const double> rows) {
    if (!config_.asks_bias()) return {};
    std::optional<Predictions> predictions;
    const bool used = config_.post_training_bias.has_value();
    if (used && dataset_.predicted_label) {
      predictions = Predictions{.labels = dataset_.columns[*dataset_.predicted_label]};
      CLARY_CHECK_OK(SameType(predictions->labels));
    } else if (used) {
      CLARY_TRY(const Answers answers, model_->Ask(rows));
      CLARY_TRY(predictions, PredictedLabels(config_, dataset_.columns[*dataset_.label], answers));
      Say(fmt::format("the model answered {} rows in {} requests", answers.rows,
                      model_->requests()));
      Timed("predictions");
    }
    CLARY_TRY(results.bias, AnalyseBias(config_, dataset_, predictions ? &*predictions : nullptr,
                                        input_.threads));
    for (const std::string& warning : results.bias.warnings) Warn(warning);
    Timed("bias");
    return {};
  }

  // Whole reals stand for integers, as in files that were written with and without points.
  Status SameType(Column& predicted) const {
    const Column& label = dataset_.columns[*dataset_.label];
    const bool numbers = predicted.type != Column::Type::kText && label.type != Column::Type::kText;
    if (!numbers || predicted.type == label.type) return {};
    const bool whole = std::ranges::all_of(
        predicted.numbers, [](double v) { return std::isnan(v) || v == std::floor(v); });
    if (label.type == Column::Type::kReal || whole) predicted.type = label.type;
    return {};
  }

  // The free texts among the features; null: there are none, or they are not to be told apart.
  std::unique_ptr<TextPlay> FreeTexts(FeatureSpace& space, std::span<const double> rows) {
    if (!config_.shap->text) return nullptr;
    auto features = FreeTextFeatures(space, rows);
    if (features.empty()) {
      Warn(
          "text_config is given, but no feature is free text: such has spaces in at least half of "
          "its values, and more different ones than a list to choose from");
      return nullptr;
    }
    std::vector<std::string> names;
    for (const size_t f : features) names.push_back("'" + Printable(space.name(f), 60) + "'");
    Say("explained by their units of text: " + Join(names, ", "));
    return std::make_unique<TextPlay>(space, std::move(features), *config_.shap->text);
  }

  Status Shap(AnalysisResults& results, FeatureSpace& space, std::span<const double> rows) {
    if (!config_.shap) return {};
    const ShapConfig& config = *config_.shap;
    ShapResults& shap = results.shap.emplace();
    shap.texts = FreeTexts(space, rows);
    ExplainOptions options{.logit = config.use_logit,
                           .samples = static_cast<size_t>(config.num_samples.value_or(0)),
                           .seed = static_cast<uint64_t>(config.seed.value_or(0)),
                           .parts = shap.texts.get(),
                           .threads = input_.threads};
    if (!config.features_to_explain.empty()) {
      options.may_play.assign(space.size(), false);
      for (const ColumnRef& ref : config.features_to_explain) {
        CLARY_TRY(const size_t f, FeatureAt(ref, "features_to_explain"));
        options.may_play[f] = true;
      }
    }
    auto told = SteadyClock::now();
    const auto first = told;
    options.on_progress = [&](size_t done, size_t of) {
      const auto now = SteadyClock::now();
      if (done < of && now - told < std::chrono::seconds(10)) return;
      told = now;
      const double passed = std::chrono::duration<double>(now - first).count();
      Say(fmt::format(
          "explained {} of {} rows in {:.1f} s{}", done, of, passed,
          done < of ? fmt::format(", about {:.0f} s to go", passed / static_cast<double>(done) *
                                                                static_cast<double>(of - done))
                    : std::string()));
    };
    CLARY_TRY(shap.values, Explain(*model_, rows, baseline_, space.size(), options));
    const size_t outputs = shap.values.explanations.outputs;
    const Aggregation how = config.agg_method == AggregationMethod::kMedian ? Aggregation::kMedian
                            : config.agg_method == AggregationMethod::kMeanSquare
                                ? Aggregation::kMeanSquare
                                : Aggregation::kMeanAbs;
    shap.global = Aggregate(shap.values.explanations, how);
    shap.score_names = model_->ScoreNames(outputs);
    shap.baseline = baseline_;
    CLARY_CHECK_OK(CheckValues(shap, space));
    if (shap.texts != nullptr) shap.top_text = TopText(results);
    if (shap.values.method == ShapMethod::kSampled) {
      Warn(
          fmt::format("{} of {} rows are explained by samples of coalitions: raise num_samples "
                      "for less noise",
                      shap.values.sampled_rows, dataset_.rows));
    }
    Timed("shap");
    CLARY_CHECK_OK(WriteShapFiles(results, directory_));
    Timed("shap_files");
    return {};
  }

  // use_logit of a score that is no probability.
  Status CheckValues(const ShapResults& shap, const FeatureSpace& space) const {
    const auto& rows = shap.values.explanations.rows;
    for (size_t r = 0; r < rows.size(); ++r) {
      const auto bad =
          std::ranges::find_if(rows[r].values, [](double v) { return !std::isfinite(v); });
      if (bad == rows[r].values.end()) continue;
      const auto f = static_cast<size_t>(bad - rows[r].values.begin()) /
                     std::max<size_t>(1, shap.values.explanations.outputs);
      return Fail(
          Code::kInvalidArgument, "ClientError",
          fmt::format("row {} has no finite value for the feature '{}'{}", r + 1, space.name(f),
                      config_.shap->use_logit
                          ? ": use_logit needs scores between 0 and 1, and not these ends"
                          : ""));
    }
    return {};
  }

  Status Pdp(AnalysisResults& results, const FeatureSpace& space, std::span<const double> rows) {
    if (!config_.pdp) return {};
    std::vector<size_t> features;
    for (const ColumnRef& ref : config_.pdp->features) {
      CLARY_TRY(const size_t f, FeatureAt(ref, "pdp.features"));
      features.push_back(f);
    }
    if (features.empty()) {
      const size_t outputs = results.shap->values.explanations.outputs;
      std::vector<double> sums(space.size());
      for (size_t i = 0; i < results.shap->global.size(); ++i) {
        sums[i / outputs] += std::abs(results.shap->global[i]);
      }
      features.resize(space.size());
      std::iota(features.begin(), features.end(), 0);
      std::ranges::stable_sort(features, [&](size_t a, size_t b) { return sums[a] > sums[b]; });
      features.resize(std::min(features.size(), static_cast<size_t>(config_.pdp->top_k_features)));
    }
    CLARY_TRY(results.pdp, DependenceOf(*model_, space, rows, features,
                                        static_cast<size_t>(config_.pdp->grid_resolution), 0));
    for (const PartialDependence& p : results.pdp) {
      if (!p.error.empty()) Warn(fmt::format("pdp of '{}': {}", space.name(p.feature), p.error));
    }
    Timed("pdp");
    return {};
  }

  Json PdpJson(const AnalysisResults& results) const {
    Json out = Json::array();
    for (const PartialDependence& p : results.pdp) {
      const std::string& name = results.space.name(p.feature);
      if (!p.error.empty()) {
        out.push_back({{"feature_name", name},
                       {"data_type", p.categorical ? "free_text" : "numerical"},
                       {"label_headers", model_->ScoreNames(1)},
                       {"error", p.error}});
        continue;
      }
      Json values = p.categorical ? Json(p.categories) : Json(p.grid);
      out.push_back({{"feature_name", name},
                     {"data_type", p.categorical ? "categorical" : "numerical"},
                     {"feature_values", std::move(values)},
                     {"data_distribution", p.distribution},
                     {"model_predictions", p.predictions},
                     {"label_headers", model_->ScoreNames(p.predictions.size())}});
    }
    return out;
  }

  Json AnalysisJson(const AnalysisResults& results) const {
    Json out = {{"version", "1.0"}};
    if (!results.bias.post.is_null()) out["post_training_bias_metrics"] = results.bias.post;
    if (!results.bias.pre.is_null()) out["pre_training_bias_metrics"] = results.bias.pre;
    Json explanations = Json::object();
    if (results.shap) explanations["kernel_shap"] = ShapJson(results);
    if (config_.pdp) explanations["pdp"] = PdpJson(results);
    if (!explanations.empty()) out["explanations"] = std::move(explanations);
    return out;
  }

  Json ExtrasJson(const AnalysisResults& results) const {
    Json out = {{"version", 1},
                {"config_sha256", HexEncode(Sha256(input_.config_text))},
                {"rows", dataset_.rows},
                {"features", dataset_.feature_names()},
                {"warnings", results.warnings}};
    if (!results.bias.extras.is_null()) out["bias"] = results.bias.extras;
    if (results.shap) {
      const ShapResults& shap = *results.shap;
      out["shap"] = {{"method", ShapMethodName(shap.values.method)},
                     {"unit", config_.shap->use_logit ? "log-odds" : "the model's score"},
                     {"seed", config_.shap->seed.value_or(0)},
                     {"baseline_rows", shap.baseline.size() / results.space.size()},
                     {"coalitions_a_row",
                      {{"min", shap.values.min_coalitions},
                       {"median", shap.values.median_coalitions},
                       {"max", shap.values.max_coalitions}}},
                     {"sampled_rows", shap.values.sampled_rows}};
      if (shap.texts != nullptr) {
        Json names = Json::array();
        for (const size_t f : shap.texts->features()) names.push_back(results.space.name(f));
        out["shap"]["text_features"] = std::move(names);
      }
    }
    if (model_) out["model_requests"] = model_->requests();
    return out;
  }

  const AnalysisInput& input_;
  const AnalysisConfig& config_;
  const fs::path& directory_;
  Dataset dataset_;
  std::vector<double> baseline_;
  std::unique_ptr<ModelAccess> model_;
  std::vector<std::string> warnings_;
  Json seconds_ = Json::object();
  SteadyClock::time_point begin_ = SteadyClock::now();
};

}  // namespace

Status RunAnalysis(const AnalysisInput& input, const fs::path& directory) {
  return Run(input, directory).All();
}

}  // namespace clary::clarify
