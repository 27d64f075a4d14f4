#include "debugger/report_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace clary::debugger {
namespace {

constexpr size_t kColumns = 240;
constexpr size_t kPoints = 300;
constexpr size_t kOutliers = 20;

// Phases of a round in the order in which the engine goes through them.
constexpr std::array<std::string_view, 9> kEnginePhases = {"binning",  "gradient",  "histogram",
                                                           "split",    "partition", "predict",
                                                           "evaluate", "tensors",   "checkpoint"};

struct Metric {
  std::string_view line;  // of TimeLines
  std::string_view unit;
  std::string label;
};

// How a sample's metric is shown; nullopt for what the report does not know.
std::optional<Metric> MetricOf(const SystemSample& s) {
  if (s.type == "cpu" && s.dimension == "CPUUtilization") return Metric{"cpu", "percent", "CPU"};
  if (s.dimension == "I/OWaitPercentage") return Metric{"wait", "percent", "I/O wait"};
  if (s.type == "memory") return Metric{"memory", "percent", "memory"};
  if (s.type == "gpu") return Metric{"gpu", "percent", s.dimension};
  const auto clean = [](std::string_view name) -> std::string {
    for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{"Read", "read"},
                                   {"Write", "written"},
                                   {"Receive", "received"},
                                   {"Transmit", "sent"}}) {
      if (name.starts_with(from)) return std::string(to);
    }
    return std::string(name);
  };
  if (s.type == "i/o") return Metric{"disk", "bytes/s", "disk " + clean(s.name)};
  if (s.type == "network") return Metric{"network", "bytes/s", "network " + clean(s.name)};
  return std::nullopt;
}

void Extent(const Profile& profile, const ReportContext& context, ProfileFigures& out) {
  double begin = std::numeric_limits<double>::infinity(), end = -begin;
  const auto see = [&](double t) {
    begin = std::min(begin, t);
    end = std::max(end, t);
  };
  for (const SystemSample& s : profile.system()) see(s.time);
  for (const TraceEvent& e : profile.events()) {
    see(static_cast<double>(e.begin_us) / 1e6);
    see(static_cast<double>(e.begin_us + e.duration_us) / 1e6);
  }
  if (begin > end) return;
  if (context.started) see(ToSeconds(*context.started));
  if (context.ended) see(ToSeconds(*context.ended));
  out.begin = begin;
  out.seconds = end - begin;
}

void Events(const Profile& profile, ProfileFigures& out) {
  std::map<std::string, double> engine, job;
  std::map<int64_t, RoundTime> rounds;
  double in_rounds = 0;
  // Hosts of a distributed job do the same at the same time: the first stands for all.
  const std::string* host = nullptr;
  for (const TraceEvent& e : profile.events()) {
    if (!host || e.node < *host) host = &e.node;
  }
  for (const TraceEvent& e : profile.events()) {
    if (e.node != *host) continue;
    const double seconds = static_cast<double>(e.duration_us) / 1e6;
    if (e.is_step()) {
      rounds[e.step].milliseconds += seconds * 1000;
      in_rounds += seconds;
    } else if (e.step >= 0) {
      rounds[e.step].phases[e.name] += seconds * 1000;
      engine[e.name] += seconds;
    } else {
      job[e.name] += seconds;
      out.spans.push_back({e.name, {static_cast<double>(e.begin_us) / 1e6 - out.begin, seconds}});
    }
  }
  for (auto& [step, round] : rounds) {
    if (round.milliseconds <= 0) continue;
    round.round = step;
    out.rounds.push_back(std::move(round));
  }
  double known = 0;
  const auto add = [&](std::vector<PhaseSeconds>& to, std::string name, double seconds) {
    if (seconds > 0) to.push_back({std::move(name), seconds});
    known += std::max(0.0, seconds);
  };
  const double load = job["load"], download = job["download"], upload = job["upload"];
  add(out.job, "download", download);
  add(out.job, "load", load);
  add(out.job, "rounds", in_rounds);
  add(out.job, "rest of training", job["train"] - load - in_rounds);
  add(out.job, "upload", upload);
  add(out.job, "other", out.seconds - known);
  known = 0;
  for (const std::string_view name : kEnginePhases) {
    const auto it = engine.find(std::string(name));
    if (it == engine.end()) continue;
    add(out.engine, std::string(name), it->second);
    engine.erase(it);
  }
  for (const auto& [name, seconds] : engine) add(out.engine, name, seconds);
  add(out.engine, "other", in_rounds - known);
}

void Rounds(ProfileFigures& out) {
  if (out.rounds.empty()) return;
  for (const RoundTime& r : out.rounds) out.round_sorted.push_back(r.milliseconds);
  std::sort(out.round_sorted.begin(), out.round_sorted.end());
  const auto n = static_cast<double>(out.rounds.size());
  out.round_mean = std::accumulate(out.round_sorted.begin(), out.round_sorted.end(), 0.0) / n;
  double squares = 0;
  for (const double ms : out.round_sorted) squares += (ms - out.round_mean) * (ms - out.round_mean);
  out.round_std = std::sqrt(squares / n);
  for (size_t i = 0; i < out.rounds.size(); ++i) {
    if (out.rounds[i].milliseconds > out.round_mean + 3 * out.round_std) out.outliers.push_back(i);
  }
  std::stable_sort(out.outliers.begin(), out.outliers.end(), [&](size_t a, size_t b) {
    return out.rounds[a].milliseconds > out.rounds[b].milliseconds;
  });
  if (out.outliers.size() > kOutliers) out.outliers.resize(kOutliers);
}

// Means of the samples in equal parts of the time.
class Buckets {
 public:
  Buckets(double seconds, size_t columns) : seconds_(seconds), sums_(columns), counts_(columns) {}
  void Add(double time, double value) {
    if (!std::isfinite(value) || seconds_ <= 0) return;
    const double place = time / seconds_ * static_cast<double>(sums_.size());
    const size_t i = std::min(sums_.size() - 1, static_cast<size_t>(std::max(0.0, place)));
    sums_[i] += value;
    ++counts_[i];
  }
  double at(size_t i) const {
    return counts_[i] ? sums_[i] / static_cast<double>(counts_[i])
                      : std::numeric_limits<double>::quiet_NaN();
  }
  std::vector<std::pair<double, double>> Points() const {
    std::vector<std::pair<double, double>> out;
    for (size_t i = 0; i < sums_.size(); ++i) {
      if (counts_[i]) {
        out.emplace_back(
            seconds_ * (static_cast<double>(i) + 0.5) / static_cast<double>(sums_.size()), at(i));
      }
    }
    return out;
  }

 private:
  double seconds_;
  std::vector<double> sums_;
  std::vector<size_t> counts_;
};

size_t CoreNumber(const std::string& name) {
  const size_t digit = name.find_first_of("0123456789");
  return digit == std::string::npos ? 0 : static_cast<size_t>(std::atoi(name.c_str() + digit));
}

void System(const Profile& profile, ProfileFigures& out) {
  if (out.seconds <= 0) return;
  std::map<std::pair<std::string, std::string>, std::vector<double>> usage;  // node, metric
  std::map<std::pair<std::string, std::string>, std::string> units;
  std::map<std::string, std::map<std::string, Buckets>> lines;
  std::map<std::string, std::string> line_units;
  std::map<std::pair<size_t, std::string>, Buckets> cores;
  size_t samples = 0, cpus = 0;
  std::map<std::string, size_t> seen;
  for (const SystemSample& s : profile.system()) {
    if (s.type == "cpu" && s.dimension == "CPUUtilization") {
      ++samples;
      cpus += seen[s.node + s.name]++ == 0;
    }
  }
  // A column must hold at least one sample of each core, or the picture has holes.
  const size_t moments = cpus ? std::max<size_t>(1, samples / cpus) : kColumns;
  const size_t columns = std::clamp<size_t>(moments, 1, kColumns);
  const bool several =
      std::any_of(profile.system().begin(), profile.system().end(),
                  [&](const auto& s) { return s.node != profile.system().front().node; });
  for (const SystemSample& s : profile.system()) {
    const auto metric = MetricOf(s);
    if (!metric) continue;
    const std::string label = several ? s.node + " " + metric->label : metric->label;
    usage[{s.node, metric->label}].push_back(s.value);
    units[{s.node, metric->label}] = metric->unit;
    line_units[std::string(metric->line)] = metric->unit;
    const double t = s.time - out.begin;
    lines[std::string(metric->line)]
        .try_emplace(label, out.seconds, std::min(kPoints, columns))
        .first->second.Add(t, s.value);
    if (metric->line == "cpu") {
      const std::string name = several ? s.node + " " + s.name : s.name;
      cores.try_emplace({CoreNumber(s.name), name}, out.seconds, columns)
          .first->second.Add(t, s.value);
    }
  }
  out.core_bucket = out.seconds / static_cast<double>(columns);
  for (const auto& [key, buckets] : cores) {
    out.cores.push_back(key.second);
    std::vector<double>& row = out.core_percent.emplace_back();
    for (size_t i = 0; i < columns; ++i) row.push_back(buckets.at(i));
  }
  for (const char* id : {"cpu", "gpu", "memory", "wait", "disk", "network"}) {
    const auto it = lines.find(id);
    if (it == lines.end()) continue;
    TimeLines& group = out.lines.emplace_back();
    group.id = id;
    group.unit = line_units[id];
    for (const auto& [name, buckets] : it->second) group.lines.push_back({name, buckets.Points()});
  }
  for (auto& [key, values] : usage) {
    std::sort(values.begin(), values.end());
    out.usage.push_back({.node = key.first,
                         .metric = key.second,
                         .unit = units[key],
                         .max = values.back(),
                         .p99 = Quantile(values, 0.99),
                         .p95 = Quantile(values, 0.95),
                         .p50 = Quantile(values, 0.5),
                         .min = values.front(),
                         .samples = values.size()});
  }
}

// The slope of memory over the second half of the job, by least squares.
void Memory(const Profile& profile, ProfileFigures& out) {
  double n = 0, st = 0, sv = 0, stt = 0, stv = 0;
  for (const SystemSample& s : profile.system()) {
    if (s.type != "memory") continue;
    out.memory_max = std::max(out.memory_max, s.value);
    const double t = s.time - out.begin;
    if (t < out.seconds / 2) continue;
    n += 1;
    st += t;
    sv += s.value;
    stt += t * t;
    stv += t * s.value;
  }
  const double spread = n * stt - st * st;
  if (n >= 10 && spread > 0) out.memory_growth = (n * stv - st * sv) / spread * 60;
}

}  // namespace

ProfileFigures ComputeProfile(const Profile& profile, const ReportContext& context) {
  ProfileFigures out;
  Extent(profile, context, out);
  Events(profile, out);
  Rounds(out);
  System(profile, out);
  Memory(profile, out);
  return out;
}

}  // namespace clary::debugger
