// What moves fleets of model servers on, of endpoints and of inference components. A fleet comes
// up, answers, and is replaced by the next one as a whole; a server that dies is replaced on its
// own. What is not needed any more leaves its record for one of its own, a retired fleet, in the
// same write, so that neither an update nor a deletion waits for a server that drains.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/rule_spec.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/endpoint.h"
#include "control/internal/programs.h"
#include "control/internal/steps.h"

namespace clary::control {
namespace fleet {
namespace {

using nlohmann::json;

constexpr int64_t kMaxStarts = 2;       // of a server that never answers
constexpr int64_t kFirstDelayMs = 100;  // before one that died young starts again; doubles
constexpr int64_t kMaxDelayMs = 10'000;
constexpr int64_t kSteadyMs = 1'000;  // one that answered for so long starts again at once

std::string NotHealthy(const Instance& instance, const std::string& cause) {
  if (cause.starts_with("Failed to download model data")) return cause;
  return "The primary container for production variant " + instance.variant +
         " did not pass the ping health check. Please check CloudWatch logs for this endpoint." +
         (cause.empty() ? "" : " " + cause);
}

class Move {
 public:
  Move(Steps& steps, const SnapshotPtr& base)
      : steps_(steps),
        context_(steps.context),
        base_(base),
        record_(base->record),
        facts_(record_.Edit<EndpointFacts>()) {}

  // What can be done now; then again, with what has been written.
  Status Go() {
    CLARY_CHECK_OK(Look());
    CLARY_CHECK_OK(Decide());
    const bool launches = PrepareLaunches();
    if (!changed_) {
      if (record_.status == "InService" && steady_) steps_.Rest();
      return {};
    }
    Plan plan;
    plan.Update(base_, record_);
    Retire(context_, std::move(retired_), plan);
    CLARY_CHECK_OK(context_.records.Apply(std::move(plan)));
    PublishRoute(context_, EndpointOf(record_));
    if (!launches) return {};
    const SnapshotPtr next = context_.records.Find(*record_.kind, record_.key);
    return next && next->record.launches_made == record_.launches_made ? Move(steps_, next).Go()
                                                                       : Status();
  }

 private:
  bool IsOf(const Instance& instance, const Fleet& fleet) const {
    return instance.generation == fleet.generation;
  }
  const Fleet& FleetOf(const Instance& instance) const {
    return IsOf(instance, facts_.next) ? facts_.next : facts_.current;
  }

  // How each server is.
  Status Look() {
    for (size_t i = 0; i < facts_.instances.size(); ++i) {
      if (record_.launches[i].key.empty()) continue;
      CLARY_CHECK_OK(LookAt(i));
    }
    return {};
  }

  Status LookAt(size_t index) {
    Instance& instance = facts_.instances[index];
    Launch& launch = record_.launches[index];
    const auto fold = [&](const api::JobEvent& event) {
      if (event.kind != api::JobEvent::Kind::kPhase || event.phase != api::kInService) return;
      instance.ready = instance.was_ready = true;
      instance.since_ms = steps_.now_ms();
    };
    const auto fold_events = [&]() -> Status {
      const uint64_t before = launch.events_offset;
      CLARY_CHECK_OK(steps_.FoldEvents(launch, fold));
      changed_ = changed_ || launch.events_offset != before;
      return {};
    };
    CLARY_CHECK_OK(fold_events());
    if (!launch.ended) {
      using State = Sighting::State;
      CLARY_TRY(const Sighting sighting, steps_.Follow(launch, true, [&]() -> Result<Program> {
        CLARY_TRY(const api::ServerSpec spec,
                  MakeServerSpec(context_, record_, FleetOf(instance), instance, launch.key));
        return Program{.command = context_.options.model_server_command,
                       .file = "server.json",
                       .spec = spec.ToJson(),
                       .log = "model-server.log"};
      }));
      if (sighting.state == State::kWaits) return {};
      if (sighting.state == State::kRuns) {
        const int64_t limit = StartupLimitMs(FleetOf(instance), instance.variant);
        if (!instance.ready && steps_.now_ms() - instance.since_ms > limit) {
          Gone(index, true, "It did not answer within " + std::to_string(limit / 1000) + " s.");
        }
        return {};
      }
      if (sighting.state == State::kEnded) CLARY_CHECK_OK(fold_events());
      if (!launch.ended) {
        Gone(index, sighting.state != State::kEnded,
             sighting.state == State::kRefused ? sighting.how
                                               : "Its model server " + sighting.how + ".");
        return {};
      }
    }
    Gone(index, true, launch.detail);
    return {};
  }

  // The server has ended; `for_good`: it said why, so that another one would end the same way.
  void Gone(size_t index, bool for_good, const std::string& cause) {
    Instance& instance = facts_.instances[index];
    const int64_t now = steps_.now_ms();
    const bool lasted = instance.ready && now - instance.since_ms >= kSteadyMs;
    instance.failures = lasted ? 1 : instance.failures + 1;
    if (!instance.was_ready && (for_good || instance.failures >= kMaxStarts) && failure_.empty()) {
      failure_ = NotHealthy(instance, cause);
      failed_generation_ = instance.generation;
    }
    const int64_t doublings = std::min<int64_t>(instance.failures - 1, 10);
    const int64_t delay =
        instance.failures <= 1 ? 0 : std::min(kMaxDelayMs, kFirstDelayMs << (doublings - 1));
    instance.id.clear();
    instance.ready = false;
    instance.since_ms = now + delay;
    retired_.push_back(std::exchange(record_.launches[index], Launch{}));
    changed_ = true;
  }

  Status Decide() {
    if (record_.status == "Creating") return BringUp();
    if (facts_.next.generation != 0) return MoveTraffic();
    if (record_.status == "Updating") return Rescale();
    steady_ = Match(facts_.current);
    return {};
  }

  Status BringUp() {
    const bool first = facts_.instances.empty();
    if (first) {
      CLARY_TRY(failure_, WhatIsWrong(context_, facts_.current));
    }
    if (!failure_.empty()) {
      record_.failure_reason = api::CutText(failure_, kMaxFailureReason);
      Enter("Failed");
      RetireGeneration(facts_.current.generation);
    } else if (Match(facts_.current)) {
      Enter("InService");
    }
    return {};
  }

  Status Rescale() {
    if (!failure_.empty()) {
      facts_.current.variants = std::exchange(facts_.before, {});
      record_.failure_reason = api::CutText(failure_, kMaxFailureReason);
      // Those that never answered go; those that are needed start again.
      for (size_t i = facts_.instances.size(); i-- > 0;) {
        if (!facts_.instances[i].was_ready) RetireAt(i);
      }
      Match(facts_.current);
      Enter("InService");
    } else if (Match(facts_.current)) {
      facts_.before.clear();
      Enter("InService");
    }
    return {};
  }

  Status MoveTraffic() {
    const bool first =
        facts_.stage == 0 && std::ranges::none_of(facts_.instances, [&](const Instance& instance) {
          return IsOf(instance, facts_.next);
        });
    if (first && failure_.empty()) {
      CLARY_TRY(failure_, WhatIsWrong(context_, facts_.next));
    }
    if (!failure_.empty() && (first || failed_generation_ == facts_.next.generation)) {
      RollBack(failure_);
      return {};
    }
    if (const std::string alarm = Alarm(); !alarm.empty()) {
      RollBack("The alarm " + alarm + " is in the state ALARM: the update was rolled back.");
      return {};
    }
    Match(facts_.current);  // it still answers
    if (!Match(facts_.next) && facts_.stage == 0) return {};
    const json deployment =
        facts_.deployment.empty() ? json::object() : json::parse(facts_.deployment);
    CLARY_TRY(const TrafficPlan plan, PlanTraffic(deployment, facts_.next.instances()));
    const int64_t waited = steps_.now_ms() - facts_.stage_ms;
    const auto stages = static_cast<int64_t>(plan.shares.size());
    if (facts_.stage < stages) {
      if (facts_.stage > 0 && waited < plan.wait_ms) return {};
      ++facts_.stage;
      facts_.stage_ms = steps_.now_ms();
      changed_ = true;
      if (plan.wait_ms > 0 || plan.termination_ms > 0 || facts_.stage < stages) return {};
    } else if (waited < plan.wait_ms + plan.termination_ms) {
      return {};
    }
    if (facts_.stage == stages) Swap();
    return {};
  }

  // The first of the update's alarms that fires; empty: none.
  std::string Alarm() const {
    if (facts_.deployment.empty() || !context_.options.alarm_state) return {};
    const json deployment = json::parse(facts_.deployment);
    const json rollback = deployment.value("AutoRollbackConfiguration", json::object());
    for (const json& alarm : rollback.value("Alarms", json::array())) {
      const std::string name = alarm.value("AlarmName", "");
      if (context_.options.alarm_state(name) == "ALARM") return name;
    }
    return {};
  }

  void Swap() {
    RetireGeneration(facts_.current.generation);
    facts_.current = std::exchange(facts_.next, {});
    facts_.last_deployment = std::exchange(facts_.deployment, {});
    facts_.stage = 0;
    Enter("InService");
  }

  // The update has failed: the old fleet, which has answered all the time, goes on.
  void RollBack(const std::string& reason) {
    record_.failure_reason = api::CutText(reason, kMaxFailureReason);
    RetireGeneration(facts_.next.generation);
    facts_.next = {};
    facts_.deployment.clear();
    facts_.stage = 0;
    Enter("InService");
  }

  void Enter(std::string_view status) {
    record_.status = status;
    record_.modified_ms = steps_.now_ms();
    changed_ = true;
  }

  // Makes the fleet's instances as many as were asked for; whether all of them answer.
  bool Match(const Fleet& fleet) {
    bool all = true;
    for (const VariantState& variant : fleet.variants) {
      if (variant.empty) continue;
      const auto is_its = [&](const Instance& instance) {
        return IsOf(instance, fleet) && instance.variant == variant.name;
      };
      int64_t have = std::ranges::count_if(facts_.instances, is_its);
      const int64_t want = Processes(context_, variant.count);
      for (; have < want; ++have) {
        facts_.instances.push_back({.generation = fleet.generation, .variant = variant.name});
        record_.launches.emplace_back();
        changed_ = true;
      }
      for (size_t i = facts_.instances.size(); i-- > 0 && have > want;) {  // the newest first
        if (!is_its(facts_.instances[i])) continue;
        RetireAt(i);
        --have;
      }
      all = all && std::ranges::all_of(facts_.instances, [&](const Instance& instance) {
              return !is_its(instance) || instance.ready;
            });
    }
    return all;
  }

  void RetireAt(size_t index) {
    const auto at = static_cast<std::ptrdiff_t>(index);
    retired_.push_back(std::move(record_.launches[index]));
    record_.launches.erase(record_.launches.begin() + at);
    facts_.instances.erase(facts_.instances.begin() + at);
    changed_ = true;
  }

  void RetireGeneration(int64_t generation) {
    for (size_t i = facts_.instances.size(); i-- > 0;) {
      if (facts_.instances[i].generation == generation) RetireAt(i);
    }
  }

  // Gives those that may start a launch; it is started once it is written. Whether there are any.
  bool PrepareLaunches() {
    bool any = false;
    for (size_t i = 0; i < facts_.instances.size(); ++i) {
      Instance& instance = facts_.instances[i];
      if (!instance.id.empty() || instance.since_ms > steps_.now_ms()) continue;
      instance.id = "i-" + HexEncode(RandomBytes(9)).substr(1);
      instance.since_ms = steps_.now_ms();
      record_.launches[i] = {.key = "endpoint-" + instance.id,
                             .directory = "endpoint_instances/" + instance.id,
                             .log_streams = {instance.variant + "/" + instance.id}};
      ++record_.launches_made;
      any = changed_ = true;
    }
    return any;
  }

  Steps& steps_;
  Context& context_;
  const SnapshotPtr& base_;
  Record record_;
  EndpointFacts& facts_;  // of record_
  std::vector<Launch> retired_;
  std::string failure_;  // of a fleet that comes up
  int64_t failed_generation_ = 0;
  bool changed_ = false;
  bool steady_ = false;  // nothing is to be done until something happens
};

}  // namespace
}  // namespace fleet

Status StepFleets(Steps& steps, const SnapshotPtr& record) {
  return fleet::Move(steps, record).Go();
}

// Plans the end of `launches`: SIGTERM, some time to drain, and their directories go.
void Retire(const Context& context, std::vector<Launch> launches, Plan& plan) {
  std::erase_if(launches, [](const Launch& launch) { return launch.key.empty(); });
  if (launches.empty()) return;
  Record retired;
  retired.kind = &kRetiredFleet;
  retired.name = retired.key = RandomId();
  retired.arn = ArnOf(context, kRetiredFleet, retired.key);
  retired.request = "{}";
  retired.created_ms = retired.modified_ms = retired.delete_requested_ms = context.Now();
  retired.launches = std::move(launches);
  plan.Create(std::move(retired));
}

}  // namespace clary::control
