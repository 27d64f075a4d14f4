#include "xgboost/trials.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include "base/message_socket.h"
#include "base/strings.h"
#include "xgboost/algorithm.h"
#include "xgboost/internal/run.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostInputs = 4;  // ways of reading the channels that are kept
constexpr size_t kMostBins = 8;    // of one of them
// Values in the rows of all folds together that are kept beside the channels; more are for each
// trial to make, one fold at a time.
constexpr uint64_t kMostFoldValues = uint64_t{256} << 20;

// What is read of the channels depends on these alone.
struct Reading {
  bool csv_weights = false;
  std::string objective;
  auto operator<=>(const Reading&) const = default;
};

class TrialHost {
 public:
  TrialHost(fs::path base, std::string version, Fd socket, Fd ended)
      : base_(std::move(base)),
        version_(std::move(version)),
        socket_(std::move(socket)),
        ended_(std::move(ended)) {}

  int Serve() {
    for (;;) {
      pollfd polls[] = {{socket_.get(), POLLIN, 0}, {ended_.get(), POLLIN, 0}};
      if (::poll(polls, 2, -1) < 0 && errno != EINTR) return 1;
      if (polls[1].revents != 0) Reap();
      if (polls[0].revents == 0) continue;
      auto message = ReceiveMessage(socket_.get());
      if (!message) return message.error().code == Code::kUnavailable ? 0 : 1;
      const auto command = ParseTrialCommand(message->text);
      if (!command) return 1;
      if (command->kind == TrialCommand::Kind::kRun && message->fds.size() == 1) {
        Start(*command, message->fds.front().get());
      } else if (const auto trial = trials_.find(command->number); trial != trials_.end()) {
        ::kill(trial->second, command->kind == TrialCommand::Kind::kStop ? SIGTERM : SIGKILL);
      }
    }
  }

 private:
  void Start(const TrialCommand& command, int output) {
    TrainingRun run = {.base = base_ / "trials" / std::to_string(command.number),
                       .channels = base_,
                       .version = version_,
                       .cores = command.cores};
    LoadedInput* loaded = Load(run);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(Become(run, loaded, command.pins, output, parent));
    if (pid > 0) {
      trials_[command.number] = pid;
    } else {
      Tell(command.number, 1);
    }
  }

  // In the trial's own process.
  int Become(const TrainingRun& run, LoadedInput* loaded, const std::vector<int>& pins, int output,
             pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) return 1;
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    socket_ = Fd();
    ended_ = Fd();
    if (!pins.empty()) {
      cpu_set_t set;
      CPU_ZERO(&set);
      for (const int core : pins) CPU_SET(static_cast<size_t>(core), &set);
      ::sched_setaffinity(0, sizeof set, &set);
    }
    return RunTraining(run, loaded);
  }

  void Reap() {
    signalfd_siginfo info{};
    while (::read(ended_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) continue;
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto trial = std::ranges::find(trials_, pid, [](const auto& t) { return t.second; });
      if (trial == trials_.end()) continue;
      Tell(trial->first, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      trials_.erase(trial);
    }
  }

  // If nobody hears it, the socket says so next.
  void Tell(int number, int exit_code) {
    (void)SendMessage(socket_.get(),
                      "end " + std::to_string(number) + " " + std::to_string(exit_code));
  }

  // The channels for a trial; null where it must read them itself: what it says then is its own.
  LoadedInput* Load(TrainingRun run) {
    run.cores = 0;
    const auto given = ReadHyperparameters(run.base);
    if (!given) return nullptr;
    const auto settings = ParseHyperparameters(*given, version_);
    if (!settings) return nullptr;
    const auto params = EngineParams(*settings, run);
    if (!params) return nullptr;
    const Reading reading{settings->csv_weights, settings->objective};
    auto known = inputs_.find(reading);
    if (known == inputs_.end()) {
      if (inputs_.size() == kMostInputs) return nullptr;
      known = inputs_.emplace(reading, Input()).first;
      Input& fresh = known->second;
      KeptLog log;
      if (auto input = ReadXgboostInput(base_, *settings, params->nthread)) {
        fresh.loaded = std::make_unique<LoadedInput>();
        fresh.loaded->input = *std::move(input);
        fresh.loaded->log = log.Take();
      }
    }
    Input& input = known->second;
    if (!input.loaded) return nullptr;
    const auto& columns = input.loaded->input.columns;
    const bool categories =
        columns && std::ranges::any_of(columns->features, &data::Column::is_category);
    if (categories && !WhyNoCategories(*settings).empty()) return nullptr;
    const bool hist = params->tree_method == gbdt::TreeMethod::kAuto ||
                      params->tree_method == gbdt::TreeMethod::kHist;
    const bool bins = hist && params->booster != gbdt::Booster::kGblinear &&
                      params->process_type == gbdt::ProcessType::kDefault &&
                      params->updater.empty();
    input.loaded->folds = settings->kfold > 0 ? FoldsFor(input, *settings, *params, bins) : nullptr;
    input.loaded->bins = bins && settings->kfold == 0 ? BinsFor(input, *params) : gbdt::Bins();
    return input.loaded.get();
  }

  // Folds of cross validation, which depend on these of the hyperparameters.
  struct FoldPlan {
    int folds, rounds;
    int64_t seed;
    std::string objective;
    std::unique_ptr<data::Matrix> joined;  // null: there is no validation channel
    std::optional<Folds> made;
  };
  struct Input {
    std::unique_ptr<LoadedInput> loaded;  // null: the channels cannot be read
    std::vector<gbdt::Bins> bins;
    std::unique_ptr<FoldPlan> plan;  // of the first trial with cross validation
  };

  // Null where a trial must make them itself.
  static const Folds* FoldsFor(Input& input, const XgboostParams& settings,
                               const gbdt::TrainParams& params, bool bins) {
    if (!input.plan) {
      const XgboostInput& given = input.loaded->input;
      auto plan = std::make_unique<FoldPlan>(FoldPlan{.folds = settings.kfold,
                                                      .rounds = settings.num_cv_round,
                                                      .seed = int64_t{params.seed},
                                                      .objective = settings.objective,
                                                      .joined = nullptr,
                                                      .made = std::nullopt});
      if (given.validation_matrix) {
        plan->joined = std::make_unique<data::Matrix>(
            Concatenate(*given.train_matrix, *given.validation_matrix));
      }
      const data::Matrix& all = plan->joined ? *plan->joined : *given.train_matrix;
      const auto copies =
          static_cast<uint64_t>(settings.kfold) * static_cast<uint64_t>(settings.num_cv_round);
      if (!all.labels.empty() && all.labels.size() * uint64_t{all.cols} * copies > kMostFoldValues)
        return nullptr;
      auto data = MakeDataset(all, all.cols, settings.objective, given.columns);
      if (!data || !data->fields().group_sizes.empty()) return nullptr;
      auto made = MakeFoldSets(settings, params, *std::move(data));
      if (!made) return nullptr;
      plan->made = *std::move(made);
      input.plan = std::move(plan);
    }
    FoldPlan& plan = *input.plan;
    if (plan.folds != settings.kfold || plan.rounds != settings.num_cv_round ||
        plan.seed != params.seed || plan.objective != settings.objective) {
      return nullptr;
    }
    for (Fold& fold : plan.made->folds) {
      const gbdt::Dataset& train = fold.sets.front().data;
      const auto fits = [&](const gbdt::Bins& b) { return b.Fit(params, train); };
      if (!bins || fold.bins.size() == kMostBins || std::ranges::any_of(fold.bins, fits)) continue;
      if (auto more = gbdt::Bins::Make(params, train, fold.sets); more && fits(*more)) {
        fold.bins.push_back(*std::move(more));
      }
    }
    return &*plan.made;
  }

  static gbdt::Bins BinsFor(Input& input, const gbdt::TrainParams& params) {
    const auto& sets = input.loaded->input.sets;
    for (const gbdt::Bins& bins : input.bins) {
      if (bins.Fit(params, sets.front().data)) return bins;
    }
    if (input.bins.size() == kMostBins) return {};
    auto made = gbdt::Bins::Make(params, sets.front().data, sets);
    // Rows without weight are another dataset: those bins would fit nobody.
    if (!made || !made->Fit(params, sets.front().data)) return {};
    return input.bins.emplace_back(*std::move(made));
  }

  const fs::path base_;
  const std::string version_;
  Fd socket_;
  Fd ended_;                     // a signalfd of SIGCHLD
  std::map<int, pid_t> trials_;  // by number
  std::map<Reading, Input> inputs_;
};

}  // namespace

Result<TrialCommand> ParseTrialCommand(std::string_view text) {
  constexpr int64_t kMost = 1'000'000'000;
  const auto bad = [&] {
    return Fail(Code::kInvalidArgument, "BadCommand", "not a command: " + std::string(text));
  };
  const auto words = Split(text, ' ');
  std::vector<int> numbers;
  for (size_t i = 1; i < words.size(); ++i) {
    const auto number = ParseInt(words[i]);
    if (!number || *number < 0 || *number > kMost) return bad();
    numbers.push_back(static_cast<int>(*number));
  }
  const bool stop = words.front() == "stop";
  if ((stop || words.front() == "kill") && numbers.size() == 1) {
    return TrialCommand{.kind = stop ? TrialCommand::Kind::kStop : TrialCommand::Kind::kKill,
                        .number = numbers[0],
                        .pins = {}};
  }
  if (words.front() != "run" || numbers.size() < 2) return bad();
  const std::vector<int> pins(numbers.begin() + 2, numbers.end());
  if (std::ranges::any_of(pins, [](int core) { return core >= CPU_SETSIZE; })) return bad();
  return TrialCommand{.number = numbers[0], .cores = numbers[1], .pins = pins};
}

int RunTrials(const fs::path& base, const std::string& version, int socket) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &mask, nullptr);
  Fd ended(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!ended) return 1;
  return TrialHost(base, version, Fd(socket), std::move(ended)).Serve();
}

int RunTrials() {
  const char* number = std::getenv("CLARY_TRIAL_SOCKET");
  const auto socket = ParseInt(number != nullptr ? number : "");
  const char* base = std::getenv("SAGEMAKER_BASE_DIR");
  const char* version = std::getenv("CLARY_IMAGE_VERSION");
  if (!socket || *socket < 3 || *socket > 1'000'000) return 1;
  return RunTrials(base != nullptr ? base : "/opt/ml", version != nullptr ? version : "",
                   static_cast<int>(*socket));
}

}  // namespace clary::xgboost
