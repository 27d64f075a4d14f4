#include "rules/internal/tuning_report.h"

#include "base/strings.h"

namespace clary::rules {
namespace {

constexpr char kTrainingLogs[] = "/aws/sagemaker/TrainingJobs";

std::optional<Time> AsTime(int64_t ms) {
  return ms > 0 ? std::optional(FromMillis(ms)) : std::nullopt;
}

tuning::Parameter ParameterOf(const api::TuningContext::Parameter& p) {
  using Type = tuning::Parameter::Type;
  return {.name = p.name,
          .type = p.type == "categorical" ? Type::kCategorical
                  : p.type == "integer"   ? Type::kInteger
                                          : Type::kContinuous,
          .min = p.min,
          .max = p.max,
          .scale = p.scale == "log"           ? tuning::Scale::kLog
                   : p.scale == "reverse-log" ? tuning::Scale::kReverseLog
                                              : tuning::Scale::kLinear,
          .values = p.values};
}

}  // namespace

Status TrialFollower::Follow(const api::TuningContext::Definition& definition,
                             const api::TuningContext::Trial& trial,
                             std::vector<toolkit::MetricPattern>& patterns, Followed& followed) {
  if (followed.complete) return {};
  followed.complete = trial.ended_ms > 0;
  if (followed.complete && !trial.model_uri.empty()) {
    const auto ref = objects::ObjectRef::ParseUri(trial.model_uri);
    const auto info = ref ? store_.Head(*ref) : std::unexpected(ref.error());
    if (info) followed.model_bytes = info->size;
  }
  if (definition.metrics.empty() || trial.log_stream.empty()) return {};
  meta::LogStore::ReadOptions options{.position = followed.position};
  for (;;) {
    const auto page = logs_.Read(kTrainingLogs, trial.log_stream, options);
    if (!page && page.error().code == Code::kNotFound) return {};
    if (!page) return std::unexpected(page.error());
    for (const meta::LogEventRecord& event : page->events) {
      followed.log.Add(event.message, patterns.front(),
                       patterns.size() > 1 ? &patterns[1] : nullptr);
    }
    followed.position = page->next;
    if (page->next == options.position) return {};
    options.position = page->next;
  }
}

Result<tuning::ReportInput> TrialFollower::Read(const api::TuningContext& context,
                                                const std::string& region) {
  tuning::ReportInput out;
  out.job = context.job_name;
  out.arn = context.arn;
  out.region = region;
  out.status = context.status;
  out.failure_reason = context.failure_reason;
  out.strategy = context.strategy;
  out.image = context.image;
  out.instance = context.instance;
  out.output_uri = context.output_uri;
  out.request = context.request;
  out.ended = context.job_ended;
  out.early_stopping = context.early_stopping;
  out.created = AsTime(context.created_ms);
  out.ended_at = AsTime(context.ended_ms);
  out.most = context.most;
  out.parallel = context.parallel;
  out.seed = context.seed;
  for (const auto& d : context.definitions) {
    auto& definition = out.definitions.emplace_back();
    definition.name = d.name;
    definition.metric = d.metric;
    definition.maximise = d.maximise;
    definition.defaults = d.defaults;
    definition.fractions = d.built_in;
    for (const auto& p : d.parameters) definition.parameters.push_back(ParameterOf(p));
    if (patterns_.size() < out.definitions.size()) {
      auto& patterns = patterns_.emplace_back();
      for (const auto& m : d.metrics) patterns.emplace_back(m.regex, m.literal);
    }
  }
  for (const auto& t : context.trials) {
    Followed& followed = trials_[t.name];
    CLARY_CHECK_OK(Follow(context.definitions[t.definition], t, patterns_[t.definition], followed));
    auto& trial = out.trials.emplace_back();
    trial.name = t.name;
    trial.definition = t.definition;
    trial.status = t.status;
    trial.message = t.message;
    trial.origin = t.origin;
    trial.failure_reason = t.failure_reason;
    trial.created = AsTime(t.created_ms);
    trial.started = AsTime(t.started_ms);
    trial.ended = AsTime(t.ended_ms);
    if (!t.value.empty()) trial.value = t.value.front();
    if (followed.log.folds_a_round() >= 2 &&
        followed.log.folds().size() >= followed.log.folds_a_round()) {
      trial.folds = followed.log.folds();
      trial.folds_a_round = followed.log.folds_a_round();
    }
    trial.config = t.config;
    trial.tuned = t.tuned;
    trial.metrics = t.metrics;
    trial.curve = followed.log.Curve();
    trial.training_curve = followed.log.TrainingCurve();
    trial.model_uri = t.model_uri;
    trial.model_bytes = followed.model_bytes;
  }
  return out;
}

}  // namespace clary::rules
