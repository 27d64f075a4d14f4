// The features of a data set as rows of doubles, and back: texts are codes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "clarify/column.h"

namespace clary::clarify {

// A feature's value is a number, NaN if it is missing; of a text feature the text's place in a list
// that grows by what is added. Const calls from any thread.
class FeatureSpace {
 public:
  // Of the features' columns; Rows() of them, or of any columns of these names and types later.
  explicit FeatureSpace(std::span<const Column* const> columns);

  size_t size() const { return features_.size(); }
  const std::string& name(size_t f) const { return features_[f].name; }
  std::vector<std::string> names() const;
  bool is_text(size_t f) const { return features_[f].type == Column::Type::kText; }
  Column::Type type(size_t f) const { return features_[f].type; }

  // All rows of columns that are as many as features, row after row; texts that are new get codes.
  std::vector<double> Rows(std::span<const Column* const> columns);

  // The code of a text of a text feature, new or not.
  double Code(size_t f, const std::string& text);
  // How many texts a feature has; Forget() drops those that came after `count` of them.
  size_t texts(size_t f) const { return features_[f].texts.size(); }
  void Forget(size_t f, size_t count);

  // The value as Python prints it: "40", "40.0", "True", "Female", "nan".
  std::string Text(size_t f, double value) const;
  // As a field of csv: shortest numbers, integers without a point, texts in quotes if they need
  // some, nothing for what is missing.
  void AppendCsv(size_t f, double value, std::string& out) const;
  // As a JSON value.
  void AppendJson(size_t f, double value, std::string& out) const;

 private:
  struct Feature {
    std::string name;
    Column::Type type = Column::Type::kReal;
    std::vector<std::string> texts;
    std::unordered_map<std::string, size_t> codes;
  };
  std::vector<Feature> features_;
};

}  // namespace clary::clarify
