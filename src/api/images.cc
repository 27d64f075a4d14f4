#include "api/images.h"

#include <algorithm>

namespace clary::api {
namespace {

// Oldest first; the index orders versions.
constexpr std::string_view kXgboostVersions[] = {"1",     "0.90-1", "0.90-2", "1.0-1",
                                                 "1.2-1", "1.2-2",  "1.3-1",  "1.5-1",
                                                 "1.7-1", "3.0-5",  "3.2-0"};

struct Metric {
  std::string_view name;
  std::string_view since;  // first version whose image defines it
};

constexpr Metric kXgboostMetrics[] = {
    {"accuracy", "1"},
    {"auc", "1"},
    {"aucpr", "1"},
    {"balanced_accuracy", "1.3-1"},
    {"f1", "1"},
    {"f1_binary", "1.2-2"},
    {"f1_macro", "1.2-2"},
    {"map", "1"},
    {"ndcg", "1"},
    {"precision", "1.3-1"},
    {"r2", "1.2-1"},
    {"recall", "1.3-1"},
    {"precision_macro", "1.3-1"},
    {"precision_micro", "1.3-1"},
    {"recall_macro", "1.3-1"},
    {"recall_micro", "1.3-1"},
    {"aft-nloglik", "1.2-1"},
    {"cox-nloglik", "1"},
    {"error", "1"},
    {"gamma-deviance", "1"},
    {"gamma-nloglik", "1"},
    {"interval-regression-accuracy", "1.2-1"},
    {"logloss", "1"},
    {"mae", "1"},
    {"mape", "1.3-1"},
    {"merror", "1"},
    {"mlogloss", "1"},
    {"mphe", "1.2-1"},
    {"mse", "1"},
    {"poisson-nloglik", "1"},
    {"rmse", "1"},
    {"rmsle", "1"},
    {"tweedie-nloglik", "1"},
};

constexpr std::string_view kMoreIsBetter[] = {
    "accuracy", "auc",       "aucpr",           "balanced_accuracy",
    "f1",       "f1_binary", "f1_macro",        "map",
    "ndcg",     "precision", "precision_macro", "precision_micro",
    "r2",       "recall",    "recall_macro",    "recall_micro",
};

size_t Rank(std::string_view version) {
  return static_cast<size_t>(std::ranges::find(kXgboostVersions, version) -
                             std::begin(kXgboostVersions));
}

Error UnknownImage(std::string_view uri) {
  return {Code::kInvalidArgument, "ValidationException",
          "Unknown training image '" + std::string(uri) +
              "' at 'algorithmSpecification.trainingImage'. This service runs: " + KnownImages() +
              ". With any other image give the program, too: a script of yours "
              "(entry_point, SourceCode) or a ContainerEntrypoint; or bring the image itself from "
              "podman or "
              "docker: clary environments import IMAGE."};
}

}  // namespace

std::string KnownImages() {
  std::string known;
  for (const auto v : kXgboostVersions) known.append("sagemaker-xgboost:").append(v).append(", ");
  return known +
         "sagemaker-xgboost:latest (any registry, any repository whose name contains 'xgboost')";
}

Result<Image> ResolveImage(std::string_view uri) {
  std::string_view name = uri.substr(uri.rfind('/') + 1);
  std::string_view tag = "latest";
  if (const size_t colon = name.find(':'); colon != std::string_view::npos) {
    tag = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  constexpr std::string_view kPython = "-cpu-py3";  // tags of the SDK for script mode
  if (tag.ends_with(kPython)) tag.remove_suffix(kPython.size());
  if (tag == "latest") tag = *std::rbegin(kXgboostVersions);
  if (name.find("xgboost") == std::string_view::npos || Rank(tag) == std::size(kXgboostVersions)) {
    return std::unexpected(UnknownImage(uri));
  }
  return Image{.program = "xgboost", .version = std::string(tag)};
}

bool IsClarifyImage(std::string_view uri) {
  const std::string_view name = uri.substr(uri.rfind('/') + 1);
  return name.substr(0, name.find_first_of(":@")) == "sagemaker-clarify-processing";
}

std::vector<MetricDefinition> BuiltInMetrics(const Image& image) {
  std::vector<MetricDefinition> definitions;
  if (image.program != "xgboost") return definitions;
  for (const std::string_view set : {"validation", "train"}) {
    for (const Metric& m : kXgboostMetrics) {
      if (Rank(m.since) > Rank(image.version)) continue;
      const std::string data(set);
      const std::string metric(m.name);
      const std::string literal = "#011" + data + "-" + metric + ":";
      definitions.push_back({.name = data + ":" + metric,
                             .regex = ".*\\[[0-9]+\\].*" + literal + "(\\S+)",
                             .literal = literal});
    }
  }
  return definitions;
}

bool MoreIsBetter(std::string_view metric) {
  return std::ranges::find(kMoreIsBetter, metric) != std::end(kMoreIsBetter);
}

}  // namespace clary::api
