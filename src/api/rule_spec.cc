#include "api/rule_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/internal/json_reader.h"

namespace clary::api {
namespace {

constexpr std::string_view kFinal[] = {"NoIssuesFound", "IssuesFound", "Error", "Stopped"};

// The document of one of the files, whose version is 1.
Result<json> ReadDocument(std::string_view text, const std::string& file) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return Fail(Code::kDataLoss, "BadRuleFile", file + " is no JSON object");
  }
  if (document.value("version", json()) != json(1)) {
    return Fail(Code::kFailedPrecondition, "BadRuleFile",
                file + " is not of version 1; it was written by another release");
  }
  return document;
}

Status CheckRead(const Reader& reader, const std::string& file) {
  if (reader.bad().empty()) return {};
  return Fail(Code::kDataLoss, "BadRuleFile",
              file + ": member '" + reader.bad() + "' has a wrong type");
}

// Reads each object of a list member with `read(reader, item)`.
template <typename T, typename Read>
Status ReadList(Reader& from, const char* name, const std::string& file, std::vector<T>& out,
                Read&& read) {
  const json* list = from.Array(name);
  if (list == nullptr) return {};
  for (const json& item : *list) {
    if (!item.is_object()) {
      return Fail(Code::kDataLoss, "BadRuleFile", file + ": '" + name + "' holds a non-object");
    }
    Reader reader(item);
    read(reader, item, out.emplace_back());
    CLARY_CHECK_OK(CheckRead(reader, file + ": " + name));
  }
  return {};
}

}  // namespace

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

std::string RuleSpec::ToJson() const {
  return Dump({{"version", 1},
               {"job_name", job_name},
               {"name", name},
               {"profiler", profiler},
               {"image", image},
               {"parameters", parameters},
               {"tensors_uri", tensors_uri},
               {"profiler_uri", profiler_uri},
               {"output_uri", output_uri},
               {"region", region},
               {"store", store},
               {"log_root", log_root},
               {"log_group", log_group},
               {"log_stream", log_stream},
               {"notify_file", notify_file},
               {"python", python}});
}

Result<RuleSpec> RuleSpec::FromJson(std::string_view text) {
  CLARY_TRY(const json document, ReadDocument(text, "rule.json"));
  RuleSpec spec;
  Reader r(document);
  r.Get("job_name", spec.job_name);
  r.Get("name", spec.name);
  r.Get("profiler", spec.profiler);
  r.Get("image", spec.image);
  r.Get("parameters", spec.parameters);
  r.Get("tensors_uri", spec.tensors_uri);
  r.Get("profiler_uri", spec.profiler_uri);
  r.Get("output_uri", spec.output_uri);
  r.Get("region", spec.region);
  r.Get("store", spec.store);
  r.Get("log_root", spec.log_root);
  r.Get("log_group", spec.log_group);
  r.Get("log_stream", spec.log_stream);
  r.Get("notify_file", spec.notify_file);
  r.Get("python", spec.python);
  CLARY_CHECK_OK(CheckRead(r, "rule.json"));
  if (spec.job_name.empty() || spec.name.empty()) {
    return Fail(Code::kDataLoss, "BadRuleFile", "rule.json: job_name or name is missing");
  }
  return spec;
}

std::string RuleContext::ToJson() const {
  json channel_list = json::array();
  for (const Channel& c : channels) {
    channel_list.push_back(
        {{"name", c.name}, {"s3_uri", c.s3_uri}, {"content_type", c.content_type}});
  }
  json rule_list = json::array();
  for (const Rule& r : rules) {
    rule_list.push_back(
        {{"name", r.name}, {"rule", r.rule}, {"status", r.status}, {"details", r.details}});
  }
  json job_list = json::array();
  for (const OtherJob& j : other_jobs) {
    job_list.push_back({{"name", j.name},
                        {"status", j.status},
                        {"ended_ms", j.ended_ms},
                        {"metrics", j.metrics},
                        {"hyperparameters", j.hyperparameters}});
  }
  return Dump({{"version", 1},
               {"job_name", job_name},
               {"base_job_name", base_job_name},
               {"job_ended", job_ended},
               {"status", status},
               {"failure_reason", failure_reason},
               {"image", image},
               {"instance", instance},
               {"created_ms", created_ms},
               {"started_ms", started_ms},
               {"ended_ms", ended_ms},
               {"hyperparameters", hyperparameters},
               {"channels", std::move(channel_list)},
               {"rules", std::move(rule_list)},
               {"other_jobs", std::move(job_list)}});
}

Result<RuleContext> RuleContext::FromJson(std::string_view text) {
  const std::string file = "context.json";
  CLARY_TRY(const json document, ReadDocument(text, file));
  RuleContext c;
  Reader r(document);
  r.Get("job_name", c.job_name);
  r.Get("base_job_name", c.base_job_name);
  r.Get("job_ended", c.job_ended);
  r.Get("status", c.status);
  r.Get("failure_reason", c.failure_reason);
  r.Get("image", c.image);
  r.Get("instance", c.instance);
  r.Get("created_ms", c.created_ms);
  r.Get("started_ms", c.started_ms);
  r.Get("ended_ms", c.ended_ms);
  r.Get("hyperparameters", c.hyperparameters);
  CLARY_CHECK_OK(
      ReadList(r, "channels", file, c.channels, [](Reader& from, const json&, Channel& channel) {
        from.Get("name", channel.name);
        from.Get("s3_uri", channel.s3_uri);
        from.Get("content_type", channel.content_type);
      }));
  CLARY_CHECK_OK(ReadList(r, "rules", file, c.rules, [](Reader& from, const json&, Rule& rule) {
    from.Get("name", rule.name);
    from.Get("rule", rule.rule);
    from.Get("status", rule.status);
    from.Get("details", rule.details);
  }));
  CLARY_CHECK_OK(ReadList(r, "other_jobs", file, c.other_jobs,
                          [](Reader& from, const json& item, OtherJob& job) {
                            from.Get("name", job.name);
                            from.Get("status", job.status);
                            from.Get("ended_ms", job.ended_ms);
                            from.Get("hyperparameters", job.hyperparameters);
                            const auto metrics = item.find("metrics");
                            if (metrics == item.end() || !metrics->is_object()) return;
                            for (const auto& [name, value] : metrics->items()) {
                              // NaN has no number in JSON: it comes as null.
                              if (value.is_number()) job.metrics[name] = value.get<double>();
                            }
                          }));
  CLARY_CHECK_OK(CheckRead(r, file));
  return c;
}

std::string RuleResult::ToJson() const {
  return Dump({{"version", 1}, {"status", status}, {"details", details}, {"stop_job", stop_job}});
}

Result<RuleResult> RuleResult::FromJson(std::string_view text) {
  CLARY_TRY(const json document, ReadDocument(text, "result.json"));
  RuleResult result;
  Reader r(document);
  r.Get("status", result.status);
  r.Get("details", result.details);
  r.Get("stop_job", result.stop_job);
  CLARY_CHECK_OK(CheckRead(r, "result.json"));
  if (!IsFinalRuleStatus(result.status)) {
    return Fail(Code::kDataLoss, "BadRuleFile",
                "result.json: '" + result.status + "' is no status that a rule ends in");
  }
  result.details = CutText(result.details, kMaxStatusDetails);
  return result;
}

}  // namespace clary::api
