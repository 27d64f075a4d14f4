#include "debugger/training_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "debugger/report_data.h"

namespace clary::debugger {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

double Round5(double v) { return std::round(v * 1e5) / 1e5; }

std::string Dump(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

json LossData(const TrainingData& data) {
  json rows = json::array();
  for (const MetricSeries& series : data.metrics) {
    for (size_t i = 0; i < series.steps.size(); ++i) {
      rows.push_back({{"steps", series.steps[i]},
                      {"loss", Round5(series.values[i])},
                      {"category", series.name}});
    }
  }
  return {{"category_loss_per_step", std::move(rows)}};
}

json FeatureImportance(const TrainingData& data) {
  json types = json::object();
  for (const auto& [type, list] : data.importance) {
    json rows = json::array();
    for (const auto& [feature, share] : list) {
      rows.push_back({{"feature", feature}, {"importance", Round5(share * 100)}});
    }
    types[type] = std::move(rows);
  }
  return {{"features", std::move(types)}};
}

}  // namespace

Status WriteTrainingReport(Trial& trial, const ReportContext& context, const fs::path& directory) {
  CLARY_TRY(const TrainingData data, ReadTrainingData(trial, context));
  const fs::path json_directory = directory / "xgboost-reports";
  CLARY_CHECK_OK(MakeDirectories(json_directory));
  CLARY_CHECK_OK(WriteFileAtomic(json_directory / "LossData.json", Dump(LossData(data), 2)));
  CLARY_CHECK_OK(
      WriteFileAtomic(json_directory / "FeatureImportance.json", Dump(FeatureImportance(data), 2)));
  return WriteFileAtomic(directory / "xgboost_report.html",
                         "<!doctype html><meta charset=\"utf-8\"><title>Training report</title>\n");
}

}  // namespace clary::debugger
