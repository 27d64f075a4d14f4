#include "xgboost/algorithm.h"

#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "clary/gbdt.h"
#include "gbdt/shard.h"
#include "xgboost/hook.h"
#include "xgboost/hyperparameters.h"
#include "xgboost/internal/checkpoints.h"
#include "xgboost/internal/hosts.h"
#include "xgboost/internal/input.h"
#include "xgboost/internal/job_files.h"
#include "xgboost/internal/kfold.h"
#include "xgboost/internal/run.h"
#include "xgboost/internal/training_log.h"
#include "xgboost/timeline.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

const std::string kModelFile = "xgboost-model";
constexpr int kOutOfMemoryExit = 137;  // what the platform shows for a job killed for its memory

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
  // Ends the process as the signal would have.
  [[noreturn]] static void Die() {
    ::signal(SIGTERM, SIG_DFL);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    ::raise(SIGTERM);
    ::sigprocmask(SIG_UNBLOCK, &mask, nullptr);
    ::_exit(128 + SIGTERM);  // as the first process of a namespace it may be immune
  }

 private:
  Fd fd_;
};

// The XGBoost of an image, as gbdt::TrainParams::version counts: "1.7-1" is 107.
int ReleaseOf(std::string_view image) {
  const size_t dot = image.find('.');
  const auto major = ParseInt(image.substr(0, dot));
  if (!major || dot == image.npos) return gbdt::TrainParams().version;
  image.remove_prefix(dot + 1);
  return static_cast<int>(100 * *major +
                          ParseInt(image.substr(0, image.find_first_of(".-"))).value_or(0));
}

// The engine counts rows from 0 and knows no files; people want the line of their file.
//   rows  which rows of `train` the engine saw; empty: all.
std::string PlaceLabelError(std::string message, const data::Matrix& train,
                            std::span<const uint32_t> rows) {
  constexpr std::string_view kRow = ": row ";
  const size_t at = message.rfind(kRow);
  if (at == std::string::npos) return message;
  const size_t begin = at + kRow.size();
  const size_t end = message.find(' ', begin);
  auto row = ParseUint(std::string_view(message).substr(begin, end - begin));
  if (row && !rows.empty()) row = *row < rows.size() ? rows[*row] : train.rows;
  if (!row || *row >= train.rows) return message;
  if (message.starts_with("host ")) return message;  // of another one's data
  return message.replace(begin - 4, end - begin + 4, train.Where(*row) + ", column 1 (label)");
}

// A line after the first second of training and then every ten.
class ProgressLog {
 public:
  void Round(const gbdt::RoundReport& report) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_ || report.last) return;
    next_ = now + std::chrono::seconds(10);
    LogInfo(ProgressText(report.round + 1, report.rounds,
                         std::chrono::duration<double>(now - begin_).count(), ResidentBytes()));
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_ = begin_ + std::chrono::seconds(1);
};

class XgboostJob {
 public:
  XgboostJob(const TrainingRun& run, LoadedInput* loaded)
      : run_(run), base_(run.base), version_(run.version), loaded_(loaded) {}

  Status Run() {
    LogInfo("Running XGBoost Sagemaker in algorithm mode");
    CLARY_TRY(given_, ReadHyperparameters(base_));
    CLARY_TRY(const XgboostParams settings, ParseHyperparameters(given_, version_));
    for (const std::string& warning : settings.warnings) LogWarning(warning);
    CLARY_TRY(const gbdt::TrainParams params, EngineParams(settings, run_));
    LogInfo("Determined 0 GPU(s) available on the instance.");
    timeline_ = Timeline::Open(base_, Clock::System());
    const int64_t begin = timeline_ ? timeline_->Now() : 0;
    if (loaded_ != nullptr) {
      for (const KeptLog::Line& line : loaded_->log) LogKept(line);
      input_ = std::move(loaded_->input);
    } else {
      CLARY_TRY(const bool trains, Read(settings, params.nthread));
      if (!trains) return {};
    }
    if (timeline_) timeline_->Add("load", begin);
    std::optional<TermSignal> term;
    if (settings.save_model_on_termination) term.emplace();
    if (settings.kfold > 0) return RunFolds(settings, params, term);
    if (loaded_ != nullptr) bins_ = loaded_->bins;
    CLARY_TRY(const FoldResult done,
              Train(settings, params, input_.sets, {}, Checkpoints::Open(base_), term, true));
    return is_master() ? SaveModel(done.model, kModelFile) : Status();
  }

 private:
  bool several() const { return hosts_ && hosts_->several(); }
  bool is_master() const { return !hosts_ || hosts_->is_master(); }

  // Reads this host's channels. False if it has none, while others have.
  Result<bool> Read(const XgboostParams& settings, int threads) {
    CLARY_TRY(JobHosts met, JobHosts::Meet(base_, run_.port, run_.silence));
    hosts_.emplace(std::move(met));
    HostData mine{.training = true};
    if (several()) {
      const auto look = [&]() -> Status {
        if (settings.kfold > 0) {
          return Fail(Code::kUnimplemented, "Unimplemented",
                      "_kfold with several hosts: give the job one host");
        }
        CLARY_TRY(mine.training, ChannelHasData(run_.channels, "train"));
        CLARY_TRY(mine.validation_wanted, HasChannel(run_.channels, "validation"));
        CLARY_TRY(mine.validation, ChannelHasData(run_.channels, "validation"));
        return {};
      };
      CLARY_CHECK_OK(hosts_->all().Agree(look()));
      CLARY_TRY(const bool trains, hosts_->KeepThoseWith(mine));
      if (!trains) return false;
    }
    const std::string hosts = several() ? "Distributed node training with " +
                                              std::to_string(hosts_->names().size()) +
                                              " hosts: " + Join(hosts_->names(), ", ")
                                        : "Single node training.";
    auto read = ReadXgboostInput(run_.channels, settings, threads, hosts);
    CLARY_CHECK_OK(hosts_->all().Agree(read ? Status() : Status(std::unexpected(read.error()))));
    input_ = *std::move(read);
    return true;
  }

  // What training goes on from: on all hosts what the first one has.
  Result<std::optional<gbdt::Model>> Initial(std::optional<Checkpoints>& checkpoints) {
    std::optional<gbdt::Model> newest;
    if (checkpoints && is_master()) newest = checkpoints->Newest();
    if (!several()) return newest;
    const auto models = hosts_->all().GatherBytes(newest ? newest->ToUbjson() : "");
    CLARY_CHECK_OK(hosts_->all().status());
    if (models.front().empty() || newest) return newest;
    CLARY_TRY(newest, gbdt::Model::Parse(models.front()));
    return newest;
  }

  Status RunFolds(const XgboostParams& settings, const gbdt::TrainParams& params,
                  const std::optional<TermSignal>& term) {
    const Folds* made = loaded_ != nullptr ? loaded_->folds : nullptr;
    std::optional<gbdt::Dataset> all;
    if (made == nullptr) {
      input_.JoinChannels();
      CLARY_TRY(all, MakeDataset(*input_.train_matrix, input_.train_matrix->cols,
                                 settings.objective, input_.columns));
    }
    return CrossValidate(
        settings, params, made != nullptr ? made->all : *all, made, base_ / "output/data",
        [&](int number, const Fold& fold) -> Result<FoldResult> {
          const std::string text = std::to_string(number);
          bins_ = {};
          for (const gbdt::Bins& bins : fold.bins) {
            if (bins.Fit(params, fold.sets.front().data)) bins_ = bins;
          }
          CLARY_TRY(FoldResult done,
                    Train(settings, params, fold.sets, fold.seen,
                          Checkpoints::Open(base_, "model-" + text), term, number == 0));
          CLARY_CHECK_OK(SaveModel(done.model, kModelFile + ("-" + text)));
          return done;
        });
  }

  // One model. `rows`: which rows of the training data sets[0] has; empty: all. `watched`: it is
  // the one that Debugger sees, of several the first.
  Result<FoldResult> Train(const XgboostParams& settings, gbdt::TrainParams params,
                           const std::vector<gbdt::EvalSet>& sets, std::span<const uint32_t> rows,
                           std::optional<Checkpoints> checkpoints,
                           const std::optional<TermSignal>& term, bool watched) {
    FoldResult result;
    gbdt::TrainOptions options;
    options.bins = bins_;
    std::vector<gbdt::EvalSet> seen = sets;  // by Debugger
    if (several()) {
      options.hosts = &hosts_->all();
      const auto looks = Hook::LooksAtRows(base_);
      CLARY_CHECK_OK(
          options.hosts->Agree(looks ? Status() : Status(std::unexpected(looks.error()))));
      if (*looks) {  // the first host has those of all
        options.all_margins = true;
        for (gbdt::EvalSet& set : seen) {
          CLARY_TRY(set.data, gbdt::GatherRows(set.data, *options.hosts));
        }
      }
    }
    watched = watched && is_master();
    if (settings.early_stopping_rounds && sets.size() > 1) {
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
    CLARY_TRY(initial, Initial(checkpoints));
    if (!is_master()) checkpoints.reset();
    std::unique_ptr<Hook> hook;
    if (watched) {
      CLARY_TRY(hook, Hook::Open(base_,
                                 {.sets = std::move(seen),
                                  .hyperparameters = given_,
                                  .objective = params.objective,
                                  .columns = input_.columns,
                                  .best_metric = options.early_stopping_metric,
                                  .trees_change = params.process_type == gbdt::ProcessType::kUpdate,
                                  .first_step = initial ? initial->num_round() : 0,
                                  .threads = params.nthread},
                                 Clock::System()));
    }
    if (initial) {
      LogInfo("Resuming from the checkpoint after round " +
              std::to_string(initial->num_round() - 1));
      if (initial->num_round() >= params.num_round) {
        const bool whole = settings.kfold == 0;  // a fold's last round is wanted for its metrics
        initial = initial->Slice(0, whole ? params.num_round : params.num_round - 1);
        if (whole) return FoldResult{.model = std::move(*initial)};
      }
      params.num_round -= initial->num_round();
      if (initial->num_round() > 0) options.initial = &*initial;
    }
    std::unique_ptr<TensorBoardLog> scalars;
    if (watched) scalars = TensorBoardLog::Open(base_, Clock::System());
    const int first_step = initial ? initial->num_round() : 0;
    // A stopped job still saves the tensors of its last round.
    std::optional<TermSignal> own_term;
    if (hook && !term) own_term.emplace();
    const std::optional<TermSignal>& stop_signal = term ? term : own_term;
    Status saving;
    // Tensors are worth less than the model: without them training goes on.
    const auto check = [&](const Status& done, const char* what, auto& writer) {
      if (done) return;
      LogWarning(std::string("Debugger: no more ") + what + " are saved: " + done.error().message);
      writer.reset();
    };
    ProgressLog progress;
    // The best round is one of these.
    std::deque<std::vector<gbdt::MetricValue>> latest;
    int rounds = 0;
    options.on_round = [&](const gbdt::RoundReport& report) {
      if (is_master()) {
        PrintLine(RoundLine(report.round, report.metrics));
        progress.Round(report);
      }
      result.metrics.assign(report.metrics.begin(), report.metrics.end());
      rounds = report.round + 1;
      if (options.early_stopping_rounds > 0) {
        latest.push_back(result.metrics);
        if (latest.size() > static_cast<size_t>(options.early_stopping_rounds) + 1) {
          latest.pop_front();
        }
      }
      result.stopped = stop_signal && stop_signal->Arrived();
      const bool last = report.last || result.stopped;
      std::vector<gbdt::PhaseTime> phases(report.phases.begin(), report.phases.end());
      const auto timed = [&](const char* name, auto&& work) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
        phases.push_back({name, spent.count()});
      };
      if (checkpoints) {
        timed("checkpoint", [&] { saving = checkpoints->Save(report.model, last); });
        if (!saving) return false;
      }
      if (hook) timed("tensors", [&] { check(hook->Round(report, last), "tensors", hook); });
      const int step = first_step + report.round;
      if (scalars) check(scalars->Round(step, report.metrics, last), "scalars", scalars);
      if (timeline_ && watched) {
        timeline_->Round(step, phases);
        check(timeline_->Flush(false), "traces", timeline_);
      }
      if (result.stopped && term) {
        LogInfo("SIGTERM received: training ends after round " + std::to_string(report.round) +
                ", the model is saved");
      }
      return !result.stopped;
    };
    auto model = gbdt::Train(params, sets.front().data, sets, options);
    if (model && hook) check(hook->Finish(*model), "tensors", hook);
    if (timeline_ && watched) check(timeline_->Flush(true), "traces", timeline_);
    if (result.stopped && !term) TermSignal::Die();
    if (!saving) return std::unexpected(saving.error());
    if (!model) {
      Error error = std::move(model).error();
      if (error.reason == "BadLabel") {
        if (settings.kfold > 0) input_.JoinChannels();  // where `rows` are
        error.message = PlaceLabelError(std::move(error.message), *input_.train_matrix, rows);
      } else if (error.code != Code::kInvalidArgument && error.code != Code::kUnimplemented) {
        error.message = "XGB train call failed with exception:\n " + error.message;
      }
      return std::unexpected(std::move(error));
    }
    result.model = std::move(*model);
    const std::optional<int> best = result.model.best_iteration();
    if (const size_t ago = static_cast<size_t>(first_step + rounds - 1 - best.value_or(0));
        best && ago < latest.size()) {
      LogInfo(EarlyStoppingText(*best + 1, first_step + rounds, options.early_stopping_metric,
                                latest[latest.size() - 1 - ago]));
    }
    if (input_.columns) {  // with it alone new rows can be encoded
      result.model.attributes()["clary.columns"] =
          data::ColumnsToJson(*input_.columns, data::Detail::kMeaning);
    }
    return result;
  }

  Status SaveModel(const gbdt::Model& model, const std::string& name) {
    const fs::path dir = base_ / "model";
    CLARY_CHECK_OK(MakeDirectories(dir));
    return ReplaceFile(dir / name, ReleaseOf(version_) >= 300 ? model.ToUbjson() : model.ToJson());
  }

  const TrainingRun& run_;
  const fs::path& base_;
  const std::string& version_;
  LoadedInput* const loaded_;                 // may be null
  gbdt::Bins bins_;                           // for the next model; none: it makes its own
  std::map<std::string, std::string> given_;  // hyperparameters
  XgboostInput input_;
  std::optional<JobHosts> hosts_;  // none where channels were loaded before
  std::unique_ptr<Timeline> timeline_;
};

std::string GetEnv(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

}  // namespace

Result<std::map<std::string, std::string>> ReadHyperparameters(const fs::path& base) {
  CLARY_TRY(const json doc, ReadConfig(base, "hyperparameters.json"));
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : doc.items()) {
    out[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Result<gbdt::TrainParams> EngineParams(const XgboostParams& settings, const TrainingRun& run) {
  CLARY_TRY(gbdt::TrainParams params, gbdt::TrainParams::FromMap(settings.engine));
  params.version = ReleaseOf(run.version);
  params.num_round = settings.num_round;
  params.eval_metric = settings.eval_metric;
  const int cores = run.cores > 0 ? run.cores : AvailableCores();
  params.nthread =
      params.nthread == 0 ? cores : std::min(params.nthread, std::max(cores, AvailableCores()));
  CLARY_CHECK_OK(params.Validate());
  return params;
}

int RunTraining(const TrainingRun& run, LoadedInput* loaded) {
  const fs::path& base = run.base;
  // In any thread, also where no exception may pass. Without a failure file the platform shows its
  // own advice for this exit status.
  std::set_new_handler([] {
    constexpr std::string_view kText = "[clary] out of memory\n";
    (void)WriteAll(STDOUT_FILENO, kText);
    ::_exit(kOutOfMemoryExit);
  });
  const Status done = XgboostJob(run, loaded).Run();
  (void)MakeDirectories(base / "output");
  if (done) {
    (void)ReplaceFile(base / "output/success", "");
    LogInfo("Reporting training SUCCESS");
    return 0;
  }
  const Error& error = done.error();
  const bool user = error.code == Code::kInvalidArgument || error.code == Code::kUnimplemented;
  const std::string text = std::string("sagemaker_algorithm_toolkit.exceptions.") +
                           (user ? "UserError: " : "AlgorithmError: ") + error.message;
  // The final line, whole, of what the container reports; its Python traceback would only push it
  // out of the 1,024 bytes that FailureReason has.
  (void)ReplaceFile(base / "output/failure", "framework error: \n" + text);
  LogError("Reporting training FAILURE");
  LogError("framework error: ");
  for (const std::string_view line : Split(text, '\n')) PrintLine(std::string(line));
  return 1;
}

int RunAlgorithm(const fs::path& base, const std::string& version, int cores) {
  return RunTraining({.base = base, .channels = base, .version = version, .cores = cores});
}

int RunAlgorithm() {
  const auto cores = ParseInt(GetEnv("SM_NUM_CPUS", "0"));
  return RunAlgorithm(GetEnv("SAGEMAKER_BASE_DIR", "/opt/ml"), GetEnv("CLARY_IMAGE_VERSION", ""),
                      cores && *cores > 0 && *cores < 100'000 ? static_cast<int>(*cores) : 0);
}

}  // namespace clary::xgboost
