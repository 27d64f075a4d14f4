#include "serving/xgboost_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"
#include "clary/gbdt.h"
#include "data/payload.h"
#include "gbdt/tree.h"
#include "serving/internal/predictions.h"

namespace clary::serving {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxModelBytes = uint64_t{4} << 30;
// Up to so many rows are answered one by one, without threads and large buffers.
constexpr size_t kFewRows = 64;
constexpr size_t kRowsPerThread = 1024;

// One model, ready for one row and for many.
struct Loaded {
  explicit Loaded(gbdt::Model m) : model(std::move(m)), predictor(model) {}
  gbdt::Model model;
  gbdt::Predictor predictor;
};

Result<std::vector<fs::path>> ModelFiles(const fs::path& directory) {
  std::error_code ec;
  std::vector<fs::path> all;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_regular_file(ec) && !it->path().filename().string().starts_with('.')) {
      all.push_back(it->path());
    }
  }
  if (ec) return std::unexpected(ErrnoError(ec.value(), "listing " + directory.string()));
  std::ranges::sort(all);
  std::vector<fs::path> named;
  for (const fs::path& file : all) {
    if (file.filename().string().starts_with("xgboost-model")) named.push_back(file);
  }
  if (named.empty()) named = std::move(all);
  if (named.empty()) {
    return Fail(Code::kNotFound, "NoModel",
                "Unable to load model: the archive has no file at its top; XGBoost's is called "
                "xgboost-model");
  }
  return named;
}

Result<Loaded> LoadFile(const fs::path& file) {
  auto read = [&]() -> Result<gbdt::Model> {
    CLARY_TRY(const std::string bytes, ReadFile(file, kMaxModelBytes));
    CLARY_TRY(gbdt::Model model, gbdt::Model::Parse(bytes));
    const auto best = model.best_iteration();
    if (best && *best >= 0 && *best + 1 < model.num_round()) return model.Slice(0, *best + 1);
    return model;
  }();
  if (!read) {
    return Fail(Code::kInvalidArgument, "BadModel",
                fmt::format("Unable to load model: {}: {}", file.filename().string(),
                            read.error().message));
  }
  return Loaded(*std::move(read));
}

Reply Refusal(int status, std::string text) { return {.status = status, .body = std::move(text)}; }

// What the container says of a payload that it cannot read.
std::string UnreadableText(data::ContentType type, const Error& error) {
  const std::string_view name = data::ContentTypeName(type);
  return fmt::format(
      "Loading {} data failed with Exception, please ensure data is in {} format:\n <class "
      "'ValueError'>\n {}",
      name, name, error.message);
}

}  // namespace

struct XgboostModel::State {
  std::vector<Loaded> models;
  Options options;
  Selection selection;
  std::string default_accept;
  bool batch = false;
  size_t features = 0;

  const std::string& objective() const { return models.front().model.objective(); }
  // Class labels have no mean.
  bool votes() const { return objective() == "multi:softmax" || objective() == "binary:hinge"; }

  Status FitColumns(data::Matrix& m, data::ContentType type) const;
  Result<std::vector<float>> Predict(const Loaded& loaded, const gbdt::Dataset& rows) const;
  Result<std::vector<float>> Predict(const data::Matrix& m) const;
  std::vector<float> Combine(const std::vector<std::vector<float>>& all) const;
};

// Makes the matrix as wide as the model, or says why that would give wrong answers.
Status XgboostModel::State::FitColumns(data::Matrix& m, data::ContentType type) const {
  if (m.sparse && m.cols <= features) return {};
  if (m.cols == features) return {};
  bool fits = !m.sparse && m.cols > features;
  for (size_t r = 0; fits && r < m.rows; ++r) {  // a delimiter that ends each line is no feature
    for (size_t c = features; fits && c < m.cols; ++c) fits = std::isnan(m.values[r * m.cols + c]);
  }
  if (!fits) {
    return Fail(Code::kInvalidArgument, "BadShape",
                fmt::format("the {} data has {} features, the model was trained on {}",
                            data::ContentTypeName(type), m.cols, features));
  }
  for (size_t r = 0; r < m.rows; ++r) {
    std::copy_n(m.values.data() + r * m.cols, features, m.values.data() + r * features);
  }
  m.cols = features;
  m.values.Resize(m.rows * features);
  return {};
}

Result<std::vector<float>> XgboostModel::State::Predict(const Loaded& loaded,
                                                        const gbdt::Dataset& rows) const {
  if (rows.rows() > kFewRows) {
    const auto threads = static_cast<int>(
        std::clamp<size_t>(rows.rows() / kRowsPerThread, 1, static_cast<size_t>(options.threads)));
    return loaded.model.Predict(rows, {.threads = threads});
  }
  const size_t outputs = loaded.predictor.num_output();
  std::vector<float> margins(rows.rows() * outputs);
  std::vector<float> row(std::max<size_t>(rows.columns(), features));
  for (size_t r = 0; r < rows.rows(); ++r) {
    rows.CopyRow(r, std::span(row).first(rows.columns()));
    loaded.predictor.Margins(std::span<const float>(row).first(rows.columns()),
                             std::span(margins).subspan(r * outputs, outputs));
  }
  return loaded.model.FromMargins(std::move(margins));
}

std::vector<float> XgboostModel::State::Combine(const std::vector<std::vector<float>>& all) const {
  std::vector<float> out(all.front().size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (!votes()) {
      double sum = 0;
      for (const auto& one : all) sum += one[i];
      out[i] = static_cast<float>(sum / static_cast<double>(all.size()));
      continue;
    }
    std::map<float, size_t> count;  // of equals the smallest wins
    for (const auto& one : all) ++count[one[i]];
    out[i] = std::ranges::max_element(count, {}, [](const auto& c) { return c.second; })->first;
  }
  return out;
}

Result<std::vector<float>> XgboostModel::State::Predict(const data::Matrix& m) const {
  const auto rows =
      m.sparse ? gbdt::Dataset::ViewCsr({m.row_begin.span(), m.column.span(), m.values.span()},
                                        static_cast<uint32_t>(std::max<size_t>(m.cols, 1)))
               : gbdt::Dataset::ViewDense(m.values.span(), m.rows, static_cast<uint32_t>(m.cols));
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::vector<float>> all;
  for (const Loaded& loaded : models) {
    CLARY_TRY(auto values, Predict(loaded, *rows));
    all.push_back(std::move(values));
  }
  return all.size() == 1 ? std::move(all.front()) : Combine(all);
}

XgboostModel::XgboostModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
XgboostModel::~XgboostModel() = default;

Result<std::unique_ptr<XgboostModel>> XgboostModel::Load(const fs::path& directory,
                                                         const Options& options) {
  const auto variable = [&](const char* name) {
    const auto it = options.environment.find(name);
    return it != options.environment.end() ? it->second : std::string();
  };
  auto state = std::make_unique<State>();
  state->options = options;
  state->batch = !variable("SAGEMAKER_BATCH").empty();
  state->default_accept = variable("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT");
  CLARY_TRY(auto files, ModelFiles(directory));
  if (ToLower(variable("SAGEMAKER_INFERENCE_ENSEMBLE")) == "false") files.resize(1);
  for (const fs::path& file : files) {
    CLARY_TRY(Loaded loaded, LoadFile(file));
    const auto& first = state->models.empty() ? loaded : state->models.front();
    if (loaded.model.objective() != first.model.objective() ||
        loaded.model.num_output() != first.model.num_output()) {
      return Fail(Code::kInvalidArgument, "BadModel",
                  fmt::format("Unable to load model: {} and {} are of different objectives",
                              files.front().filename().string(), file.filename().string()));
    }
    state->features = std::max<size_t>(state->features, loaded.model.num_feature());
    state->models.push_back(std::move(loaded));
  }
  const gbdt::Forest& forest = state->models.front().model.forest();
  state->selection = {.keys = ParseSelection(variable("SAGEMAKER_INFERENCE_OUTPUT")),
                      .objective = state->objective(),
                      .classes = static_cast<size_t>(std::max(forest.objective.num_class, 0))};
  return std::unique_ptr<XgboostModel>(new XgboostModel(std::move(state)));
}

const gbdt::Model* XgboostModel::Plain() const {
  if (state_->models.size() != 1 || !state_->selection.keys.empty()) return nullptr;
  return &state_->models.front().model;
}

std::string XgboostModel::Describe() const {
  const gbdt::Model& m = state_->models.front().model;
  std::string text =
      fmt::format("{}, {} features, {} rounds", m.objective(), state_->features, m.num_round());
  if (state_->models.size() > 1) text += fmt::format(", {} models", state_->models.size());
  return text;
}

Reply XgboostModel::Invoke(std::string_view content_type, std::string_view accept,
                           std::string_view body) const {
  if (body.empty()) return Refusal(204, "");
  const auto type = data::PayloadContentType(content_type);
  if (!type) {
    std::string text = type.error().message;
    if (ToLower(content_type).starts_with("application/octet-stream")) {
      text +=
          " A predictor without a serializer sends application/octet-stream: give it one, as "
          "serializer=CSVSerializer(), or say the ContentType.";
    }
    return Refusal(415, std::move(text));
  }
  auto rows = data::ReadPayload(*type, body);
  if (!rows && rows.error().reason == "NoData") return Refusal(204, "");
  if (!rows) return Refusal(415, UnreadableText(*type, rows.error()));
  const auto evaluate = [&]() -> Result<std::vector<float>> {
    CLARY_CHECK_OK(state_->FitColumns(*rows, *type));
    return state_->Predict(*rows);
  };
  const auto values = evaluate();
  if (!values) {
    return Refusal(400, "Unable to evaluate payload provided: " + values.error().message);
  }
  const auto format = ParseAccept(accept, state_->default_accept);
  if (!format) return Refusal(406, format.error().message);
  auto encoded =
      Encode(*values, values->size() / rows->rows, *format, state_->batch, state_->selection);
  if (!encoded) return Refusal(500, encoded.error().message);
  std::string mime(MimeType(*format));
  if (*format == Format::kCsv) mime += "; charset=utf-8";
  return {.content_type = std::move(mime), .body = *std::move(encoded)};
}

uint64_t FolderBytes(const std::filesystem::path& folder, std::error_code& unread) {
  uint64_t bytes = 0;
  for (std::filesystem::recursive_directory_iterator it(folder, unread), end; !unread && it != end;
       it.increment(unread)) {
    std::error_code failed;
    const auto size = it->is_regular_file(failed) ? it->file_size(failed) : 0;
    if (!failed) bytes += size;
  }
  return bytes;
}

}  // namespace clary::serving
