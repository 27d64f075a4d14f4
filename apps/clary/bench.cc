// clary bench: the engine beside XGBoost and LightGBM on this machine, on generated rows or a file.
// Each engine starts from the same float32 rows in memory; ours runs in this process, the others in
// the Python that has them. All are measured by the same metric on the same held-out rows.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <thread>

#include "base/file.h"
#include "clary/gbdt.h"
#include "command.h"
#include "data/read.h"
#include "options.h"
#include "terminal.h"

extern char** environ;

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

struct BenchOptions {
  std::string train;
  std::string python = "python3";
  size_t rows = 200'000;
  uint32_t columns = 28;
  int rounds = 100;
  int depth = 6;
  int threads = 0;
  int repeats = 3;
};

struct Case {
  std::string name;
  gbdt::Dataset train;
  gbdt::Dataset test;
  bool binary = true;
  std::string metric() const { return binary ? "auc" : "rmse"; }
};

struct Measured {
  std::string engine;
  std::string version;
  std::string missing;  // why it did not run; empty if it did
  std::vector<double> seconds;
  double quality = 0;
  double peak_mb = 0;
};

// What the others run. Arguments: engine, directory, rows, columns, test rows, 0/1 sparse, binary,
// rounds, depth, threads.
constexpr std::string_view kScript = R"py(
import json, os, resource, sys, time
engine, where = sys.argv[1:3]
rows, columns, test, sparse, binary, rounds, depth, threads = map(int, sys.argv[3:])
os.environ["OMP_NUM_THREADS"] = str(threads)
try:
    import numpy as np
    module = __import__(engine)
    if sparse:
        import scipy.sparse
except ImportError as e:
    print(json.dumps({"missing": str(e)}))
    sys.exit()
read = lambda name, kind: np.fromfile(os.path.join(where, name), kind)
def matrix(part, n):
    if not sparse:
        return read(part + ".values", "<f4").reshape(n, columns)
    return scipy.sparse.csr_matrix((read(part + ".values", "<f4"), read(part + ".column", "<u4").astype("i4"),
                                    read(part + ".begin", "<u8").astype("i8")), (n, columns))
X, y, T = matrix("train", rows), read("train.label", "<f4"), matrix("test", test)
start = time.perf_counter()
if engine == "xgboost":
    p = {"objective": "binary:logistic" if binary else "reg:squarederror", "eta": 0.1, "max_depth": depth,
         "tree_method": "hist", "nthread": threads}
    model = module.train(p, module.DMatrix(X, y, nthread=threads), rounds)
    seconds = time.perf_counter() - start
    margin = model.predict(module.DMatrix(T), output_margin=True)
else:
    p = {"objective": "binary" if binary else "regression", "learning_rate": 0.1, "max_depth": depth,
         "num_leaves": 2 ** depth, "lambda_l2": 1, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 1,
         "num_threads": threads, "verbose": -1}
    model = module.train(p, module.Dataset(X, y, params=p), rounds)
    seconds = time.perf_counter() - start
    margin = model.predict(T, raw_score=True)
np.asarray(margin, "<f4").tofile(os.path.join(where, "margin"))
print(json.dumps({"seconds": seconds, "version": module.__version__,
                  "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
)py";

// Twenty-eight columns, say, of which the first eight matter, a tenth of the rest missing.
Result<gbdt::Dataset> Generate(const BenchOptions& o) {
  std::mt19937 rng(1);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform;
  std::vector<float> values(o.rows * o.columns);
  gbdt::RowFields fields;
  for (size_t r = 0; r < o.rows; ++r) {
    float* const x = &values[r * o.columns];
    for (uint32_t f = 0; f < o.columns; ++f) x[f] = normal(rng);
    const float z = 1.5F * std::sin(2 * x[0] * x[1]) + (x[2] > 0 ? x[3] : -x[4]) + std::fabs(x[5]) -
                    0.5F * x[6] * x[7] - 0.5F;
    fields.label.push_back(uniform(rng) < 1 / (1 + std::exp(-z)) ? 1.0F : 0.0F);
    for (uint32_t f = 8; f < o.columns; ++f) {
      if (uniform(rng) < 0.1F) x[f] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  return gbdt::Dataset::FromDense(std::move(values), o.rows, o.columns, std::move(fields));
}

Result<gbdt::Dataset> Read(const std::string& path) {
  const bool libsvm = path.ends_with(".libsvm") || path.ends_with(".svm");
  const data::ReadOptions options{.type = path.ends_with(".parquet") ? data::ContentType::kParquet
                                          : libsvm                   ? data::ContentType::kLibsvm
                                                                     : data::ContentType::kCsv};
  CLARY_TRY(data::Matrix read, data::ReadFiles({path}, options));
  const auto m = std::make_shared<const data::Matrix>(std::move(read));
  gbdt::RowFields fields;
  fields.label.assign(m->labels.begin(), m->labels.end());
  const auto columns = static_cast<uint32_t>(m->cols);
  if (!m->sparse) {
    return gbdt::Dataset::ViewDense(m->values.span(), m->rows, columns, std::move(fields), m);
  }
  return gbdt::Dataset::ViewCsr({m->row_begin.span(), m->column.span(), m->values.span()}, columns,
                                std::move(fields), m);
}

Result<Case> MakeCase(const BenchOptions& o) {
  if (!o.train.empty() && !fs::exists(o.train)) {
    return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + o.train);
  }
  CLARY_TRY(const gbdt::Dataset all, o.train.empty() ? Generate(o) : Read(o.train));
  if (all.rows() < 10) {
    return Usage(o.train + " has fewer than ten rows");
  }
  std::vector<uint32_t> order(all.rows());
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937(7));  // a file may be sorted
  const size_t kept = all.rows() * 4 / 5;
  const auto& label = all.fields().label;
  const bool binary = std::ranges::all_of(label, [](float y) { return y == 0 || y == 1; }) &&
                      std::ranges::find(label, 1.0F) != label.end() &&
                      std::ranges::find(label, 0.0F) != label.end();
  return Case{.name = o.train.empty() ? "generated rows" : fs::path(o.train).filename().string(),
              .train = all.Subset(std::span(order).first(kept)),
              .test = all.Subset(std::span(order).subspan(kept)),
              .binary = binary};
}

template <typename T>
Status WriteItems(const fs::path& path, std::span<const T> items) {
  CLARY_TRY(const Fd fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  return WriteAll(fd.get(), {reinterpret_cast<const char*>(items.data()), items.size_bytes()});
}

Status WriteDataset(const fs::path& dir, const std::string& part, const gbdt::Dataset& data) {
  CLARY_CHECK_OK(WriteItems<float>(dir / (part + ".label"), data.fields().label));
  if (!data.is_sparse()) return WriteItems<float>(dir / (part + ".values"), data.dense());
  const auto csr = data.csr();
  CLARY_CHECK_OK(WriteItems<float>(dir / (part + ".values"), csr.value));
  CLARY_CHECK_OK(WriteItems<uint32_t>(dir / (part + ".column"), csr.column));
  return WriteItems<uint64_t>(dir / (part + ".begin"), csr.row_begin);
}

// Standard output of a program that is found on PATH; its standard error is ours only if asked.
Result<std::string> Output(const std::vector<std::string>& command) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return Fail(Code::kInternal, "Pipe", "cannot make a pipe");
  Fd read_end(pipe_fds[0]);
  Fd write_end(pipe_fds[1]);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, write_end.get(), 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  write_end = Fd();
  if (failed != 0) return Fail(Code::kNotFound, "NoPython", "there is no " + command[0]);
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(read_end.get(), buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno != EINTR) break;
    if (n > 0 && out.size() < 65536) out.append(buffer, static_cast<size_t>(n));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Fail(Code::kInternal, "Failed", command[0] + " failed");
  }
  return out;
}

Status RunOurs(const BenchOptions& o, const Case& c, Measured& m) {
  gbdt::TrainParams params;
  params.objective = c.binary ? "binary:logistic" : "reg:squarederror";
  params.num_round = o.rounds;
  params.eta = 0.1F;
  params.max_depth = o.depth;
  params.nthread = o.threads;
  const auto start = std::chrono::steady_clock::now();
  CLARY_TRY(const gbdt::Model model, gbdt::Train(params, c.train));
  m.seconds.push_back(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  m.peak_mb = static_cast<double>(usage.ru_maxrss) / 1024;
  CLARY_TRY(const auto predicted, model.Predict(c.test, {.threads = o.threads}));
  CLARY_TRY(m.quality, gbdt::EvalMetric(c.metric(), predicted, c.test));
  return {};
}

void RunOther(const BenchOptions& o, const Case& c, const fs::path& dir, Measured& m) {
  const auto text = [](auto n) { return std::to_string(n); };
  const auto out =
      Output({o.python, "-c", std::string(kScript), m.engine, dir.string(), text(c.train.rows()),
              text(c.train.columns()), text(c.test.rows()), c.train.is_sparse() ? "1" : "0",
              c.binary ? "1" : "0", text(o.rounds), text(o.depth), text(o.threads)});
  if (!out) {
    m.missing = out.error().message;
    return;
  }
  const auto json = nlohmann::json::parse(*out, nullptr, false);
  if (!json.is_object() || !json.contains("seconds")) {
    m.missing = json.is_object() ? json.value("missing", "failed") : "failed";
    return;
  }
  m.seconds.push_back(json["seconds"].get<double>());
  m.version = json.value("version", "");
  m.peak_mb = json.value("peak_mb", 0.0);
  const auto bytes = ReadFile(dir / "margin", c.test.rows() * sizeof(float));
  if (!bytes || bytes->size() != c.test.rows() * sizeof(float)) return;
  std::vector<float> margin(c.test.rows());
  std::memcpy(margin.data(), bytes->data(), bytes->size());
  m.quality = gbdt::EvalMetric(c.metric(), margin, c.test).value_or(0);
}

double Median(std::vector<double> v) {
  std::ranges::sort(v);
  return v.size() % 2 == 1 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

void PrintTable(const BenchOptions& o, const Case& c, const std::vector<Measured>& all) {
  std::printf("%s: %zu rows of %u features (%zu held out), %d rounds of depth %d, %d thread%s\n\n",
              c.name.c_str(), c.train.rows(), c.train.columns(), c.test.rows(), o.rounds, o.depth,
              o.threads, o.threads == 1 ? "" : "s");
  Table table({"ENGINE", "SECONDS", "TIMES OURS", c.binary ? "AUC" : "RMSE", "PEAK MEMORY"});
  for (const size_t column : {1, 2, 3, 4}) table.AlignRight(column);
  const double ours = Median(all[0].seconds);
  for (const Measured& m : all) {
    const std::string name = m.engine + (m.version.empty() ? "" : " " + m.version);
    if (m.seconds.empty()) {
      table.Add({name, "-", "-", "-", "-"});
      continue;
    }
    char cells[3][32];
    std::snprintf(cells[0], sizeof cells[0], "%.3f", Median(m.seconds));
    std::snprintf(cells[1], sizeof cells[1], "%.1fx", Median(m.seconds) / ours);
    std::snprintf(cells[2], sizeof cells[2], "%.5f", m.quality);
    table.Add({name, cells[0], cells[1], cells[2],
               FormatBytes(static_cast<uint64_t>(m.peak_mb * 1024 * 1024))});
  }
  table.Print("  ");
  for (const Measured& m : all) {
    if (!m.missing.empty()) {
      std::printf("\n%s did not run with %s: %s\n", m.engine.c_str(), o.python.c_str(),
                  m.missing.c_str());
    }
  }
}

Status Bench(const Context& context, BenchOptions o) {
  if (o.threads == 0) {
    o.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  }
  CLARY_TRY(const Case c, MakeCase(o));
  CLARY_TRY(const TempDir dir, TempDir::Make());
  CLARY_CHECK_OK(WriteDataset(dir.path(), "train", c.train));
  CLARY_CHECK_OK(WriteDataset(dir.path(), "test", c.test));
  std::vector<Measured> all(3);
  all[0] = {.engine = "clary", .version = CLARY_VERSION};
  all[1] = {.engine = "xgboost"};
  all[2] = {.engine = "lightgbm"};
  for (int r = 0; r < o.repeats; ++r) {  // in turns, so that a busy moment hits all of them
    CLARY_CHECK_OK(RunOurs(o, c, all[0]));
    for (size_t k : {1, 2}) {
      if (all[k].missing.empty()) RunOther(o, c, dir.path(), all[k]);
    }
  }
  if (!context.json) {
    PrintTable(o, c, all);
    return {};
  }
  nlohmann::json out = {
      {"data", c.name},     {"rows", c.train.rows()}, {"features", c.train.columns()},
      {"rounds", o.rounds}, {"threads", o.threads},   {"metric", c.metric()}};
  for (const Measured& m : all) {
    nlohmann::json entry = {{"engine", m.engine}, {"version", m.version}};
    if (m.seconds.empty()) {
      entry["missing"] = m.missing;
    } else {
      entry["seconds"] = m.seconds;
      entry["quality"] = m.quality;
      entry["peak_mb"] = m.peak_mb;
    }
    out["engines"].push_back(std::move(entry));
  }
  std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return {};
}

}  // namespace

void AddBench(CLI::App& app, Context& context) {
  const auto o = std::make_shared<BenchOptions>();
  auto* bench = AddCommand(app, context, "bench",
                           "Compare the engine with XGBoost and LightGBM on this machine",
                           {"clary bench", "clary bench --train train.csv --rounds 200 --depth 8",
                            "clary bench --rows 1000000 --threads 1 --python ~/venv/bin/python"},
                           [&context, o] {
                             const auto done = Bench(context, *o);
                             return done ? kOk : Report(context, done.error());
                           });
  bench->add_option("--train", o->train,
                    "A CSV (label first), LIBSVM or Parquet file instead of generated rows");
  AddNumber(*bench, "--rows", o->rows, "Generated rows (default 200000)", 10, 100'000'000);
  AddNumber(*bench, "--columns", o->columns, "Generated features (default 28)", 8, 10'000);
  AddNumber(*bench, "--rounds", o->rounds, "Boosting rounds (default 100)");
  AddNumber(*bench, "--depth", o->depth, "Depth of the trees (default 6)", 1, 16);
  AddNumber(*bench, "--threads", o->threads, "Threads (default: every core)", 0, 4096);
  AddNumber(*bench, "--repeats", o->repeats, "Runs of each engine; medians count (default 3)");
  bench->add_option("--python", o->python,
                    "A Python that has xgboost and lightgbm (default python3)");
}

}  // namespace clary::cli
