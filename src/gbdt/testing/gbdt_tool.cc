// clary_gbdt_tool: trains on matrices that a script has written; for tests/compat and bench.
//   clary_gbdt_tool train OUT.json|OUT.ubj TRAIN.bin [NAME=EVAL.bin ...] -- [name=value ...]
// prints the metric lines of every round, then the seconds spent. Among the values may be
// feature_types=q,c,...
//   clary_gbdt_tool predict MODEL DATA.bin KIND OUT.bin
// writes float32 predictions.
// A .bin holds int64 rows, columns and flags (1: weights, 2: groups, 4: label bounds follow), then
// float32 labels, weights, uint32 group count and sizes, float32 lower and upper bounds, and
// row-major values.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <ranges>
#include <string>

#include "clary/gbdt.h"

namespace {

using namespace clary;
using namespace clary::gbdt;

Result<Dataset> ReadBin(const std::string& path, const std::vector<std::string>& types) {
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
  fields.feature_types = types;
  return Dataset::FromDense(std::move(values), rows, static_cast<uint32_t>(columns),
                            std::move(fields));
}

Status Predict(const std::string& file, const std::string& path, std::string_view kind,
               const std::string& out) {
  constexpr std::pair<std::string_view, PredictKind> kKinds[] = {
      {"value", PredictKind::kValue},
      {"margin", PredictKind::kMargin},
      {"leaf", PredictKind::kLeaf},
      {"contributions", PredictKind::kContributions},
      {"approx_contributions", PredictKind::kApproxContributions},
      {"interactions", PredictKind::kInteractions}};
  const auto* const found = std::ranges::find(kKinds, kind, [](const auto& k) { return k.first; });
  if (found == std::end(kKinds)) return Fail(Code::kInvalidArgument, "Usage", "unknown kind");
  std::ifstream in(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  CLARY_TRY(const Model model, Model::Parse(bytes));
  CLARY_TRY(const Dataset data, ReadBin(path, {}));
  CLARY_TRY(const auto predictions, model.Predict(data, {.kind = found->second}));
  std::ofstream(out, std::ios::binary)
      .write(reinterpret_cast<const char*>(predictions.data()),
             static_cast<std::streamsize>(predictions.size() * sizeof(float)));
  return {};
}

Status Run(int argc, char** argv) {
  if (argc == 6 && std::strcmp(argv[1], "predict") == 0) {
    return Predict(argv[2], argv[3], argv[4], argv[5]);
  }
  if (argc < 4 || std::strcmp(argv[1], "train") != 0) {
    return Fail(Code::kInvalidArgument, "Usage", "see the head of gbdt_tool.cc");
  }
  const std::string out = argv[2];
  std::vector<std::string> types;
  for (int k = 4; k < argc; ++k) {
    const std::string_view arg = argv[k];
    if (!arg.starts_with("feature_types=")) continue;
    for (const auto part : std::views::split(arg.substr(arg.find('=') + 1), ',')) {
      types.emplace_back(part.begin(), part.end());
    }
  }
  CLARY_TRY(const Dataset train, ReadBin(argv[3], types));
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
    CLARY_TRY(Dataset data, ReadBin(path, types));
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
    } else if (name == "feature_types") {
      continue;
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
