// Experiments, trials and trial components: kinds that only are. A trial is owned by its
// experiment; which trials a component is associated with is a fact of the component.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"
#include "control/internal/experiments.h"
#include "control/internal/training_job.h"

namespace clary::control {
namespace experiment {
namespace {

using nlohmann::json;

constexpr size_t kMaxParameters = 300;  // of a component
constexpr size_t kMaxArtifacts = 60;    // of it, each way
constexpr size_t kMaxMetrics = 1000;    // names

// What BatchPutMetrics has brought of one metric.
struct MetricStatistics {
  std::string name;
  int64_t time_ms = 0;  // of `last`
  int64_t count = 0;
  double min = 0, max = 0, last = 0;
  double mean = 0, squares = 0;  // squares: sum of squared distances from the mean

  // Welford's update (Knuth, TAOCP volume 2, 4.2.2).
  void Add(double value, int64_t at_ms) {
    min = count == 0 ? value : std::min(min, value);
    max = count == 0 ? value : std::max(max, value);
    if (count == 0 || at_ms >= time_ms) {
      last = value;
      time_ms = at_ms;
    }
    ++count;
    const double distance = value - mean;
    mean += distance / static_cast<double>(count);
    squares += distance * (value - mean);
  }
};

struct ComponentFacts : Facts {
  std::vector<std::string> trials;  // keys
  std::vector<MetricStatistics> metrics;

  json ToJson() const override {
    json list = json::array();
    for (const MetricStatistics& m : metrics) {
      list.push_back({{"name", m.name},
                      {"time_ms", m.time_ms},
                      {"count", m.count},
                      {"min", m.min},
                      {"max", m.max},
                      {"last", m.last},
                      {"mean", m.mean},
                      {"squares", m.squares}});
    }
    return {{"trials", trials}, {"metrics", std::move(list)}};
  }
  static FactsPtr FromJson(const json& j) {
    auto facts = std::make_shared<ComponentFacts>();
    facts->trials = j.at("trials");
    for (const json& m : j.at("metrics")) {
      facts->metrics.push_back({.name = m.at("name"),
                                .time_ms = m.at("time_ms"),
                                .count = m.at("count"),
                                .min = m.at("min"),
                                .max = m.at("max"),
                                .last = m.at("last"),
                                .mean = m.at("mean"),
                                .squares = m.at("squares")});
    }
    return facts;
  }
};

const ComponentFacts& FactsOf(const Record& component) { return component.As<ComponentFacts>(); }

bool IsIn(const Record& component, const std::string& trial) {
  const auto& trials = FactsOf(component).trials;
  return std::ranges::find(trials, trial) != trials.end();
}

Result<SnapshotPtr> Get(const Context& context, const Kind& kind, const std::string& name) {
  return Named(context, kind, json{{kind.name_member, name}});
}

// Written again as it is, so that it cannot be deleted at the same time.
void Hold(const SnapshotPtr& record, Plan& plan) { plan.Update(record, record->record); }

// What all three have in Describe and List; their request is the rest.
json Head(const Record& r) {
  return {{r.kind->name_member, r.name},
          {r.kind->arn_member, r.arn},
          {"CreationTime", Seconds(r.created_ms)},
          {"LastModifiedTime", Seconds(r.modified_ms)}};
}

json Summary(const Context& /*context*/, const Record& r) {
  json view = Head(r);
  view["DisplayName"] = r.Request().value("DisplayName", r.name);
  return view;
}

Status CreateAny(Context& /*context*/, json request, Record& record, Plan& /*plan*/) {
  request.emplace("DisplayName", record.name);
  record.request = request.dump();
  return {};
}

// Puts the given members into the request.
Result<json> UpdateMembers(Context& context, const Kind& kind, const json& input,
                           const std::function<Status(json& request)>& more = nullptr) {
  json answer;
  CLARY_CHECK_OK(Write(context, kind, input, [&](Record& record) -> Status {
    json request = record.Request();
    for (const auto& [name, value] : input.items()) {
      if (name == kind.name_member || name.ends_with("ToRemove")) continue;
      const bool adds = name == "Parameters" || name.ends_with("Artifacts");
      if (adds && request.contains(name)) {
        request[name].update(value);
      } else {
        request[name] = value;
      }
    }
    if (more) CLARY_CHECK_OK(more(request));
    record.request = request.dump();
    record.modified_ms = std::max(record.modified_ms, context.Now());
    answer = {{kind.arn_member, record.arn}};
    return {};
  }));
  return answer;
}

// --- Experiments.

json ExperimentView(const Context& /*context*/, const Record& r, Show /*show*/) {
  json view = r.Request();
  view.update(Head(r));
  return view;
}

Result<json> UpdateExperiment(Context& context, const json& input) {
  return UpdateMembers(context, kExperiment, input);
}

Status MayDeleteExperiment(const Context& context, const Record& experiment) {
  if (context.records.Children(experiment.arn).empty()) return {};
  return Invalid("Experiment '" + experiment.name +
                 "' still has trials. Delete its trials before the experiment.");
}

// --- Trials.

Status CreateTrial(Context& context, json request, Record& trial, Plan& plan) {
  CLARY_TRY(const SnapshotPtr experiment, Get(context, kExperiment, request.at("ExperimentName")));
  trial.owner = experiment->record.arn;
  Hold(experiment, plan);
  return CreateAny(context, std::move(request), trial, plan);
}

std::vector<SnapshotPtr> ComponentsOf(const Context& context, const std::string& trial) {
  std::vector<SnapshotPtr> out;
  context.records.ByCreation(kTrialComponent, true, std::nullopt, [&](const SnapshotPtr& one) {
    if (IsIn(one->record, trial)) out.push_back(one);
    return true;
  });
  return out;
}

json TrialView(const Context& context, const Record& r, Show show) {
  json view = r.Request();
  view.update(Head(r));
  if (show != Show::kSearch) return view;
  json components = json::array();
  for (const SnapshotPtr& one : ComponentsOf(context, r.key)) {
    components.push_back({{"TrialComponentName", one->record.name},
                          {"TrialComponentArn", one->record.arn},
                          {"CreationTime", Seconds(one->record.created_ms)}});
  }
  view["TrialComponentSummaries"] = std::move(components);
  return view;
}

Result<json> UpdateTrial(Context& context, const json& input) {
  return UpdateMembers(context, kTrial, input);
}

Status MayDeleteTrial(const Context& context, const Record& trial) {
  if (ComponentsOf(context, trial.key).empty()) return {};
  return Invalid("Trial '" + trial.name +
                 "' still has trial components. Disassociate them before you delete the trial.");
}

Result<std::function<bool(const Record&)>> FilterTrials(const Context& context, const json& input) {
  std::string experiment;
  std::optional<std::vector<std::string>> trials;
  if (const auto name = input.find("ExperimentName"); name != input.end()) {
    CLARY_TRY(const SnapshotPtr found, Get(context, kExperiment, *name));
    experiment = found->record.arn;
  }
  if (const auto name = input.find("TrialComponentName"); name != input.end()) {
    CLARY_TRY(const SnapshotPtr found, Get(context, kTrialComponent, *name));
    trials = FactsOf(found->record).trials;
  }
  return [experiment, trials](const Record& trial) {
    return (experiment.empty() || trial.owner == experiment) &&
           (!trials || std::ranges::find(*trials, trial.key) != trials->end());
  };
}

// --- Trial components.

// What the shape allows and no component may be.
Status CheckComponent(const json& request) {
  const json parameters = request.value("Parameters", json::object());
  for (const auto& [name, value] : parameters.items()) {
    if (value.size() == 1) continue;
    return Invalid("Parameters: '" + name +
                   "' must have exactly one of StringValue and NumberValue");
  }
  if (request.contains("StartTime") && request.contains("EndTime") &&
      request["EndTime"] < request["StartTime"]) {
    return Invalid("EndTime of a trial component must not be before its StartTime");
  }
  return {};
}

Status CreateComponent(Context& context, json request, Record& component, Plan& plan) {
  CLARY_CHECK_OK(CheckComponent(request));
  if (!component.facts) component.facts = std::make_shared<ComponentFacts>();
  return CreateAny(context, std::move(request), component, plan);
}

// What a component that a job made shows of it.
void AddSource(const Context& context, const Record& component, json& view) {
  const SnapshotPtr source = context.records.FindArn(component.owner);
  if (!source) return;
  const Record& job = source->record;
  view["Status"] = {{"PrimaryStatus", job.status == "Deleting" ? "Stopped" : job.status}};
  if (job.kind == &kTrainingJob) view["Status"]["Message"] = job.As<TrainingFacts>().secondary;
  if (job.started_ms > 0) view["StartTime"] = Seconds(job.started_ms);
  if (job.ended_ms > 0 && job.terminal()) view["EndTime"] = Seconds(job.ended_ms);
}

json SourceOf(const Record& component) {
  const Kind* kind = ParseArn(component.owner).kind;
  return {{"SourceArn", component.owner},
          {"SourceType", "SageMaker" + std::string(kind != nullptr ? kind->stem : "")}};
}

json ComponentSummary(const Context& context, const Record& component) {
  json view = Summary(context, component);
  const json request = component.Request();
  for (const char* member : {"Status", "StartTime", "EndTime"}) {
    if (request.contains(member)) view[member] = request[member];
  }
  if (!component.owner.empty()) {
    view["TrialComponentSource"] = SourceOf(component);
    AddSource(context, component, view);
  }
  return view;
}

json ComponentView(const Context& context, const Record& component, Show show) {
  json view = component.Request();
  view.update(Head(component));
  json metrics = json::array();
  for (const MetricStatistics& m : FactsOf(component).metrics) {
    metrics.push_back({{"MetricName", m.name},
                       {"TimeStamp", Seconds(m.time_ms)},
                       {"Max", m.max},
                       {"Min", m.min},
                       {"Last", m.last},
                       {"Count", m.count},
                       {"Avg", m.mean},
                       {"StdDev", std::sqrt(m.squares / static_cast<double>(m.count))}});
  }
  const SnapshotPtr source = context.records.FindArn(component.owner);
  if (source) {
    view["Source"] = SourceOf(component);
    AddSource(context, component, view);
    if (source->record.kind == &kTrainingJob) {
      for (const FinalMetric& m : source->record.As<TrainingFacts>().final_metrics) {
        metrics.push_back({{"MetricName", m.name},
                           {"SourceArn", component.owner},
                           {"TimeStamp", Seconds(m.time_ms)},
                           {"Last", m.value}});
      }
    }
  }
  view["Metrics"] = std::move(metrics);
  if (show == Show::kDescribe) return view;
  json parents = json::array();
  for (const std::string& key : FactsOf(component).trials) {
    const SnapshotPtr trial = context.records.Find(kTrial, key);
    const SnapshotPtr experiment = trial ? context.records.FindArn(trial->record.owner) : nullptr;
    if (!experiment) continue;
    parents.push_back(
        {{"TrialName", trial->record.name}, {"ExperimentName", experiment->record.name}});
  }
  view["Parents"] = std::move(parents);
  if (source && show == Show::kSearch) {
    const Kind& kind = *source->record.kind;
    view["SourceDetail"] = {{"SourceArn", component.owner},
                            {std::string(kind.stem), kind.view(context, source->record, show)}};
  }
  return view;
}

Result<json> UpdateComponent(Context& context, const json& input) {
  return UpdateMembers(context, kTrialComponent, input, [&](json& request) -> Status {
    struct Row {
      const char* member;
      const char* to_remove;
      size_t limit;
    };
    for (const Row& row : {Row{"Parameters", "ParametersToRemove", kMaxParameters},
                           Row{"InputArtifacts", "InputArtifactsToRemove", kMaxArtifacts},
                           Row{"OutputArtifacts", "OutputArtifactsToRemove", kMaxArtifacts}}) {
      const auto held = request.find(row.member);
      if (held == request.end()) continue;
      for (const json& name : input.value(row.to_remove, json::array())) {
        held->erase(name.get<std::string>());
      }
      if (held->size() <= row.limit) continue;
      return Invalid(std::string(row.member) + " of a trial component may have at most " +
                     std::to_string(row.limit) + " entries.");
    }
    return CheckComponent(request);
  });
}

Status MayDeleteComponent(const Context& /*context*/, const Record& component) {
  if (FactsOf(component).trials.empty()) return {};
  return Invalid("Trial component '" + component.name +
                 "' is associated with trials. Disassociate it before you delete it.");
}

Result<std::function<bool(const Record&)>> FilterComponents(const Context& context,
                                                            const json& input) {
  std::optional<std::set<std::string>> trials;  // it is in one of them
  if (const auto name = input.find("TrialName"); name != input.end()) {
    CLARY_TRY(const SnapshotPtr found, Get(context, kTrial, *name));
    trials = {found->record.key};
  }
  if (const auto name = input.find("ExperimentName"); name != input.end()) {
    CLARY_TRY(const SnapshotPtr found, Get(context, kExperiment, *name));
    std::set<std::string> of_experiment;
    for (const SnapshotPtr& trial : context.records.Children(found->record.arn)) {
      const std::string& key = trial->record.key;
      if (!trials || trials->contains(key)) of_experiment.insert(key);
    }
    trials = std::move(of_experiment);
  }
  return [trials, source = input.value("SourceArn", "")](const Record& component) {
    const auto& in = FactsOf(component).trials;
    return (source.empty() || component.owner == source) &&
           (!trials || std::ranges::any_of(in, [&](const auto& t) { return trials->contains(t); }));
  };
}

Result<json> ChangeAssociation(Context& context, const json& input, bool associate) {
  json answer;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr component, Named(context, kTrialComponent, input));
    CLARY_TRY(const SnapshotPtr trial, Named(context, kTrial, input));
    answer = {{"TrialComponentArn", component->record.arn}, {"TrialArn", trial->record.arn}};
    const std::string& key = trial->record.key;
    if (IsIn(component->record, key) == associate) return {};
    Record changed = component->record;
    auto& trials = changed.Edit<ComponentFacts>().trials;
    if (associate) {
      trials.push_back(key);
    } else {
      std::erase(trials, key);
    }
    plan.Update(component, std::move(changed));
    Hold(trial, plan);
    return {};
  }));
  return answer;
}

Result<json> Associate(Context& context, const json& input) {
  return ChangeAssociation(context, input, true);
}

Result<json> Disassociate(Context& context, const json& input) {
  return ChangeAssociation(context, input, false);
}

Result<json> BatchPutMetrics(Context& context, const json& input) {
  json errors;
  CLARY_CHECK_OK(Write(context, kTrialComponent, input, [&](Record& component) -> Status {
    auto& metrics = component.Edit<ComponentFacts>().metrics;
    errors = json::array();
    int index = -1;
    for (const json& point : input.at("MetricData")) {
      ++index;
      const std::string name = point.at("MetricName");
      auto metric = std::ranges::find(metrics, name, &MetricStatistics::name);
      if (metric == metrics.end() && metrics.size() == kMaxMetrics) {
        errors.push_back({{"Code", "METRIC_LIMIT_EXCEEDED"}, {"MetricIndex", index}});
        continue;
      }
      if (metric == metrics.end()) {
        metric = metrics.insert(metric, MetricStatistics());
        metric->name = name;
      }
      metric->Add(point.at("Value"), std::llround(point.at("Timestamp").get<double>() * 1000));
    }
    component.modified_ms = std::max(component.modified_ms, context.Now());
    return {};
  }));
  return errors.empty() ? json::object() : json{{"Errors", std::move(errors)}};
}

constexpr std::string_view kCostlyOfTrials[] = {"TrialComponentSummaries"};
constexpr std::string_view kCostlyOfComponents[] = {"SourceDetail"};
constexpr Extra kExperimentExtras[] = {{"UpdateExperiment", UpdateExperiment}};
constexpr Extra kTrialExtras[] = {{"UpdateTrial", UpdateTrial}};
constexpr Extra kComponentExtras[] = {{"UpdateTrialComponent", UpdateComponent},
                                      {"AssociateTrialComponent", Associate},
                                      {"DisassociateTrialComponent", Disassociate},
                                      {"BatchPutMetrics", BatchPutMetrics}};

// A job's hyperparameter or resource as a parameter of its component.
json Parameter(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool all = error == std::errc() && end == text.data() + text.size();
  if (all && std::isfinite(number)) return {{"NumberValue", number}};
  return {{"StringValue", text}};
}

// What a job's trial component shows.
struct JobComponent {
  json parameters = json::object();
  json inputs = json::object();
  json outputs = json::object();
};

// Where a job runs, as parameters.
void AddResources(const json& image, const json& resources, JobComponent& component) {
  component.parameters["SageMaker.ImageUri"] = {{"StringValue", image}};
  // Groups of instances have no one type.
  if (resources.contains("InstanceType")) {
    component.parameters["SageMaker.InstanceType"] = {
        {"StringValue", resources.at("InstanceType")}};
  }
  for (const char* member : {"InstanceCount", "VolumeSizeInGB"}) {
    if (!resources.contains(member)) continue;
    component.parameters[std::string("SageMaker.") + member] = {
        {"NumberValue", resources.at(member)}};
  }
}

Status PlanComponent(Context& context, const Record& job, const json& request,
                     JobComponent component, Plan& plan) {
  const auto config = request.find("ExperimentConfig");
  auto facts = std::make_shared<ComponentFacts>();
  const std::string experiment_name = config->value("ExperimentName", "");
  if (const std::string name = config->value("TrialName", ""); !name.empty()) {
    CLARY_TRY(const SnapshotPtr trial, Get(context, kTrial, name));
    if (!experiment_name.empty()) {
      CLARY_TRY(const SnapshotPtr experiment, Get(context, kExperiment, experiment_name));
      if (trial->record.owner != experiment->record.arn) {
        return Invalid("ExperimentConfig: trial '" + name + "' does not belong to experiment '" +
                       experiment_name + "'.");
      }
    }
    Hold(trial, plan);
    facts->trials.push_back(trial->record.key);
  } else if (!experiment_name.empty()) {
    const json trial = {{"TrialName", job.name}, {"ExperimentName", experiment_name}};
    CLARY_TRY(const std::string arn, PlanCreate(context, kTrial, trial, {}, plan));
    facts->trials.push_back(arn.substr(arn.rfind('/') + 1));
  }

  const std::string name = job.name + "-aws-" + std::string(job.kind->segment);
  const json input = {{"TrialComponentName", name},
                      {"DisplayName", config->value("TrialComponentDisplayName", name)},
                      {"Parameters", std::move(component.parameters)},
                      {"InputArtifacts", std::move(component.inputs)},
                      {"OutputArtifacts", std::move(component.outputs)}};
  CLARY_CHECK_OK(PlanCreate(context, kTrialComponent, input,
                            {.owner = job.arn, .bound = true, .facts = std::move(facts)}, plan));
  return {};
}

}  // namespace
}  // namespace experiment

Status PlanTrainingComponent(Context& context, const Record& job, const nlohmann::json& request,
                             Plan& plan) {
  using namespace experiment;
  if (!request.contains("ExperimentConfig")) return {};
  JobComponent component;
  for (const auto& [name, value] : request.at("HyperParameters").items()) {
    component.parameters[name] = Parameter(value);
  }
  AddResources(request.at("AlgorithmSpecification").at("TrainingImage"),
               request.at("ResourceConfig"), component);
  for (const json& channel : request.value("InputDataConfig", json::array())) {
    const json s3 = channel.at("DataSource").value("S3DataSource", json::object());
    json& artifact = component.inputs[channel.at("ChannelName").get<std::string>()];
    artifact["Value"] = s3.value("S3Uri", "");
    if (channel.contains("ContentType")) artifact["MediaType"] = channel["ContentType"];
  }
  component.outputs["SageMaker.ModelArtifact"] = {{"Value", ModelUri(job.name, request)}};
  return PlanComponent(context, job, request, std::move(component), plan);
}

Status PlanProcessingComponent(Context& context, const Record& job, const nlohmann::json& request,
                               Plan& plan) {
  using namespace experiment;
  if (!request.contains("ExperimentConfig")) return {};
  JobComponent component;
  AddResources(request.at("AppSpecification").at("ImageUri"),
               request.at("ProcessingResources").at("ClusterConfig"), component);
  for (const json& input : request.value("ProcessingInputs", json::array())) {
    component.inputs[input.at("InputName").get<std::string>()] = {
        {"Value", input.at("S3Input").at("S3Uri")}};
  }
  for (const json& output : request.at("ProcessingOutputConfig").at("Outputs")) {
    component.outputs[output.at("OutputName").get<std::string>()] = {
        {"Value", output.at("S3Output").at("S3Uri")}};
  }
  return PlanComponent(context, job, request, std::move(component), plan);
}

Status PlanTransformComponent(Context& context, const Record& job, const nlohmann::json& request,
                              Plan& plan) {
  using namespace experiment;
  if (!request.contains("ExperimentConfig")) return {};
  JobComponent component;
  const json& resources = request.at("TransformResources");
  component.parameters["SageMaker.ModelName"] = {{"StringValue", request.at("ModelName")}};
  component.parameters["SageMaker.InstanceType"] = {{"StringValue", resources.at("InstanceType")}};
  component.parameters["SageMaker.InstanceCount"] = {
      {"NumberValue", resources.at("InstanceCount")}};
  const json& input = request.at("TransformInput");
  component.inputs["SageMaker.TransformInput"] = {
      {"Value", input.at("DataSource").at("S3DataSource").at("S3Uri")}};
  component.outputs["SageMaker.TransformOutput"] = {
      {"Value", request.at("TransformOutput").at("S3OutputPath")}};
  return PlanComponent(context, job, request, std::move(component), plan);
}

constinit const Kind kExperiment = {
    .stem = "Experiment",
    .name_member = "ExperimentName",
    .arn_member = "ExperimentArn",
    .segment = "experiment",
    .table = "experiments",
    .noun = "experiment",
    .verbs = kCreate | kDescribe | kList | kDelete,
    .extras = experiment::kExperimentExtras,
    .fold_case = true,
    .summaries = "ExperimentSummaries",
    .search_resource = "Experiment",
    .delete_tells_arn = true,
    .not_found = {Code::kNotFound, "ResourceNotFound", "Experiment '{name}' does not exist."},
    // The SDK looks for this code and these words.
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Experiment names must be unique within an AWS account and region. Experiment with "
               "name ({name}) already exists."},
    .create = experiment::CreateAny,
    .view = experiment::ExperimentView,
    .summary = experiment::Summary,
    .may_delete = experiment::MayDeleteExperiment,
    .along = Lineage,
};

constinit const Kind kTrial = {
    .stem = "Trial",
    .name_member = "TrialName",
    .arn_member = "TrialArn",
    .segment = "experiment-trial",
    .table = "trials",
    .noun = "trial",
    .verbs = kCreate | kDescribe | kList | kDelete,
    .extras = experiment::kTrialExtras,
    .fold_case = true,
    .summaries = "TrialSummaries",
    .search_resource = "ExperimentTrial",
    .costly = experiment::kCostlyOfTrials,
    .delete_tells_arn = true,
    .not_found = {Code::kNotFound, "ResourceNotFound", "Trial '{name}' does not exist."},
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Trial names must be unique within an AWS account and region. Trial with name "
               "({name}) already exists."},
    .create = experiment::CreateTrial,
    .view = experiment::TrialView,
    .summary = experiment::Summary,
    .may_delete = experiment::MayDeleteTrial,
    .filter = experiment::FilterTrials,
};

constinit const Kind kTrialComponent = {
    .stem = "TrialComponent",
    .name_member = "TrialComponentName",
    .arn_member = "TrialComponentArn",
    .segment = "experiment-trial-component",
    .table = "trial_components",
    .noun = "trial component",
    .verbs = kCreate | kDescribe | kList | kDelete,
    .extras = experiment::kComponentExtras,
    .fold_case = true,
    .summaries = "TrialComponentSummaries",
    .search_resource = "ExperimentTrialComponent",
    .costly = experiment::kCostlyOfComponents,
    .delete_tells_arn = true,
    .not_found = {Code::kNotFound, "ResourceNotFound", "Trial Component '{name}' does not exist."},
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Trial Component names must be unique within an AWS account and region. Trial "
               "Component with name ({name}) already exists."},
    .create = experiment::CreateComponent,
    .view = experiment::ComponentView,
    .summary = experiment::ComponentSummary,
    .facts = experiment::ComponentFacts::FromJson,
    .may_delete = experiment::MayDeleteComponent,
    .along = Lineage,
    .filter = experiment::FilterComponents,
};

}  // namespace clary::control
