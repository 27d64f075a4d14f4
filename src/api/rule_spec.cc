#include "api/rule_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/internal/json_codec.h"
#include "base/strings.h"

namespace clary::api {
namespace {

constexpr std::string_view kFinal[] = {"NoIssuesFound", "IssuesFound", "Error", "Stopped"};

constexpr char kBadRuleFile[] = "BadRuleFile";

}  // namespace

template <typename Io>
void Fields(Io& io, RuleSpec& v) {
  io("job_name", v.job_name);
  io("name", v.name);
  io("profiler", v.profiler);
  io("image", v.image);
  io("parameters", v.parameters);
  io("tensors_uri", v.tensors_uri);
  io("profiler_uri", v.profiler_uri);
  io("output_uri", v.output_uri);
  io("region", v.region);
  io("store", v.store);
  io("log_root", v.log_root);
  io("log_group", v.log_group);
  io("log_stream", v.log_stream);
  io("notify_file", v.notify_file);
  io("python", v.python);
}

template <typename Io>
void Fields(Io& io, RuleContext::Channel& v) {
  io("name", v.name);
  io("s3_uri", v.s3_uri);
  io("content_type", v.content_type);
}

template <typename Io>
void Fields(Io& io, RuleContext::Rule& v) {
  io("name", v.name);
  io("rule", v.rule);
  io("status", v.status);
  io("details", v.details);
}

template <typename Io>
void Fields(Io& io, RuleContext::OtherJob& v) {
  io("name", v.name);
  io("status", v.status);
  io("ended_ms", v.ended_ms);
  io("hyperparameters", v.hyperparameters);
  io("metrics", v.metrics);
}

template <typename Io>
void Fields(Io& io, RuleContext& v) {
  io("job_name", v.job_name);
  io("base_job_name", v.base_job_name);
  io("job_ended", v.job_ended);
  io("status", v.status);
  io("failure_reason", v.failure_reason);
  io("image", v.image);
  io("instance", v.instance);
  io("created_ms", v.created_ms);
  io("started_ms", v.started_ms);
  io("ended_ms", v.ended_ms);
  io("hyperparameters", v.hyperparameters);
  io("channels", v.channels);
  io("rules", v.rules);
  io("other_jobs", v.other_jobs);
}

template <typename Io>
void Fields(Io& io, TuningContext::Metric& v) {
  io("name", v.name);
  io("regex", v.regex);
  io("literal", v.literal);
}

template <typename Io>
void Fields(Io& io, TuningContext::Parameter& v) {
  io("name", v.name);
  io("type", v.type);
  io("scale", v.scale);
  io("min", v.min);
  io("max", v.max);
  io("values", v.values);
}

template <typename Io>
void Fields(Io& io, TuningContext::Definition& v) {
  io("name", v.name);
  io("metric", v.metric);
  io("maximise", v.maximise);
  io("built_in", v.built_in);
  io("metrics", v.metrics);
  io("parameters", v.parameters);
  io("defaults", v.defaults);
}

template <typename Io>
void Fields(Io& io, TuningContext::Trial& v) {
  io("name", v.name);
  io("definition", v.definition);
  io("status", v.status);
  io("message", v.message);
  io("failure_reason", v.failure_reason);
  io("created_ms", v.created_ms);
  io("started_ms", v.started_ms);
  io("ended_ms", v.ended_ms);
  io("value", v.value);
  io("config", v.config);
  io("tuned", v.tuned);
  io("metrics", v.metrics);
  io("origin", v.origin);
  io("log_stream", v.log_stream);
  io("model_uri", v.model_uri);
}

template <typename Io>
void Fields(Io& io, TuningContext& v) {
  io("job_name", v.job_name);
  io("arn", v.arn);
  io("status", v.status);
  io("failure_reason", v.failure_reason);
  io("strategy", v.strategy);
  io("image", v.image);
  io("instance", v.instance);
  io("output_uri", v.output_uri);
  io("request", v.request);
  io("seed", v.seed);
  io("job_ended", v.job_ended);
  io("early_stopping", v.early_stopping);
  io("created_ms", v.created_ms);
  io("ended_ms", v.ended_ms);
  io("most", v.most);
  io("parallel", v.parallel);
  io("definitions", v.definitions);
  io("trials", v.trials);
}

template <typename Io>
void Fields(Io& io, RuleResult& v) {
  io("status", v.status);
  io("details", v.details);
  io("stop_job", v.stop_job);
}

bool IsFinalRuleStatus(std::string_view status) {
  return std::ranges::find(kFinal, status) != std::end(kFinal);
}

std::string CutText(std::string_view text, size_t limit) {
  if (text.size() > limit) {
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
    text = text.substr(0, limit);
  }
  return std::string(text);
}

std::string RuleSpec::Invoked() const {
  const auto it = parameters.find("rule_to_invoke");
  return it != parameters.end() ? it->second : name;
}

std::string RuleSpec::ToJson() const { return WriteDocument(*this); }

Result<RuleSpec> RuleSpec::FromJson(std::string_view text) {
  CLARY_TRY(RuleSpec spec, ReadDocument<RuleSpec>(text, "rule.json", kBadRuleFile));
  if (spec.job_name.empty() || spec.name.empty()) {
    return Fail(Code::kDataLoss, kBadRuleFile, "rule.json: job_name or name is missing");
  }
  return spec;
}

std::string RuleContext::ToJson() const { return WriteDocument(*this); }

Result<RuleContext> RuleContext::FromJson(std::string_view text) {
  return ReadDocument<RuleContext>(text, "context.json", kBadRuleFile);
}

std::string TuningContext::ToJson() const { return WriteDocument(*this); }

Result<TuningContext> TuningContext::FromJson(std::string_view text) {
  CLARY_TRY(TuningContext context, ReadDocument<TuningContext>(text, "tuning.json", kBadRuleFile));
  for (const Trial& trial : context.trials) {
    if (trial.definition < context.definitions.size() &&
        trial.config.size() == context.definitions[trial.definition].parameters.size()) {
      continue;
    }
    return Fail(Code::kDataLoss, kBadRuleFile,
                "tuning.json: trial " + trial.name + " is of no definition");
  }
  return context;
}

std::string RuleResult::ToJson() const { return WriteDocument(*this); }

Result<RuleResult> RuleResult::FromJson(std::string_view text) {
  CLARY_TRY(RuleResult result, ReadDocument<RuleResult>(text, "result.json", kBadRuleFile));
  if (!IsFinalRuleStatus(result.status)) {
    return Fail(Code::kDataLoss, kBadRuleFile,
                "result.json: '" + result.status + "' is no status that a rule ends in");
  }
  result.details = CutText(CleanText(result.details), kMaxStatusDetails);
  return result;
}

}  // namespace clary::api
