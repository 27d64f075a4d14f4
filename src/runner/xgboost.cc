#include "runner/xgboost.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/strings.h"
#include "clary/gbdt.h"
#include "data/read.h"
#include "runner/hyperparameters.h"

namespace clary::runner {
namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::steady_clock;
namespace {

constexpr uint64_t kMaxConfigBytes = 16 << 20;
constexpr uint64_t kMaxModelBytes = uint64_t{4} << 30;
constexpr char kModelFile[] = "xgboost-model";
constexpr std::string_view kCheckpointPrefix = "xgboost-checkpoint";
constexpr int kCheckpointsKept = 5;
// Saving takes as long as the model is large: never more than a small share of the time.
constexpr std::chrono::seconds kCheckpointPeriod{5};
constexpr int kOutOfMemoryExit = 137;  // what the platform shows for a job killed for its memory

void Print(std::string line) {
  line += '\n';
  (void)WriteAll(STDOUT_FILENO, line);
}

// "[2026-11-23:17:11:35:INFO] text", the form of the container's Python logger.
void Log(std::string_view level, std::string_view text) {
  std::string stamp = FormatIso8601(Clock::System().Now()).substr(0, 19);
  std::ranges::replace(stamp, 'T', ':');
  Print("[" + stamp + ":" + std::string(level) + "] " + std::string(text));
}
void Info(std::string_view text) { Log("INFO", text); }
void Warning(std::string_view text) { Log("WARNING", text); }

std::unexpected<Error> UserError(std::string message) {
  return Fail(Code::kInvalidArgument, "UserError", std::move(message));
}

// Replaces `path` so that a reader, or whoever comes after a crash, finds the old or the new bytes.
// No fsync: the file lives in a job directory that a power cut ends anyway.
Status Replace(const fs::path& path, std::string_view bytes) {
  const fs::path temp = path.string() + ".sagemaker-ignore";
  {
    CLARY_TRY(const Fd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC));
    CLARY_CHECK_OK(WriteAll(fd.get(), bytes));
  }
  if (::rename(temp.c_str(), path.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, path.string()));
  }
  return {};
}

Result<json> ReadConfig(const fs::path& base, const char* name) {
  CLARY_TRY(const std::string text, ReadFile(base / "input/config" / name, kMaxConfigBytes));
  json doc = json::parse(text, nullptr, false);
  if (!doc.is_object()) return UserError(std::string(name) + " is not a JSON object");
  return doc;
}

Result<std::map<std::string, std::string>> ReadHyperparameters(const fs::path& base) {
  CLARY_TRY(const json doc, ReadConfig(base, "hyperparameters.json"));
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : doc.items()) {
    out[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

struct Channels {
  data::ContentType type = data::ContentType::kLibsvm;  // of train; it holds for both
  bool validation = false;
};

std::string Text(const json& channel, const char* name, const char* fallback) {
  const auto it = channel.find(name);
  return it != channel.end() && it->is_string() ? it->get<std::string>() : fallback;
}

Result<Channels> ReadChannels(const fs::path& base) {
  CLARY_TRY(const json doc, ReadConfig(base, "inputdataconfig.json"));
  for (const auto& [name, channel] : doc.items()) {
    if (name != "train" && name != "validation" && name != "code") {
      return UserError("Extraneous channel found: " + name);
    }
  }
  if (!doc.contains("train")) return UserError("Missing required channel: train");
  Channels out;
  out.validation = doc.contains("validation");
  for (const char* name : {"train", "validation"}) {
    if (!doc.contains(name)) continue;
    const json& channel = doc[name];
    const std::string content_type = Text(channel, "ContentType", "text/libsvm");
    const auto type = data::ParseContentType(content_type);
    if (!type) return UserError(type.error().message);
    if (std::string_view(name) == "train") out.type = *type;
    const std::string mode = Text(channel, "TrainingInputMode", "File");
    if (mode != "File" && mode != "FastFile") {
      return UserError("Channel configuration for '" + std::string(name) +
                       "' channel is not supported: " + channel.dump());
    }
  }
  return out;
}

// A channel in memory. The dataset looks into the matrix, so both live together.
struct Loaded {
  std::unique_ptr<data::Matrix> matrix;
  std::vector<fs::path> files;
};

Result<Loaded> Load(const fs::path& dir, const data::ReadOptions& options, const char* channel) {
  auto found = data::CollectFiles(dir);
  if (!found) return UserError(found.error().message);
  for (const std::string& warning : found->warnings) Warning(warning);
  if (found->files.empty()) {
    return UserError("No data in " + std::string(channel) + " channel path " + dir.string());
  }
  auto matrix = data::ReadFiles(found->files, options);
  if (!matrix) {
    return UserError("Failed to load " + std::string(data::ContentTypeName(options.type)) +
                     " data with exception:\n" + matrix.error().message);
  }
  if (matrix->rows == 0) {
    return UserError("No data in " + std::string(channel) + " channel path " + dir.string());
  }
  if (matrix->labels.size() != matrix->rows) {
    return UserError("Got input data without labels. Please check the input data set.");
  }
  return Loaded{std::make_unique<data::Matrix>(std::move(*matrix)), std::move(found->files)};
}

Result<gbdt::Dataset> MakeDataset(const data::Matrix& m, size_t columns) {
  gbdt::RowFields fields;
  fields.label.assign(m.labels.begin(), m.labels.end());
  fields.weight.assign(m.weights.begin(), m.weights.end());
  fields.group_sizes = m.group_sizes;
  if (m.sparse) {
    return gbdt::Dataset::FromCsr(
        {m.row_begin.begin(), m.row_begin.end()}, {m.column.begin(), m.column.end()},
        {m.values.begin(), m.values.end()}, static_cast<uint32_t>(columns), std::move(fields));
  }
  return gbdt::Dataset::ViewDense(m.values.span(), m.rows, static_cast<uint32_t>(columns),
                                  std::move(fields));
}

void WarnOfSameFiles(const std::vector<fs::path>& a, const std::vector<fs::path>& b) {
  std::set<std::pair<std::string, uintmax_t>> known;
  std::error_code ec;
  for (const fs::path& f : a) known.emplace(f.filename().string(), fs::file_size(f, ec));
  for (const fs::path& f : b) {
    if (known.contains({f.filename().string(), fs::file_size(f, ec)})) {
      Warning("Suspected identical files found. (" + f.filename().string() +
              " in train and in validation.) Using the same data set for both makes the "
              "validation metrics meaningless.");
      return;
    }
  }
}

// "[3]\ttrain-auc:0.91653\tvalidation-auc:0.90000"
std::string RoundLine(int round, std::span<const gbdt::MetricValue> metrics) {
  std::string line = "[" + std::to_string(round) + "]";
  for (const gbdt::MetricValue& m : metrics) {
    char value[64] = "nan";
    if (!std::isnan(m.value)) std::snprintf(value, sizeof value, "%.5f", m.value);
    line.append("\t").append(m.dataset).append("-").append(m.metric).append(":").append(value);
  }
  return line;
}

// "xgboost-checkpoint.12", "xgboost-checkpoint_12.json" (as XGBoost's own callback names them).
std::optional<int> CheckpointNumber(const std::string& name) {
  if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
  std::string_view rest = std::string_view(name).substr(kCheckpointPrefix.size());
  if (rest.empty() || (rest[0] != '.' && rest[0] != '_')) return std::nullopt;
  const bool callback = rest[0] == '_';
  rest.remove_prefix(1);
  if (callback) {
    if (!rest.ends_with(".json") && !rest.ends_with(".ubj")) return std::nullopt;
    rest = rest.substr(0, rest.find('.'));
  }
  const auto number = ParseInt(rest);
  if (!number || *number < 0 || *number > INT32_MAX) return std::nullopt;
  return static_cast<int>(*number);
}

class Checkpoints {
 public:
  explicit Checkpoints(fs::path dir) : dir_(std::move(dir)) {}

  // The newest one that can be read.
  std::optional<gbdt::Model> Newest() {
    std::map<int, fs::path> found;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(dir_, ec)) {
      if (const auto n = CheckpointNumber(entry.path().filename().string())) {
        found[*n] = entry.path();
      }
    }
    for (auto it = found.rbegin(); it != found.rend(); ++it) {
      const auto bytes = ReadFile(it->second, kMaxModelBytes);
      auto model = bytes ? gbdt::Model::Parse(*bytes) : std::unexpected(bytes.error());
      if (model && model->num_round() == it->first + 1) return std::move(*model);
      Warning("Checkpoint " + it->second.filename().string() + " cannot be used" +
              (model ? std::string() : ": " + model.error().message));
    }
    return std::nullopt;
  }

  // Saves `model` if the last time is long enough ago, or if `now`.
  Status Save(const gbdt::Model& model, bool now) {
    const auto time = steady_clock::now();
    if (!now && time - saved_ < kCheckpointPeriod) return {};
    saved_ = time;
    const fs::path file =
        dir_ / (std::string(kCheckpointPrefix) + "." + std::to_string(model.num_round() - 1));
    CLARY_CHECK_OK(Replace(file, model.ToUbjson()));
    ours_.push_back(file);
    std::error_code ec;
    while (std::ssize(ours_) > kCheckpointsKept) {
      fs::remove(ours_.front(), ec);
      ours_.erase(ours_.begin());
    }
    return {};
  }

 private:
  fs::path dir_;
  std::vector<fs::path> ours_;
  steady_clock::time_point saved_ = steady_clock::now();
};

std::optional<Checkpoints> OpenCheckpoints(const fs::path& base) {
  const auto doc = ReadConfig(base, "checkpointconfig.json");
  if (!doc) return std::nullopt;
  std::string path = Text(*doc, "LocalPath", "/opt/ml/checkpoints");
  constexpr std::string_view kBase = "/opt/ml/";
  if (path.starts_with(kBase)) path = (base / path.substr(kBase.size())).string();
  if (!MakeDirectories(path)) return std::nullopt;
  return Checkpoints(path);
}

// SIGTERM as a question instead of a death.
class TermSignal {
 public:
  TermSignal() {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    fd_ = Fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  bool Arrived() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) > 0;
  }

 private:
  Fd fd_;
};

int MajorVersion(const std::string& version) {
  const auto major = ParseInt(std::string_view(version).substr(0, version.find_first_of(".-")));
  return major ? static_cast<int>(*major) : 3;
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// The engine counts rows from 0 and knows no files; people want the line of their file.
std::string PlaceLabelError(std::string message, const data::Matrix& train) {
  constexpr std::string_view kRow = ": row ";
  const size_t at = message.rfind(kRow);
  if (at == std::string::npos) return message;
  const size_t begin = at + kRow.size();
  const size_t end = message.find(' ', begin);
  const auto row = ParseUint(std::string_view(message).substr(begin, end - begin));
  if (!row || *row >= train.rows) return message;
  return message.replace(begin - 4, end - begin + 4, train.Where(*row) + ", column 1 (label)");
}

class XgboostJob {
 public:
  XgboostJob(fs::path base, const std::string& version, int cores)
      : base_(std::move(base)), version_(version), cores_(cores) {}

  Status Run() {
    Info("Running XGBoost Sagemaker in algorithm mode");
    CLARY_TRY(const auto given, ReadHyperparameters(base_));
    CLARY_TRY(const XgboostParams settings, ParseHyperparameters(given, version_));
    for (const std::string& warning : settings.warnings) Warning(warning);
    if (settings.kfold > 0) {
      return Fail(Code::kUnimplemented, "Unimplemented",
                  "Hyperparameter _kfold: cross validation is not in this version");
    }
    CLARY_TRY(gbdt::TrainParams params, gbdt::TrainParams::FromMap(settings.engine));
    params.version = MajorVersion(version_) >= 2 ? 3 : 1;
    params.num_round = settings.num_round;
    params.eval_metric = settings.eval_metric;
    if (params.nthread == 0) params.nthread = cores_ > 0 ? cores_ : AvailableCores();
    CLARY_CHECK_OK(params.Validate());
    Info("Determined 0 GPU(s) available on the instance.");
    CLARY_CHECK_OK(LoadData(settings, params.nthread));
    return Train(settings, params);
  }

 private:
  Status LoadData(const XgboostParams& settings, int threads) {
    CLARY_TRY(const Channels channels, ReadChannels(base_));
    data::ReadOptions options{
        .type = channels.type,
        .csv_weights = settings.csv_weights && channels.type == data::ContentType::kCsv,
        .threads = threads};
    CLARY_TRY(train_, Load(base_ / "input/data/train", options, "training"));
    if (channels.validation) {
      options.allow_empty_columns = true;  // only training needs a value in each column
      CLARY_TRY(validation_, Load(base_ / "input/data/validation", options, "validation"));
      WarnOfSameFiles(train_.files, validation_->files);
    }
    const data::Matrix& t = *train_.matrix;
    size_t columns = t.cols;
    if (validation_) {
      const data::Matrix& v = *validation_->matrix;
      if (t.sparse && v.sparse) {
        columns = std::max(columns, v.cols);
      } else if (t.cols != v.cols) {
        return UserError("feature_names mismatch: the training data has " + std::to_string(t.cols) +
                         " features, the validation data " + std::to_string(v.cols));
      }
    }
    Info("Single node training.");
    Info("Train matrix has " + std::to_string(t.rows) + " rows and " + std::to_string(columns) +
         " columns");
    CLARY_TRY(gbdt::Dataset train, MakeDataset(t, columns));
    sets_.push_back({"train", std::move(train)});
    if (validation_) {
      Info("Validation matrix has " + std::to_string(validation_->matrix->rows) + " rows");
      CLARY_TRY(gbdt::Dataset validation, MakeDataset(*validation_->matrix, columns));
      sets_.push_back({"validation", std::move(validation)});
    }
    return {};
  }

  Status Train(const XgboostParams& settings, gbdt::TrainParams& params) {
    gbdt::TrainOptions options;
    if (settings.early_stopping_rounds && validation_) {
      // Without a metric's name the container ignores early stopping; so do we.
      if (settings.tuning_objective_metric) {
        options.early_stopping_metric = settings.tuning_objective_metric->substr(
            settings.tuning_objective_metric->find(':') + 1);
      } else if (!params.eval_metric.empty()) {
        options.early_stopping_metric = params.eval_metric.back();
      }
      if (!options.early_stopping_metric.empty()) {
        options.early_stopping_rounds = *settings.early_stopping_rounds;
      }
    }
    std::optional<gbdt::Model> initial;
    auto checkpoints = OpenCheckpoints(base_);
    if (checkpoints) initial = checkpoints->Newest();
    if (initial) {
      Info("Resuming from the checkpoint after round " + std::to_string(initial->num_round() - 1));
      if (initial->num_round() >= params.num_round) {
        return SaveModel(initial->Slice(0, params.num_round));
      }
      params.num_round -= initial->num_round();
      options.initial = &*initial;
    }
    std::optional<TermSignal> term;
    if (settings.save_model_on_termination) term.emplace();
    Status saving;
    options.on_round = [&](const gbdt::RoundReport& report) {
      Print(RoundLine(report.round, report.metrics));
      if (checkpoints) {
        saving = checkpoints->Save(report.model, report.round + 1 == report.rounds);
        if (!saving) return false;
      }
      if (!term || !term->Arrived()) return true;
      Info("SIGTERM received: training ends after round " + std::to_string(report.round) +
           ", the model is saved");
      return false;
    };
    auto model = gbdt::Train(params, sets_.front().data, sets_, options);
    if (!saving) return saving;
    if (!model) {
      Error error = std::move(model).error();
      if (error.reason == "BadLabel") {
        error.message = PlaceLabelError(std::move(error.message), *train_.matrix);
      } else if (error.code != Code::kInvalidArgument && error.code != Code::kUnimplemented) {
        error.message = "XGB train call failed with exception:\n " + error.message;
      }
      return std::unexpected(std::move(error));
    }
    return SaveModel(*model);
  }

  Status SaveModel(const gbdt::Model& model) {
    const fs::path dir = base_ / "model";
    CLARY_CHECK_OK(MakeDirectories(dir));
    return Replace(dir / kModelFile,
                   MajorVersion(version_) >= 3 ? model.ToUbjson() : model.ToJson());
  }

  const fs::path base_;
  const std::string version_;
  const int cores_;
  Loaded train_;
  std::optional<Loaded> validation_;
  std::vector<gbdt::EvalSet> sets_;
};

std::string GetEnv(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

}  // namespace

int RunXgboost(const fs::path& base, const std::string& version, int cores) {
  // In any thread, also where no exception may pass. Without a failure file the platform shows its
  // own advice for this exit status.
  std::set_new_handler([] {
    constexpr std::string_view kText = "[clary] out of memory\n";
    (void)WriteAll(STDOUT_FILENO, kText);
    ::_exit(kOutOfMemoryExit);
  });
  const Status done = XgboostJob(base, version, cores).Run();
  (void)MakeDirectories(base / "output");
  if (done) {
    (void)Replace(base / "output/success", "");
    Info("Reporting training SUCCESS");
    return 0;
  }
  const Error& error = done.error();
  const bool user = error.code == Code::kInvalidArgument || error.code == Code::kUnimplemented;
  const std::string text = std::string("sagemaker_algorithm_toolkit.exceptions.") +
                           (user ? "UserError: " : "AlgorithmError: ") + error.message;
  // The final line, whole, of what the container reports; its Python traceback would only push it
  // out of the 1,024 bytes that FailureReason has.
  (void)Replace(base / "output/failure", "framework error: \n" + text);
  Log("ERROR", "Reporting training FAILURE");
  Log("ERROR", "framework error: ");
  for (const std::string_view line : Split(text, '\n')) Print(std::string(line));
  return 1;
}

int RunXgboost() {
  const auto cores = ParseInt(GetEnv("SM_NUM_CPUS", "0"));
  return RunXgboost(GetEnv("SAGEMAKER_BASE_DIR", "/opt/ml"), GetEnv("CLARY_IMAGE_VERSION", ""),
                    cores && *cores > 0 && *cores < 100'000 ? static_cast<int>(*cores) : 0);
}

}  // namespace clary::runner
