// The data of an analysis: files into typed columns, and which column is what.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "clarify/analysis_config.h"
#include "clarify/column.h"

namespace clary::clarify {

// Files of each set, in the order that their rows count.
struct DatasetFiles {
  std::vector<std::filesystem::path> data;
  std::vector<std::filesystem::path> predicted_labels;  // of predicted_label_dataset_uri
  std::vector<std::filesystem::path> facets;            // of facet_dataset_uri
};

struct Dataset {
  size_t rows = 0;
  std::vector<Column> columns;   // of the data set, then of the other files
  std::vector<size_t> features;  // what the model is asked with, in order
  std::optional<size_t> label;
  std::optional<size_t> predicted_label;
  std::vector<size_t> facets;  // of each entry of AnalysisConfig::facets
  std::optional<size_t> group_variable;
  std::optional<size_t> join;      // the join key
  std::vector<std::string> keys;   // of the join key, a row each, as they were given
  std::vector<size_t> segments;    // of each entry of AnalysisConfig::segments
  std::vector<std::string> notes;  // what was decided, for the log
  std::vector<std::string> feature_names() const;
};

// Reads and types everything. A column is integer, real, boolean or text as pandas types it: real
// or missing values make integers real, one value that is no number makes text. Missing are empty
// csv cells, pandas' words for that (NaN, NA, N/A, NULL, null, None, nan, <NA>, #N/A, n/a) and
// null.
//
// csv: the first row of each file is skipped if it equals `headers`; without these it is a header
// if none of its cells is a number and a configured name occurs in it or a column below has
// numbers; else columns are called column_0, column_1, ... JSON: `headers` are those of the
// features, the label and the predicted label, as far as these are asked for. Several sets join by
// the key, or by position if their rows are as many.
//
// kInvalidArgument "ClientError" in AWS's words ("Headers in config do not match with the number of
// columns in the dataset.", "Unable to locate the facet.", ...) and with counts, places, columns.
Result<Dataset> ReadDataset(const AnalysisConfig& config, const DatasetFiles& files);

// The column that `ref` means; nullopt: none.
std::optional<size_t> FindColumn(std::span<const Column> columns, const ColumnRef& ref);

// Cells of a column as texts, typed as above.
Column TypedColumn(std::string name, std::vector<std::string> cells);

// The rows of a baseline, as columns of the names, types and order of the data set's features. Text
// of the data set's format with feature columns alone; a csv line equal to the names is skipped.
// kInvalidArgument "ClientError".
struct BaselineText {
  std::string text;
  bool inline_json = false;  // what the configuration holds: lists, or objects read by `features`
};
Result<std::vector<Column>> ReadBaseline(const AnalysisConfig& config, const Dataset& dataset,
                                         const BaselineText& baseline);

}  // namespace clary::clarify
