#include "xgboost/internal/input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "data/read.h"
#include "xgboost/internal/job_files.h"
#include "xgboost/internal/training_log.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

struct Channels {
  data::ContentType type = data::ContentType::kLibsvm;  // of train; it holds for both
  std::map<std::string, bool> pipe;                     // by channel: read from a FIFO
};

Result<Channels> ReadChannels(const fs::path& base) {
  CLARY_TRY(const json doc, ReadConfig(base, "inputdataconfig.json"));
  for (const auto& [name, channel] : doc.items()) {
    if (name != "train" && name != "validation" && name != "code") {
      return UserError("Extraneous channel found: " + name);
    }
  }
  if (!doc.contains("train")) return UserError("Missing required channel: train");
  Channels out;
  for (const char* name : {"train", "validation"}) {
    if (!doc.contains(name)) continue;
    const json& channel = doc[name];
    const auto type = data::ParseContentType(ConfigText(channel, "ContentType", "text/libsvm"));
    if (!type) return UserError(type.error().message);
    if (std::string_view(name) == "train") {
      out.type = *type;
    } else if (channel.contains("ContentType") && *type != out.type) {
      return UserError(
          "The channels train and validation are read as one format: their ContentType "
          "is " +
          ConfigText(doc["train"], "ContentType", "text/libsvm") + " and " +
          ConfigText(channel, "ContentType", "text/libsvm"));
    }
    const std::string mode = ConfigText(channel, "TrainingInputMode", "File");
    const bool known = mode == "File" || mode == "FastFile" || mode == "Pipe";
    // Files are not what is wrapped in records, but for the format that is made of records.
    if (!known || (ConfigText(channel, "RecordWrapperType", "None") != "None" &&
                   out.type != data::ContentType::kRecordIo)) {
      return UserError("Channel configuration for '" + std::string(name) +
                       "' channel is not supported: " + channel.dump());
    }
    if (mode == "Pipe" && out.type == data::ContentType::kLibsvm) {
      return UserError("Pipe mode not supported for LibSVM.");
    }
    out.pipe[name] = mode == "Pipe";
  }
  return out;
}

struct Loaded {
  std::unique_ptr<data::Matrix> matrix;
  std::vector<fs::path> files;
};

Result<Loaded> Load(const fs::path& dir, bool pipe, const data::ReadOptions& options,
                    const char* channel) {
  const auto no_data = [&] {
    return UserError("No data in " + std::string(channel) + " channel path " + dir.string());
  };
  std::vector<fs::path> files;
  if (pipe) {
    files.push_back(dir.string() + "_0");  // the first epoch is all that is needed
  } else {
    auto found = data::CollectFiles(dir);
    if (!found) return UserError(found.error().message);
    for (const std::string& warning : found->warnings) LogWarning(warning);
    files = std::move(found->files);
  }
  if (files.empty()) return no_data();
  auto matrix = data::ReadFiles(files, options);
  if (!matrix && pipe && matrix.error().reason == "NoData") return no_data();
  if (!matrix) {
    return UserError("Failed to load " + std::string(data::ContentTypeName(options.type)) +
                     " data with exception:\n" + matrix.error().message);
  }
  for (const std::string& warning : matrix->warnings) LogWarning(warning);
  if (matrix->labels.size() != matrix->rows) {
    return UserError("Got input data without labels. Please check the input data set.");
  }
  return Loaded{std::make_unique<data::Matrix>(std::move(*matrix)), std::move(files)};
}

void WarnOfSameFiles(const std::vector<fs::path>& a, const std::vector<fs::path>& b) {
  std::set<std::pair<std::string, uintmax_t>> known;
  std::error_code ec;
  for (const fs::path& f : a) known.emplace(f.filename().string(), fs::file_size(f, ec));
  for (const fs::path& f : b) {
    if (known.contains({f.filename().string(), fs::file_size(f, ec)})) {
      LogWarning("Suspected identical files found. (" + f.filename().string() +
                 " in train and in validation.) Using the same data set for both makes the "
                 "validation metrics meaningless.");
      return;
    }
  }
}

// What the channel says of its columns; a FIFO has no room for it.
Result<std::optional<data::Columns>> ReadColumns(const fs::path& dir, bool pipe) {
  if (pipe) return std::nullopt;
  auto columns = data::ReadColumnsOf(dir);
  if (!columns) return UserError(columns.error().message);
  return columns;
}

// That categories are places in their lists.
Status CheckCategories(const data::Matrix& m, const data::Columns& columns) {
  std::vector<float> limits;
  for (const data::Column& c : columns.features) {
    limits.push_back(c.is_category ? static_cast<float>(c.categories.size()) : -1);
  }
  const auto check = [&](size_t row, size_t column, float value) -> Status {
    if (limits[column] < 0 || std::isnan(value) ||
        (value >= 0 && value < limits[column] && value == std::floor(value))) {
      return {};
    }
    return UserError(m.Where(row) + ": " + std::to_string(value) + " is none of the " +
                     std::to_string(columns.features[column].categories.size()) +
                     " categories of '" + columns.features[column].name + "'");
  };
  for (size_t r = 0; r < m.rows; ++r) {
    if (m.sparse) {
      for (uint64_t i = m.row_begin[r]; i < m.row_begin[r + 1]; ++i) {
        CLARY_CHECK_OK(check(r, m.column[i], m.values[i]));
      }
    } else {
      for (size_t c = 0; c < m.cols; ++c) {
        CLARY_CHECK_OK(check(r, c, m.values[r * m.cols + c]));
      }
    }
  }
  return {};
}

// The columns of the train channel, if they fit the data and the settings.
Status CheckColumns(const XgboostInput& input, const fs::path& validation_dir, size_t width,
                    const XgboostParams& settings) {
  const data::Columns& columns = *input.columns;
  if (columns.features.size() != width) {
    return UserError(std::string(data::kColumnsFile) + " of the training channel has " +
                     std::to_string(columns.features.size()) + " features, the data " +
                     std::to_string(width));
  }
  if (input.validation_matrix) {
    CLARY_TRY(const auto held_out, ReadColumns(validation_dir, false));
    if (held_out && data::ColumnsToJson(*held_out, data::Detail::kMeaning) !=
                        data::ColumnsToJson(columns, data::Detail::kMeaning)) {
      return UserError("feature_names mismatch: " + std::string(data::kColumnsFile) +
                       " of the validation channel has other columns or categories than that of "
                       "the training channel");
    }
  }
  if (!std::ranges::any_of(columns.features, &data::Column::is_category)) return {};
  if (const std::string why = WhyNoCategories(settings); !why.empty()) return UserError(why);
  CLARY_CHECK_OK(CheckCategories(*input.train_matrix, columns));
  return input.validation_matrix ? CheckCategories(*input.validation_matrix, columns) : Status();
}

// Adds the rows of `from`, which may be dense, to the sparse `to`.
void AppendSparse(const data::Matrix& from, data::Matrix& to) {
  if (from.sparse) {
    const uint64_t before = to.values.size();
    for (size_t r = 1; r <= from.rows; ++r) to.row_begin.PushBack(before + from.row_begin[r]);
    to.column.Append(from.column.span());
    to.values.Append(from.values.span());
    return;
  }
  for (size_t r = 0; r < from.rows; ++r) {
    for (size_t c = 0; c < from.cols; ++c) to.column.PushBack(static_cast<uint32_t>(c));
    to.values.Append(from.values.span().subspan(r * from.cols, from.cols));
    to.row_begin.PushBack(to.values.size());
  }
}

Status SetBounds(const data::Matrix& m, gbdt::RowFields& fields) {
  for (size_t r = 0; r < m.rows; ++r) {
    const float time = m.labels[r];
    if (time == 0) {
      return UserError(m.Where(r) +
                       ", column 1 (label): survival:aft needs a time above 0, or below 0 if it is "
                       "right-censored, but the label is 0");
    }
    fields.label_lower.push_back(std::fabs(time));
    fields.label_upper.push_back(time > 0 ? time : std::numeric_limits<float>::infinity());
  }
  return {};
}

Result<std::vector<float>> WeightsOfQueries(const data::Matrix& m) {
  std::vector<float> weights;
  size_t begin = 0;
  for (const uint32_t size : m.group_sizes) {
    for (size_t r = begin + 1; r < begin + size; ++r) {
      if (m.weights[r] == m.weights[begin]) continue;
      return UserError(m.Where(r) + " weighs " + fmt::format("{}", m.weights[r]) + ", " +
                       m.Where(begin) + " of the same query " +
                       fmt::format("{}", m.weights[begin]) +
                       ": ranking has a weight for each query, so all rows of a qid must have the "
                       "same");
    }
    weights.push_back(m.weights[begin]);
    begin += size;
  }
  return weights;
}

}  // namespace

data::Matrix Concatenate(const data::Matrix& train, const data::Matrix& validation) {
  data::Matrix all;
  all.cols = std::max(train.cols, validation.cols);
  all.sparse = train.sparse || validation.sparse;
  if (all.sparse) all.row_begin.PushBack(0);
  for (const data::Matrix* part : {&train, &validation}) {
    const auto file = static_cast<uint32_t>(all.files.size());
    for (data::Matrix::Origin origin : part->origins) {
      origin.first_row += all.rows;
      origin.file += file;
      all.origins.push_back(origin);
    }
    all.files.insert(all.files.end(), part->files.begin(), part->files.end());
    if (all.sparse) {
      AppendSparse(*part, all);
    } else {
      all.values.Append(part->values.span());
    }
    all.labels.Append(part->labels.span());
    // A weight for some rows only: the others weigh 1.
    if (!train.weights.empty() || !validation.weights.empty()) {
      all.weights.Append(part->weights.span());
      while (all.weights.size() < all.labels.size()) all.weights.PushBack(1);
    }
    all.group_sizes.insert(all.group_sizes.end(), part->group_sizes.begin(),
                           part->group_sizes.end());
    all.rows += part->rows;
  }
  return all;
}

void XgboostInput::JoinChannels() {
  sets.clear();
  if (!validation_matrix) return;
  *train_matrix = Concatenate(*train_matrix, *validation_matrix);
  validation_matrix = nullptr;
}

Result<gbdt::Dataset> MakeDataset(const data::Matrix& m, size_t width, std::string_view objective,
                                  const std::optional<data::Columns>& columns) {
  gbdt::RowFields fields;
  fields.label.assign(m.labels.begin(), m.labels.end());
  fields.weight.assign(m.weights.begin(), m.weights.end());
  fields.group_sizes = m.group_sizes;
  if (objective == "survival:aft") CLARY_CHECK_OK(SetBounds(m, fields));
  if (objective.starts_with("rank:") && !m.weights.empty() && !m.group_sizes.empty()) {
    CLARY_TRY(fields.weight, WeightsOfQueries(m));
  }
  if (columns) {
    for (const data::Column& column : columns->features) {
      fields.feature_names.push_back(column.name);
      fields.feature_types.emplace_back(column.is_category ? "c" : "float");
    }
  }
  const auto wide = static_cast<uint32_t>(width);
  if (m.sparse) {
    return gbdt::Dataset::ViewCsr({m.row_begin.span(), m.column.span(), m.values.span()}, wide,
                                  std::move(fields));
  }
  return gbdt::Dataset::ViewDense(m.values.span(), m.rows, wide, std::move(fields));
}

Result<XgboostInput> ReadXgboostInput(const fs::path& base, const XgboostParams& settings,
                                      int threads, const std::string& hosts) {
  CLARY_TRY(const Channels channels, ReadChannels(base));
  data::ReadOptions options{
      .type = channels.type,
      .csv_weights = settings.csv_weights && channels.type == data::ContentType::kCsv,
      .threads = threads};
  XgboostInput out;
  CLARY_TRY(out.columns, ReadColumns(base / "input/data/train", channels.pipe.at("train")));
  if (out.columns) options.features = out.columns->features.size();
  CLARY_TRY(Loaded train,
            Load(base / "input/data/train", channels.pipe.at("train"), options, "training"));
  size_t columns = train.matrix->cols;
  if (const auto pipe = channels.pipe.find("validation"); pipe != channels.pipe.end()) {
    options.features = columns;
    CLARY_TRY(Loaded validation,
              Load(base / "input/data/validation", pipe->second, options, "validation"));
    WarnOfSameFiles(train.files, validation.files);
    if (train.matrix->sparse && validation.matrix->sparse) {
      columns = std::max(columns, validation.matrix->cols);
    } else if (columns != validation.matrix->cols) {
      return UserError("feature_names mismatch: the training data has " + std::to_string(columns) +
                       " features, the validation data " + std::to_string(validation.matrix->cols));
    }
    out.validation_matrix = std::move(validation.matrix);
  }
  out.train_matrix = std::move(train.matrix);
  if (out.columns) {
    CLARY_CHECK_OK(CheckColumns(out, base / "input/data/validation", columns, settings));
  }
  LogInfo(hosts);
  LogInfo("Train matrix has " + std::to_string(out.train_matrix->rows) + " rows and " +
          std::to_string(columns) + " columns");
  CLARY_TRY(gbdt::Dataset set,
            MakeDataset(*out.train_matrix, columns, settings.objective, out.columns));
  out.sets.push_back({"train", std::move(set)});
  if (out.validation_matrix) {
    LogInfo("Validation matrix has " + std::to_string(out.validation_matrix->rows) + " rows");
    CLARY_TRY(gbdt::Dataset held_out,
              MakeDataset(*out.validation_matrix, columns, settings.objective, out.columns));
    out.sets.push_back({"validation", std::move(held_out)});
  }
  return out;
}

Result<bool> HasChannel(const fs::path& base, const std::string& channel) {
  CLARY_TRY(const Channels channels, ReadChannels(base));
  return channels.pipe.contains(channel);
}

Result<bool> ChannelHasData(const fs::path& base, const std::string& channel) {
  CLARY_TRY(const Channels channels, ReadChannels(base));
  const auto pipe = channels.pipe.find(channel);
  if (pipe == channels.pipe.end()) return false;
  if (pipe->second) return true;
  const auto found = data::CollectFiles(base / "input/data" / channel);
  return found && !found->files.empty();
}

}  // namespace clary::xgboost
