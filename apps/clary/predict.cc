// predict: what a model says of new rows.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/csv_field.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/stream.h"
#include "clary/gbdt.h"
#include "clary/s3.h"
#include "clary/training_job.h"
#include "command.h"
#include "data/read.h"
#include "data/table.h"
#include "runner/unpack.h"
#include "table.h"
#include "terminal.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

struct PredictOptions {
  std::string model;
  std::string data;
  std::string output;
  std::string content_type;
};

// The file of a model: given, or fetched into `temporary` from S3 or from the job of that name.
Result<fs::path> FindModel(const Context& context, const std::string& model,
                           const fs::path& temporary) {
  std::error_code ec;
  if (fs::is_regular_file(model, ec)) return fs::path(model);
  if (model.contains('/') && !model.starts_with("s3://")) {
    return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + model);
  }
  CLARY_TRY(const auto access, Connect(context, Home::kMustExist));
  std::string uri = model;
  if (!model.starts_with("s3://")) {
    const auto job = TrainingJob(access.session, model).describe();
    if (!job) return std::unexpected(NoJob(access.session, model, job.error()));
    uri = job->model_data;
    if (!HasModel(access.session, *job)) {
      return Fail(Code::kFailedPrecondition, "NoModel",
                  "job " + model + " has no model: it is " + job->status);
    }
  }
  CLARY_TRY(const auto from, S3Uri::parse(uri));
  const fs::path file = temporary / "model";
  CLARY_CHECK_OK(access.session.s3().download_file(from, file));
  return file;
}

// The bytes of a model file, which messages call `name`, or of the one in an archive, which is
// unpacked in `temporary`.
Result<std::string> ReadModel(const std::string& name, const fs::path& file,
                              const fs::path& temporary) {
  constexpr size_t kMaxBytes = size_t{1} << 31;
  CLARY_TRY(std::string bytes, ReadFile(file, kMaxBytes));
  if (!bytes.starts_with("\x1f\x8b")) return bytes;
  const fs::path folder = temporary / "unpacked";
  CLARY_CHECK_OK(MakeDirectories(folder));
  const auto source = NewStringSource(std::move(bytes));
  const auto unpacked = runner::UnpackTar(*source, folder, {.bytes = kMaxBytes, .members = 10'000});
  if (!unpacked) return std::unexpected(Error(unpacked.error()).With(name));
  std::vector<fs::path> models;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    const bool is_model = entry.path().filename().string().starts_with("xgboost-model");
    if (is_model && entry.is_regular_file(ec)) models.push_back(entry.path());
  }
  if (models.empty()) {
    return Fail(Code::kInvalidArgument, "NoModel", name + " holds no xgboost-model");
  }
  if (models.size() > 1) {
    return Fail(Code::kInvalidArgument, "NoModel",
                name +
                    " holds the models of a cross validation, one a fold: unpack it and name one, "
                    "or train without _kfold");
  }
  return ReadFile(models.front(), kMaxBytes);
}

// What a model was trained on, if it says so.
Result<std::optional<data::Columns>> ColumnsOf(const gbdt::Model& model) {
  const auto kept = model.attributes().find("clary.columns");
  if (kept == model.attributes().end()) return std::nullopt;
  auto columns = data::ColumnsFromJson(kept->second);
  if (!columns) return std::unexpected(std::move(columns).error().With("the model's columns"));
  if (columns->features.size() != model.num_feature()) {
    return Fail(Code::kDataLoss, "BadModel", "the model's columns are not its features");
  }
  return *std::move(columns);
}

// Predictions as lines of CSV, or of JSON.
class Predictions {
 public:
  Predictions(const gbdt::Model& model, const std::vector<std::string>& classes, bool json, int to)
      : classes_(classes), json_(json), to_(to) {
    const std::string& objective = model.objective();
    binary_ = objective.starts_with("binary:");
    labels_ = objective == "multi:softmax" || objective == "binary:hinge";
    middle_ = objective == "binary:logitraw" ? 0 : 0.5F;
    outputs_ = labels_ ? 1 : static_cast<size_t>(model.num_output());
    if (classes.size() < (binary_ ? 2 : outputs_)) classes_.clear();
    if (!binary_ && !objective.starts_with("multi:")) classes_.clear();
    if (!classes_.empty()) {
      names_.emplace_back("prediction");
      if (labels_) return;
      const std::string of = objective == "binary:logitraw" ? "margin" : "probability";
      for (size_t c = binary_ ? 1 : 0; c < classes_.size(); ++c) {
        names_.push_back(fmt::format("{}({})", of, classes_[c]));
      }
    } else if (outputs_ == 1) {
      names_.emplace_back("prediction");
    } else {
      for (size_t k = 0; k < outputs_; ++k) names_.push_back(fmt::format("prediction_{}", k));
    }
  }

  Status Add(std::span<const float> values) {
    std::string text;
    if (!json_ && !std::exchange(begun_, true)) {
      for (const std::string& name : names_) text += (text.empty() ? "" : ",") + CsvField(name);
      text += '\n';
    }
    for (size_t at = 0; at < values.size(); at += outputs_) {
      const auto row = values.subspan(at, outputs_);
      std::vector<std::string> cells;
      if (!classes_.empty()) {
        const std::string& name = classes_[std::min(ClassOf(row), classes_.size() - 1)];
        cells.push_back(json_ ? Json(name) : CsvField(name));
      }
      if (classes_.empty() || !labels_) {
        for (const float v : row) cells.push_back(Number(v));
      }
      for (size_t i = 0; i < cells.size(); ++i) {
        text += i == 0 ? (json_ ? "{" : "") : (json_ ? ", " : ",");
        if (json_) text += Json(names_[i]) + ": ";
        text += cells[i];
      }
      text += json_ ? "}\n" : "\n";
    }
    return WriteAll(to_, text);
  }

 private:
  size_t ClassOf(std::span<const float> row) const {
    if (binary_) return row[0] > middle_ ? 1 : 0;
    if (labels_) return static_cast<size_t>(std::max(row[0], 0.0F));
    return static_cast<size_t>(std::ranges::max_element(row) - row.begin());
  }
  static std::string Number(float value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }
  static std::string Json(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  static std::string CsvField(const std::string& text) {
    std::string out;
    AppendCsvField(out, text);
    return out;
  }

  std::vector<std::string> classes_;  // empty: predictions are numbers
  const bool json_;
  const int to_;
  bool begun_ = false;
  bool binary_ = false;
  bool labels_ = false;  // predictions are classes, not what they are chosen by
  float middle_ = 0.5F;  // above it a binary prediction is class 1
  size_t outputs_ = 1;
  std::vector<std::string> names_;
};

Status PredictTable(const gbdt::Model& model, const data::Columns& columns,
                    const PredictOptions& options, Predictions& out) {
  CLARY_TRY(const TableFiles table, FilesOfTable(options.data, options.content_type, "the data"));
  gbdt::RowFields fields;
  for (const data::Column& c : columns.features) {
    fields.feature_names.push_back(c.name);
    fields.feature_types.emplace_back(c.is_category ? "c" : "float");
  }
  const auto width = static_cast<uint32_t>(columns.features.size());
  CLARY_TRY(const auto read,
            data::ReadTable(
                table.files, table.type, columns, [&](std::span<const float> values) -> Status {
                  CLARY_TRY(const auto rows,
                            gbdt::Dataset::ViewDense(values, values.size() / width, width, fields));
                  CLARY_TRY(const auto predicted, model.Predict(rows));
                  return out.Add(predicted);
                }));
  for (const std::string& warning : read.warnings) {
    std::fprintf(stderr, "%s %s\n", Paint("warning:", Style::kYellow, 2).c_str(),
                 Printable(warning).c_str());
  }
  return {};
}

// Of a model without names: rows in the form that it was trained on.
Status PredictRows(const gbdt::Model& model, const PredictOptions& options, Predictions& out) {
  CLARY_TRY(const auto found, data::CollectFiles(options.data));
  if (found.files.empty()) return Usage(options.data + " has no data");
  CLARY_TRY(const auto type,
            data::ParseContentType(options.content_type.empty() ? ContentTypeOf(options.data)
                                                                : options.content_type));
  const auto read = data::ReadFiles(found.files, {.type = type, .features = model.num_feature()});
  if (!read) {
    return Usage(read.error().message +
                 "\n  the model has no names of columns, so it takes files as it was trained on: "
                 "the label first, which is not looked at, and no header");
  }
  const auto width = static_cast<uint32_t>(read->cols);
  CLARY_TRY(const auto rows,
            read->sparse
                ? gbdt::Dataset::ViewCsr(
                      {read->row_begin.span(), read->column.span(), read->values.span()}, width)
                : gbdt::Dataset::ViewDense(read->values.span(), read->rows, width));
  CLARY_TRY(const auto predicted, model.Predict(rows));
  return out.Add(predicted);
}

Status Predict(const Context& context, const PredictOptions& options) {
  std::error_code ec;
  if (!fs::exists(options.data, ec)) {
    return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + options.data);
  }
  CLARY_TRY(const TempDir temporary, TempDir::Make(fs::temp_directory_path()));
  CLARY_TRY(const fs::path file, FindModel(context, options.model, temporary.path()));
  CLARY_TRY(const std::string bytes, ReadModel(options.model, file, temporary.path()));
  auto model = gbdt::Model::Parse(bytes);
  if (!model) return std::unexpected(std::move(model).error().With(options.model));
  CLARY_TRY(const auto columns, ColumnsOf(*model));
  const fs::path partial = options.output + ".part";
  Fd to;
  if (!options.output.empty()) {
    CLARY_TRY(to, OpenFile(partial, O_WRONLY | O_CREAT | O_TRUNC, 0666));
  }
  if (options.output.empty()) EndWithReader();
  Predictions out(*model, columns ? columns->classes : std::vector<std::string>(), context.json,
                  options.output.empty() ? STDOUT_FILENO : to.get());
  const Status done =
      columns ? PredictTable(*model, *columns, options, out) : PredictRows(*model, options, out);
  if (options.output.empty()) return done;
  if (!done) {
    fs::remove(partial, ec);
    return done;
  }
  fs::rename(partial, options.output, ec);
  if (ec) return Fail(Code::kInternal, "Errno", options.output + ": " + ec.message());
  return {};
}

}  // namespace

void AddPredict(CLI::App& app, Context& context) {
  const auto options = std::make_shared<PredictOptions>();
  auto* predict = AddCommand(
      app, context, "predict", "Predict the rows of a file with a model",
      {"clary predict my-job people.csv", "clary predict model.tar.gz people.csv --output out.csv",
       "clary predict s3://bucket/my-job/output/model.tar.gz people.parquet --json"},
      [&context, options] {
        const auto done = Predict(context, *options);
        return done ? kOk : Report(context, done.error());
      });
  predict->add_option("model", options->model, "A job, a model file or archive, or its s3:// URI")
      ->required();
  predict
      ->add_option("data", options->data,
                   "A table with the columns that the model was trained on (--label); for other "
                   "models files as they were trained on")
      ->required();
  predict->add_option("--output", options->output, "Write to this file (default: print)")
      ->check([](const std::string& path) {
        const Status replaceable = CheckReplaceable(path);
        return replaceable ? std::string() : replaceable.error().message;
      });
  predict->add_option("--content-type", options->content_type,
                      "csv, libsvm, parquet, ... (default: by the file's ending, else csv)");
}

}  // namespace clary::cli
