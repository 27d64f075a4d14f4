#include "clarify/internal/shap_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/csv_field.h"
#include "base/hash.h"
#include "base/strings.h"
#include "reports/publish.h"

namespace clary::clarify {
namespace fs = std::filesystem;
namespace {

using reports::Json;

constexpr std::string_view kShapFolder = "explanations_shap";

size_t Outputs(const ShapResults& shap) { return shap.values.explanations.outputs; }

std::string BaselineCsv(const AnalysisResults& results) {
  const FeatureSpace& space = results.space;
  const size_t width = space.size();
  std::string text;
  for (size_t f = 0; f < width; ++f) {
    if (f > 0) text += ',';
    AppendCsvField(text, space.name(f));
  }
  text += '\n';
  const std::vector<double>& baseline = results.shap->baseline;
  for (size_t i = 0; i < baseline.size(); ++i) {
    space.AppendCsv(i % width, baseline[i], text);
    text += (i + 1) % width == 0 ? '\n' : ',';
  }
  return text;
}

// A row of values for each row; labels outer, features inner.
std::string LocalCsv(const AnalysisResults& results) {
  const ShapResults& shap = *results.shap;
  const FeatureSpace& space = results.space;
  const size_t width = space.size(), outputs = Outputs(shap);
  std::string text;
  for (size_t k = 0; k < outputs; ++k) {
    for (size_t f = 0; f < width; ++f) {
      if (k + f > 0) text += ',';
      AppendCsvField(text, space.name(f) + "_" + shap.score_names[k]);
    }
  }
  const Dataset& dataset = results.dataset;
  if (dataset.join) {
    text += ',';
    AppendCsvField(text, dataset.columns[*dataset.join].name);
  }
  text += '\n';
  for (size_t r = 0; r < shap.values.explanations.rows.size(); ++r) {
    const auto& values = shap.values.explanations.rows[r].values;
    for (size_t k = 0; k < outputs; ++k) {
      for (size_t f = 0; f < width; ++f) {
        if (k + f > 0) text += ',';
        fmt::format_to(std::back_inserter(text), "{}", values[f * outputs + k]);
      }
    }
    if (dataset.join) {
      text += ',';
      AppendCsvField(text, dataset.keys[r]);
    }
    text += '\n';
  }
  return text;
}

// A line for each row: its features with what each, or each unit of a text, adds.
std::string LocalLines(const AnalysisResults& results) {
  const ShapResults& shap = *results.shap;
  const FeatureSpace& space = results.space;
  const size_t width = space.size(), outputs = Outputs(shap);
  std::string text;
  const auto list = [](std::span<const double> values) {
    Json out = Json::array();
    for (const double v : values) out.push_back(v);
    return out;
  };
  for (size_t r = 0; r < shap.values.explanations.rows.size(); ++r) {
    const Explanation& row = shap.values.explanations.rows[r];
    Json features = Json::array();
    for (size_t f = 0; f < width; ++f) {
      Json attributions = Json::array();
      const auto parts = std::ranges::find(row.parts, f, &PartValues::feature);
      if (parts != row.parts.end()) {
        const double value = results.rows[r * width + f];
        const auto& units = shap.texts->Units(f, value);
        for (size_t u = 0; u < units.size(); ++u) {
          attributions.push_back(
              {{"attribution", list(std::span(parts->values).subspan(u * outputs, outputs))},
               {"description",
                {{"partial_text", shap.texts->UnitText(f, value, units[u])},
                 {"start_idx", units[u].start}}}});
        }
      } else {
        attributions.push_back(
            {{"attribution", list(std::span(row.values).subspan(f * outputs, outputs))}});
      }
      const bool free = shap.texts->IsFreeText(f);
      features.push_back({{"feature_name", space.name(f)},
                          {"data_type", free               ? "free_text"
                                        : space.is_text(f) ? "categorical"
                                                           : "numerical"},
                          {"attributions", std::move(attributions)}});
    }
    Json line = {{"explanations", std::move(features)}};
    if (results.dataset.join) line["join_source_value"] = results.dataset.keys[r];
    text += reports::DumpJson(line) + "\n";
  }
  return text;
}

double Aggregated(std::vector<double>& values, size_t rows, AggregationMethod how) {
  double sum = 0;
  switch (how) {
    case AggregationMethod::kMeanAbs:
      for (const double v : values) sum += std::abs(v);
      return sum / static_cast<double>(rows);
    case AggregationMethod::kMeanSquare:
      for (const double v : values) sum += v * v;
      return sum / static_cast<double>(rows);
    case AggregationMethod::kMedian:
      break;
  }
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

std::map<size_t, std::vector<std::vector<TextValue>>> TopText(const AnalysisResults& results) {
  const ShapResults& shap = *results.shap;
  const ShapConfig& config = *results.input.config.shap;
  const size_t width = results.space.size(), outputs = Outputs(shap);
  const size_t rows = shap.values.explanations.rows.size();
  std::map<size_t, std::vector<std::vector<TextValue>>> out;
  for (const size_t f : shap.texts->features()) {
    // [unit] what it adds to each row that has it, an output each.
    std::unordered_map<std::string, std::vector<std::vector<double>>> found;
    for (size_t r = 0; r < rows; ++r) {
      const Explanation& row = shap.values.explanations.rows[r];
      const auto parts = std::ranges::find(row.parts, f, &PartValues::feature);
      if (parts == row.parts.end()) continue;
      const double value = results.rows[r * width + f];
      const auto& units = shap.texts->Units(f, value);
      std::map<std::string, std::vector<double>> sums;  // a unit may come again
      for (size_t u = 0; u < units.size(); ++u) {
        auto& sum = sums[shap.texts->UnitText(f, value, units[u])];
        sum.resize(outputs);
        for (size_t k = 0; k < outputs; ++k) sum[k] += parts->values[u * outputs + k];
      }
      for (auto& [unit, sum] : sums) {
        auto& lists = found[unit];
        lists.resize(outputs);
        for (size_t k = 0; k < outputs; ++k) lists[k].push_back(sum[k]);
      }
    }
    auto& of_feature = out[f];
    for (size_t k = 0; k < outputs; ++k) {
      std::vector<TextValue> all;
      for (auto& [unit, lists] : found) {
        all.push_back({.text = unit,
                       .value = Aggregated(lists[k], rows, config.agg_method),
                       .rows = lists[k].size()});
      }
      std::ranges::sort(all, [](const TextValue& a, const TextValue& b) {
        if (std::abs(a.value) != std::abs(b.value)) return std::abs(a.value) > std::abs(b.value);
        return a.text < b.text;
      });
      all.resize(std::min(all.size(), static_cast<size_t>(config.text->max_top_tokens)));
      of_feature.push_back(std::move(all));
    }
  }
  return out;
}

Json ShapJson(const AnalysisResults& results) {
  const ShapResults& shap = *results.shap;
  const FeatureSpace& space = results.space;
  Json out = Json::object();
  const size_t outputs = Outputs(shap);
  for (size_t k = 0; k < outputs; ++k) {
    Json global = Json::object(), texts = Json::object();
    for (size_t f = 0; f < space.size(); ++f) {
      const auto top = shap.top_text.find(f);
      if (top == shap.top_text.end()) {
        global[space.name(f)] = shap.global[f * outputs + k];
        continue;
      }
      Json& units = texts[space.name(f)] = Json::object();
      for (const TextValue& v : top->second[k]) units[v.text] = v.value;
    }
    Json& label = out[shap.score_names[k]];
    label = {{"global_shap_values", std::move(global)},
             {"expected_value", shap.values.explanations.expected_value[k]}};
    if (!texts.empty()) label["global_top_shap_text"] = std::move(texts);
  }
  return out;
}

Status WriteShapFiles(const AnalysisResults& results, const fs::path& directory) {
  const ShapResults& shap = *results.shap;
  const AnalysisInput& input = results.input;
  const fs::path folder = directory / kShapFolder;
  CLARY_CHECK_OK(reports::PublishFile(folder / "baseline.csv", BaselineCsv(results)));
  if (!input.config.shap->save_local_shap_values) return {};
  const bool lines = shap.texts != nullptr;
  const std::string text = lines ? LocalLines(results) : LocalCsv(results);
  const std::string kind = lines ? "json" : "csv";
  const std::string name = lines ? "out.jsonl" : "out.csv";
  if (!input.parts) return reports::PublishFile(folder / name, text);
  const std::string id = HexEncode(Sha256(input.job_name + input.config_text)).substr(0, 32);
  const std::string uuid = id.substr(0, 8) + "-" + id.substr(8, 4) + "-" + id.substr(12, 4) + "-" +
                           id.substr(16, 4) + "-" + id.substr(20, 12);
  CLARY_CHECK_OK(reports::PublishFile(folder / name / "_SUCCESS", ""));
  return reports::PublishFile(folder / name / ("part-00000-" + uuid + "-c000." + kind), text);
}

}  // namespace clary::clarify
