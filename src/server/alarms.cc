#include "server/alarms.h"

#include <algorithm>
#include <cmath>

#include "api/page.h"
#include "api/tags.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/internal/metric_windows.h"
#include "server/internal/record_body.h"
#include "server/served.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kAlarmsTable = "alarms";
constexpr size_t kMaxHistory = 100;
constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kExtraWindows = 2;  // looked at beyond EvaluationPeriods when some are empty

struct Comparison {
  std::string_view name;
  std::string_view words;
  bool (*holds)(double value, double threshold);
};
constexpr Comparison kComparisons[] = {
    {"GreaterThanOrEqualToThreshold", "greater than or equal to",
     [](double v, double t) { return v >= t; }},
    {"GreaterThanThreshold", "greater than", [](double v, double t) { return v > t; }},
    {"LessThanThreshold", "less than", [](double v, double t) { return v < t; }},
    {"LessThanOrEqualToThreshold", "less than or equal to",
     [](double v, double t) { return v <= t; }},
};
constexpr std::string_view kMissingRules[] = {"breaching", "notBreaching", "ignore", "missing"};

std::unexpected<Error> BadAlarm(std::string reason, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(reason), std::move(message));
}

std::unexpected<Error> BadAlarmToken() {
  return BadAlarm("InvalidNextToken", "The NextToken is not valid");
}

const Comparison* FindComparison(std::string_view name) {
  const auto* it = std::ranges::find(kComparisons, name, &Comparison::name);
  return it == std::end(kComparisons) ? nullptr : it;
}

std::string StatisticOf(const json& settings) {
  return settings.contains("Statistic") ? settings.value("Statistic", "")
                                        : settings.value("ExtendedStatistic", "");
}

int64_t NeededOf(const json& settings) {
  return settings.value("DatapointsToAlarm", settings.value("EvaluationPeriods", int64_t{1}));
}

// "5.0 (30/11/26 23:10:00)", as the reasons of states show a datapoint.
std::string ShowPoint(double value, Time begin) {
  const std::string iso = FormatIso8601(begin);  // 2026-11-30T23:10:00.000Z
  return json(value).dump() + " (" + iso.substr(8, 2) + "/" + iso.substr(5, 2) + "/" +
         iso.substr(2, 2) + " " + iso.substr(11, 8) + ")";
}

struct StateActions {
  std::string_view state;
  const char* member;
};
constexpr StateActions kStateActions[] = {{"OK", "OKActions"},
                                          {"ALARM", "AlarmActions"},
                                          {"INSUFFICIENT_DATA", "InsufficientDataActions"}};
constexpr size_t kMostStateActions = 5;

Status CheckActions(const json& input) {
  for (const auto& [state, member] : kStateActions) {
    const json actions = input.value(member, json::array());
    if (actions.size() > kMostStateActions) {
      return BadAlarm("ValidationError", std::string(member) + " has at most 5 members");
    }
    for (const json& action : actions) {
      const std::string arn = action;
      if (arn.starts_with("arn:aws:autoscaling:") && arn.contains(":scalingPolicy:")) continue;
      return BadAlarm("ValidationError",
                      "The action " + arn + " of " + member +
                          " is not supported: only step scaling policies "
                          "(arn:aws:autoscaling:REGION:ACCOUNT:scalingPolicy:...) act here");
    }
  }
  return {};
}

Status CheckSettings(const json& input) {
  for (const char* name : {"MetricName", "Namespace", "Period", "Threshold"}) {
    if (!input.contains(name)) {
      return BadAlarm("MissingParameter", std::string("The parameter ") + name +
                                              " is required: alarms here watch one metric");
    }
  }
  if (!std::isfinite(input.value("Threshold", 0.0))) {
    return BadAlarm("InvalidParameterValue", "The value for parameter Threshold must be a number");
  }
  if (input.contains("Statistic") == input.contains("ExtendedStatistic")) {
    return BadAlarm("InvalidParameterCombination",
                    "Exactly one of the parameters Statistic and ExtendedStatistic must be given");
  }
  if (input.contains("ExtendedStatistic") && !PercentileOf(input.value("ExtendedStatistic", ""))) {
    return BadAlarm(
        "InvalidParameterValue",
        "The value " + input.value("ExtendedStatistic", "") +
            " for parameter ExtendedStatistic is not supported: only percentiles are (p90)");
  }
  if (!FindComparison(input.value("ComparisonOperator", ""))) {
    return BadAlarm(
        "InvalidParameterValue",
        "The value " + input.value("ComparisonOperator", "") +
            " for parameter ComparisonOperator is not supported: bands of anomaly detection "
            "are not computed here");
  }
  const auto period = input.value("Period", int64_t{0});
  if (period != 10 && period != 20 && period != 30 && (period < 60 || period % 60 != 0)) {
    return BadAlarm("InvalidParameterValue",
                    "The value for parameter Period must be 10, 20, 30 or a multiple of 60");
  }
  const auto periods = input.value("EvaluationPeriods", int64_t{0});
  const int64_t longest = period >= 3600 ? 7 * 86'400 : 86'400;
  if (periods < 1 || periods * period > longest) {
    return BadAlarm("ValidationError", "Metrics cannot be checked across more than " +
                                           std::string(period >= 3600 ? "seven days" : "a day") +
                                           " (EvaluationPeriods * Period must be <= " +
                                           std::to_string(longest) + ").");
  }
  const int64_t needed = NeededOf(input);
  if (needed < 1 || needed > periods) {
    return BadAlarm("ValidationError", "DatapointsToAlarm must be from 1 to EvaluationPeriods");
  }
  const std::string missing = input.value("TreatMissingData", "missing");
  if (std::ranges::find(kMissingRules, missing) == std::end(kMissingRules)) {
    return BadAlarm(
        "InvalidParameterValue",
        "The value " + missing +
            " for parameter TreatMissingData is not one of breaching, notBreaching, ignore, "
            "missing");
  }
  std::vector<std::string> tags;
  for (const json& tag : input.value("Tags", json::array())) tags.push_back(tag.at("Key"));
  if (std::string fault = api::TagFault(tags); !fault.empty()) {
    return BadAlarm("InvalidParameterValue", std::move(fault));
  }
  CLARY_CHECK_OK(KeyOf(input));
  return CheckActions(input);
}

}  // namespace

struct AlarmOperations {
  static Result<json> PutMetricAlarm(AlarmBook& book, const json& input) {
    CLARY_CHECK_OK(CheckSettings(input));
    const std::string name = input.value("AlarmName", "");
    const MutexLock lock(book.mu_);
    const auto old = book.alarms_.find(name);
    AlarmBook::Alarm alarm = old == book.alarms_.end() ? AlarmBook::Alarm{} : old->second;
    const int64_t now = ToMillis(book.clock_.Now());
    if (old == book.alarms_.end()) alarm.updated_ms = alarm.transitioned_ms = now;
    alarm.settings = input;
    alarm.configured_ms = now;
    AddHistory(alarm, now, "ConfigurationUpdate",
               "Alarm \"" + name + "\" " + (old == book.alarms_.end() ? "created" : "updated"),
               json{{"version", "1.0"}}.dump());
    CLARY_CHECK_OK(book.Save(name, alarm));
    return json::object();
  }

  static Result<json> DescribeAlarms(AlarmBook& book, const json& input) {
    const json types = input.value("AlarmTypes", json::array());
    const bool metric_alarms =
        types.empty() || std::ranges::find(types, json("MetricAlarm")) != types.end();
    const json names = input.value("AlarmNames", json::array());
    const std::string prefix = input.value("AlarmNamePrefix", "");
    if (!names.empty() && !prefix.empty()) {
      return BadAlarm("InvalidParameterCombination",
                      "AlarmNames and AlarmNamePrefix are mutually exclusive");
    }
    const std::string state = input.value("StateValue", "");
    std::string after;
    if (input.contains("NextToken")) {
      const auto position =
          api::ReadPageToken("DescribeAlarms", input, input.value("NextToken", ""));
      if (!position || !position->is_string()) return BadAlarmToken();
      after = position->get<std::string>();
    }
    const auto limit = static_cast<size_t>(input.value("MaxRecords", int64_t{50}));
    json out = {{"CompositeAlarms", json::array()}, {"MetricAlarms", json::array()}};
    if (!metric_alarms) return out;
    const MutexLock lock(book.mu_);
    json& shown = out["MetricAlarms"];
    std::string last;
    for (auto it = book.alarms_.upper_bound(after); it != book.alarms_.end(); ++it) {
      const auto& [name, alarm] = *it;
      if (!names.empty() && std::ranges::find(names, json(name)) == names.end()) continue;
      if (!name.starts_with(prefix) || (!state.empty() && alarm.state != state)) continue;
      if (shown.size() == limit) {
        out["NextToken"] = api::MakePageToken("DescribeAlarms", input, last);
        break;
      }
      shown.push_back(book.Show(name, alarm));
      last = name;
    }
    return out;
  }

  static Result<json> DescribeAlarmHistory(AlarmBook& book, const json& input) {
    const std::string wanted = input.value("AlarmName", "");
    const std::string type = input.value("HistoryItemType", "");
    const double start = input.value("StartDate", 0.0);
    const double end = input.value("EndDate", 9e12);
    const json types = input.value("AlarmTypes", json::array());
    const bool metric_alarms =
        types.empty() || std::ranges::find(types, json("MetricAlarm")) != types.end();
    std::vector<json> items;
    {
      const MutexLock lock(book.mu_);
      for (const auto& [name, alarm] : book.alarms_) {
        if (!metric_alarms || (!wanted.empty() && name != wanted)) continue;
        for (const AlarmBook::Event& entry : alarm.history) {
          const double at = ToSeconds(FromMillis(entry.ms));
          if (at < start || at > end || (!type.empty() && entry.type != type)) continue;
          items.push_back({{"AlarmName", name},
                           {"AlarmType", "MetricAlarm"},
                           {"Timestamp", at},
                           {"HistoryItemType", entry.type},
                           {"HistorySummary", entry.summary},
                           {"HistoryData", entry.data}});
        }
      }
    }
    std::ranges::stable_sort(items, {},
                             [](const json& item) { return item.value("Timestamp", 0.0); });
    if (input.value("ScanBy", "") != "TimestampAscending") std::ranges::reverse(items);
    size_t first = 0;
    if (input.contains("NextToken")) {
      const auto position =
          api::ReadPageToken("DescribeAlarmHistory", input, input.value("NextToken", ""));
      if (!position || !position->is_number_unsigned() || *position > items.size()) {
        return BadAlarmToken();
      }
      first = position->get<size_t>();
    }
    const size_t limit = static_cast<size_t>(input.value("MaxRecords", int64_t{100}));
    const size_t stop = std::min<size_t>(items.size(), first + limit);
    json out = {{"AlarmHistoryItems", json::array()}};
    for (size_t i = first; i < stop; ++i) out["AlarmHistoryItems"].push_back(items[i]);
    if (stop < items.size()) {
      out["NextToken"] = api::MakePageToken("DescribeAlarmHistory", input, stop);
    }
    return out;
  }

  static Result<json> DeleteAlarms(AlarmBook& book, const json& input) {
    const MutexLock lock(book.mu_);
    std::vector<meta::Write> writes;
    for (const json& name : input.value("AlarmNames", json::array())) {
      const auto it = book.alarms_.find(name.get<std::string>());
      if (it == book.alarms_.end()) return NoAlarm(name.get<std::string>());
      writes.push_back({.table = std::string(kAlarmsTable), .key = it->first});
    }
    CLARY_CHECK_OK(book.records_.Apply(writes));
    for (const meta::Write& write : writes) book.alarms_.erase(write.key);
    return json::object();
  }

  static Result<json> SetAlarmState(AlarmBook& book, const json& input) {
    const std::string name = input.value("AlarmName", "");
    const std::string data = input.value("StateReasonData", "");
    if (!data.empty() && !json::accept(data)) {
      return Fail(Code::kInvalidArgument, "InvalidFormat", "StateReasonData is not valid JSON");
    }
    const MutexLock lock(book.mu_);
    const auto it = book.alarms_.find(name);
    if (it == book.alarms_.end()) return NoAlarm(name);
    AlarmBook::Alarm alarm = it->second;
    book.SetState(name, alarm,
                  {.state = input.value("StateValue", ""),
                   .reason = input.value("StateReason", ""),
                   .data = data});
    CLARY_CHECK_OK(book.Save(name, alarm));
    return json::object();
  }

  static void AddHistory(AlarmBook::Alarm& alarm, int64_t ms, std::string_view type,
                         std::string summary, std::string data) {
    alarm.history.push_back({.ms = ms,
                             .type = std::string(type),
                             .summary = std::move(summary),
                             .data = std::move(data)});
    if (alarm.history.size() > kMaxHistory) alarm.history.erase(alarm.history.begin());
  }

 private:
  static std::unexpected<Error> NoAlarm(const std::string& name) {
    return Fail(Code::kNotFound, "ResourceNotFound", "Unknown alarm: " + name);
  }
};

Result<std::unique_ptr<AlarmBook>> AlarmBook::Open(Reader reader, meta::MetadataStore& records,
                                                   const Account& account, Clock& clock) {
  std::unique_ptr<AlarmBook> book(new AlarmBook(std::move(reader), records, account, clock));
  CLARY_CHECK_OK(book->Reload());
  return book;
}

Status AlarmBook::Reload() {
  const MutexLock lock(mu_);
  CLARY_TRY(const auto stored, records_.List(kAlarmsTable));
  alarms_.clear();
  for (const meta::Record& record : stored) {
    const auto body = BodyOf(kAlarmsTable, record);
    const auto settings = body ? body->find("settings") : json::const_iterator();
    const bool usable = body && settings != body->end() && settings->is_object() &&
                        Understand("monitoring", "PutMetricAlarm", *settings, false) &&
                        CheckSettings(*settings);
    if (!usable) {
      LOG(kError, "an alarm's record is damaged; it is not evaluated", {"name", record.key});
      continue;
    }
    Alarm alarm{.settings = *settings,
                .state = TextIn(*body, "state"),
                .reason = TextIn(*body, "reason"),
                .reason_data = TextIn(*body, "reason_data"),
                .configured_ms = IntIn(*body, "configured_ms"),
                .updated_ms = IntIn(*body, "updated_ms"),
                .transitioned_ms = IntIn(*body, "transitioned_ms")};
    for (const json& entry : ListIn(*body, "history")) {
      if (!entry.is_object()) continue;
      alarm.history.push_back({.ms = IntIn(entry, "ms"),
                               .type = TextIn(entry, "type"),
                               .summary = TextIn(entry, "summary"),
                               .data = TextIn(entry, "data")});
    }
    alarms_[record.key] = std::move(alarm);
  }
  return {};
}

Result<json> AlarmBook::Handle(std::string_view operation, const json& input) {
  using Function = Result<json> (*)(AlarmBook&, const json&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kOperations[] = {
      {"DeleteAlarms", AlarmOperations::DeleteAlarms},
      {"DescribeAlarmHistory", AlarmOperations::DescribeAlarmHistory},
      {"DescribeAlarms", AlarmOperations::DescribeAlarms},
      {"PutMetricAlarm", AlarmOperations::PutMetricAlarm},
      {"SetAlarmState", AlarmOperations::SetAlarmState},
  };
  for (const Entry& entry : kOperations) {
    if (entry.name == operation) return entry.function(*this, input);
  }
  return BadAlarm("UnknownOperationException",
                  "CloudWatch has no operation '" + std::string(operation) + "' here");
}

Status AlarmBook::Save(const std::string& name, const Alarm& alarm) {
  json history = json::array();
  for (const Event& event : alarm.history) {
    history.push_back(
        {{"ms", event.ms}, {"type", event.type}, {"summary", event.summary}, {"data", event.data}});
  }
  const json body = {{"settings", alarm.settings},
                     {"state", alarm.state},
                     {"reason", alarm.reason},
                     {"reason_data", alarm.reason_data},
                     {"configured_ms", alarm.configured_ms},
                     {"updated_ms", alarm.updated_ms},
                     {"transitioned_ms", alarm.transitioned_ms},
                     {"history", std::move(history)}};
  CLARY_CHECK_OK(records_.Put(std::string(kAlarmsTable), name, body.dump(), std::nullopt));
  alarms_[name] = alarm;
  return {};
}

std::string AlarmBook::ArnOf(const std::string& name) const {
  return "arn:aws:cloudwatch:" + account_.region + ":" + account_.id + ":alarm:" + name;
}

json AlarmBook::Show(const std::string& name, const Alarm& alarm) const {
  json out = alarm.settings;
  out.erase("Tags");
  for (const char* list : {"OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"}) {
    if (!out.contains(list)) out[list] = json::array();
  }
  if (!out.contains("ActionsEnabled")) out["ActionsEnabled"] = true;
  out["AlarmArn"] = ArnOf(name);
  out["AlarmConfigurationUpdatedTimestamp"] = ToSeconds(FromMillis(alarm.configured_ms));
  out["StateValue"] = alarm.state;
  out["StateReason"] = alarm.reason;
  if (!alarm.reason_data.empty()) out["StateReasonData"] = alarm.reason_data;
  out["StateUpdatedTimestamp"] = ToSeconds(FromMillis(alarm.updated_ms));
  out["StateTransitionedTimestamp"] = ToSeconds(FromMillis(alarm.transitioned_ms));
  return out;
}

void AlarmBook::SetState(const std::string& name, Alarm& alarm, Verdict verdict) const {
  const int64_t now = ToMillis(clock_.Now());
  alarm.updated_ms = now;
  if (alarm.state != verdict.state) {
    alarm.transitioned_ms = now;
    const json data = {
        {"version", "1.0"},
        {"oldState", {{"stateValue", alarm.state}, {"stateReason", alarm.reason}}},
        {"newState", {{"stateValue", verdict.state}, {"stateReason", verdict.reason}}}};
    AlarmOperations::AddHistory(alarm, now, "StateUpdate",
                                "Alarm updated from " + alarm.state + " to " + verdict.state,
                                data.dump());
    LOG(kInfo, "alarm", {"name", name}, {"from", alarm.state}, {"to", verdict.state},
        {"reason", verdict.reason});
  }
  alarm.state = std::move(verdict.state);
  alarm.reason = std::move(verdict.reason);
  alarm.reason_data = std::move(verdict.data);
}

// As CloudWatch's documentation describes: windows end at the last full minute (at the last ten
// seconds for shorter periods), and empty ones are made up for by older ones.
Result<std::vector<AlarmBook::Point>> AlarmBook::Points(const json& settings) const {
  CLARY_TRY(const MetricKey key, KeyOf(settings));
  const Comparison* comparison = FindComparison(settings.value("ComparisonOperator", ""));
  std::vector<Point> points;
  if (!comparison) return points;
  const int64_t width = settings.value("Period", int64_t{60}) * 1000;
  const auto periods = settings.value("EvaluationPeriods", int64_t{1});
  const double threshold = settings.value("Threshold", 0.0);
  const std::string statistic = StatisticOf(settings);
  const std::string unit = settings.value("Unit", "");
  const int64_t step = width < kMinuteMs ? 10'000 : kMinuteMs;
  const int64_t now_ms = ToMillis(clock_.Now());
  const int64_t end_ms = now_ms - now_ms % step;
  const int64_t windows = periods + kExtraWindows;
  const int64_t begin_ms = end_ms - windows * width;
  CLARY_TRY(const auto samples, reader_(key, FromMillis(begin_ms), FromMillis(end_ms)));

  std::vector<MetricWindow> filled(static_cast<size_t>(windows));
  for (const MetricSample& sample : samples) {
    if (!unit.empty() && sample.unit != unit) continue;
    filled[static_cast<size_t>((ToMillis(sample.time) - begin_ms) / width)].Add(sample);
  }
  for (int64_t i = windows - 1; i >= 0 && std::ssize(points) < periods; --i) {
    const auto value = filled[static_cast<size_t>(i)].Value(statistic);
    if (!value) continue;
    points.push_back({.begin = FromMillis(begin_ms + i * width),
                      .value = *value,
                      .breaching = comparison->holds(*value, threshold)});
  }
  return points;
}

// What is missing of the points counts as TreatMissingData says.
Result<std::optional<AlarmBook::Verdict>> AlarmBook::Judge(const json& settings,
                                                           const std::string& state) const {
  CLARY_TRY(const std::vector<Point> points, Points(settings));
  const Comparison* comparison = FindComparison(settings.value("ComparisonOperator", ""));
  if (!comparison) return std::nullopt;
  const auto periods = settings.value("EvaluationPeriods", int64_t{1});
  const int64_t needed = NeededOf(settings);
  const double threshold = settings.value("Threshold", 0.0);
  const std::string rule = settings.value("TreatMissingData", "missing");
  const auto found = std::ssize(points);
  const int64_t missing = periods - found;
  const int64_t breaching = std::ranges::count_if(points, &Point::breaching);

  std::string verdict = "OK";
  if (found == 0 && rule == "missing") {
    verdict = "INSUFFICIENT_DATA";
  } else if (breaching >= needed || (rule == "breaching" && breaching + missing >= needed) ||
             (rule == "missing" && breaching > 0 && breaching == found)) {
    verdict = "ALARM";
  } else if (rule == "ignore" && missing > 0 && breaching + missing >= needed) {
    return std::nullopt;
  }
  if (verdict == state) return std::nullopt;

  std::string listed;
  json recent = json::array();
  json evaluated = json::array();
  for (const Point& point : points) {
    listed += (listed.empty() ? "" : ", ") + ShowPoint(point.value, point.begin);
    recent.insert(recent.begin(), point.value);
    evaluated.push_back({{"timestamp", FormatIso8601(point.begin)}, {"value", point.value}});
  }
  const std::string count = std::to_string(found) + (found == 1 ? " datapoint" : " datapoints");
  const bool some = found > 0;
  std::string reason;
  if (verdict == "INSUFFICIENT_DATA") {
    reason = "Insufficient Data: " + std::to_string(periods) +
             (periods == 1 ? " datapoint was unknown." : " datapoints were unknown.");
  } else if (!some) {
    reason = "Threshold Crossed: no datapoints were received for " + std::to_string(periods) +
             (periods == 1 ? " period and " : " periods and ") + std::to_string(missing) +
             " missing datapoint" + (missing == 1 ? " was" : "s were") + " treated as [" +
             (rule == "breaching" ? "Breaching" : "NonBreaching") + "].";
  } else {
    reason = "Threshold Crossed: " + count + " [" + listed + "] " + (found == 1 ? "was" : "were") +
             (verdict == "OK" ? " not " : " ") + std::string(comparison->words) +
             " the threshold (" + json(threshold).dump() + ").";
  }
  const json data = {{"version", "1.0"},
                     {"queryDate", FormatIso8601(clock_.Now())},
                     {"statistic", StatisticOf(settings)},
                     {"period", settings.value("Period", int64_t{60})},
                     {"recentDatapoints", recent},
                     {"threshold", threshold},
                     {"evaluatedDatapoints", evaluated}};
  return Verdict{.state = verdict, .reason = std::move(reason), .data = data.dump()};
}

std::vector<PolicyAlarm> AlarmBook::AlarmsOf(const std::string& policy, bool values) const {
  std::vector<PolicyAlarm> out;
  std::vector<json> settings;
  {
    const MutexLock lock(mu_);
    for (const auto& [name, alarm] : alarms_) {
      bool named = false;
      bool acts = false;
      for (const auto& [state, member] : kStateActions) {
        const json actions = alarm.settings.value(member, json::array());
        if (std::ranges::find(actions, json(policy)) == actions.end()) continue;
        named = true;
        acts = acts || state == alarm.state;
      }
      if (!named) continue;
      out.push_back({.name = name,
                     .arn = ArnOf(name),
                     .acts = acts && alarm.settings.value("ActionsEnabled", true),
                     .threshold = alarm.settings.value("Threshold", 0.0)});
      settings.push_back(alarm.settings);
    }
  }
  for (size_t i = 0; values && i < out.size(); ++i) {
    if (!out[i].acts) continue;
    const auto points = Points(settings[i]);  // reads files: without the lock
    if (!points) {
      LOG(kWarn, "an alarm's metric cannot be read", {"name", out[i].name},
          {"message", points.error().message});
      continue;
    }
    for (const Point& point : *points) out[i].values.push_back(point.value);
  }
  return out;
}

std::string AlarmBook::StateOf(const std::string& name) {
  const MutexLock lock(mu_);
  const auto it = alarms_.find(name);
  return it != alarms_.end() ? it->second.state : std::string();
}

void AlarmBook::Evaluate() {
  std::vector<std::pair<std::string, Alarm>> all;
  {
    const MutexLock lock(mu_);
    all.assign(alarms_.begin(), alarms_.end());
  }
  for (auto& [name, alarm] : all) {
    const auto verdict = Judge(alarm.settings, alarm.state);  // reads files: without the lock
    if (!verdict) {
      LOG(kWarn, "an alarm was not evaluated", {"name", name},
          {"message", verdict.error().message});
      continue;
    }
    if (!*verdict) continue;
    const MutexLock lock(mu_);
    const auto it = alarms_.find(name);
    // Judged by settings or in a state that it has no more: the next time will do.
    if (it == alarms_.end() || it->second.configured_ms != alarm.configured_ms ||
        it->second.updated_ms != alarm.updated_ms) {
      continue;
    }
    SetState(name, alarm, **verdict);
    if (const Status saved = Save(name, alarm); !saved) {
      LOG(kWarn, "an alarm's state was not saved", {"name", name},
          {"message", saved.error().message});
    }
  }
}

}  // namespace clary::server
