// gbdt_bench: the engine's side of gbdt_bench.py. Reads .npy files, times inside, prints one JSON
// object a line.
//   gbdt_bench train DIR REPEATS [name=value ...]    trains on DIR/x_train.npy (or its CSR parts)
//     and writes DIR/clary.model.json and the margins of the test part, DIR/clary.margin.f32
//   gbdt_bench csv FILE REPEATS [name=value ...]     from a CSV file with the label first
//   gbdt_bench predict MODEL.json DIR THREADS REPEATS    margins of the test part
//   gbdt_bench single MODEL.json DIR CALLS               the same rows, one a call
//   gbdt_bench contributions MODEL.json DIR ROWS THREADS REPEATS
//   gbdt_bench hosts ROWS ROUNDS HOSTS [RANK ADDRESS...]    what a round costs each of several
//     hosts, and what it sends
//   gbdt_bench evaluation ROWS ROUNDS THREADS [METRIC ...]    what metrics of made data cost
//   in a round
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "clary/gbdt.h"
#include "collective/collective.h"
#include "collective/tcp.h"
#include "data/read.h"
#include "gbdt/kernels.h"

namespace {

using namespace clary;
using namespace clary::gbdt;
using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

// The items of a C-ordered little-endian .npy file of T; its last dimension if it has two.
template <typename T>
Result<std::vector<T>> ReadNpy(const std::string& path, std::string_view type, size_t* width) {
  std::ifstream in(path, std::ios::binary);
  char head[10] = {};
  in.read(head, sizeof head);
  if (!in || std::memcmp(head, "\x93NUMPY\x01", 7) != 0) {
    return Fail(Code::kNotFound, "BadFile", path + " is not a version 1 .npy file");
  }
  std::string text(static_cast<unsigned char>(head[8]) + 256U * static_cast<unsigned char>(head[9]),
                   0);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (text.find(type) == std::string::npos || text.find("False") == std::string::npos) {
    return Fail(Code::kInvalidArgument, "BadFile", path + " must hold " + std::string(type));
  }
  size_t items = 1;
  size_t last = 1;
  const char* at = text.data() + text.find('(') + 1;
  for (; *at != ')' && *at != 0; ++at) {
    if (*at < '0' || *at > '9') continue;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), last);
    items *= last;
    at = end - 1;
  }
  if (width != nullptr) *width = last;
  std::vector<T> out(items);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(items * sizeof(T)));
  if (!in) return Fail(Code::kDataLoss, "BadFile", path + " is cut short");
  return out;
}

Result<Dataset> ReadPart(const std::string& dir, const std::string& part, uint32_t columns = 0) {
  const auto path = [&](const char* what) { return dir + "/" + what + "_" + part + ".npy"; };
  RowFields fields;
  CLARY_TRY(fields.label, ReadNpy<float>(path("y"), "<f4", nullptr));
  if (std::ifstream(path("groups"))) {
    CLARY_TRY(fields.group_sizes, ReadNpy<uint32_t>(path("groups"), "<u4", nullptr));
  }
  if (std::ifstream(path("indptr"))) {
    CLARY_TRY(auto begin, ReadNpy<uint64_t>(path("indptr"), "<u8", nullptr));
    CLARY_TRY(auto column, ReadNpy<uint32_t>(path("indices"), "<u4", nullptr));
    CLARY_TRY(auto value, ReadNpy<float>(path("values"), "<f4", nullptr));
    for (const uint32_t c : column) columns = std::max(columns, c + 1);
    return Dataset::FromCsr(std::move(begin), std::move(column), std::move(value), columns,
                            std::move(fields));
  }
  size_t width = 0;
  CLARY_TRY(auto values, ReadNpy<float>(path("x"), "<f4", &width));
  const size_t rows = fields.label.size();
  return Dataset::FromDense(std::move(values), rows, static_cast<uint32_t>(width),
                            std::move(fields));
}

// Kibibytes of a /proc/self/status entry.
long StatusKb(const char* name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return std::atol(line.c_str() + std::strlen(name) + 1);
  }
  return 0;
}

struct Run {
  double total = 0;
  double first = 0;  // until the end of the first round
  long extra_kb = 0;
  long peak_kb = 0;
  std::map<std::string_view, double> phases;  // of training, in seconds
};

void Print(const Run& run, int rounds) {
  // Rounds cost about the same, so what the first one took longer is construction.
  const double round = rounds > 1 ? (run.total - run.first) / (rounds - 1) : 0;
  std::printf(
      "{\"total\": %.5f, \"construct\": %.5f, \"train\": %.5f, \"extra_mb\": %.1f, "
      "\"peak_mb\": %.1f, \"kernels\": \"%s\", \"phases\": {",
      run.total, run.first - round, round * rounds, static_cast<double>(run.extra_kb) / 1024,
      static_cast<double>(run.peak_kb) / 1024, BestKernels().name);
  const char* comma = "";
  for (const auto& [name, seconds] : run.phases) {
    std::printf("%s\"%.*s\": %.4f", comma, static_cast<int>(name.size()), name.data(), seconds);
    comma = ", ";
  }
  std::printf("}}\n");
  std::fflush(stdout);
}

Result<Model> TimedTrain(const TrainParams& params, const Dataset& data, Run& run) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts anew
  const long before = StatusKb("VmRSS");
  const auto start = Clock::now();
  TrainOptions options;
  options.on_round = [&](const RoundReport& report) {
    if (report.round == 0) run.first += Seconds(start);
    for (const PhaseTime& p : report.phases) run.phases[p.name] += p.seconds;
    return true;
  };
  CLARY_TRY(Model model, Train(params, data, {}, options));
  run.total += Seconds(start);
  run.peak_kb = StatusKb("VmHWM");
  run.extra_kb = run.peak_kb - before;
  return model;
}

Result<TrainParams> Params(int argc, char** argv, int from) {
  std::map<std::string, std::string> text;
  for (int i = from; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t eq = arg.find('=');
    text[arg.substr(0, eq)] = arg.substr(eq + 1);
  }
  return TrainParams::FromMap(text);
}

void WriteFloats(const std::string& path, const std::vector<float>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
}

Status TrainCommand(int argc, char** argv) {
  const std::string dir = argv[2];
  CLARY_TRY(const TrainParams params, Params(argc, argv, 4));
  CLARY_TRY(const Dataset train, ReadPart(dir, "train"));
  Model model;
  for (int r = 0; r < std::atoi(argv[3]); ++r) {
    Run run;
    CLARY_TRY(model, TimedTrain(params, train, run));
    Print(run, params.num_round);
  }
  std::ofstream(dir + "/clary.model.json", std::ios::binary) << model.ToJson();
  CLARY_TRY(const Dataset test, ReadPart(dir, "test"));
  CLARY_TRY(const auto margins, model.Predict(test, {.kind = PredictKind::kMargin}));
  WriteFloats(dir + "/clary.margin.f32", margins);
  return {};
}

Status CsvCommand(int argc, char** argv) {
  CLARY_TRY(const TrainParams params, Params(argc, argv, 4));
  for (int r = 0; r < std::atoi(argv[3]); ++r) {
    Run run;
    const auto start = Clock::now();
    CLARY_TRY(auto matrix, data::ReadFiles({argv[2]}, {.type = data::ContentType::kCsv,
                                                       .threads = params.nthread}));
    RowFields fields;
    fields.label.assign(matrix.labels.begin(), matrix.labels.end());
    const auto kept = std::make_shared<data::Matrix>(std::move(matrix));
    CLARY_TRY(const Dataset train,
              Dataset::ViewDense(kept->values.span(), kept->rows, static_cast<uint32_t>(kept->cols),
                                 std::move(fields), kept));
    run.total = run.first = Seconds(start);
    CLARY_CHECK_OK(TimedTrain(params, train, run));
    Print(run, params.num_round);
  }
  return {};
}

Result<Model> ReadModel(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return Model::Parse(text.str());
}

Status PredictCommand(char** argv) {
  CLARY_TRY(const Model model, ReadModel(argv[2]));
  CLARY_TRY(const Dataset test, ReadPart(argv[3], "test"));
  const PredictOptions options{.kind = PredictKind::kMargin, .threads = std::atoi(argv[4])};
  for (int r = 0; r < std::atoi(argv[5]); ++r) {
    const auto start = Clock::now();
    CLARY_CHECK_OK(model.Predict(test, options));
    std::printf("{\"total\": %.6f}\n", Seconds(start));
  }
  return {};
}

// Seconds a call of one row, at most `calls` rows of the test part, one after another.
Status SingleCommand(char** argv) {
  CLARY_TRY(const Model model, ReadModel(argv[2]));
  CLARY_TRY(const Dataset test, ReadPart(argv[3], "test"));
  const auto calls = std::min(test.rows(), static_cast<size_t>(std::atoi(argv[4])));
  const Predictor predictor(model);
  std::vector<float> out(static_cast<size_t>(model.num_output()));
  double sum = 0;
  const auto start = Clock::now();
  for (size_t r = 0; r < calls; ++r) {
    predictor.Margins(test.dense().subspan(r * test.columns(), test.columns()), out);
    sum += out[0];
  }
  std::printf("{\"total\": %.9f, \"mean\": %g}\n", Seconds(start) / static_cast<double>(calls),
              sum / static_cast<double>(calls));
  return {};
}

Status ContributionsCommand(char** argv) {
  CLARY_TRY(const Model model, ReadModel(argv[2]));
  CLARY_TRY(const Dataset all, ReadPart(argv[3], "test"));
  std::vector<uint32_t> rows;
  for (uint32_t r = 0; r < static_cast<uint32_t>(std::atoi(argv[4])); ++r) rows.push_back(r);
  const Dataset test = all.Subset(rows);
  const PredictOptions options{.kind = PredictKind::kContributions, .threads = std::atoi(argv[5])};
  for (int r = 0; r < std::atoi(argv[6]); ++r) {
    const auto start = Clock::now();
    CLARY_CHECK_OK(model.Predict(test, options));
    std::printf("{\"total\": %.6f}\n", Seconds(start));
  }
  return {};
}

// Metrics with an objective that they fit.
constexpr std::pair<std::string_view, std::string_view> kEvaluated[] = {
    {"logloss", "binary:logistic"},
    {"error", "binary:logistic"},
    {"auc", "binary:logistic"},
    {"aucpr", "binary:logistic"},
    {"accuracy", "binary:logistic"},
    {"balanced_accuracy", "binary:logistic"},
    {"f1", "binary:logistic"},
    {"f1_binary", "binary:logistic"},
    {"f1_macro", "binary:logistic"},
    {"precision", "binary:logistic"},
    {"precision_macro", "binary:logistic"},
    {"precision_micro", "binary:logistic"},
    {"recall", "binary:logistic"},
    {"recall_macro", "binary:logistic"},
    {"recall_micro", "binary:logistic"},
    {"rmse", "reg:squarederror"},
    {"mse", "reg:squarederror"},
    {"mae", "reg:squarederror"},
    {"mape", "reg:squarederror"},
    {"r2", "reg:squarederror"},
    {"rmsle", "reg:squaredlogerror"},
    {"mphe", "reg:pseudohubererror"},
    {"poisson-nloglik", "count:poisson"},
    {"gamma-nloglik", "reg:gamma"},
    {"gamma-deviance", "reg:gamma"},
    {"tweedie-nloglik@1.5", "reg:tweedie"},
    {"cox-nloglik", "survival:cox"},
    {"aft-nloglik", "survival:aft"},
    {"interval-regression-accuracy", "survival:aft"},
    {"merror", "multi:softprob"},
    {"mlogloss", "multi:softprob"},
    {"ndcg", "rank:ndcg"},
    {"map", "rank:ndcg"},
};

// Rows of 24 features with labels that the objective takes: 0 and 1 for most.
Result<Dataset> MakeRows(size_t rows, uint32_t seed, std::string_view objective,
                         uint32_t columns = 24) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * columns);
  for (float& v : x) v = normal(rng);
  RowFields f;
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = x.data() + r * columns;
    const float z = row[0] + row[1] * row[2] + std::sin(3 * row[3]) + normal(rng);
    float y = z > 0 ? 1 : 0;
    if (objective == "survival:cox")
      y = (y > 0 ? 1.0F : -1.0F) * static_cast<float>(1 + rng() % 500);
    if (objective == "reg:gamma") y += 1;
    if (objective == "multi:softprob") y = std::clamp(std::floor(z + 5), 0.0F, 9.0F);
    f.label.push_back(y);
    if (objective == "survival:aft") {
      f.label_lower.push_back(std::exp(z));
      f.label_upper.push_back(y > 0 ? std::exp(z) : std::numeric_limits<float>::infinity());
    }
    if (objective == "rank:ndcg" && r % 32 == 0) f.group_sizes.push_back(32);
  }
  return Dataset::FromDense(std::move(x), rows, columns, std::move(f));
}

Status EvaluationCommand(int argc, char** argv) {
  const size_t rows = static_cast<size_t>(std::atoi(argv[2])) / 128 * 128;
  const std::vector<std::string_view> asked(argv + 5, argv + argc);
  std::string_view made;
  Dataset* train = nullptr;
  std::vector<Dataset> sets;
  for (const auto& [metric, objective] : kEvaluated) {
    if (!asked.empty() && std::ranges::find(asked, metric) == asked.end()) continue;
    if (made != objective) {
      sets.clear();
      CLARY_TRY(Dataset first, MakeRows(rows, 1, objective));
      CLARY_TRY(Dataset second, MakeRows(rows / 4, 2, objective));
      sets = {std::move(first), std::move(second)};
      made = objective;
    }
    train = &sets[0];
    CLARY_TRY(TrainParams params,
              TrainParams::FromMap({{"objective", std::string(objective)},
                                    {"eval_metric", std::string(metric)},
                                    {"num_class", objective == "multi:softprob" ? "10" : "0"},
                                    {"num_round", argv[3]},
                                    {"nthread", argv[4]}}));
    std::vector<double> evaluate;
    std::vector<double> round;
    double value = 0;
    TrainOptions options;
    options.on_round = [&](const RoundReport& report) {
      double all = 0;
      for (const PhaseTime& p : report.phases) {
        all += p.seconds;
        if (p.name == "evaluate") evaluate.push_back(p.seconds);
      }
      round.push_back(all);
      value = report.metrics.back().value;
      return true;
    };
    CLARY_CHECK_OK(Train(params, *train, {{"train", *train}, {"validation", sets[1]}}, options));
    // The first round has the set-up; the least of the others is what no other process held up.
    const auto least = [](std::span<const double> of) { return std::ranges::min(of.subspan(1)); };
    const double of_round = least(round);
    const double of_metric = least(evaluate);
    std::printf(
        "{\"metric\": \"%.*s\", \"objective\": \"%.*s\", \"round_ms\": %.3f, "
        "\"evaluate_ms\": %.3f, \"share\": %.4f, \"value\": %.6f}\n",
        static_cast<int>(metric.size()), metric.data(), static_cast<int>(objective.size()),
        objective.data(), 1e3 * of_round, 1e3 * of_metric, of_metric / of_round, value);
    std::fflush(stdout);
  }
  return {};
}

// Hosts are threads, joined by TCP. Times are of each thread's own CPU, so that they do not wait
// for a core; what the kernel does for its sockets is in them. With a rank and the hosts' addresses
// this process is one of them (hosts_bench.py).
Status HostsCommand(int argc, char** argv) {
  const size_t rows = static_cast<size_t>(std::atoi(argv[2]));
  const int rounds = std::atoi(argv[3]);
  const auto hosts = static_cast<size_t>(std::atoi(argv[4]));
  const std::vector<std::string> names = argc > 6 ? std::vector<std::string>(argv + 6, argv + argc)
                                                  : std::vector<std::string>(hosts, "127.0.0.1");
  if (names.size() != hosts) return Fail(Code::kInvalidArgument, "", "an address for each host");
  const std::vector<size_t> ranks = [&] {
    if (argc > 6) return std::vector<size_t>{static_cast<size_t>(std::atoi(argv[5]))};
    std::vector<size_t> all(hosts);
    std::iota(all.begin(), all.end(), size_t{0});
    return all;
  }();
  CLARY_TRY(const TrainParams params, TrainParams::FromMap({{"objective", "binary:logistic"},
                                                            {"num_round", std::to_string(rounds)},
                                                            {"nthread", "1"}}));
  CLARY_TRY(const Dataset all, MakeRows(rows, 1, params.objective, 28));
  const auto cpu = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  struct Cost {
    double seconds = 0;
    double wall = 0;
    uint64_t bytes = 0;
    uint64_t operations = 0;
  };
  std::vector<Cost> round(hosts);   // of all but the first
  std::vector<Cost> set_up(hosts);  // and the first round
  std::vector<Status> ended(hosts);
  std::vector<std::jthread> threads;
  for (const size_t k : ranks) {
    threads.emplace_back([&, k] {
      auto end =
          collective::MeetOverTcp({.hosts = names, .rank = static_cast<int>(k), .port = 9098});
      if (!end) {
        ended[k] = std::unexpected(end.error());
        return;
      }
      collective::Collective together(*std::move(end));
      std::vector<uint32_t> own(rows * (k + 1) / hosts - rows * k / hosts);
      std::iota(own.begin(), own.end(), static_cast<uint32_t>(rows * k / hosts));
      const Dataset part = all.Subset(own);
      const double begin = cpu();
      const auto began = Clock::now();
      Cost first;
      TrainOptions options{.hosts = &together};
      options.on_round = [&](const RoundReport& report) {
        const Cost now{cpu() - begin, Seconds(began), together.bytes_sent(), together.operations()};
        if (report.round == 0) first = now;
        const double n = std::max(1, report.round);
        round[k] = {(now.seconds - first.seconds) / n, (now.wall - first.wall) / n,
                    (now.bytes - first.bytes) / static_cast<uint64_t>(n),
                    (now.operations - first.operations) / static_cast<uint64_t>(n)};
        return true;
      };
      if (auto model = Train(params, part, {}, options); !model)
        ended[k] = std::unexpected(model.error());
      set_up[k] = first;
    });
  }
  threads.clear();
  for (const Status& s : ended) CLARY_CHECK_OK(s);
  const auto print = [](const char* what, const std::vector<Cost>& of) {
    Cost most;
    for (const Cost& c : of) {
      most = {std::max(most.seconds, c.seconds), std::max(most.wall, c.wall),
              std::max(most.bytes, c.bytes), std::max(most.operations, c.operations)};
    }
    std::printf(
        "\"%s\": {\"cpu_ms\": %.3f, \"wall_ms\": %.3f, \"bytes\": %llu, \"operations\": %llu}",
        what, 1e3 * most.seconds, 1e3 * most.wall, static_cast<unsigned long long>(most.bytes),
        static_cast<unsigned long long>(most.operations));
  };
  std::printf("{\"hosts\": %zu, \"rows\": %zu, ", hosts, rows);
  print("set_up", set_up);
  std::printf(", ");
  print("round", round);
  std::printf("}\n");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  Status status = Fail(Code::kInvalidArgument, "Usage", "see the head of gbdt_bench.cc");
  if (command == "train" && argc > 3) status = TrainCommand(argc, argv);
  if (command == "csv" && argc > 3) status = CsvCommand(argc, argv);
  if (command == "predict" && argc == 6) status = PredictCommand(argv);
  if (command == "single" && argc == 5) status = SingleCommand(argv);
  if (command == "contributions" && argc == 7) status = ContributionsCommand(argv);
  if (command == "hosts" && argc >= 5) status = HostsCommand(argc, argv);
  if (command == "evaluation" && argc > 4) status = EvaluationCommand(argc, argv);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
