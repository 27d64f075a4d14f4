#include "debugger/profiler_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "debugger/report_statistics.h"

namespace clary::debugger {
namespace {
using nlohmann::json;

constexpr char kCpu[] = "CPUUtilization";
constexpr char kIoWait[] = "I/OWaitPercentage";
constexpr char kGpu[] = "GPUUtilization";
constexpr char kGpuMemory[] = "GPUMemoryUtilization";
constexpr char kNoGpu[] = "the job has no GPU, which this rule is about";
// Samples of one moment are taken one after another.
constexpr double kMoment = 0.02;  // seconds

// ---- Data

// Linear between the two nearest ranks, as numpy's default.
double QuantileOf(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values.empty() ? 0 : Quantile(values, q);
}

double Mean(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double Deviation(std::span<const double> values) {
  const double mean = Mean(values);
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

std::vector<double> Last(const std::vector<double>& values, int64_t window) {
  const auto n = std::min(values.size(), static_cast<size_t>(std::max<int64_t>(window, 0)));
  return {values.end() - static_cast<std::ptrdiff_t>(n), values.end()};
}

// numpy.histogram: `bins` of equal width over [low, high], the last one closed.
std::pair<std::vector<int64_t>, std::vector<double>> CountsAndEdges(
    const std::vector<double>& values, size_t bins, double low, double high) {
  std::vector<int64_t> counts(bins, 0);
  std::vector<double> edges;
  const double width = (high - low) / static_cast<double>(bins);
  for (size_t b = 0; b <= bins; ++b) edges.push_back(low + width * static_cast<double>(b));
  for (const double v : values) {
    if (v < low || v > high) continue;
    const auto b = static_cast<size_t>((v - low) / width);
    ++counts[std::min(b, bins - 1)];
  }
  return {std::move(counts), std::move(edges)};
}
std::pair<std::vector<int64_t>, std::vector<double>> CountsAndEdges(
    const std::vector<double>& values) {
  auto [low, high] = std::ranges::minmax(values);
  if (low == high) {
    low -= 0.5;
    high += 0.5;
  }
  return CountsAndEdges(values, 100, low, high);
}

// One dimension by node and name, in order of time.
using Series = std::map<std::string, std::map<std::string, std::vector<double>>>;
Series Collect(const Profile& profile, std::string_view dimension) {
  Series out;
  for (const SystemSample& s : profile.system()) {
    if (s.dimension == dimension) out[s.node][s.name].push_back(s.value);
  }
  return out;
}

// The mean over a node's names at each moment.
std::vector<double> Average(const std::map<std::string, std::vector<double>>& names) {
  std::vector<double> out;
  size_t count = SIZE_MAX;
  for (const auto& [name, values] : names) count = std::min(count, values.size());
  for (size_t i = 0; !names.empty() && i < count; ++i) {
    double sum = 0;
    for (const auto& [name, values] : names) sum += values[i];
    out.push_back(sum / static_cast<double>(names.size()));
  }
  return out;
}

// What a box plot draws.
json Box(const std::vector<double>& values) {
  const double p25 = QuantileOf(values, 0.25);
  const double p75 = QuantileOf(values, 0.75);
  const double reach = 1.5 * (p75 - p25);
  return {{"p25", p25},
          {"p50", QuantileOf(values, 0.5)},
          {"p75", p75},
          {"p95", QuantileOf(values, 0.95)},
          {"upper", std::min(p75 + reach, QuantileOf(values, 1))},
          {"lower", std::max(p25 - reach, QuantileOf(values, 0))}};
}

int64_t LastTimestamp(const Profile& profile) {
  return profile.system().empty() ? 0 : static_cast<int64_t>(profile.system().back().time * 1e6);
}

// ---- The rules. Each fills everything but the name and the parameters.

using Outcome = Result<ProfilerRuleResult>;

Outcome BatchSize(const RuleSettings& settings, const Profile& profile) {
  const double cpu_limit = settings.Number("cpu_threshold_p95");
  const double gpu_limit = settings.Number("gpu_threshold_p95");
  const double memory_limit = settings.Number("gpu_memory_threshold_p95");
  const int64_t patience = settings.Whole("patience");
  const int64_t window = settings.Whole("window");
  ProfilerRuleResult out;
  const Series gpu = Collect(profile, kGpu);
  Series memory = Collect(profile, kGpuMemory);
  json details = json::object();
  for (const auto& [node, cores] : Collect(profile, kCpu)) {
    const std::vector<double> cpu = Average(cores);
    const auto count = static_cast<int64_t>(cpu.size());
    const auto gpus = gpu.find(node);
    if (gpus == gpu.end()) continue;
    out.datapoints = count;
    if (count <= window || count <= patience || QuantileOf(Last(cpu, window), 0.95) >= cpu_limit) {
      continue;
    }
    for (const auto& [id, values] : gpus->second) {
      const std::vector<double>& used = memory[node][id];
      if (std::ssize(values) <= window || QuantileOf(Last(values, window), 0.95) >= gpu_limit ||
          QuantileOf(Last(used, window), 0.95) >= memory_limit) {
        continue;
      }
      ++out.triggered;
      ++out.violations;
      details[node]["cpu"] = Box(cpu);
      details[node][id] = Box(values);
      details[node][id + "_memory"] = Box(used);
      details["last_timestamp"] = LastTimestamp(profile);
    }
  }
  out.message = gpu.empty() ? kNoGpu : "CPU, GPU and GPU memory are all little used";
  out.details = details.dump();
  return out;
}

// Moments in which a GPU idles while something else is busy.
Outcome Bottleneck(const RuleSettings& settings, const Profile& profile, const char* dimension,
                   const char* limit_name, const char* what) {
  const double threshold = settings.Number("threshold");
  const double limit = settings.Number(limit_name);
  const double gpu_limit = settings.Number("gpu_threshold");
  const int64_t patience = settings.Whole("patience");
  ProfilerRuleResult out;
  int64_t low_gpu = 0;
  bool any_gpu = false;
  std::map<double, std::pair<int64_t, int64_t>> moments;  // idle GPUs, busy others
  double moment = -1e300;
  for (const SystemSample& s : profile.system()) {
    if (s.time - moment > kMoment) {
      moment = s.time;
      ++out.datapoints;
    }
    any_gpu |= s.dimension == kGpu;
    if (s.dimension == kGpu && s.value < gpu_limit) {
      low_gpu += moments[moment].first == 0 ? 1 : 0;
      ++moments[moment].first;
    } else if (s.dimension == dimension && s.value > limit) {
      ++moments[moment].second;
    }
  }
  json bottlenecks = json::object();
  for (const auto& [time, n] : moments) {
    if (n.first == 0 || n.second == 0) continue;
    bottlenecks[fmt::format("{:.6f}", time)] = {{"GPUs", n.first}, {"CPUs", n.second}};
  }
  out.violations = static_cast<int64_t>(bottlenecks.size());
  if (!any_gpu) out.datapoints = 0;
  const double share = out.datapoints == 0 ? 0
                                           : 100.0 * static_cast<double>(out.violations) /
                                                 static_cast<double>(out.datapoints);
  out.triggered = out.datapoints > patience && share > threshold ? 1 : 0;
  out.message = any_gpu ? fmt::format("{:.1f}% of the time a GPU waited for the {}", share, what)
                        : std::string(kNoGpu);
  out.details =
      json{{"low_gpu_utilization", low_gpu}, {"bottlenecks", std::move(bottlenecks)}}.dump();
  return out;
}
Outcome CpuBottleneck(const RuleSettings& settings, const Profile& profile) {
  return Bottleneck(settings, profile, kCpu, "cpu_threshold", "CPU");
}
Outcome IoBottleneck(const RuleSettings& settings, const Profile& profile) {
  return Bottleneck(settings, profile, kIoWait, "io_threshold", "disk");
}

Outcome Dataloader(const RuleSettings& settings, const Profile& profile) {
  constexpr int64_t kPatience = 10;
  const double least = settings.Number("min_threshold");
  const double most = settings.Number("max_threshold");
  ProfilerRuleResult out;
  size_t cores = 0;
  for (const auto& [node, names] : Collect(profile, kCpu)) cores = std::max(cores, names.size());
  std::map<int64_t, std::set<int64_t>> workers;  // by second
  std::vector<double> seconds;
  for (const TraceEvent& e : profile.events()) {
    if (!e.process.starts_with("DataLoader")) continue;
    ++out.datapoints;
    seconds.push_back(static_cast<double>(e.duration_us) / 1e6);
    workers[e.begin_us / 1'000'000].insert(e.worker);
  }
  if (workers.empty()) {
    out.message = "the job has no data loader workers, which this rule is about";
    return out;
  }
  std::vector<double> parallel;
  for (const auto& [second, ids] : workers) parallel.push_back(static_cast<double>(ids.size()));
  const double median = std::floor(QuantileOf(parallel, 0.5));
  const double share = 100.0 * median / static_cast<double>(std::max<size_t>(cores, 1));
  if (std::ssize(parallel) > kPatience && (share < least || share > most)) {
    out.triggered = out.violations = 1;
  }
  const auto [probs, edges] = CountsAndEdges(seconds);
  out.message = fmt::format("{} data loader workers on {} cores", median, cores);
  out.details = json{
      {"cores", cores},
      {"dataloaders", static_cast<int64_t>(median)},
      {"dataloading_time",
       {{"p25", QuantileOf(seconds, 0.25)},
        {"p50", QuantileOf(seconds, 0.5)},
        {"p95", QuantileOf(seconds, 0.95)},
        {"probs", probs},
        {"binedges",
         edges}}}}.dump();
  return out;
}

Outcome GpuMemoryIncrease(const RuleSettings& settings, const Profile& profile) {
  const double increase = settings.Number("increase");
  const int64_t patience = settings.Whole("patience");
  const int64_t given_window = settings.Whole("window");
  const auto window = static_cast<size_t>(std::clamp<int64_t>(given_window, 1, 1'000'000));
  ProfilerRuleResult out;
  json details = json::object();
  const Series memory = Collect(profile, kGpuMemory);
  for (const auto& [node, gpus] : memory) {
    for (const auto& [id, values] : gpus) {
      out.datapoints = std::max(out.datapoints, static_cast<int64_t>(values.size()));
      const std::span<const double> all = values;
      double grown = 0;
      for (size_t end = window + 1; end <= values.size(); ++end) {
        const double diff =
            Mean(all.subspan(end - window, window)) - Mean(all.subspan(end - window - 1, window));
        if (diff <= increase || static_cast<int64_t>(end) <= patience) continue;
        ++out.violations;
        ++out.triggered;
        grown = diff;
      }
      if (grown == 0) continue;
      details[node][id] = Box(values);
      details[node][id]["increase"] = grown;
      details[node][id]["gpu_max"] = QuantileOf(values, 1);
      details[node][id]["p05"] = QuantileOf(values, 0.05);
      details["last_timestamp"] = LastTimestamp(profile);
    }
  }
  out.message = memory.empty() ? std::string(kNoGpu)
                               : fmt::format("GPU memory grew {} times by more than {} points",
                                             out.violations, increase);
  out.details = details.dump();
  return out;
}

// The square root of the Jensen-Shannon divergence (natural logarithm) of two histograms.
double Distance(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  double sum_a = 0;
  double sum_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum_a += static_cast<double>(a[i]);
    sum_b += static_cast<double>(b[i]);
  }
  double divergence = 0;
  if (sum_a == 0 || sum_b == 0) return 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double p = static_cast<double>(a[i]) / sum_a;
    const double q = static_cast<double>(b[i]) / sum_b;
    const double m = (p + q) / 2;
    if (p > 0) divergence += p * std::log(p / m) / 2;
    if (q > 0) divergence += q * std::log(q / m) / 2;
  }
  return std::sqrt(std::max(divergence, 0.0));
}

Outcome LoadBalancing(const RuleSettings& settings, const Profile& profile) {
  const double threshold = settings.Number("threshold");
  const int64_t patience = settings.Whole("patience");
  ProfilerRuleResult out;
  json details = json::object();
  const Series gpu = Collect(profile, kGpu);
  struct Load {
    std::string node, gpu;
    std::vector<int64_t> counts;
  };
  std::vector<Load> loads;
  for (const auto& [node, gpus] : gpu) {
    for (const auto& [id, values] : gpus) {
      out.datapoints = std::max(out.datapoints, static_cast<int64_t>(values.size()));
      if (std::ssize(values) > patience) {
        loads.push_back({node, id, CountsAndEdges(values, 49, 0, 98).first});
        details[node]["workloads"][id] = loads.back().counts;
      }
    }
  }
  for (size_t i = 0; i < loads.size(); ++i) {
    for (size_t j = i + 1; j < loads.size(); ++j) {
      const double distance = Distance(loads[i].counts, loads[j].counts);
      if (distance <= threshold) continue;
      ++out.violations;
      ++out.triggered;
      const std::string other =
          loads[i].node == loads[j].node ? loads[j].gpu : loads[j].node + "/" + loads[j].gpu;
      details[loads[i].node]["distances"][loads[i].gpu][other] = distance;
    }
  }
  out.message = gpu.empty() ? std::string(kNoGpu)
                            : fmt::format("{} pairs of GPUs have different loads", out.violations);
  out.details = details.dump();
  return out;
}

Outcome LowGpuUtilization(const RuleSettings& settings, const Profile& profile) {
  const double p95_limit = settings.Number("threshold_p95");
  const double p5_limit = settings.Number("threshold_p5");
  const int64_t window = settings.Whole("window");
  const int64_t patience = settings.Whole("patience");
  ProfilerRuleResult out;
  json details = json::object();
  const Series gpu = Collect(profile, kGpu);
  for (const auto& [node, gpus] : gpu) {
    for (const auto& [id, values] : gpus) {
      out.datapoints = std::max(out.datapoints, static_cast<int64_t>(values.size()));
      if (std::ssize(values) <= patience) continue;
      const double p95 = QuantileOf(Last(values, window), 0.95);
      const double p5 = QuantileOf(Last(values, window), 0.05);
      // Low all the time, or high with gaps.
      if (p95 >= p95_limit && p5 >= p5_limit) continue;
      ++out.triggered;
      ++out.violations;
      details[node][id] = Box(values);
      details[node][id]["gpu_max"] = QuantileOf(values, 1);
      details[node][id]["gpu_95"] = p95;
      details[node][id]["gpu_5"] = p5;
      details["last_timestamp"] = LastTimestamp(profile);
    }
  }
  out.message = gpu.empty() ? std::string(kNoGpu)
                            : fmt::format("{} GPUs are little used or have gaps", out.violations);
  out.details = details.dump();
  return out;
}

Outcome MaxInitializationTime(const RuleSettings& settings, const Profile& profile) {
  const double minutes = settings.Number("threshold");
  ProfilerRuleResult out;
  json details = {{"step_num", json::object()}};
  const TraceEvent* first = nullptr;
  for (const TraceEvent& e : profile.events()) {
    if (!e.is_step()) continue;
    ++out.datapoints;
    if (first == nullptr) {
      first = &e;
      details["step_num"]["first"] = e.begin_us;
    } else {
      details["step_num"]["last"] = e.begin_us;
    }
  }
  double waited = 0;
  if (!profile.system().empty()) {
    const double start = profile.system().front().time;
    const double end = profile.system().back().time;
    details["job_start"] = start;
    details["job_end"] = end;
    waited = (first != nullptr ? static_cast<double>(first->begin_us) / 1e6 : end) - start;
  }
  if (waited > minutes * 60) out.triggered = out.violations = 1;
  out.message = fmt::format("{} after {:.1f} minutes",
                            first != nullptr ? "the first step came" : "no step has come",
                            std::max(waited, 0.0) / 60);
  out.details = details.dump();
  return out;
}

Outcome StepOutlier(const RuleSettings& settings, const Profile& profile) {
  constexpr size_t kLeast = 100;  // steps, for a deviation that means something
  const double deviations = settings.Number("stddev");
  const int64_t allowed = settings.Whole("n_outliers");
  const std::string mode = settings.Text("mode");
  ProfilerRuleResult out;
  struct Steps {
    std::vector<double> ms;
    std::vector<int64_t> numbers;
  };
  std::map<std::string, std::map<std::string, Steps>> nodes;  // by node and mode
  for (const TraceEvent& e : profile.events()) {
    const bool wanted =
        mode.empty() ? e.is_step() : e.name == mode || (e.is_step() && e.name.ends_with(mode));
    if (!wanted) continue;
    ++out.datapoints;
    Steps& s = nodes[e.node][e.name];
    s.ms.push_back(static_cast<double>(e.duration_us) / 1e3);
    s.numbers.push_back(e.step);
  }
  json details = json::object();
  for (const auto& [node, modes] : nodes) {
    for (const auto& [name, steps] : modes) {
      if (steps.ms.size() <= kLeast) continue;
      const double limit = Mean(steps.ms) + Deviation(steps.ms) * deviations;
      std::vector<double> usual;
      std::vector<std::string> outliers;
      for (size_t i = 0; i < steps.ms.size(); ++i) {
        if (steps.ms[i] > limit) {
          outliers.push_back(std::to_string(steps.numbers[i]));
        } else {
          usual.push_back(steps.ms[i]);
        }
      }
      const auto [probs, edges] = CountsAndEdges(usual);
      details[node] = {{"step_stats",
                        {{"mean", Mean(steps.ms)},
                         {"max", QuantileOf(steps.ms, 1)},
                         {"p99", QuantileOf(steps.ms, 0.99)},
                         {"p95", QuantileOf(steps.ms, 0.95)},
                         {"p50", QuantileOf(steps.ms, 0.5)},
                         {"min", QuantileOf(steps.ms, 0)}}},
                       {"number_of_outliers", outliers.size()},
                       {"phase", name},
                       {"stddev", Deviation(steps.ms)},
                       {"probs", probs},
                       {"binedges", edges},
                       {"step_numbers", outliers}};
      if (std::ssize(outliers) <= allowed) continue;
      out.violations += std::ssize(outliers);
      ++out.triggered;
      out.message = fmt::format(
          "{} steps on {} took more than {:.3f} ms, {} standard deviations "
          "above the mean",
          outliers.size(), node, limit, deviations);
    }
  }
  if (out.message.empty()) {
    out.message = nodes.empty() ? "the job has no steps on its time line"
                                : fmt::format("no more than {} steps are outliers", allowed);
  }
  out.details = json{{"step_details", std::move(details)}}.dump();
  return out;
}

// One figure a moment: the sum over `names`, of the dimension or of the type and name.
template <typename Match>
json Usage(const Profile& profile, Match&& match, bool mean) {
  std::map<std::string, std::map<double, double>> sums;
  std::map<std::string, std::set<std::string>> names;
  std::map<std::string, double> moments;
  for (const SystemSample& s : profile.system()) {
    if (!match(s)) continue;
    double& moment = moments.try_emplace(s.node, -1e300).first->second;
    if (s.time - moment > kMoment) moment = s.time;
    sums[s.node][moment] += s.value;
    names[s.node].insert(s.name);
  }
  json out = json::object();
  for (const auto& [node, by_time] : sums) {
    std::vector<double> values;
    const double n = mean ? static_cast<double>(names[node].size()) : 1;
    for (const auto& [time, v] : by_time) values.push_back(v / n);
    const auto at = [&](double q) { return std::max(QuantileOf(values, q), 0.0); };
    out[node] = {
        {"max", at(1)}, {"p99", at(0.99)}, {"p95", at(0.95)}, {"p50", at(0.5)}, {"min", at(0)}};
  }
  return out;
}

Outcome OverallSystemUsage(const RuleSettings&, const Profile& profile) {
  ProfilerRuleResult out;
  const auto of = [&](const char* dimension) {
    return Usage(profile, [=](const SystemSample& s) { return s.dimension == dimension; }, true);
  };
  json details = {
      {"Network",
       Usage(
           profile, [](const SystemSample& s) { return s.dimension == "Algorithm"; }, false)},
      {"GPU", of(kGpu)},
      {"CPU", of(kCpu)},
      {"CPU memory",
       Usage(
           profile, [](const SystemSample& s) { return s.name == "MemoryUsedPercent"; }, false)},
      {"GPU memory", of(kGpuMemory)},
      {"I/O", of(kIoWait)}};
  for (const auto& [node, cores] : Collect(profile, kCpu)) {
    out.datapoints = std::max(out.datapoints, static_cast<int64_t>(Average(cores).size()));
  }
  out.message = "statistics only";
  out.details = details.dump();
  return out;
}

// Where the time of the steps went. `phase` and `ratio` are percent, the times seconds.
Outcome OverallFrameworkMetrics(const RuleSettings&, const Profile& profile) {
  ProfilerRuleResult out;
  std::map<std::string, double> inside;   // phases of a step
  std::map<std::string, double> outside;  // what is of no step
  double steps = 0;
  for (const TraceEvent& e : profile.events()) {
    const double seconds = static_cast<double>(e.duration_us) / 1e6;
    if (e.is_step()) {
      steps += seconds;
      ++out.datapoints;
    } else {
      (e.step >= 0 ? inside : outside)[e.name] += seconds;
    }
  }
  json details = json::object();
  if (steps > 0) {
    double told = 0;
    for (const auto& [name, seconds] : inside) told += seconds;
    // Bursts of a clock that does not tick evenly may add up to a little more than the steps.
    const double total = std::max(steps, told);
    json phase = json::object();
    for (const auto& [name, seconds] : inside) phase[name] = 100 * seconds / total;
    phase["others"] = 100 * (total - told) / total;
    details = {
        {"phase", phase},          {"phase_time", inside},  {"general", outside},
        {"ratio", json::object()}, {"CPU", json::object()}, {"CPU_total", 0},
        {"GPU", json::object()},   {"GPU_total", 0},        {"forward_backward", json::object()}};
    out.message = fmt::format("{} steps in {:.2f} s", out.datapoints, steps);
  } else {
    out.message = "the job has no steps on its time line";
  }
  out.details = details.dump();
  return out;
}

// ---- The table

constexpr RuleParameter kBatchSize[] = {
    {"cpu_threshold_p95", "70", "95th percentile of CPU use below which it is low, percent",
     kPercent},
    {"gpu_threshold_p95", "70", "the same of the GPU", kPercent},
    {"gpu_memory_threshold_p95", "70", "the same of its memory", kPercent},
    {"patience", "1000", "data points before the first evaluation", kWholeFromZero},
    {"window", "500", "data points that are looked at", kWholeFromOne}};
constexpr RuleParameter kCpuBottleneck[] = {
    {"threshold", "50", "share of the time, percent", kPercent},
    {"cpu_threshold", "90", "CPU use above which it is busy, percent", kPercent},
    {"gpu_threshold", "10", "GPU use below which it idles, percent", kPercent},
    {"patience", "1000", "data points before the first evaluation", kWholeFromZero}};
constexpr RuleParameter kIoBottleneck[] = {
    {"threshold", "50", "share of the time, percent", kPercent},
    {"io_threshold", "50", "I/O wait above which the disk is busy, percent", kPercent},
    {"gpu_threshold", "10", "GPU use below which it idles, percent", kPercent},
    {"patience", "1000", "data points before the first evaluation", kWholeFromZero}};
constexpr RuleParameter kDataloader[] = {
    {"min_threshold", "70", "least workers, percent of the cores", kFromZero},
    {"max_threshold", "200", "most workers, percent of the cores", kFromZero}};
constexpr RuleParameter kGpuMemoryIncrease[] = {
    {"increase", "5", "growth of the moving average, points", kFromZero},
    {"patience", "1000", "data points before the first evaluation", kWholeFromZero},
    {"window", "10", "data points of the moving average", kWholeFromOne}};
constexpr RuleParameter kLoadBalancing[] = {
    {"threshold", "0.2", "distance of two histograms; rule configurations say 0.5, reports 0.2",
     kFromZero},
    {"patience", "1000", "data points before the first evaluation", kWholeFromZero}};
constexpr RuleParameter kLowGpu[] = {
    {"threshold_p95", "70", "95th percentile below which a GPU is little used, percent", kPercent},
    {"threshold_p5", "10", "5th percentile below which it has gaps, percent", kPercent},
    {"window", "500", "data points that are looked at", kWholeFromOne},
    {"patience", "1000", "data points before the first evaluation", kWholeFromZero}};
constexpr RuleParameter kMaxInitialization[] = {{"threshold", "20", "minutes", kFromZero}};
// Reports repeat stddev as threshold, in front.
constexpr RuleParameter kStepOutlier[] = {
    {"threshold", "3", "the same as stddev, which counts", kFromZero},
    {"mode", "", "only steps of this mode", {}},
    {"n_outliers", "10", "outliers that are ignored", kWholeFromZero},
    {"stddev", "3", "standard deviations above the mean", kFromZero}};

constexpr ProfilerRuleEntry kRules[] = {
    {{"BatchSize", "GPUs", "CPU, GPU and GPU memory are all used less than their limits",
      kBatchSize, nullptr},
     "Checks whether the GPU is underused because batches are small: CPU, GPU and GPU memory are "
     "all low.",
     "Use a larger batch, or a smaller instance type.",
     &BatchSize},
    {{"CPUBottleneck", "GPUs", "a GPU idles while the CPU is busy for more than threshold percent",
      kCpuBottleneck, nullptr},
     "Checks whether the GPU waits for the CPU.",
     "Load data with more processes, prefetch, or prepare data before training.",
     &CpuBottleneck},
    {{"IOBottleneck", "GPUs", "a GPU idles while the disk is busy for more than threshold percent",
      kIoBottleneck, nullptr},
     "Checks whether the GPU waits for the disk.",
     "Prefetch data, use a binary format, or a faster disk.",
     &IoBottleneck},
    {{"Dataloader", "data loaders", "the number of workers does not fit the cores", kDataloader,
      nullptr},
     "Checks how many data loader processes run beside each other.",
     "Set the number of workers to about the number of cores.",
     &Dataloader},
    {{"GPUMemoryIncrease", "GPUs", "the moving average of GPU memory grows by more than increase",
      kGpuMemoryIncrease, nullptr},
     "Checks whether GPU memory grows.",
     "Look for tensors that are kept too long, or use an instance with more GPU memory.",
     &GpuMemoryIncrease},
    {{"LoadBalancing", "GPUs", "histograms of use differ between GPUs by more than threshold",
      kLoadBalancing, nullptr},
     "Checks whether GPUs have the same load.",
     "Use another distribution strategy, or other batches.",
     &LoadBalancing},
    {{"LowGPUUtilization", "GPUs", "a GPU is little used, or has gaps", kLowGpu, nullptr},
     "Checks whether GPUs are used.",
     "Look for bottlenecks, use a larger batch, or a smaller instance type.",
     &LowGpuUtilization},
    {{"MaxInitializationTime", "any job", "the first step comes later than threshold minutes",
      kMaxInitialization, nullptr},
     "Checks how long it takes until the first step.",
     "Use fewer and larger files, or a binary format; on the command line, train where the data "
     "is.",
     &MaxInitializationTime},
    {{"StepOutlier", "any job with steps", "more than n_outliers steps are outliers", kStepOutlier,
      nullptr},
     "Checks whether some steps take far longer than others.",
     "Look at what else happened at these steps: other jobs on the machine, checkpoints, I/O.",
     &StepOutlier},
    {{"OverallSystemUsage", "any job", "never: it makes statistics", {}, nullptr},
     "Statistics of CPU, memory, I/O and network.",
     "",
     &OverallSystemUsage},
    {{"OverallFrameworkMetrics", "any job with steps", "never: it makes statistics", {}, nullptr},
     "Where the time of the steps went.",
     "",
     &OverallFrameworkMetrics},
};

}  // namespace

std::string ProfilerRuleResult::ToJson() const {
  std::vector<std::string> words;
  for (const auto& [name, value] : parameters) words.push_back(name + ":" + value);
  return fmt::format(R"({{"RuleTriggered": {}, "Violations": {}, "Details": {}, "Datapoints": {}, )"
                     R"("RuleParameters": {}}})",
                     triggered, violations, details, datapoints, JsonQuote(Join(words, "\n")));
}

std::span<const ProfilerRuleEntry> ProfilerRules() { return kRules; }

const ProfilerRuleEntry* FindProfilerRule(std::string_view name) {
  const auto* entry =
      std::ranges::find_if(kRules, [&](const ProfilerRuleEntry& e) { return e.rule.name == name; });
  return entry == std::end(kRules) ? nullptr : entry;
}

Result<ProfilerRuleResult> EvaluateProfilerRule(
    const std::string& name, const std::map<std::string, std::string>& parameters,
    const Profile& profile) {
  const ProfilerRuleEntry* entry = FindProfilerRule(name);
  if (entry == nullptr) {
    std::vector<std::string> known;
    for (const ProfilerRuleEntry& e : kRules) known.emplace_back(e.rule.name);
    return Fail(
        Code::kNotFound, "NoRule",
        fmt::format("no profiler rule is named '{}'; known are {}", name, Join(known, ", ")));
  }
  CLARY_TRY(const RuleSettings settings, RuleSettings::Read(entry->rule, parameters));
  CLARY_TRY(ProfilerRuleResult out, entry->evaluate(settings, profile));
  out.rule = name;
  for (const RuleParameter& p : entry->rule.parameters) {
    const bool repeated = name == "StepOutlier" && p.name == "threshold";
    std::string value = settings.Text(repeated ? "stddev" : p.name);
    out.parameters.emplace_back(p.name, value.empty() ? "None" : std::move(value));
  }
  return out;
}

Result<std::vector<ProfilerRuleResult>> EvaluateProfilerRules(
    const std::map<std::string, std::string>& parameters, const Profile& profile) {
  std::vector<ProfilerRuleResult> out;
  for (const ProfilerRuleEntry& e : kRules) {
    const std::string prefix = ToLower(e.rule.name) + "_";
    std::map<std::string, std::string> own;
    for (const auto& [name, value] : parameters) {
      if (ToLower(name).starts_with(prefix)) own[name.substr(prefix.size())] = value;
    }
    CLARY_TRY(ProfilerRuleResult result,
              EvaluateProfilerRule(std::string(e.rule.name), own, profile));
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace clary::debugger
