// Tuning jobs: they try hyperparameters in training jobs of their own, several at once, until
// enough has been tried. Here is what users ask for and see; tuning_steps.cc moves them on.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"
#include "control/internal/paging.h"
#include "control/internal/tuning_job.h"
#include "control/internal/tuning_report.h"
#include "control/internal/tuning_request.h"

namespace clary::control {
namespace tuning_job {
namespace {

using nlohmann::json;

// --- Create.

constexpr size_t kMostParentTrials = 500;  // of all parents
constexpr size_t kMostChanges = 10;        // from one parent

constexpr const char* kRangeLists[] = {"IntegerParameterRanges", "ContinuousParameterRanges",
                                       "CategoricalParameterRanges"};

// The list of ranges that each tuned hyperparameter is in.
std::map<std::string, std::string> ListsOf(const json& request) {
  std::map<std::string, std::string> out;
  const json& ranges = ConfigOf(request).at("ParameterRanges");
  for (const char* list : kRangeLists) {
    for (const json& range : ranges.at(list)) out[range.at("Name")] = list;
  }
  return out;
}

// What differs too much from a parent whose hyperparameters have the same names.
Status CheckChanges(const json& request, const json& theirs, const std::string& parent) {
  const auto mine = ListsOf(request);
  const auto old = ListsOf(theirs);
  const json& statics = request.at("TrainingJobDefinition").at("StaticHyperParameters");
  const json& old_statics = theirs.at("TrainingJobDefinition").at("StaticHyperParameters");
  std::vector<std::string> changes;
  for (const auto& [name, list] : mine) {
    const auto before = old.find(name);
    if (before == old.end()) {
      changes.push_back(name);
    } else if (before->second != list) {
      return Invalid("The hyperparameter " + name + " is in " + list + ", and was in " +
                     before->second + " of the parent tuning job " + parent +
                     ". The type of a tuned hyperparameter must not change in a warm start.");
    }
  }
  for (const auto& [name, value] : statics.items()) {
    const auto before = old_statics.find(name);
    if (before == old_statics.end() || *before != value) changes.push_back(name);
  }
  if (changes.size() <= kMostChanges) return {};
  std::string names;
  for (const std::string& name : changes) names += (names.empty() ? "" : ", ") + name;
  return Invalid("A warm start may change at most " + std::to_string(kMostChanges) +
                 " hyperparameters of each parent (a static value, or from static to tuned or "
                 "back). From the parent tuning job " +
                 parent + " " + std::to_string(changes.size()) + " are changed: " + names + ".");
}

Status CheckParents(const Context& context, const json& request) {
  const auto warm = request.find("WarmStartConfig");
  if (warm == request.end()) return {};
  if (request.contains("TrainingJobDefinitions")) {
    return Invalid("WarmStartConfig is for tuning jobs with one TrainingJobDefinition.");
  }
  const json& definition = request.at("TrainingJobDefinition");
  const json& objective = ConfigOf(request).at("HyperParameterTuningJobObjective");
  const auto names_of = [](const json& of) {
    std::set<std::string> names;
    for (const auto& [name, value] :
         of.at("TrainingJobDefinition").at("StaticHyperParameters").items()) {
      names.insert(name);
    }
    for (const auto& [name, list] : ListsOf(of)) names.insert(name);
    return names;
  };
  size_t trials = 0;
  for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
    const std::string name = parent.value("HyperParameterTuningJobName", "");
    const SnapshotPtr found = context.records.Find(kTuningJob, ToLower(name));
    if (!found) return std::unexpected(Say(kTuningJob.not_found, name));
    if (!found->record.terminal()) {
      return Invalid("The parent tuning job " + name + " is in status " + found->record.status +
                     ". Only jobs that are Completed, Failed or Stopped can be parents.");
    }
    const json theirs = found->record.Request();
    if (theirs.contains("TrainingJobDefinitions")) {
      return Invalid("The parent tuning job " + name +
                     " has several TrainingJobDefinitions; it cannot be a parent.");
    }
    if (ConfigOf(theirs).at("HyperParameterTuningJobObjective") != objective) {
      return Invalid("The parent tuning job " + name + " has another objective.");
    }
    const auto mine = names_of(request), parents = names_of(theirs);
    if (mine != parents) {
      std::string differing;
      const auto tell = [&](const auto& one, const auto& other) {
        for (const std::string& n : one) {
          if (!other.contains(n)) differing += (differing.empty() ? "" : ", ") + n;
        }
      };
      tell(mine, parents);
      tell(parents, mine);
      return Invalid(
          "The set of tunable plus static HyperParameter names is not the same across current and "
          "parent tuning jobs. Please ensure this set is constant when warm starting. Note that "
          "previously static HyperParameters can be tuned in warm start jobs and vice versa. "
          "Differing from " +
          name + ": " + differing + ".");
    }
    CLARY_CHECK_OK(CheckChanges(request, theirs, name));
    trials += Outcome(context, found->record, theirs).at("Trials").get<size_t>();
    if (trials > kMostParentTrials) {
      return Invalid("The parent tuning jobs of a warm start may have at most " +
                     std::to_string(kMostParentTrials) + " training jobs in sum; with those of " +
                     name + " they have " + std::to_string(trials) + ".");
    }
    if (warm->at("WarmStartType") != "IdenticalDataAndAlgorithm") continue;
    const json& old = theirs.at("TrainingJobDefinition");
    for (const char* member : {"AlgorithmSpecification", "InputDataConfig"}) {
      const auto a = definition.find(member), b = old.find(member);
      const bool same = a == definition.end() ? b == old.end() : b != old.end() && *a == *b;
      if (same) continue;
      return Invalid(std::string("WarmStartType IdenticalDataAndAlgorithm needs the same ") +
                     member + " as that of the parent tuning job " + name +
                     "; use TransferLearning, or leave it as it was.");
    }
  }
  return {};
}

Status Create(Context& context, json request, Record& record, Plan& plan) {
  CLARY_CHECK_OK(CheckTuningRequest(context, request));
  CLARY_CHECK_OK(CheckParents(context, request));
  record.Edit<TuningFacts>();
  record.status = "InProgress";
  record.request = request.dump();
  return PlanTuningReport(context, record, request, plan);
}

// --- Views.

json Summary(const Context& context, const Record& record) {
  const json request = record.Request();
  const json outcome = Outcome(context, record, request);
  json view = {{"HyperParameterTuningJobName", record.name},
               {"HyperParameterTuningJobArn", record.arn},
               {"HyperParameterTuningJobStatus", record.status},
               {"Strategy", ConfigOf(request).at("Strategy")},
               {"CreationTime", Seconds(record.created_ms)},
               {"LastModifiedTime", Seconds(record.modified_ms)},
               {"ResourceLimits", ConfigOf(request).at("ResourceLimits")}};
  for (const char* member : {"TrainingJobStatusCounters", "ObjectiveStatusCounters"}) {
    view[member] = outcome.at(member);
  }
  if (record.ended_ms > 0) view["HyperParameterTuningEndTime"] = Seconds(record.ended_ms);
  return view;
}

void AddMetricDefinitions(json& view, json& definition, size_t i) {
  json metrics = json::array();
  for (const auto& metric : TrialMetrics(view, i)) {
    metrics.push_back({{"Name", metric.name}, {"Regex", metric.regex}});
  }
  definition["AlgorithmSpecification"]["MetricDefinitions"] = std::move(metrics);
}

json View(const Context& context, const Record& record, Show show) {
  json view = record.Request();
  const json outcome = Outcome(context, record, view);
  for (const auto& [member, value] : outcome.items()) {
    if (member != "Trials" && member != "NotImproving") view[member] = value;
  }
  if (show != Show::kMatch) {
    if (const auto one = view.find("TrainingJobDefinition"); one != view.end()) {
      AddMetricDefinitions(view, *one, 0);
    } else {
      json& several = view.at("TrainingJobDefinitions");
      for (size_t i = 0; i < several.size(); ++i) AddMetricDefinitions(view, several[i], i);
    }
  }
  const TuningFacts& facts = FactsOf(record);
  view["HyperParameterTuningJobArn"] = record.arn;
  view["HyperParameterTuningJobStatus"] = record.status;
  view["CreationTime"] = Seconds(record.created_ms);
  view["LastModifiedTime"] = Seconds(record.modified_ms);
  if (record.ended_ms > 0) view["HyperParameterTuningEndTime"] = Seconds(record.ended_ms);
  if (!record.failure_reason.empty()) view["FailureReason"] = record.failure_reason;
  json& details = view["TuningJobCompletionDetails"];
  details["NumberOfTrainingJobsObjectiveNotImproving"] = outcome.at("NotImproving");
  if (facts.converged_ms > 0) details["ConvergenceDetectedTime"] = Seconds(facts.converged_ms);
  const int64_t end = record.ended_ms > 0 ? record.ended_ms : context.Now();
  view["ConsumedResources"] = {
      {"RuntimeInSeconds", std::max<int64_t>(0, end - record.created_ms) / 1000}};
  // Of a warm start on the same data, the best of all.
  const auto warm = view.find("WarmStartConfig");
  if (warm == view.end() || warm->at("WarmStartType") != "IdenticalDataAndAlgorithm") return view;
  const bool maximise = Maximises(view);
  json overall = view.value("BestTrainingJob", json());
  const auto value_of = [](const json& best) {
    return best.at("FinalHyperParameterTuningJobObjectiveMetric").at("Value").get<double>();
  };
  if (!overall.is_null()) overall["TuningJobName"] = record.name;
  for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
    const SnapshotPtr found = context.records.Find(
        kTuningJob, ToLower(parent.value("HyperParameterTuningJobName", std::string())));
    if (!found) continue;
    const json theirs = Outcome(context, found->record, found->record.Request());
    const auto best = theirs.find("BestTrainingJob");
    if (best == theirs.end()) continue;
    if (!overall.is_null() &&
        (maximise ? value_of(*best) <= value_of(overall) : value_of(*best) >= value_of(overall))) {
      continue;
    }
    overall = *best;
    overall["TuningJobName"] = found->record.name;
  }
  if (!overall.is_null()) view["OverallBestTrainingJob"] = std::move(overall);
  return view;
}

// --- Other operations.

Status MayDelete(const Context& /*context*/, const Record& record) {
  if (record.terminal()) return {};
  return Fail(Code::kFailedPrecondition, "ResourceInUse",
              "The hyperparameter tuning job is in status " + record.status +
                  ". Only jobs that are Completed, Failed or Stopped can be deleted.");
}

constexpr std::string_view kListTrials = "ListTrainingJobsForHyperParameterTuningJob";

Result<json> ListTrials(Context& context, const json& input) {
  CLARY_TRY(const SnapshotPtr tuning, Named(context, kTuningJob, input));
  const std::string sort_by = input.value("SortBy", "Name");
  const bool ascending = input.value("SortOrder", "Ascending") == "Ascending";
  const std::string status = input.value("StatusEquals", "");
  const size_t limit = PageSize(input, kDefaultPage);
  CLARY_TRY(const json token, ReadToken(kListTrials, input, 2));
  struct Item {
    json key;
    size_t number;
    SnapshotPtr trial;
  };
  std::vector<Item> items;
  for (const SnapshotPtr& one : Trials(context, tuning->record)) {
    const Record& trial = one->record;
    if (!status.empty() && trial.status != status) continue;
    json key;
    if (sort_by == "CreationTime") key = trial.created_ms;
    if (sort_by == "Status") key = trial.status;
    if (sort_by == "FinalObjectiveMetricValue") {
      const auto value = ObjectiveValue(trial);
      if (!value || !trial.terminal()) continue;
      key = *value;
    }
    items.push_back(
        {.key = std::move(key), .number = NumberOf(tuning->record, trial), .trial = one});
  }
  const auto before = [&](const json& key_a, size_t a, const json& key_b, size_t b) {
    if (key_a != key_b) return ascending ? key_a < key_b : key_b < key_a;
    return ascending ? a < b : b < a;
  };
  std::ranges::sort(items, [&](const Item& a, const Item& b) {
    return before(a.key, a.number, b.key, b.number);
  });
  json out = {{"TrainingJobSummaries", json::array()}};
  if (!token.is_null()) {
    if (!token[1].is_number_unsigned()) return Invalid("The provided NextToken is not valid.");
    std::erase_if(items, [&](const Item& item) {
      return !before(token[0], token[1].get<size_t>(), item.key, item.number);
    });
  }
  if (items.size() > limit) {
    items.resize(limit);
    out["NextToken"] =
        MakeToken(kListTrials, input, json::array({items.back().key, items.back().number}));
  }
  const json request = tuning->record.Request();
  for (const Item& item : items) {
    out["TrainingJobSummaries"].push_back(
        TrialSummary(request, tuning->record, item.trial->record));
  }
  return out;
}

constexpr Extra kExtras[] = {{kListTrials, ListTrials}};
constexpr std::string_view kEnds[] = {"Completed", "Failed", "Stopped"};
constexpr std::string_view kCostly[] = {
    "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions",
    "TrainingJobDefinitions.AlgorithmSpecification.MetricDefinitions"};

}  // namespace
}  // namespace tuning_job

constinit const Kind kTuningJob = {
    .stem = "HyperParameterTuningJob",
    .name_member = "HyperParameterTuningJobName",
    .arn_member = "HyperParameterTuningJobArn",
    .segment = "hyper-parameter-tuning-job",
    .table = "tuning_jobs",
    .noun = "hyperparameter tuning job",
    .verbs = kCreate | kDescribe | kList | kStop | kDelete,
    .extras = tuning_job::kExtras,
    .fold_case = true,
    .ends = tuning_job::kEnds,
    .summaries = "HyperParameterTuningJobSummaries",
    .sort_by = "Name",
    .sort_order = "Ascending",
    .search_resource = "HyperParameterTuningJob",
    .costly = tuning_job::kCostly,
    .stop_again = true,
    .not_found = {Code::kNotFound, "ResourceNotFound",
                  "Amazon SageMaker can't find a tuning job called {name}. Type another name."},
    .exists = {Code::kAlreadyExists, "ResourceInUse",
               "A hyperparameter tuning job with the name, {name}, already exists. Choose a "
               "different name."},
    .create = tuning_job::Create,
    .step = tuning_job::Step,
    .view = tuning_job::View,
    .summary = tuning_job::Summary,
    .facts = TuningFacts::FromJson,
    .may_delete = tuning_job::MayDelete,
};

}  // namespace clary::control
