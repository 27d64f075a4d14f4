#include "debugger/profiler_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace clary::debugger {
namespace {
using nlohmann::json;

constexpr int64_t kMaxMicroseconds = int64_t{1} << 60;  // beyond any time, and two add up
constexpr int64_t kMaxDuration = int64_t{1} << 50;      // 35 years

std::unexpected<Error> BadProfile(std::string_view what) {
  return Fail(Code::kDataLoss, "BadProfile", fmt::format("profiler file: {}", what));
}

// "2026112310": the UTC hour.
std::string Hour(Time time) {
  const std::string iso = FormatIso8601(time);  // 2026-11-23T10:...
  return iso.substr(0, 4) + iso.substr(5, 2) + iso.substr(8, 2) + iso.substr(11, 2);
}

std::optional<double> Number(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_number()) return std::nullopt;
  const auto v = it->get<double>();
  return std::isfinite(v) ? std::optional(v) : std::nullopt;
}

std::string Word(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<int64_t> Microseconds(const json& object, const char* name) {
  const auto v = Number(object, name);
  if (!v || std::abs(*v) > static_cast<double>(kMaxMicroseconds)) return std::nullopt;
  return static_cast<int64_t>(*v);
}

// "5" or 5.
int64_t Step(const json& args) {
  if (!args.is_object()) return -1;
  const auto it = args.find("step_num");
  if (it == args.end()) return -1;
  if (it->is_number_integer()) return it->get<int64_t>();
  return it->is_string() ? ParseInt(it->get<std::string>()).value_or(-1) : -1;
}

// "framework/pevents/2026112310/1795428188000000_0-algo-1_pythontimeline.json" -> "0-algo-1"
std::string NodeOf(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  const size_t first = name.find('_');
  const size_t last = name.rfind('_');
  if (first == std::string_view::npos || last <= first) return "";
  return std::string(name.substr(first + 1, last - first - 1));
}

// "system/incremental/2026112310/1795428180.algo-1.json" -> "algo-1.json"
std::string_view HostOf(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.substr(std::min(name.size(), name.find('.') + 1));
}

}  // namespace

std::string SystemFileName(Time time, std::string_view host) {
  const int64_t minute = ToMillis(time) / 60'000 * 60;
  return fmt::format("system/incremental/{}/{}.{}.json", Hour(time), minute, host);
}

std::string TraceFileName(int64_t end_us, std::string_view host, std::string_view kind) {
  return fmt::format("framework/pevents/{}/{}_0-{}_{}.json", Hour(FromMillis(end_us / 1000)),
                     end_us, host, kind);
}

std::string SystemSampleLine(const SystemSample& s) {
  return fmt::format(
      R"({{"Type":{},"Name":{},"Dimension":{},"Value":{:.2f},"NodeId":{},"Timestamp":{:.6f}}})"
      "\n",
      JsonQuote(s.type), JsonQuote(s.name), JsonQuote(s.dimension), s.value, JsonQuote(s.node),
      s.time);
}

Result<std::vector<SystemSample>> ParseSystemFile(std::string_view text) {
  std::vector<SystemSample> out;
  size_t number = 0;
  for (size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string_view::npos;
       begin = end + 1) {
    ++number;
    const std::string_view line = Trim(text.substr(begin, end - begin));
    if (line.empty()) continue;
    const json doc = json::parse(line, nullptr, false);
    if (!doc.is_object()) return BadProfile(fmt::format("line {} is no JSON object", number));
    const auto value = Number(doc, "Value");
    const auto time = Number(doc, "Timestamp");
    if (!value || !time) {
      return BadProfile(fmt::format("line {} has no Value or no Timestamp", number));
    }
    out.push_back({.time = *time,
                   .type = Word(doc, "Type"),
                   .name = Word(doc, "Name"),
                   .dimension = Word(doc, "Dimension"),
                   .node = Word(doc, "NodeId"),
                   .value = *value});
  }
  return out;
}

std::string WriteTrace(const std::vector<TraceEvent>& events) {
  int64_t start = events.empty() ? 0 : events.front().begin_us;
  for (const TraceEvent& e : events) start = std::min(start, e.begin_us);
  std::map<std::string_view, size_t> processes;
  for (const TraceEvent& e : events) processes.try_emplace(e.process, processes.size() + 1);
  std::string out = "[\n";
  for (const auto& [name, pid] : processes) {
    out += fmt::format(R"({{"name":"process_name","ph":"M","pid":{},"args":{{"name":{},)"
                       R"("start_time_since_epoch_in_micros":{}}}}},)"
                       "\n",
                       pid, JsonQuote(name), start);
  }
  for (const TraceEvent& e : events) {
    out += fmt::format(R"({{"name":{},"ph":"X","pid":{},"ts":{},"dur":{},"args":{{)",
                       JsonQuote(e.name), processes[e.process], e.begin_us - start, e.duration_us);
    if (e.step >= 0) out += fmt::format(R"("step_num":"{}")", e.step);
    if (e.worker >= 0) out += fmt::format(R"({}"pid":{})", e.step >= 0 ? "," : "", e.worker);
    out += "}},\n";
  }
  if (out.ends_with(",\n")) out.erase(out.size() - 2, 1);
  return out + "]\n";
}

Result<std::vector<TraceEvent>> ParseTrace(std::string_view text, std::string_view node) {
  const json doc = json::parse(text, nullptr, false);
  if (!doc.is_array()) return BadProfile("a trace is not a JSON array");
  std::map<int64_t, std::string> processes;
  int64_t start = 0;
  bool started = false;
  std::vector<TraceEvent> out;
  for (const json& event : doc) {
    if (!event.is_object()) return BadProfile("an event of a trace is no object");
    const std::string kind = Word(event, "ph");
    const int64_t pid = Microseconds(event, "pid").value_or(-1);
    const auto found = event.find("args");
    const json args = found != event.end() && found->is_object() ? *found : json::object();
    if (kind == "M") {
      if (Word(event, "name") == "process_name") processes[pid] = Word(args, "name");
      if (const auto t = Microseconds(args, "start_time_since_epoch_in_micros"); t && !started) {
        start = *t;
        started = true;
      }
    } else if (kind == "X") {
      const auto ts = Microseconds(event, "ts");
      const auto duration = Microseconds(event, "dur");
      if (!ts || !duration) return BadProfile("an event has no ts or no dur");
      const int64_t begin = *ts + start;
      if (begin < 0 || *duration < 0 || *duration > kMaxDuration) {
        return BadProfile("an event is out of time");
      }
      out.push_back({.name = Word(event, "name"),
                     .process = processes[pid],
                     .node = std::string(node),
                     .begin_us = begin,
                     .duration_us = *duration,
                     .step = Step(args),
                     .worker = Microseconds(args, "pid").value_or(-1)});
    }
  }
  return out;
}

Status Profile::Refresh() {
  // The marker first: what is listed after it was seen is complete.
  CLARY_TRY(const bool marker, files_->Exists("framework/training_job_end.ts"));
  bool fresh = false;
  CLARY_TRY(const auto samples, files_->List("system/incremental", ""));
  std::map<std::string_view, std::string_view> newest;  // by host
  for (const std::string& path : samples) newest[HostOf(path)] = path;
  for (const std::string& path : samples) {
    if (!path.ends_with(".json") || complete_.contains(path)) continue;
    CLARY_TRY(const std::string text, files_->Read(path, 0, 0));
    auto parsed = ParseSystemFile(text);
    if (!parsed) return std::unexpected(std::move(parsed).error().With(path));
    size_t& taken = taken_[path];
    for (; taken < parsed->size(); ++taken) {
      system_.push_back(std::move((*parsed)[taken]));
      fresh = true;
    }
    if (marker || newest[HostOf(path)] != path) complete_.insert(path);
  }
  CLARY_TRY(const auto traces, files_->List("framework/pevents", ""));
  for (const std::string& path : traces) {
    if (!path.ends_with(".json") || complete_.contains(path)) continue;
    CLARY_TRY(const std::string text, files_->Read(path, 0, 0));
    auto parsed = ParseTrace(text, NodeOf(path));
    if (!parsed) return std::unexpected(std::move(parsed).error().With(path));
    std::ranges::move(*parsed, std::back_inserter(events_));
    complete_.insert(path);
    fresh = true;
  }
  if (fresh) {
    std::ranges::stable_sort(system_, {}, &SystemSample::time);
    std::ranges::stable_sort(events_, {}, &TraceEvent::begin_us);
  }
  ended_ = marker;
  return {};
}

}  // namespace clary::debugger
