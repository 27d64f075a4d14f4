#include "control/internal/tuning_host.h"

#include <fcntl.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/log.h"
#include "control/internal/hosts.h"
#include "control/internal/programs.h"
#include "control/internal/training_job.h"
#include "control/internal/training_request.h"
#include "control/internal/tuning_job.h"
#include "control/internal/tuning_request.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kMostHostsLost = 2;
constexpr std::chrono::seconds kHostGrace{30};

json DefinitionsOf(const json& request) {
  const auto several = request.find("TrainingJobDefinitions");
  if (several != request.end()) return *several;
  return json::array({request.at("TrainingJobDefinition")});
}

bool Shares(const json& definition) {
  const auto choice =
      ChooseProgram({{"AlgorithmSpecification", definition.at("AlgorithmSpecification")},
                     {"HyperParameters", definition.at("StaticHyperParameters")},
                     {"Environment", definition.value("Environment", json::object())}});
  if (!choice || choice->program != "xgboost") return false;
  if (definition.value("EnableManagedSpotTraining", false) ||
      definition.contains("CheckpointConfig") ||
      !definition.value("Environment", json::object()).empty() ||
      CountHosts(HostGroupsOf(definition.at("ResourceConfig"))) != 1) {
    return false;
  }
  const json channels = definition.value("InputDataConfig", json::array());
  for (const json& channel : channels) {
    if (channel.value("InputMode", "File") == "Pipe") return false;
  }
  return true;
}

Result<Program> HostProgram(const Context& context, const Record& tuning) {
  Record first = tuning;  // the channels are those of each trial
  const json request = tuning.Request();
  first.request = TrialRequest(request, 0, tuning.name, {}).dump();
  first.facts = std::make_shared<TrainingFacts>();
  api::JobSpec spec = MakeJobSpec(first, context.env, context.options);
  spec.contract = "trials";
  spec.hyperparameters.clear();
  spec.notices.clear();
  spec.log_stream.clear();
  return Program{.command = context.options.runner_command,
                 .file = "job.json",
                 .spec = spec.ToJson(),
                 .log = "runner.log"};
}

// Whether the host with this launch ended as it was to, or since it had nothing to do.
bool EndedWell(const Steps& steps, Launch launch) {
  const Status read = steps.FoldEvents(launch, [](const api::JobEvent&) {});
  return read && launch.ended && launch.exit_code == 0;
}

}  // namespace

bool MayShareHost(const json& request) {
  const json definitions = DefinitionsOf(request);
  const json& first = definitions.front();
  for (const json& definition : definitions) {
    if (!Shares(definition)) return false;
    for (const char* member : {"AlgorithmSpecification", "InputDataConfig"}) {
      if (definition.value(member, json()) != first.value(member, json())) return false;
    }
  }
  return true;
}

Result<SnapshotPtr> StepHost(Steps& steps, SnapshotPtr tuning) {
  Context& context = steps.context;
  for (;;) {
    const Record& current = tuning->record;
    const auto& facts = current.As<TuningFacts>();
    const bool goes_on = current.status == "InProgress" && facts.ending.empty();
    Record record = current;
    if (!current.has_launch()) {
      if (!goes_on || facts.hosts_lost >= kMostHostsLost) return tuning;
      Launch launch;
      steps.Prepare(record, launch);
      launch.log_streams.clear();
      launch.directory = std::string(kHostsDirectory) + "/" + launch.key;
      record.launches = {launch};
      CLARY_TRY(tuning, context.records.Update(tuning, std::move(record)));
      continue;
    }
    const Launch& launch = current.launches.front();
    uint64_t& watched = steps.Note(current);  // how many launches' events are
    if (watched != static_cast<uint64_t>(current.launches_made)) {
      CLARY_CHECK_OK(MakeDirectories(steps.Directory(launch)));
      const std::filesystem::path events = steps.Directory(launch) / "events.jsonl";
      CLARY_TRY(const Fd made, OpenFile(events, O_WRONLY | O_CREAT | O_APPEND));
      if (context.file_bell) context.file_bell->Watch(events);
      watched = static_cast<uint64_t>(current.launches_made);
    }
    CLARY_TRY(const Sighting sighting,
              steps.Follow(launch, goes_on, [&] { return HostProgram(context, current); }));
    if (sighting.state == Sighting::State::kWaits || sighting.state == Sighting::State::kRuns) {
      return tuning;
    }
    const bool ended = sighting.state == Sighting::State::kEnded;
    if (goes_on && !(ended && EndedWell(steps, launch))) {
      LOG(kWarn, "the trial host of a tuning job is gone", {"job", current.name},
          {"how", sighting.how});
      int& lost = record.Edit<TuningFacts>().hosts_lost;
      lost = ended ? lost + 1 : kMostHostsLost;
    }
    CLARY_TRY(const auto known, context.env.executor.Find(launch.key));
    if (known) CLARY_CHECK_OK(context.env.executor.Forget(launch.key));
    CLARY_CHECK_OK(RemoveTree(steps.Directory(launch)));
    record.launches.clear();
    CLARY_TRY(tuning, context.records.Update(tuning, std::move(record)));
  }
}

Status EndHost(Steps& steps, const Record& tuning) {
  if (!tuning.has_launch()) return {};
  const Status stopped = steps.Stop(tuning.launches.front(), kHostGrace);
  // Never started is as good as ended.
  return !stopped && stopped.error().code == Code::kNotFound ? Status() : stopped;
}

Result<Place> PlaceOf(const Context& context, const Record& job) {
  const SnapshotPtr tuning = TuningJobOf(context, job);
  if (!tuning || job.As<TrainingFacts>().host_lost || !tuning->record.has_launch()) return Place{};
  const std::string& key = tuning->record.launches.front().key;
  CLARY_TRY(const auto state, context.env.executor.Find(key));
  if (state && state->phase == exec::LaunchPhase::kRunning) return Place{.host = key};
  return Place{.wait = true, .host = ""};
}

}  // namespace clary::control
