// clary_gbdt_tool: trains on matrices that a script has written; for tests/compat and bench.
//   clary_gbdt_tool train OUT.json|OUT.ubj TRAIN.bin [NAME=EVAL.bin ...] -- [name=value ...]
// prints the metric lines of every round, then the seconds spent. A .bin holds int64 rows, columns
// and flags (1: weights, 2: groups, 4: label bounds follow), then float32 labels, weights, uint32
// group count and sizes, float32 lower and upper bounds, and row-major values.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "clary/gbdt.h"

namespace {

using namespace clary;
using namespace clary::gbdt;

Result<Dataset> ReadBin(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  int64_t head[3] = {};
  in.read(reinterpret_cast<char*>(head), sizeof head);
  const auto read = [&](auto& v, size_t n) {
    v.resize(n);
    in.read(reinterpret_cast<char*>(v.data()), static_cast<std::streamsize>(n * sizeof(v[0])));
  };
  const auto rows = static_cast<size_t>(head[0]);
  const auto columns = static_cast<size_t>(head[1]);
  RowFields fields;
  read(fields.label, rows);
  if ((head[2] & 1) != 0) read(fields.weight, rows);
  if ((head[2] & 2) != 0) {
    uint32_t groups = 0;
    in.read(reinterpret_cast<char*>(&groups), sizeof groups);
    read(fields.group_sizes, groups);
    if (fields.weight.size() == rows) fields.weight.resize(groups);
  }
  if ((head[2] & 4) != 0) {
    read(fields.label_lower, rows);
    read(fields.label_upper, rows);
  }
  std::vector<float> values;
  read(values, rows * columns);
  if (!in) return Fail(Code::kNotFound, "BadFile", "cannot read " + path);
  return Dataset::FromDense(std::move(values), rows, static_cast<uint32_t>(columns),
                            std::move(fields));
}

Status Run(int argc, char** argv) {
  if (argc < 4 || std::strcmp(argv[1], "train") != 0) {
    return Fail(Code::kInvalidArgument, "Usage", "see the head of gbdt_tool.cc");
  }
  const std::string out = argv[2];
  CLARY_TRY(const Dataset train, ReadBin(argv[3]));
  std::vector<EvalSet> evals;
  std::map<std::string, std::string> text;
  TrainOptions options;
  int version = 3;
  bool quiet = false;
  int i = 4;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    const std::string arg = argv[i];
    const size_t eq = arg.find('=');
    const std::string path = arg.substr(eq + 1);
    if (path == argv[3]) {
      evals.push_back({arg.substr(0, eq), train});
      continue;
    }
    CLARY_TRY(Dataset data, ReadBin(path));
    evals.push_back({arg.substr(0, eq), std::move(data)});
  }
  for (++i; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t eq = arg.find('=');
    const std::string name = arg.substr(0, eq);
    const std::string value = arg.substr(eq + 1);
    if (name == "early_stopping_rounds") {
      options.early_stopping_rounds = std::stoi(value);
    } else if (name == "version") {
      version = std::stoi(value);
    } else if (name == "quiet") {
      quiet = true;
    } else {
      text[name] = value;
    }
  }
  CLARY_TRY(TrainParams params, TrainParams::FromMap(text));
  params.version = version;
  options.on_round = [&](const RoundReport& report) {
    if (quiet && report.round + 1 < report.rounds) return true;
    std::printf("[%d]", report.round);
    for (const MetricValue& m : report.metrics) {
      std::printf("\t%s-%s:%.5f", m.dataset.c_str(), m.metric.c_str(), m.value);
    }
    std::printf("\n");
    return true;
  };
  const auto start = std::chrono::steady_clock::now();
  CLARY_TRY(const Model model, Train(params, train, evals, options));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("seconds %.4f\n", seconds.count());
  std::ofstream(out, std::ios::binary)
      << (out.ends_with(".json") ? model.ToJson() : model.ToUbjson());
  const PredictOptions margin{.kind = PredictKind::kMargin};
  CLARY_TRY(const auto predictions,
            model.Predict(evals.empty() ? train : evals.back().data, margin));
  std::ofstream(out + ".margin", std::ios::binary)
      .write(reinterpret_cast<const char*>(predictions.data()),
             static_cast<std::streamsize>(predictions.size() * sizeof(float)));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto status = Run(argc, argv); !status) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return 1;
  }
  return 0;
}
