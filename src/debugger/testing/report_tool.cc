// clary_report_tool INPUT.json OUTPUT: for tests in other languages. Writes the tensors of a job
// that INPUT describes as OUTPUT/debug-output, then the training report from them into
// OUTPUT/report.
//   {"context": {"job_name", "base_job_name", "status", "image", "instance", "started", "ended",
//                "hyperparameters": {}, "rules": [{"name", "rule", "status", "details"}],
//                "other_jobs": [{"name", "status", "metrics": {}, "hyperparameters": {}}]},
//    "profile": {"samples": [[time, type, name, dimension, node, value]],
//                "events": [[name, process, node, begin_us, duration_us, step]]},
//    "ended": true,
//    "steps": [{"step": 0, "tensors": [{"collection", "name", "shape", "type", "values"}]}]}
// with type "f32", "f64", "i64" or "str"; a null value is NaN. Prints how long the report took.
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "debugger/profiler_report.h"
#include "debugger/tensor_writer.h"
#include "debugger/training_report.h"

namespace clary::debugger {
namespace {
using nlohmann::json;
namespace fs = std::filesystem;

template <typename T>
std::vector<T> Values(const json& values) {
  std::vector<T> out;
  for (const json& v : values) {
    out.push_back(v.is_null() ? std::numeric_limits<T>::quiet_NaN() : v.get<T>());
  }
  return out;
}

Tensor ReadTensor(const json& in) {
  Tensor t{.name = in.at("name"), .shape = in.at("shape"), .values = {}};
  const std::string type = in.at("type");
  const json& values = in.at("values");
  if (type == "f32") t.values = Values<float>(values);
  if (type == "f64") t.values = Values<double>(values);
  if (type == "i64") t.values = values.get<std::vector<int64_t>>();
  if (type == "str") t.values = values.get<std::vector<std::string>>();
  return t;
}

ReportContext ReadContext(const json& in) {
  ReportContext out;
  out.job_name = in.value("job_name", "");
  out.base_job_name = in.value("base_job_name", "");
  out.status = in.value("status", "Completed");
  out.failure_reason = in.value("failure_reason", "");
  out.image = in.value("image", "");
  out.instance = in.value("instance", "");
  const auto time = [&](const char* name) -> std::optional<Time> {
    if (!in.contains(name)) return std::nullopt;
    const auto t = ParseIso8601(in.at(name).get<std::string>());
    return t ? std::optional(*t) : std::nullopt;
  };
  out.created = time("created");
  out.started = time("started");
  out.ended = time("ended");
  out.written = out.ended.value_or(Time{});
  out.hyperparameters = in.value("hyperparameters", std::map<std::string, std::string>{});
  for (const json& c : in.value("channels", json::array())) {
    out.channels.push_back({c.value("name", ""), c.value("source", ""), c.value("type", "")});
  }
  for (const json& r : in.value("rules", json::array())) {
    out.rules.push_back(
        {r.value("name", ""), r.value("rule", ""), r.value("status", ""), r.value("details", "")});
  }
  for (const json& j : in.value("other_jobs", json::array())) {
    out.other_jobs.push_back(
        {.name = j.value("name", ""),
         .status = j.value("status", ""),
         .ended = std::nullopt,
         .metrics = j.value("metrics", std::map<std::string, double>{}),
         .hyperparameters = j.value("hyperparameters", std::map<std::string, std::string>{})});
  }
  return out;
}

Status RunProfile(const json& in, const ReportContext& context, const fs::path& output) {
  const fs::path root = output / "profiler-output";
  CLARY_CHECK_OK(RemoveTree(root));
  std::map<std::string, std::string> files;
  for (const json& s : in.at("samples")) {
    const SystemSample sample{.time = s.at(0),
                              .type = s.at(1),
                              .name = s.at(2),
                              .dimension = s.at(3),
                              .node = s.at(4),
                              .value = s.at(5)};
    const Time time = FromMillis(static_cast<int64_t>(sample.time * 1000));
    files[SystemFileName(time, sample.node)] += SystemSampleLine(sample);
  }
  std::vector<TraceEvent> events;
  int64_t end = 0;
  for (const json& e : in.at("events")) {
    events.push_back({.name = e.at(0),
                      .process = e.at(1),
                      .node = e.at(2),
                      .begin_us = e.at(3),
                      .duration_us = e.at(4),
                      .step = e.at(5)});
    end = std::max(end, events.back().begin_us + events.back().duration_us);
  }
  if (!events.empty()) files[TraceFileName(end, "algo-1", "pythontimeline")] = WriteTrace(events);
  files["framework/training_job_end.ts"] = "";
  for (const auto& [name, text] : files) {
    CLARY_CHECK_OK(MakeDirectories((root / name).parent_path()));
    CLARY_CHECK_OK(WriteFileAtomic(root / name, text));
  }
  Profile profile(NewLocalTrialFiles(root));
  CLARY_CHECK_OK(profile.Refresh());
  CLARY_TRY(const auto rules, EvaluateProfilerRules({}, profile));
  return WriteProfilerReport(profile, rules, context, output / "profiler-report");
}

Status Run(const fs::path& input, const fs::path& output) {
  CLARY_TRY(const std::string text, ReadFile(input, uint64_t{1} << 30));
  const json in = json::parse(text);
  HookConfig config;
  for (const CollectionEntry& entry : kXgboostCollections) {
    config.collections.push_back(
        {.name = std::string(entry.name), .include_regex = {std::string(entry.include_regex)}});
  }
  config.collections.push_back({.name = "clary_report", .include_regex = {"^clary_report/"}});
  const fs::path trial_directory = output / "debug-output";
  CLARY_CHECK_OK(RemoveTree(trial_directory));
  CLARY_TRY(auto writer, TensorWriter::Open(trial_directory, config, Clock::System()));
  for (const json& step : in.at("steps")) {
    for (const json& tensor : step.at("tensors")) {
      writer->Add(tensor.at("collection").get<std::string>(), ReadTensor(tensor));
    }
    CLARY_CHECK_OK(writer->FinishStep(step.at("step")));
  }
  if (in.value("ended", true)) CLARY_CHECK_OK(writer->Close());

  Trial trial(NewLocalTrialFiles(trial_directory));
  CLARY_CHECK_OK(trial.Refresh());
  const auto start = std::chrono::steady_clock::now();
  CLARY_CHECK_OK(WriteTrainingReport(trial, ReadContext(in.at("context")), output / "report"));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  fmt::print("{:.1f} ms\n", took.count());
  if (!in.contains("profile")) return {};
  return RunProfile(in.at("profile"), ReadContext(in.at("context")), output);
}

}  // namespace
}  // namespace clary::debugger

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} INPUT.json OUTPUT\n", argv[0]);
    return 2;
  }
  const auto status = clary::debugger::Run(argv[1], argv[2]);
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
  return status ? 0 : 1;
}
