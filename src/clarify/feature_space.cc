#include "clarify/feature_space.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/csv_field.h"
#include "base/strings.h"

namespace clary::clarify {

FeatureSpace::FeatureSpace(std::span<const Column* const> columns) {
  for (const Column* c : columns) features_.push_back({.name = c->name, .type = c->type});
}

std::vector<std::string> FeatureSpace::names() const {
  std::vector<std::string> out;
  for (const Feature& f : features_) out.push_back(f.name);
  return out;
}

std::vector<double> FeatureSpace::Rows(std::span<const Column* const> columns) {
  const size_t width = features_.size();
  const size_t rows = columns.empty() ? 0 : columns[0]->rows();
  std::vector<double> out(rows * width);
  for (size_t f = 0; f < width; ++f) {
    const Feature& feature = features_[f];
    const Column& c = *columns[f];
    for (size_t r = 0; r < rows; ++r) {
      double& value = out[r * width + f];
      if (feature.type != Column::Type::kText) {
        value = c.numbers[r];
      } else if (c.IsMissing(r)) {
        value = std::numeric_limits<double>::quiet_NaN();
      } else {
        value = Code(f, c.texts[r]);
      }
    }
  }
  return out;
}

double FeatureSpace::Code(size_t f, const std::string& text) {
  Feature& feature = features_[f];
  const auto [at, fresh] = feature.codes.emplace(text, feature.texts.size());
  if (fresh) feature.texts.push_back(text);
  return static_cast<double>(at->second);
}

void FeatureSpace::Forget(size_t f, size_t count) {
  Feature& feature = features_[f];
  for (size_t i = count; i < feature.texts.size(); ++i) feature.codes.erase(feature.texts[i]);
  if (feature.texts.size() > count) feature.texts.resize(count);
}

std::string FeatureSpace::Text(size_t f, double value) const {
  if (std::isnan(value)) return "nan";
  switch (features_[f].type) {
    case Column::Type::kText:
      return features_[f].texts[static_cast<size_t>(value)];
    case Column::Type::kBoolean:
      return value != 0 ? "True" : "False";
    case Column::Type::kInteger:
      if (value == std::floor(value)) return fmt::format("{:.0f}", value);
      break;
    case Column::Type::kReal:
      break;
  }
  return RealText(value);
}

void FeatureSpace::AppendCsv(size_t f, double value, std::string& out) const {
  if (std::isnan(value)) return;
  if (features_[f].type != Column::Type::kText) {
    if (features_[f].type == Column::Type::kBoolean) {
      out += Text(f, value);
    } else if (value == std::floor(value) && std::abs(value) < 1e15) {
      fmt::format_to(std::back_inserter(out), "{}", static_cast<int64_t>(value));
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value);
    }
    return;
  }
  const std::string& text = features_[f].texts[static_cast<size_t>(value)];
  AppendCsvField(out, text);
}

void FeatureSpace::AppendJson(size_t f, double value, std::string& out) const {
  if (std::isnan(value) || std::isinf(value)) {
    out += "null";
  } else if (features_[f].type == Column::Type::kText) {
    out += JsonQuote(features_[f].texts[static_cast<size_t>(value)]);
  } else if (features_[f].type == Column::Type::kBoolean) {
    out += value != 0 ? "true" : "false";
  } else if (features_[f].type == Column::Type::kInteger && value == std::floor(value)) {
    fmt::format_to(std::back_inserter(out), "{:.0f}", value);
  } else {
    out += RealText(value);
  }
}

}  // namespace clary::clarify
