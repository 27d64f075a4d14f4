// clary_gbdt_tool: the engine for scripts; for tests/compat and bench.
//   clary_gbdt_tool train OUT.json|OUT.ubj TRAIN.bin [NAME=EVAL.bin ...] -- [name=value ...]
// prints the metric lines of every round, then the seconds spent; besides XGBoost's parameters
// there are version, quiet, early_stopping_rounds, initial=MODEL and feature_types=q,c,...
//   clary_gbdt_tool predict MODEL DATA.bin KIND OUT.f32 [FIRST_ROUND END_ROUND]
// with KIND value, margin, leaf, contributions, approx_contributions or interactions.
//   clary_gbdt_tool importance MODEL
// prints lines of kind, feature and value.
//   clary_gbdt_tool metrics PREDICTIONS.f32 DATA.bin METRIC... [-- name=value ...]
// prints each metric's value with 5 digits, as training does.
//   clary_gbdt_tool convert MODEL OUT.json|OUT.ubj
//
// A .bin holds int64 rows, columns and flags (1: weights, 2: groups, 4: label bounds follow, 8:
// base margins follow; from bit 8 on the labels of a row less one), then float32 labels, weights,
// uint32 group count and sizes, float32 lower and upper bounds, int64 count and float32 base
// margins, and row-major values.
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

Result<Dataset> ReadBin(const std::string& path, const std::vector<std::string>& types = {}) {
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
  read(fields.label, rows * (1 + static_cast<size_t>(head[2] >> 8)));
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
  if ((head[2] & 8) != 0) {
    int64_t count = 0;
    in.read(reinterpret_cast<char*>(&count), sizeof count);
    read(fields.base_margin, static_cast<size_t>(count));
  }
  std::vector<float> values;
  read(values, rows * columns);
  if (!in) return Fail(Code::kNotFound, "BadFile", "cannot read " + path);
  fields.feature_types = types;
  return Dataset::FromDense(std::move(values), rows, static_cast<uint32_t>(columns),
                            std::move(fields));
}

Result<std::string> ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (!in) return Fail(Code::kNotFound, "BadFile", "cannot read " + path);
  return bytes;
}

Result<Model> ReadModelFile(const std::string& path) {
  CLARY_TRY(const std::string bytes, ReadAll(path));
  return Model::Parse(bytes);
}

void WriteFloats(const std::string& path, const std::vector<float>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
}

void WriteModelFile(const std::string& path, const Model& model) {
  std::ofstream(path, std::ios::binary)
      << (path.ends_with(".json") ? model.ToJson() : model.ToUbjson());
}

Status RunPredict(const std::vector<std::string>& args) {
  constexpr std::pair<std::string_view, PredictKind> kKinds[] = {
      {"value", PredictKind::kValue},
      {"margin", PredictKind::kMargin},
      {"leaf", PredictKind::kLeaf},
      {"contributions", PredictKind::kContributions},
      {"approx_contributions", PredictKind::kApproxContributions},
      {"interactions", PredictKind::kInteractions}};
  CLARY_TRY(const Model model, ReadModelFile(args.at(0)));
  CLARY_TRY(const Dataset data, ReadBin(args.at(1)));
  PredictOptions options;
  for (const auto& [name, kind] : kKinds) {
    if (name == args.at(2)) options.kind = kind;
  }
  if (args.size() > 5) {
    options.round_begin = std::stoi(args[4]);
    options.round_end = std::stoi(args[5]);
  }
  CLARY_TRY(const auto predictions, model.Predict(data, options));
  WriteFloats(args.at(3), predictions);
  return {};
}

Status RunImportance(const std::vector<std::string>& args) {
  constexpr std::pair<const char*, Importance> kKinds[] = {
      {"weight", Importance::kWeight},
      {"gain", Importance::kGain},
      {"cover", Importance::kCover},
      {"total_gain", Importance::kTotalGain},
      {"total_cover", Importance::kTotalCover}};
  CLARY_TRY(const Model model, ReadModelFile(args.at(0)));
  for (const auto& [name, kind] : kKinds) {
    for (const auto& [feature, value] : model.FeatureImportance(kind)) {
      std::printf("%s %u %.9g\n", name, feature, value);
    }
  }
  return {};
}

Status RunMetrics(const std::vector<std::string>& args) {
  CLARY_TRY(const std::string bytes, ReadAll(args.at(0)));
  std::vector<float> predictions(bytes.size() / sizeof(float));
  std::memcpy(predictions.data(), bytes.data(), predictions.size() * sizeof(float));
  CLARY_TRY(const Dataset data, ReadBin(args.at(1)));
  const auto names_end = std::ranges::find(args, "--");
  std::map<std::string, std::string> text;
  for (auto it = names_end; it != args.end(); ++it) {
    if (const size_t eq = it->find('='); eq != std::string::npos) {
      text[it->substr(0, eq)] = it->substr(eq + 1);
    }
  }
  const auto version = text.extract("version");
  CLARY_TRY(TrainParams params, TrainParams::FromMap(text));
  if (!version.empty()) params.version = std::stoi(version.mapped());
  for (size_t i = 2; i < static_cast<size_t>(names_end - args.begin()); ++i) {
    CLARY_TRY(const double value, EvalMetric(args[i], predictions, data, &params));
    std::printf("%s:%.5f\n", args[i].c_str(), value);
  }
  return {};
}

Status RunConvert(const std::vector<std::string>& args) {
  CLARY_TRY(const Model model, ReadModelFile(args.at(0)));
  WriteModelFile(args.at(1), model);
  return {};
}

Status RunTrain(int argc, char** argv) {
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
  Model initial;
  int version = TrainParams().version;
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
    } else if (name == "initial") {
      CLARY_TRY(initial, ReadModelFile(value));
      options.initial = &initial;
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
  WriteModelFile(out, model);
  const PredictOptions margin{.kind = PredictKind::kMargin};
  CLARY_TRY(const auto predictions,
            model.Predict(evals.empty() ? train : evals.back().data, margin));
  WriteFloats(out + ".margin", predictions);
  return {};
}

Status Run(int argc, char** argv) {
  struct Command {
    std::string_view name;
    size_t arguments;  // at least
    Status (*run)(const std::vector<std::string>&);
  };
  constexpr Command kCommands[] = {{"predict", 4, RunPredict},
                                   {"importance", 1, RunImportance},
                                   {"metrics", 3, RunMetrics},
                                   {"convert", 2, RunConvert}};
  const std::vector<std::string> args(argv + std::min(argc, 2), argv + argc);
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "train" && args.size() >= 2) return RunTrain(argc, argv);
  for (const Command& command : kCommands) {
    if (name == command.name && args.size() >= command.arguments) return command.run(args);
  }
  return Fail(Code::kInvalidArgument, "Usage", "see the head of gbdt_tool.cc");
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto status = Run(argc, argv); !status) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return 1;
  }
  return 0;
}
