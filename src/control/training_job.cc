#include "control/internal/training_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace clary::control {
namespace {

using nlohmann::json;

struct Phase {
  std::string_view name;
  std::string_view message;
};
constexpr Phase kPhases[] = {
    {"Downloading", "Downloading input data..."},
    {"Training", "Training image download completed. Training in progress."},
    {"Uploading", "Uploading generated training model"},
};

}  // namespace

json TrainingFacts::ToJson() const {
  json history = json::array();
  for (const Transition& t : transitions) {
    history.push_back({{"status", t.status},
                       {"message", t.message},
                       {"start_ms", t.start_ms},
                       {"end_ms", t.end_ms}});
  }
  json metrics = json::array();
  for (const FinalMetric& m : final_metrics) {
    metrics.push_back({{"name", m.name}, {"value", m.value}, {"time_ms", m.time_ms}});
  }
  return {{"max_runtime_s", max_runtime_s},
          {"max_wait_s", max_wait_s},
          {"max_pending_s", max_pending_s},
          {"secondary", secondary},
          {"transitions", std::move(history)},
          {"final_metrics", std::move(metrics)},
          {"artifact_uri", artifact_uri},
          {"stop_cause", stop_cause},
          {"stop_message", stop_message},
          {"retries", retries},
          {"ran_ms", ran_ms},
          {"on_pool", on_pool},
          {"pool_end_ms", pool_end_ms},
          {"pool_job", pool_job},
          {"pool_cache", pool_cache},
          {"hyperparameter_order", hyperparameter_order},
          {"origin", origin},
          {"host_lost", host_lost}};
}

FactsPtr TrainingFacts::FromJson(const json& j) {
  auto facts = std::make_shared<TrainingFacts>();
  facts->max_runtime_s = j.at("max_runtime_s");
  facts->max_wait_s = j.at("max_wait_s");
  facts->max_pending_s = j.at("max_pending_s");
  facts->secondary = j.at("secondary");
  for (const json& t : j.at("transitions")) {
    facts->transitions.push_back({.status = t.at("status"),
                                  .message = t.at("message"),
                                  .start_ms = t.at("start_ms"),
                                  .end_ms = t.at("end_ms")});
  }
  for (const json& m : j.at("final_metrics")) {
    facts->final_metrics.push_back(
        {.name = m.at("name"), .value = m.at("value"), .time_ms = m.at("time_ms")});
  }
  facts->artifact_uri = j.at("artifact_uri");
  facts->stop_cause = j.at("stop_cause");
  // Later than the others.
  facts->stop_message = j.value("stop_message", "");
  facts->retries = j.value("retries", 0);
  facts->ran_ms = j.value("ran_ms", int64_t{0});
  facts->on_pool = j.value("on_pool", false);
  facts->pool_end_ms = j.value("pool_end_ms", int64_t{0});
  facts->pool_job = j.value("pool_job", "");
  facts->pool_cache = j.value("pool_cache", "");
  facts->hyperparameter_order = j.value("hyperparameter_order", std::vector<std::string>());
  facts->origin = j.value("origin", "");
  facts->host_lost = j.value("host_lost", false);
  return facts;
}

FactsPtr FactsOfTrainingText(std::string_view body) {
  constexpr char kMember[] = "HyperParameters";
  if (!body.contains(kMember)) return nullptr;
  const auto doc = nlohmann::ordered_json::parse(body, nullptr, false);
  const auto given = doc.is_object() ? doc.find(kMember) : doc.end();
  if (given == doc.end() || !given->is_object()) return nullptr;
  auto facts = std::make_shared<TrainingFacts>();
  for (const auto& item : given->items()) facts->hyperparameter_order.push_back(item.key());
  if (std::ranges::is_sorted(facts->hyperparameter_order)) return nullptr;
  return facts;
}

bool TrainingFacts::has_trained() const {
  return std::ranges::find(transitions, "Training", &Transition::status) != transitions.end();
}

void Enter(Record& job, std::string_view status, std::string_view secondary,
           std::string_view message, int64_t ms) {
  auto& facts = job.Edit<TrainingFacts>();
  auto& history = facts.transitions;
  if (!history.empty()) ms = std::max({ms, history.back().start_ms, job.modified_ms});
  job.status = status;
  facts.secondary = secondary;
  job.modified_ms = ms;
  if (!history.empty() && history.back().status == secondary) {
    history.back().message = message;
    return;
  }
  if (!history.empty()) history.back().end_ms = ms;
  history.push_back(
      {.status = std::string(secondary), .message = std::string(message), .start_ms = ms});
}

void FoldTrainingEvent(Record& job, const api::JobEvent& event) {
  switch (event.kind) {
    case api::JobEvent::Kind::kPhase: {
      const Phase* phase = std::ranges::find(kPhases, event.phase, &Phase::name);
      if (phase == std::end(kPhases)) return;  // of a later release
      if (job.started_ms == 0) job.started_ms = std::max(event.time_ms, job.created_ms);
      if (job.status != "InProgress") return;  // a job that stops stays Stopping
      Enter(job, "InProgress", phase->name, phase->message, event.time_ms);
      return;
    }
    case api::JobEvent::Kind::kArtifact:
      job.Edit<TrainingFacts>().artifact_uri = event.detail;
      return;
    case api::JobEvent::Kind::kEnd:
      job.ended_ms = std::max({event.time_ms, job.started_ms, job.modified_ms});
      return;
  }
}

std::vector<api::MetricDefinition> OwnMetricDefinitions(const json& request) {
  std::vector<api::MetricDefinition> out;
  const json& algorithm = request.at("AlgorithmSpecification");
  if (const auto given = algorithm.find("MetricDefinitions"); given != algorithm.end()) {
    for (const json& d : *given) {
      out.push_back({.name = d.at("Name"), .regex = d.at("Regex"), .literal = ""});
    }
  }
  return out;
}

std::vector<api::MetricDefinition> MetricDefinitions(const json& request) {
  auto out = OwnMetricDefinitions(request);
  const auto image =
      api::ResolveImage(request.at("AlgorithmSpecification").value("TrainingImage", ""));
  if (!image) return out;
  const size_t own = out.size();
  for (auto& d : api::BuiltInMetrics(*image)) {
    const bool taken = std::any_of(out.begin(), out.begin() + static_cast<ptrdiff_t>(own),
                                   [&](const auto& o) { return o.name == d.name; });
    if (!taken) out.push_back(std::move(d));
  }
  return out;
}

std::string ModelUri(const std::string& job, const json& request) {
  const json& output = request.at("OutputDataConfig");
  std::string uri = output.at("S3OutputPath");
  while (uri.ends_with('/')) uri.pop_back();
  const bool plain = output.value("CompressionType", "GZIP") == "NONE";
  return uri + "/" + job + (plain ? "/output/model" : "/output/model.tar.gz");
}

}  // namespace clary::control
