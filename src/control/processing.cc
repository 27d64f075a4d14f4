// The processing jobs behind RuleEvaluationJobArn: views of rules, with no records of their own.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/internal/create.h"
#include "control/internal/paging.h"
#include "control/internal/rules.h"
#include "control/internal/state.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kMaxConflicts = 100;
constexpr int kRuleVolumeGb = 10;
constexpr char kRuleInstance[] = "ml.t3.medium";  // of rules that name none
constexpr char kTensorsPath[] = "/opt/ml/processing/input/tensors";
constexpr char kProfilerPath[] = "/opt/ml/processing/input/profiler";
constexpr char kOutputPath[] = "/opt/ml/processing/output/rule";

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000.0; }

// A rule together with its job.
struct Evaluation {
  SnapshotPtr job;
  const RuleStatus* rule = nullptr;  // in `job`
  bool profiler = false;

  std::string name() const { return rule->job_name(); }
  int64_t created_ms() const { return job->record.created_ms; }
  int64_t modified_ms() const { return rule->modified_ms; }
  std::string status() const {
    struct Row {
      std::string_view rule;
      const char* job;
    };
    static constexpr Row kRows[] = {
        {"NoIssuesFound", "Completed"}, {"IssuesFound", "Completed"}, {"Error", "Failed"}};
    const auto* row = std::ranges::find(kRows, rule->status, &Row::rule);
    return row != std::end(kRows) ? row->job : rule->status;
  }
};

json SummaryOf(const Evaluation& e) {
  json view = {{"ProcessingJobName", e.name()},
               {"ProcessingJobArn", e.rule->arn},
               {"ProcessingJobStatus", e.status()},
               {"CreationTime", Seconds(e.created_ms())},
               {"LastModifiedTime", Seconds(e.modified_ms())}};
  if (e.rule->ended_ms > 0) view["ProcessingEndTime"] = Seconds(e.rule->ended_ms);
  if (!e.rule->details.empty()) {
    view[e.rule->status == "Error" ? "FailureReason" : "ExitMessage"] = e.rule->details;
  }
  return view;
}

json InputView(const char* name, const std::string& uri, const char* path) {
  return {{"InputName", name},
          {"AppManaged", false},
          {"S3Input",
           {{"S3Uri", uri},
            {"LocalPath", path},
            {"S3DataType", "S3Prefix"},
            {"S3InputMode", "File"},
            {"S3DataDistributionType", "FullyReplicated"},
            {"S3CompressionType", "None"}}}};
}

json DescriptionOf(const Evaluation& e, const Environment& environment, const Options& options) {
  const JobRecord& record = e.job->record;
  const json request = json::parse(record.request, nullptr, false);
  const json configuration = RuleConfiguration(request, e.rule->name, e.profiler);
  const api::RuleSpec spec = MakeRuleSpec(record, *e.rule, e.profiler, environment, options);
  json view = SummaryOf(e);
  view["TrainingJobArn"] = record.arn;
  view["RoleArn"] = request.at("RoleArn");
  view["AppSpecification"] = {{"ImageUri", spec.image}};
  view["Environment"] = spec.parameters;
  if (e.rule->started_ms > 0) view["ProcessingStartTime"] = Seconds(e.rule->started_ms);
  view["ProcessingInputs"] = {e.profiler ? InputView("profiler", spec.profiler_uri, kProfilerPath)
                                         : InputView("tensors", spec.tensors_uri, kTensorsPath)};
  view["ProcessingOutputConfig"] = {{"Outputs",
                                     {{{"OutputName", "rule"},
                                       {"AppManaged", false},
                                       {"S3Output",
                                        {{"S3Uri", spec.output_uri},
                                         {"LocalPath", kOutputPath},
                                         {"S3UploadMode", "Continuous"}}}}}}};
  view["ProcessingResources"] = {
      {"ClusterConfig",
       {{"InstanceCount", 1},
        {"InstanceType", configuration.value("InstanceType", kRuleInstance)},
        {"VolumeSizeInGB", configuration.value("VolumeSizeInGB", kRuleVolumeGb)}}}};
  view["StoppingCondition"] = {{"MaxRuntimeInSeconds", record.max_runtime_s}};
  return view;
}

Result<Evaluation> FindEvaluation(const Records& records, const json& input) {
  const std::string name = input.at("ProcessingJobName");
  Evaluation found{.job = records.FindByRule(name)};
  if (found.job) {
    found.job->record.ForEachRule([&](const RuleStatus& rule, bool profiler) {
      if (rule.job_name() != name) return;
      found.rule = &rule;
      found.profiler = profiler;
    });
  }
  if (found.rule == nullptr) {
    return Fail(Code::kNotFound, "ValidationException",
                "Could not find requested job with name: " + name);
  }
  return found;
}

}  // namespace

Result<json> Service::State::DescribeProcessing(const json& input) {
  CLARY_TRY(const Evaluation found, FindEvaluation(records, input));
  return DescriptionOf(found, env, options);
}

Result<json> Service::State::ListProcessing(const json& input) {
  const std::string sort_by = input.value("SortBy", "CreationTime");
  const bool ascending = input.value("SortOrder", "Descending") == "Ascending";
  const std::string order = sort_by + (ascending ? "+" : "-");
  const size_t limit = PageSize(input, kDefaultPage);
  const ListFilter wanted(input);
  CLARY_TRY(const json token, ReadToken(input, order, 3));
  if (!token.is_null() && !token[2].is_string()) {
    return Invalid("The provided NextToken is not valid.");
  }

  // What the order compares; the name makes it total.
  const auto key_of = [&](const Evaluation& e) -> json {
    if (sort_by == "Name") return "";
    if (sort_by == "Status") return e.status();
    return e.created_ms();
  };
  const auto before = [&](const json& key_a, const std::string& a, const json& key_b,
                          const std::string& b) {
    if (key_a != key_b) return ascending ? key_a < key_b : key_b < key_a;
    return ascending ? a < b : b < a;
  };
  std::vector<Evaluation> page;
  records.ByCreation(true, std::nullopt, [&](const SnapshotPtr& job) {
    job->record.ForEachRule([&](const RuleStatus& rule, bool profiler) {
      Evaluation e{.job = job, .rule = &rule, .profiler = profiler};
      if (!wanted(e.name(), e.status(), e.created_ms(), e.modified_ms())) return;
      if (!token.is_null() && !before(token[1], token[2], key_of(e), e.name())) return;
      page.push_back(std::move(e));
    });
    return true;
  });
  std::ranges::sort(page, [&](const Evaluation& a, const Evaluation& b) {
    return before(key_of(a), a.name(), key_of(b), b.name());
  });
  json out = {{"ProcessingJobSummaries", json::array()}};
  if (page.size() > limit) {
    page.resize(limit);
    out["NextToken"] = MakeToken({order, key_of(page.back()), page.back().name()});
  }
  for (const Evaluation& e : page) out["ProcessingJobSummaries"].push_back(SummaryOf(e));
  return out;
}

Result<json> Service::State::StopProcessing(const json& input) {
  for (int i = 0; i < kMaxConflicts; ++i) {
    CLARY_TRY(const Evaluation found, FindEvaluation(records, input));
    if (found.rule->status != "InProgress") {
      return Invalid("The request was rejected because the processing job is in status " +
                     found.status() + ".");
    }
    JobRecord record = found.job->record;
    record.ForEachRule([&](RuleStatus& rule, bool) {
      if (rule.arn == found.rule->arn) rule.stop_requested_ms = ToMillis(env.clock.Now());
    });
    const auto written = records.Update(found.job, std::move(record));
    if (written) {
      bell->Ring(false);
      return json::object();
    }
    if (written.error().code != Code::kConflict) return std::unexpected(written.error());
  }
  return Fail(Code::kUnavailable, "ThrottlingException", "Rate exceeded");
}

}  // namespace clary::control
