#include "server/cloudwatch.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "api/page.h"
#include "base/strings.h"
#include "server/internal/metric_windows.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kJobs = "/aws/sagemaker/TrainingJobs";
constexpr std::string_view kReserved[] = {"AWS/", "/aws/sagemaker/"};
constexpr std::string_view kDimension = "TrainingJobName";
constexpr size_t kMetricsPerPage = 500;
constexpr size_t kMaxDatapoints = 1440;    // of GetMetricStatistics
constexpr int64_t kMaxPageData = 100'800;  // of GetMetricData
constexpr size_t kMaxValues = 150;
constexpr double kMaxValue = 0x1p360;
constexpr int64_t kHourMs = 3'600'000;

std::unexpected<Error> Bad(std::string reason, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(reason), std::move(message));
}

std::string TextOf(const json& object, const char* name) { return object.value(name, ""); }

Time TimeIn(const json& object, const char* name) {
  const double seconds = std::clamp(object.value(name, 0.0), -9e12, 9e12);
  return FromMillis(std::llround(seconds * 1000.0));
}

// The job that a metric belongs to; nullopt for metrics of users.
std::optional<std::string> JobOf(const MetricKey& key) {
  if (key.space != kJobs || key.dimensions.size() != 1 || key.dimensions[0].first != kDimension) {
    return std::nullopt;
  }
  return key.dimensions[0].second;
}

struct Window {
  Time begin{};
  std::string unit;
  MetricWindow data;
};

// The samples of [start, end) in windows of `period` seconds, which begin at multiples of it; one
// for each unit. A sample counts for the window that holds it, if that window ends after `start`.
std::vector<Window> Aggregate(const std::vector<MetricSample>& samples, Time start, Time end,
                              int64_t period, const std::string& unit) {
  std::map<std::pair<int64_t, std::string>, MetricWindow> windows;
  const int64_t width = period * 1000;
  for (const MetricSample& sample : samples) {
    const int64_t ms = ToMillis(sample.time);
    const int64_t begin = ms - ((ms % width) + width) % width;
    if (sample.time >= end || begin + width <= ToMillis(start)) continue;
    if (unit.empty() || sample.unit == unit) windows[{begin, sample.unit}].Add(sample);
  }
  std::vector<Window> out;
  for (auto& [at, data] : windows) {
    out.push_back({.begin = FromMillis(at.first), .unit = at.second, .data = std::move(data)});
  }
  return out;
}

Status CheckPeriod(int64_t period) {
  const bool ok = period == 1 || period == 5 || period == 10 || period == 20 || period == 30 ||
                  (period > 0 && period % 60 == 0 && period <= 86'400 * 366);
  if (ok) return {};
  return Bad("InvalidParameterValue",
             "The value for parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60");
}

Status CheckValue(double value, const std::string& at) {
  if (std::isnan(value)) {
    return Bad("InvalidParameterValue", "The value NaN for parameter " + at + " is invalid.");
  }
  if (std::abs(value) <= kMaxValue) return {};
  return Bad("InvalidParameterValue",
             "The value for parameter " + at + " must be from -2^360 to 2^360.");
}

// The samples of one item of MetricData.
Result<std::vector<MetricSample>> SamplesOf(const json& item, const std::string& at, Time now) {
  const auto value = item.find("Value");
  const auto set = item.find("StatisticValues");
  const auto values = item.find("Values");
  const auto counts = item.find("Counts");
  const int forms = int{value != item.end()} + int{set != item.end()} + int{values != item.end()};
  if (forms == 0) {
    return Bad("MissingParameter", "At least one of the parameters " + at + "Value, " + at +
                                       "Values and " + at + "StatisticValues must be specified.");
  }
  if (forms > 1) {
    return Bad("InvalidParameterCombination",
               "The parameters " + at + "Value, " + at + "Values and " + at +
                   "StatisticValues are mutually exclusive and you have specified more than one.");
  }
  if (counts != item.end() && values == item.end()) {
    return Bad("InvalidParameterCombination",
               "The parameter " + at + "Counts needs " + at + "Values.");
  }
  MetricSample base{.time = item.contains("Timestamp") ? TimeIn(item, "Timestamp") : now,
                    .unit = item.value("Unit", "None")};
  if (base.time > now + Duration(2 * kHourMs)) {
    return Bad("InvalidParameterValue", "The parameter " + at +
                                            "Timestamp must specify a time no more than two hours "
                                            "in the future.");
  }
  if (base.time < now - Duration(14 * 24 * kHourMs)) {
    return Bad("InvalidParameterValue",
               "The parameter " + at + "Timestamp must specify a time within the past two weeks.");
  }
  const auto resolution = item.value("StorageResolution", int64_t{60});
  if (resolution != 1 && resolution != 60) {
    return Bad("InvalidParameterValue",
               "The value for parameter " + at + "StorageResolution must be 1 or 60.");
  }
  const auto sample = [&](double v, double count) {
    MetricSample s = base;
    s.count = count;
    s.sum = v * count;
    s.low = s.high = v;
    return s;
  };
  std::vector<MetricSample> samples;
  if (value != item.end()) {
    CLARY_CHECK_OK(CheckValue(value->get<double>(), at + "Value"));
    samples.push_back(sample(value->get<double>(), 1));
  } else if (set != item.end()) {
    MetricSample s = base;
    s.count = set->value("SampleCount", 0.0);
    s.sum = set->value("Sum", 0.0);
    s.low = set->value("Minimum", 0.0);
    s.high = set->value("Maximum", 0.0);
    for (const double v : {s.count, s.sum, s.low, s.high}) {
      CLARY_CHECK_OK(CheckValue(v, at + "StatisticValues"));
    }
    if (s.count <= 0) {
      return Bad("InvalidParameterValue",
                 "The value for parameter " + at + "StatisticValues.SampleCount must be positive.");
    }
    if (s.low > s.high) {
      return Bad("InvalidParameterValue", "The parameter " + at +
                                              "StatisticValues.Maximum must be greater than or "
                                              "equal to StatisticValues.Minimum.");
    }
    samples.push_back(std::move(s));
  } else {
    if (values->empty() || values->size() > kMaxValues) {
      return Bad("InvalidParameterValue", "The collection " + at +
                                              "Values must have a size from 1 to " +
                                              std::to_string(kMaxValues) + ".");
    }
    if (counts != item.end() && counts->size() != values->size()) {
      return Bad("InvalidParameterValue",
                 "The parameters " + at + "Values and " + at + "Counts must be of the same size.");
    }
    for (size_t i = 0; i < values->size(); ++i) {
      const double v = (*values)[i].get<double>();
      const double count = counts == item.end() ? 1.0 : (*counts)[i].get<double>();
      CLARY_CHECK_OK(CheckValue(v, at + "Values"));
      CLARY_CHECK_OK(CheckValue(count, at + "Counts"));
      if (count < 0) {
        return Bad("InvalidParameterValue",
                   "The values of parameter " + at + "Counts must not be negative.");
      }
      if (count > 0) samples.push_back(sample(v, count));
    }
  }
  return samples;
}

}  // namespace

struct CloudWatchOperations {
  static Result<json> PutMetricData(CloudWatchFront& front, const json& input) {
    const std::string space = TextOf(input, "Namespace");
    for (const std::string_view reserved : kReserved) {
      if (space.starts_with(reserved)) {
        return Bad("InvalidParameterValue",
                   "The value " + space +
                       " for parameter Namespace is invalid: namespaces that "
                       "begin with " +
                       std::string(reserved) + " are the service's own.");
      }
    }
    const json items = input.value("MetricData", json::array());
    if (items.empty()) return Bad("MissingParameter", "The parameter MetricData is required.");
    if (items.size() > 1000) {
      return Bad("InvalidParameterValue",
                 "The collection MetricData must not have a size greater than 1000.");
    }
    std::vector<MetricDatum> data;
    for (size_t i = 0; i < items.size(); ++i) {
      const std::string at = "MetricData.member." + std::to_string(i + 1) + ".";
      CLARY_TRY(MetricKey key, KeyOf(items[i]));
      key.space = space;
      CLARY_TRY(auto samples, SamplesOf(items[i], at, front.clock_.Now()));
      data.push_back({.key = std::move(key), .samples = std::move(samples)});
    }
    CLARY_CHECK_OK(front.store_.Put(data));
    return json::object();
  }

  static Result<json> GetMetricStatistics(CloudWatchFront& front, const json& input) {
    const Time start = TimeIn(input, "StartTime");
    const Time end = TimeIn(input, "EndTime");
    const auto period = input.value("Period", int64_t{0});
    CLARY_CHECK_OK(CheckPeriod(period));
    if (start >= end) {
      return Bad("InvalidParameterCombination",
                 "The parameter StartTime must be less than the parameter EndTime.");
    }
    const json statistics = input.value("Statistics", json::array());
    const json extended = input.value("ExtendedStatistics", json::array());
    if (statistics.empty() && extended.empty()) {
      return Bad("InvalidParameterCombination",
                 "At least one of the parameters Statistics and ExtendedStatistics must be "
                 "specified.");
    }
    if (!statistics.empty() && !extended.empty()) {
      return Bad("InvalidParameterCombination",
                 "The parameters Statistics and ExtendedStatistics are mutually exclusive.");
    }
    for (const json& name : extended) {
      if (!PercentileOf(name.get<std::string>())) {
        return Bad("InvalidParameterValue", "The value " + name.get<std::string>() +
                                                " for parameter ExtendedStatistics is not "
                                                "supported: only percentiles are (p90)");
      }
    }
    CLARY_TRY(const MetricKey key, KeyOf(input));
    CLARY_TRY(const auto samples, front.Samples(key, start - Duration(period * 1000), end));
    const auto windows = Aggregate(samples, start, end, period, TextOf(input, "Unit"));
    if (windows.size() > kMaxDatapoints) {
      return Bad("InvalidParameterCombination",
                 "You have requested up to " + std::to_string(windows.size()) +
                     " datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
                     "requested by increasing Period, or decreasing the time range.");
    }
    json datapoints = json::array();
    for (const Window& window : windows) {
      json point = {{"Timestamp", ToSeconds(window.begin)}, {"Unit", window.unit}};
      for (const json& name : statistics) {
        const auto word = name.get<std::string>();
        if (const auto value = window.data.Value(word)) point[word] = *value;
      }
      for (const json& name : extended) {
        const auto word = name.get<std::string>();
        if (const auto value = window.data.Value(word)) point["ExtendedStatistics"][word] = *value;
      }
      datapoints.push_back(std::move(point));
    }
    return json{{"Label", key.name}, {"Datapoints", std::move(datapoints)}};
  }

  static Result<json> GetMetricData(CloudWatchFront& front, const json& input) {
    const Time start = TimeIn(input, "StartTime");
    const Time end = TimeIn(input, "EndTime");
    if (start >= end) {
      return Bad("ValidationError",
                 "The parameter StartTime must be less than the parameter EndTime.");
    }
    const json queries = input.value("MetricDataQueries", json::array());
    if (queries.empty() || queries.size() > 500) {
      return Bad("ValidationError", "MetricDataQueries must hold 1 to 500 queries");
    }
    const auto limit = input.value("MaxDatapoints", kMaxPageData);
    if (limit < 1 || limit > kMaxPageData) {
      return Bad("ValidationError", "MaxDatapoints must be from 1 to 100800");
    }
    // A page goes on after as many datapoints as its token says.
    uint64_t skipped = 0;
    if (input.contains("NextToken")) {
      const auto position = api::ReadPageToken("GetMetricData", input, TextOf(input, "NextToken"));
      if (!position || !position->is_number_unsigned()) {
        return Bad("InvalidNextToken", "The NextToken is not valid");
      }
      skipped = position->get<uint64_t>();
    }
    uint64_t to_skip = skipped;
    auto room = static_cast<uint64_t>(limit);
    bool more = false;
    std::set<std::string> ids;
    json results = json::array();
    for (const json& query : queries) {
      const std::string id = TextOf(query, "Id");
      if (id.empty() || id[0] < 'a' || id[0] > 'z' ||
          !std::ranges::all_of(id, [](unsigned char c) { return std::isalnum(c) || c == '_'; })) {
        return Bad("ValidationError",
                   "The value '" + id +
                       "' of Id must begin with a lower-case letter, followed by letters, digits "
                       "and underscores");
      }
      if (!ids.insert(id).second) {
        return Bad("ValidationError", "The value '" + id + "' of Id is given twice");
      }
      const auto stat = query.find("MetricStat");
      if (stat == query.end()) {
        return Bad("ValidationError", "The query '" + id +
                                          "' has no MetricStat; expressions are not supported "
                                          "here");
      }
      const std::string statistic = TextOf(*stat, "Stat");
      if (!IsStatistic(statistic)) {
        return Bad("ValidationError", "The value '" + statistic +
                                          "' for parameter Stat is not one of [Average, Sum, "
                                          "Minimum, Maximum, SampleCount] and no percentile (p90)");
      }
      const auto period = stat->value("Period", int64_t{0});
      CLARY_CHECK_OK(CheckPeriod(period));
      if (!query.value("ReturnData", true)) continue;
      CLARY_TRY(const MetricKey key, KeyOf(stat->value("Metric", json::object())));
      CLARY_TRY(const auto samples, front.Samples(key, start - Duration(period * 1000), end));
      auto windows = Aggregate(samples, start, end, period, TextOf(*stat, "Unit"));
      if (TextOf(input, "ScanBy") != "TimestampAscending") std::ranges::reverse(windows);
      json times = json::array();
      json values = json::array();
      bool whole = true;
      for (const Window& window : windows) {
        const auto value = window.data.Value(statistic);
        if (!value) continue;
        if (to_skip > 0) {
          --to_skip;
        } else if (room == 0) {
          whole = false;
        } else {
          --room;
          times.push_back(ToSeconds(window.begin));
          values.push_back(*value);
        }
      }
      more = more || !whole;
      const std::string label = TextOf(query, "Label");
      results.push_back({{"Id", id},
                         {"Label", label.empty() ? key.name : label},
                         {"Timestamps", std::move(times)},
                         {"Values", std::move(values)},
                         {"StatusCode", whole ? "Complete" : "PartialData"}});
    }
    json out = {{"MetricDataResults", std::move(results)}, {"Messages", json::array()}};
    if (more) {
      out["NextToken"] =
          api::MakePageToken("GetMetricData", input, skipped + static_cast<uint64_t>(limit));
    }
    return out;
  }

  // First the metrics of jobs, newest job first, then those of users.
  static Result<json> ListMetrics(CloudWatchFront& front, const json& input) {
    const std::string space = TextOf(input, "Namespace");
    // Where the page begins: behind a job, or behind a number among users' metrics.
    json position;
    if (input.contains("NextToken")) {
      const auto read = api::ReadPageToken("ListMetrics", input, TextOf(input, "NextToken"));
      if (!read || !(read->is_string() || read->is_number_integer())) return BadListToken();
      position = *read;
    }
    const Time recent = input.contains("RecentlyActive")
                            ? front.clock_.Now() - Duration(3 * kHourMs)
                            : FromMillis(INT64_MIN / 2);
    json metrics = json::array();
    json out = json::object();
    const auto matches = [&](const MetricKey& key) {
      for (const json& filter : input.value("Dimensions", json::array())) {
        const std::string value = TextOf(filter, "Value");
        if (std::ranges::none_of(key.dimensions, [&](const auto& dimension) {
              return dimension.first == TextOf(filter, "Name") &&
                     (value.empty() || dimension.second == value);
            })) {
          return false;
        }
      }
      return true;
    };
    const auto add = [&](const MetricKey& key) {
      metrics.push_back({{"Namespace", key.space},
                         {"MetricName", key.name},
                         {"Dimensions", DimensionsJson(key)}});
    };
    if (!position.is_number() && (space.empty() || space == kJobs)) {
      CLARY_TRY(const auto next, ListJobs(front, input, position.is_null() ? "" : position, recent,
                                          matches, add, metrics));
      if (next) {
        out["NextToken"] = api::MakePageToken("ListMetrics", input, *next);
        out["Metrics"] = std::move(metrics);
        return out;
      }
    }
    int64_t after = position.is_number() ? position.get<int64_t>() : 0;
    constexpr size_t kStep = 1000;
    for (bool more = true; more && metrics.size() < kMetricsPerPage;) {
      CLARY_TRY(const auto listed,
                front.store_.List(space, TextOf(input, "MetricName"), after, kStep));
      more = listed.size() == kStep;
      for (const MetricStore::Listed& metric : listed) {
        if (metrics.size() == kMetricsPerPage) {
          more = true;
          break;
        }
        after = metric.id;
        if (metric.last >= recent && matches(metric.key)) add(metric.key);
      }
      if (more && metrics.size() == kMetricsPerPage) {
        out["NextToken"] = api::MakePageToken("ListMetrics", input, after);
      }
    }
    out["Metrics"] = std::move(metrics);
    return out;
  }

 private:
  static std::unexpected<Error> BadListToken() {
    return Bad("InvalidParameterValue", "The NextToken is not valid");
  }

  // The last job of this page, or nullopt after the last one of all.
  template <typename Matches, typename Add>
  static Result<std::optional<std::string>> ListJobs(CloudWatchFront& front, const json& input,
                                                     const std::string& after, Time recent,
                                                     const Matches& matches, const Add& add,
                                                     const json& metrics) {
    const std::string wanted = TextOf(input, "MetricName");
    std::optional<std::string> one_job;
    for (const json& filter : input.value("Dimensions", json::array())) {
      if (TextOf(filter, "Name") != kDimension) return std::nullopt;
      if (!TextOf(filter, "Value").empty()) one_job = TextOf(filter, "Value");
    }
    const std::vector<std::string> jobs =
        one_job ? std::vector<std::string>{*one_job} : front.source_.jobs();
    size_t i = 0;
    if (!after.empty()) {  // the last job of the page before
      const auto found = std::ranges::find(jobs, after);
      if (found == jobs.end()) return BadListToken();
      i = static_cast<size_t>(found - jobs.begin()) + 1;
    }
    for (; i < jobs.size() && metrics.size() < kMetricsPerPage; ++i) {
      const auto series = front.source_.series(jobs[i], wanted);
      if (!series && series.error().code != Code::kNotFound) return std::unexpected(series.error());
      if (!series) continue;
      for (const control::MetricSeries& s : *series) {
        if (s.points.empty() || (!wanted.empty() && s.name != wanted)) continue;
        const MetricKey key{.space = std::string(kJobs),
                            .name = s.name,
                            .dimensions = {{std::string(kDimension), jobs[i]}}};
        if (s.points.back().time >= recent && matches(key)) add(key);
      }
    }
    if (i < jobs.size()) return jobs[i - 1];
    return std::nullopt;
  }
};

Result<std::unique_ptr<CloudWatchFront>> CloudWatchFront::Open(Source source, MetricStore& store,
                                                               meta::MetadataStore& records,
                                                               const Account& account,
                                                               Clock& clock) {
  std::unique_ptr<CloudWatchFront> front(new CloudWatchFront(std::move(source), store, clock));
  CLARY_TRY(front->alarms_,
            AlarmBook::Open([&front = *front](const MetricKey& key, Time start,
                                              Time end) { return front.Samples(key, start, end); },
                            records, account, clock));
  return front;
}

Result<std::vector<MetricSample>> CloudWatchFront::Samples(const MetricKey& key, Time start,
                                                           Time end) {
  const auto job = JobOf(key);
  if (!job) return store_.Read(key, start, end);
  std::vector<MetricSample> samples;
  const auto series = source_.series(*job, key.name);
  if (!series && series.error().code == Code::kNotFound) return samples;
  if (!series) return std::unexpected(series.error());
  for (const control::MetricSeries& s : *series) {
    if (s.name != key.name) continue;
    for (const control::MetricPoint& point : s.points) {
      if (point.time < start || point.time >= end) continue;
      samples.push_back(
          {.time = point.time, .sum = point.value, .low = point.value, .high = point.value});
    }
  }
  return samples;
}

Result<json> CloudWatchFront::Handle(std::string_view operation, const json& input) {
  using Function = Result<json> (*)(CloudWatchFront&, const json&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kOperations[] = {
      {"GetMetricData", CloudWatchOperations::GetMetricData},
      {"GetMetricStatistics", CloudWatchOperations::GetMetricStatistics},
      {"ListMetrics", CloudWatchOperations::ListMetrics},
      {"PutMetricData", CloudWatchOperations::PutMetricData},
  };
  for (const Entry& entry : kOperations) {
    if (entry.name == operation) return entry.function(*this, input);
  }
  return alarms_->Handle(operation, input);
}

}  // namespace clary::server
