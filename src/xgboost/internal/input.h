// The channels of the built-in XGBoost in memory.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "clary/gbdt.h"
#include "data/columns.h"
#include "data/matrix.h"
#include "xgboost/hyperparameters.h"

namespace clary::xgboost {

struct XgboostInput {
  // The datasets look into the matrices; each pair lives together.
  std::unique_ptr<data::Matrix> train_matrix;
  std::unique_ptr<data::Matrix> validation_matrix;  // nullptr: no such channel
  std::vector<gbdt::EvalSet> sets;                  // "train", then "validation" if there is one
  std::optional<data::Columns> columns;             // of the train channel, if it tells

  // Makes one channel of both; there are no sets any more.
  void JoinChannels();
};

// Reads input/config/inputdataconfig.json and the channels train and validation below `base`, and
// logs `hosts` and their shapes. Names and types of the features are those of the train channel's
// _columns.json (docs/formats/columns.md). Files come from input/data/<channel>/, those of input
// mode Pipe from the FIFO input/data/<channel>_0. kInvalidArgument "UserError" in the container's
// words; the message of unreadable data names file, row and column.
Result<XgboostInput> ReadXgboostInput(const std::filesystem::path& base,
                                      const XgboostParams& settings, int threads,
                                      const std::string& hosts = "Single node training.");

// Whether there are files in a channel of the job; true of one of input mode Pipe.
Result<bool> ChannelHasData(const std::filesystem::path& base, const std::string& channel);
// Whether the job has such a channel.
Result<bool> HasChannel(const std::filesystem::path& base, const std::string& channel);

// All rows of both: train's first. The sparse form if one of them is sparse.
data::Matrix Concatenate(const data::Matrix& train, const data::Matrix& validation);

// A view of `m` that is `width` wide, at least m.cols; equal to it if `m` is dense. For
// survival:aft a label is a time of which both bounds are known, a negative one a time after which
// nothing is (right-censored); for rank:* objectives the rows of a query weigh the same, which is
// the query's weight. kInvalidArgument "UserError" names the row that is otherwise. `columns`, if
// given, has `width` features.
Result<gbdt::Dataset> MakeDataset(const data::Matrix& m, size_t width, std::string_view objective,
                                  const std::optional<data::Columns>& columns);

}  // namespace clary::xgboost
