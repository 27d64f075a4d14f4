#include "server/cloudwatch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "base/strings.h"
#include "server/internal/query.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kNamespace = "/aws/sagemaker/TrainingJobs";
constexpr const char* kDimension = "TrainingJobName";
constexpr size_t kMetricsPerPage = 500;
constexpr size_t kMaxDatapoints = 1440;

std::unexpected<Error> Bad(std::string reason, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(reason), std::move(message));
}

std::string Text(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const json& List(const json& object, const char* name) {
  static const json kEmpty = json::array();
  if (!object.is_object()) return kEmpty;
  const auto it = object.find(name);
  return it != object.end() && it->is_array() ? *it : kEmpty;
}

// Integers come as text in forms.
Result<int64_t> Integer(const json& object, const char* name, std::optional<int64_t> fallback) {
  const auto it = object.find(name);
  if (it == object.end() || it->is_null()) {
    if (fallback) return *fallback;
    return Bad("MissingParameter", std::string("The parameter ") + name + " is required");
  }
  if (it->is_number_integer()) return it->get<int64_t>();
  if (it->is_number_float() && std::abs(it->get<double>()) < 9e15) {
    return static_cast<int64_t>(it->get<double>());
  }
  if (it->is_string()) {
    if (const auto value = ParseInt(it->get_ref<const std::string&>())) return *value;
  }
  return Bad("InvalidParameterValue",
             std::string("The value for parameter ") + name + " is not an integer");
}

Result<Time> TimeOf(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || it->is_null()) {
    return Bad("MissingParameter", std::string("The parameter ") + name + " is required");
  }
  if (it->is_number() && std::abs(it->get<double>()) < 9e12) {
    return FromMillis(static_cast<int64_t>(std::llround(it->get<double>() * 1000.0)));
  }
  if (it->is_string()) {
    if (auto time = ParseIso8601(it->get_ref<const std::string&>())) return *time;
  }
  return Bad("InvalidParameterValue",
             std::string("The value for parameter ") + name + " is not a time");
}

// The job that a list of dimensions names; nullopt for dimensions that no metric has.
std::optional<std::string> JobOf(const json& dimensions) {
  if (dimensions.size() != 1 || Text(dimensions[0], "Name") != kDimension) return std::nullopt;
  return Text(dimensions[0], "Value");
}

struct Bucket {
  int64_t start_ms = 0;
  double sum = 0;
  double low = 0;
  double high = 0;
  int64_t count = 0;

  std::optional<double> Value(std::string_view statistic) const {
    if (statistic == "Average") return sum / static_cast<double>(count);
    if (statistic == "Sum") return sum;
    if (statistic == "Minimum") return low;
    if (statistic == "Maximum") return high;
    if (statistic == "SampleCount") return static_cast<double>(count);
    return std::nullopt;
  }
};

// The points of [start, end) in windows of `period` seconds, which begin at multiples of it.
std::vector<Bucket> Aggregate(const std::vector<control::MetricPoint>& points, Time start, Time end,
                              int64_t period) {
  std::map<int64_t, Bucket> buckets;
  const int64_t width = period * 1000;
  for (const control::MetricPoint& point : points) {
    // A point counts for the window that holds it, if that window begins in range.
    const int64_t ms = ToMillis(point.time);
    const int64_t begin = ms - ((ms % width) + width) % width;
    if (point.time >= end || begin + width <= ToMillis(start)) continue;
    Bucket& bucket = buckets[begin];
    if (bucket.count == 0) bucket = {.start_ms = begin, .low = point.value, .high = point.value};
    bucket.sum += point.value;
    bucket.low = std::min(bucket.low, point.value);
    bucket.high = std::max(bucket.high, point.value);
    ++bucket.count;
  }
  std::vector<Bucket> out;
  for (const auto& [begin, bucket] : buckets) out.push_back(bucket);
  return out;
}

Status CheckPeriod(int64_t period) {
  const bool ok = period == 1 || period == 5 || period == 10 || period == 20 || period == 30 ||
                  (period > 0 && period % 60 == 0 && period <= 86'400 * 366);
  if (ok) return {};
  return Bad("InvalidParameterValue",
             "The value for parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60");
}

}  // namespace

struct CloudWatchOperations {
  // The points of one metric; none for an unknown one, as in CloudWatch.
  static Result<std::vector<control::MetricPoint>> Points(const CloudWatchFront& front,
                                                          const json& metric) {
    const auto job = JobOf(List(metric, "Dimensions"));
    const std::string name = Text(metric, "MetricName");
    std::vector<control::MetricPoint> points;
    if (Text(metric, "Namespace") != kNamespace || !job || name.empty()) return points;
    auto series = front.source_.series(*job, name);
    if (!series && series.error().code == Code::kNotFound) return points;
    if (!series) return std::unexpected(std::move(series).error());
    for (auto& s : *series) {
      if (s.name == name) points = std::move(s.points);
    }
    return points;
  }

  static Result<json> GetMetricStatistics(const CloudWatchFront& front, const json& input) {
    if (Text(input, "MetricName").empty() || Text(input, "Namespace").empty()) {
      return Bad("MissingParameter", "The parameters Namespace and MetricName are required");
    }
    CLARY_TRY(const Time start, TimeOf(input, "StartTime"));
    CLARY_TRY(const Time end, TimeOf(input, "EndTime"));
    CLARY_TRY(const int64_t period, Integer(input, "Period", std::nullopt));
    CLARY_CHECK_OK(CheckPeriod(period));
    if (start >= end) {
      return Bad("InvalidParameterCombination",
                 "The parameter StartTime must be less than the parameter EndTime.");
    }
    const json& statistics = List(input, "Statistics");
    if (statistics.empty()) {
      return Bad("InvalidParameterCombination",
                 "At least one of the parameters Statistics and ExtendedStatistics must be given; "
                 "only Statistics are supported here");
    }
    CLARY_TRY(const auto points, Points(front, input));
    const auto buckets = Aggregate(points, start, end, period);
    if (buckets.size() > kMaxDatapoints) {
      return Bad("InvalidParameterCombination",
                 "You have requested up to " + std::to_string(buckets.size()) +
                     " datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
                     "requested by increasing Period, or decreasing the time range.");
    }
    json datapoints = json::array();
    for (const Bucket& bucket : buckets) {
      json point = {{"Timestamp", ToSeconds(FromMillis(bucket.start_ms))}, {"Unit", "None"}};
      for (const json& statistic : statistics) {
        const auto name = statistic.is_string() ? statistic.get<std::string>() : std::string();
        const auto value = bucket.Value(name);
        if (!value) {
          return Bad("InvalidParameterValue",
                     "The value '" + name +
                         "' for parameter Statistics is not one of [Average, "
                         "Sum, Minimum, Maximum, SampleCount]");
        }
        point[name] = *value;
      }
      datapoints.push_back(std::move(point));
    }
    return json{{"Label", Text(input, "MetricName")}, {"Datapoints", std::move(datapoints)}};
  }

  static Result<json> GetMetricData(const CloudWatchFront& front, const json& input) {
    CLARY_TRY(const Time start, TimeOf(input, "StartTime"));
    CLARY_TRY(const Time end, TimeOf(input, "EndTime"));
    const json& queries = List(input, "MetricDataQueries");
    if (queries.empty() || queries.size() > 500) {
      return Bad("ValidationError", "MetricDataQueries must hold 1 to 500 queries");
    }
    json results = json::array();
    for (const json& query : queries) {
      const auto stat = query.is_object() ? query.find("MetricStat") : query.end();
      if (stat == query.end() || !stat->is_object()) {
        return Bad("ValidationError",
                   "The query '" + Text(query, "Id") +
                       "' has no MetricStat; expressions are not supported here");
      }
      if (const auto wanted = query.find("ReturnData");
          wanted != query.end() && (*wanted == false || *wanted == "false")) {
        continue;
      }
      const auto metric = stat->find("Metric");
      CLARY_TRY(const int64_t period, Integer(*stat, "Period", std::nullopt));
      CLARY_CHECK_OK(CheckPeriod(period));
      CLARY_TRY(const auto points, Points(front, metric == stat->end() ? json::object() : *metric));
      auto buckets = Aggregate(points, start, end, period);
      if (Text(input, "ScanBy") != "TimestampAscending") std::ranges::reverse(buckets);
      json times = json::array();
      json values = json::array();
      for (const Bucket& bucket : buckets) {
        const auto value = bucket.Value(Text(*stat, "Stat"));
        if (!value) {
          return Bad("ValidationError", "The value '" + Text(*stat, "Stat") +
                                            "' for parameter Stat is not one of "
                                            "[Average, Sum, Minimum, Maximum, SampleCount]");
        }
        times.push_back(ToSeconds(FromMillis(bucket.start_ms)));
        values.push_back(*value);
      }
      const std::string label = Text(query, "Label");
      results.push_back(
          {{"Id", Text(query, "Id")},
           {"Label", label.empty() && metric != stat->end() ? Text(*metric, "MetricName") : label},
           {"Timestamps", std::move(times)},
           {"Values", std::move(values)},
           {"StatusCode", "Complete"}});
    }
    return json{{"MetricDataResults", std::move(results)}, {"Messages", json::array()}};
  }

  static Result<json> ListMetrics(const CloudWatchFront& front, const json& input) {
    const std::string wanted_namespace = Text(input, "Namespace");
    const std::string wanted_name = Text(input, "MetricName");
    const std::string token = Text(input, "NextToken");
    json metrics = json::array();
    std::string next;
    std::optional<std::string> one_job;
    bool none = !wanted_namespace.empty() && wanted_namespace != kNamespace;
    for (const json& filter : List(input, "Dimensions")) {
      if (Text(filter, "Name") != kDimension) none = true;
      if (!Text(filter, "Value").empty()) one_job = Text(filter, "Value");
    }
    if (none) return json{{"Metrics", metrics}};
    std::vector<std::string> jobs =
        one_job ? std::vector<std::string>{*one_job} : front.source_.jobs();
    size_t i = 0;
    if (!token.empty()) {  // the last job of the page before
      const auto found = std::ranges::find(jobs, token);
      if (found == jobs.end()) return Bad("InvalidParameterValue", "The NextToken is not valid");
      i = static_cast<size_t>(found - jobs.begin()) + 1;
    }
    for (; i < jobs.size() && metrics.size() < kMetricsPerPage; ++i) {
      const auto series = front.source_.series(jobs[i], wanted_name);
      if (!series && series.error().code != Code::kNotFound) return std::unexpected(series.error());
      if (!series) continue;
      for (const control::MetricSeries& s : *series) {
        if (s.points.empty() || (!wanted_name.empty() && s.name != wanted_name)) continue;
        metrics.push_back({{"Namespace", kNamespace},
                           {"MetricName", s.name},
                           {"Dimensions", {{{"Name", kDimension}, {"Value", jobs[i]}}}}});
      }
    }
    json out = {{"Metrics", std::move(metrics)}};
    if (i < jobs.size()) out["NextToken"] = jobs[i - 1];
    return out;
  }
};

Result<json> CloudWatchFront::Handle(std::string_view operation, const json& input) const {
  using Function = Result<json> (*)(const CloudWatchFront&, const json&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kOperations[] = {
      {"GetMetricData", CloudWatchOperations::GetMetricData},
      {"GetMetricStatistics", CloudWatchOperations::GetMetricStatistics},
      {"ListMetrics", CloudWatchOperations::ListMetrics},
  };
  if (!input.is_object()) {
    return Bad("SerializationException", "the request is not an object");
  }
  for (const Entry& entry : kOperations) {
    if (entry.name == operation) return entry.function(*this, input);
  }
  return Bad("UnknownOperationException",
             "CloudWatch has no operation '" + std::string(operation) + "' here");
}

// --- Forms of the document ---------------------------------------------------------------------

json FormToJson(const net::Query& form) {
  json document = json::object();
  for (const auto& [name, value] : form) {
    json* at = &document;
    bool fits = true;
    const auto parts = Split(name, '.');
    for (size_t i = 0; i < parts.size() && i < 16; ++i) {
      if (parts[i] == "member" && i + 1 < parts.size()) {
        const auto index = ParseUint(parts[++i]);
        if (at->is_null()) *at = json::array();
        // Members count from 1; one that leaves a gap is dropped.
        fits = at->is_array() && index && *index >= 1 && *index <= at->size() + 1;
        if (!fits) break;
        if (*index == at->size() + 1) at->push_back(nullptr);
        at = &(*at)[*index - 1];
      } else {
        if (at->is_null()) *at = json::object();
        fits = at->is_object();
        if (!fits) break;
        at = &(*at)[std::string(parts[i])];
      }
    }
    if (fits && at->is_null()) *at = value;
  }
  return document;
}

namespace {

bool IsTime(std::string_view name) { return name.starts_with("Timestamp"); }

std::string Number(const json& value) { return value.dump(); }

void AppendXml(std::string& out, std::string_view name, const json& value, bool time) {
  std::string inner;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) AppendXml(inner, key, member, IsTime(key));
  } else if (value.is_array()) {
    for (const json& member : value) AppendXml(inner, "member", member, time);
  } else if (time && value.is_number()) {
    inner = FormatIso8601(FromMillis(std::llround(value.get<double>() * 1000.0)));
  } else if (value.is_string()) {
    inner = XmlEscape(value.get_ref<const std::string&>());
  } else if (value.is_number() || value.is_boolean()) {
    inner = Number(value);
  }
  out += XmlWrap(name, inner);
}

void AppendHead(std::string& out, int major, uint64_t n) {
  const auto type = static_cast<unsigned>(major) << 5;
  int bytes = 8;
  unsigned info = 27;
  if (n < 24) {
    bytes = 0;
    info = static_cast<unsigned>(n);
  } else if (n <= 0xFF) {
    bytes = 1;
    info = 24;
  } else if (n <= 0xFFFF) {
    bytes = 2;
    info = 25;
  } else if (n <= 0xFFFF'FFFF) {
    bytes = 4;
    info = 26;
  }
  out += static_cast<char>(type | info);
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((n >> (8 * i)) & 0xFF);
}

void AppendCbor(std::string& out, const json& value, bool time) {
  if (value.is_object()) {
    AppendHead(out, 5, value.size());
    for (const auto& [key, member] : value.items()) {
      AppendCbor(out, key, false);
      AppendCbor(out, member, IsTime(key));
    }
  } else if (value.is_array()) {
    AppendHead(out, 4, value.size());
    for (const json& member : value) AppendCbor(out, member, time);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    AppendHead(out, 3, text.size());
    out += text;
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? '\xF5' : '\xF4';
  } else if (value.is_number_float() || (time && value.is_number())) {
    if (time) out += '\xC1';  // epoch time
    out += '\xFB';
    const auto bits = std::bit_cast<uint64_t>(value.get<double>());
    for (int i = 7; i >= 0; --i) out += static_cast<char>((bits >> (8 * i)) & 0xFF);
  } else if (value.is_number_integer()) {
    const auto n = value.get<int64_t>();
    n >= 0 ? AppendHead(out, 0, static_cast<uint64_t>(n))
           : AppendHead(out, 1, static_cast<uint64_t>(-1 - n));
  } else {
    out += '\xF6';
  }
}

}  // namespace

std::string JsonToXml(const json& document) {
  std::string out;
  for (const auto& [key, member] : document.items()) AppendXml(out, key, member, IsTime(key));
  return out;
}

namespace {

// CBOR as far as documents need it: no byte strings, undefined, or half and single floats that are
// not finite. Depth is bounded, since the bytes are foreign.
class CborReader {
 public:
  explicit CborReader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  std::optional<json> Value(int depth = 0) {
    const auto head = Head();
    if (!head || depth > 16) return std::nullopt;
    switch (head->major) {
      case 0:
        return json(head->n);
      case 1:
        if (head->n > INT64_MAX) return std::nullopt;
        return json(-1 - static_cast<int64_t>(head->n));
      case 3: {
        auto text = Text(*head);
        if (!text) return std::nullopt;
        return json(*std::move(text));
      }
      case 4:
      case 5:
        return Container(*head, depth);
      case 6:  // a tag says nothing that the member's name does not
        return Value(depth + 1);
      case 7:
        return Simple(*head);
      default:
        return std::nullopt;
    }
  }

 private:
  struct Item {
    int major = 0;
    int info = 0;
    uint64_t n = 0;
  };
  static constexpr int kIndefinite = 31;

  std::optional<Item> Head() {
    if (rest_.empty()) return std::nullopt;
    const auto first = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    Item item{.major = first >> 5, .info = first & 31};
    if (item.info < 24) {
      item.n = static_cast<uint64_t>(item.info);
    } else if (item.info <= 27) {
      const size_t bytes = size_t{1} << (item.info - 24);
      if (rest_.size() < bytes) return std::nullopt;
      for (size_t i = 0; i < bytes; ++i) {
        item.n = (item.n << 8) | static_cast<unsigned char>(rest_[i]);
      }
      rest_.remove_prefix(bytes);
    } else if (item.info != kIndefinite) {
      return std::nullopt;
    }
    return item;
  }

  std::optional<std::string> Text(const Item& head) {
    if (head.info == kIndefinite || head.n > rest_.size()) return std::nullopt;
    std::string text(rest_.substr(0, head.n));
    rest_.remove_prefix(head.n);
    return text;
  }

  bool AtBreak() {
    if (!rest_.starts_with('\xFF')) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<json> Container(const Item& head, int depth) {
    const bool map = head.major == 5;
    json out = map ? json::object() : json::array();
    for (uint64_t i = 0;; ++i) {
      if (head.info == kIndefinite ? AtBreak() : i == head.n) return out;
      std::string key;
      if (map) {
        const auto key_head = Head();
        auto text = key_head && key_head->major == 3 ? Text(*key_head) : std::nullopt;
        if (!text) return std::nullopt;
        key = *std::move(text);
      }
      auto value = Value(depth + 1);
      if (!value) return std::nullopt;
      if (map) {
        out[key] = *std::move(value);
      } else {
        out.push_back(*std::move(value));
      }
    }
  }

  static std::optional<json> Simple(const Item& head) {
    switch (head.info) {
      case 20:
        return json(false);
      case 21:
        return json(true);
      case 22:
      case 23:
        return json(nullptr);
      case 26:
        return json(static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(head.n))));
      case 27:
        return json(std::bit_cast<double>(head.n));
      default:
        return std::nullopt;
    }
  }

  std::string_view rest_;
};

}  // namespace

Result<json> CborToJson(std::string_view bytes) {
  if (bytes.empty()) return json::object();
  CborReader reader(bytes);
  auto document = reader.Value();
  if (!document || !document->is_object() || !reader.done()) {
    return Bad("SerializationException", "the request body is not a CBOR map of plain values");
  }
  return *std::move(document);
}

std::string JsonToCbor(const json& document) {
  std::string out;
  AppendCbor(out, document, false);
  return out;
}

}  // namespace clary::server
