#include "debugger/internal/report_json.h"

#include "base/strings.h"

namespace clary::debugger {
namespace {

using reports::Json;

Json TimeJson(const std::optional<Time>& t) { return t ? Json(FormatIso8601(*t)) : Json(); }

}  // namespace

Json JobJson(const ReportContext& context) {
  Json channels = Json::array();
  for (const ReportChannel& c : context.channels) {
    channels.push_back({{"name", c.name}, {"source", c.source}, {"contentType", c.content_type}});
  }
  Json rules = Json::array();
  for (const RuleResult& r : context.rules) {
    rules.push_back(
        {{"name", r.name}, {"rule", r.rule}, {"status", r.status}, {"details", r.details}});
  }
  Json hyperparameters = Json::object();
  for (const auto& [name, value] : context.hyperparameters) hyperparameters[name] = value;
  return {{"name", context.job_name},
          {"base", context.base_job_name},
          {"status", context.status},
          {"failureReason", context.failure_reason},
          {"image", context.image},
          {"instance", context.instance},
          {"created", TimeJson(context.created)},
          {"started", TimeJson(context.started)},
          {"ended", TimeJson(context.ended)},
          {"written", FormatIso8601(context.written)},
          {"version", CLARY_VERSION},
          {"channels", std::move(channels)},
          {"rules", std::move(rules)},
          {"hyperparameters", std::move(hyperparameters)}};
}

}  // namespace clary::debugger
