#include "debugger/profiler_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "debugger/internal/report_json.h"
#include "debugger/report_findings.h"
#include "debugger/report_notebook.h"
#include "debugger/report_profile.h"
#include "reports/page.h"
#include "reports/publish.h"

namespace clary::debugger {
using reports::DumpJson;
using reports::Finding;
using reports::Level;
using reports::PublishFile;
using reports::RenderNotebook;
using reports::RenderPage;
using reports::Verdict;
using reports::VerdictJson;
namespace {
namespace fs = std::filesystem;
using json = reports::Json;

constexpr size_t kBars = 60;
constexpr size_t kDurations = 2000;
constexpr double kWorthSeconds = 10;  // in shorter jobs there is nothing to gain by faster rounds

double Round(double v, double unit) { return std::round(v / unit) * unit; }
// To a microsecond; to a millionth of a percent point.
double Fine(double v) { return std::round(v * 1e6) / 1e6; }

double Share(const std::vector<PhaseSeconds>& phases, std::string_view name) {
  double total = 0, of = 0;
  for (const PhaseSeconds& p : phases) {
    total += p.seconds;
    if (p.name == name) of = p.seconds;
  }
  return total > 0 ? of / total : 0;
}

const UsageRow* Usage(const ProfileFigures& f, std::string_view metric) {
  const auto it = std::find_if(f.usage.begin(), f.usage.end(),
                               [&](const UsageRow& u) { return u.metric == metric; });
  return it == f.usage.end() ? nullptr : &*it;
}

// Where time went and what to do about it. Thresholds: docs/formats/reports.md.
Verdict JudgeProfile(const ProfileFigures& f, const std::vector<ProfilerRuleResult>& rules) {
  Verdict out;
  const auto add = [&](Level level, const char* id, std::string title, std::string detail,
                       std::string advice, const char* section) {
    out.findings.push_back(
        {level, id, std::move(title), std::move(detail), std::move(advice), section});
  };
  if (f.seconds <= 0) {
    add(Level::kProblem, "no-profile", "Nothing was profiled",
        "There is neither a system metric nor a trace.",
        "Give the job a ProfilerConfig, and do not set DisableProfiler; the job must run longer "
        "than one ProfilingIntervalInMilliseconds.",
        "summary");
  }
  for (const ProfilerRuleResult& rule : rules) {
    if (rule.triggered == 0) continue;
    const ProfilerRuleEntry* entry = FindProfilerRule(rule.rule);
    add(Level::kWarning, "rule", fmt::format("Rule {} found an issue", rule.rule), rule.message,
        entry ? std::string(entry->recommendation) : "", "rules");
  }
  const double download = Share(f.job, "download"), load = Share(f.job, "load");
  if (download > 0.3) {
    add(Level::kNotice, "download", "Much of the time went into downloading",
        fmt::format("{:.0f} % of the job.", download * 100),
        "Fewer, larger objects and compressed text download faster; InputMode Pipe or FastFile "
        "starts before all is there.",
        "summary");
  }
  if (load > 0.3) {
    add(Level::kNotice, "load", "Much of the time went into reading the data",
        fmt::format("{:.0f} % of the job was spent on parsing the channels.", load * 100),
        "Parquet or RecordIO-protobuf are read several times faster than CSV and LIBSVM text.",
        "summary");
  }
  const bool worth = f.seconds >= kWorthSeconds;
  const double evaluate = Share(f.engine, "evaluate"), tensors = Share(f.engine, "tensors");
  if (worth && evaluate > 0.25) {
    add(Level::kNotice, "evaluate", "Metrics take much of each round",
        fmt::format("{:.0f} % of the rounds' time is evaluation.", evaluate * 100),
        "A smaller validation channel or fewer eval_metric names make rounds shorter; auc sorts "
        "all "
        "rows each round.",
        "summary");
  }
  if (worth && tensors > 0.1) {
    add(Level::kNotice, "tensors", "Saving tensors takes much of each round",
        fmt::format("{:.0f} % of the rounds' time.", tensors * 100),
        "Raise save_interval of the collections, and leave out full_shap and average_shap unless "
        "they are read.",
        "summary");
  }
  if (const UsageRow* cpu = Usage(f, "CPU"); cpu && cpu->samples >= 20 && cpu->p95 < 70) {
    add(Level::kNotice, "underused", "The processors were not fully used",
        fmt::format("95 % of the time a core was below {:.0f} %.", cpu->p95),
        "The same job on fewer cores would take about as long: use a smaller instance type, or set "
        "nthread to fewer threads and run jobs side by side.",
        "usage");
  }
  if (const UsageRow* wait = Usage(f, "I/O wait"); wait && wait->samples >= 20 && wait->p50 > 20) {
    add(Level::kNotice, "io-wait", "The processors waited for the disk",
        fmt::format("Half of the time at least {:.0f} %.", wait->p50),
        "Keep input and state on a faster disk, or let the data fit into memory.", "usage");
  }
  if (f.memory_max > 90) {
    add(Level::kWarning, "memory", "Memory was nearly used up",
        fmt::format("{:.0f} % at most.", f.memory_max),
        "Use a larger instance type, or fewer columns and rows, a smaller max_bin or float32 data.",
        "usage");
  } else if (f.memory_growth > 5) {
    add(Level::kNotice, "memory-growth", "Memory kept growing",
        fmt::format("By {:.1f} percent points a minute in the second half of the job.",
                    f.memory_growth),
        "Many rounds of deep trees grow the model; a longer job may run out of memory.", "usage");
  }
  if (worth && f.rounds.size() >= 20 && !f.outliers.empty()) {
    const RoundTime& slowest = f.rounds[f.outliers.front()];
    if (slowest.milliseconds > 5 * f.round_mean && slowest.round > 0) {
      add(Level::kNotice, "outliers", "Some rounds were much slower than the rest",
          fmt::format("Round {} took {:.1f} ms, where the mean is {:.1f} ms.", slowest.round,
                      slowest.milliseconds, f.round_mean),
          "Look for other work on the machine at that time, for checkpoints and for saved tensors.",
          "rounds");
    }
  }
  std::stable_sort(out.findings.begin(), out.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.level > b.level; });
  if (!out.findings.empty() && out.findings.front().level > Level::kNotice) {
    out.level = out.findings.front().level;
    out.headline = out.findings.front().title;
  } else {
    out.headline =
        out.findings.empty() ? "No bottleneck was found"
        : out.findings.size() == 1
            ? "No bottleneck was found; one thing to know"
            : fmt::format("No bottleneck was found; {} things to know", out.findings.size());
  }
  const auto longest = [](const std::vector<PhaseSeconds>& phases) {
    return std::max_element(phases.begin(), phases.end(),
                            [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  };
  if (!f.job.empty()) {
    const auto job = longest(f.job);
    out.summary = fmt::format("{:.3g} s in all, most of it ({:.0f} %) in {}", f.seconds,
                              100 * job->seconds / std::max(f.seconds, 1e-9), job->name);
    if (!f.engine.empty()) {
      const auto engine = longest(f.engine);
      out.summary += fmt::format("; {} rounds of {:.3g} ms, most of that in {}", f.rounds.size(),
                                 f.round_mean, engine->name);
    }
    out.summary += ".";
  }
  return out;
}

json Phases(const std::vector<PhaseSeconds>& phases) {
  json out = json::array();
  for (const PhaseSeconds& p : phases) {
    out.push_back({{"name", p.name}, {"seconds", Fine(p.seconds)}});
  }
  return out;
}

json RoundsJson(const ProfileFigures& f) {
  json durations = json::array(), outliers = json::array(), stacked = json::array();
  const size_t n = f.rounds.size(), stride = n / kDurations + 1;
  for (size_t i = 0; i < n; i += stride) {
    durations.push_back({f.rounds[i].round, Round(f.rounds[i].milliseconds, 1e-3)});
  }
  for (const size_t i : f.outliers) {
    outliers.push_back({f.rounds[i].round, Round(f.rounds[i].milliseconds, 1e-3)});
  }
  std::vector<std::string> phases;
  for (const PhaseSeconds& p : f.engine) phases.push_back(p.name);
  for (size_t bar = 0; bar < std::min(n, kBars); ++bar) {
    const size_t first = bar * n / std::min(n, kBars), end = (bar + 1) * n / std::min(n, kBars);
    json parts = json::array();
    for (const std::string& phase : phases) {
      double ms = 0;
      for (size_t i = first; i < end; ++i) {
        const RoundTime& r = f.rounds[i];
        if (phase == "other") {
          double known = 0;
          for (const auto& [name, t] : r.phases) known += t;
          ms += std::max(0.0, r.milliseconds - known);
        } else if (const auto it = r.phases.find(phase); it != r.phases.end()) {
          ms += it->second;
        }
      }
      parts.push_back(Round(ms / static_cast<double>(end - first), 1e-4));
    }
    stacked.push_back({{"round", f.rounds[first].round}, {"ms", std::move(parts)}});
  }
  const double low = f.round_sorted.front(), high = f.round_sorted.back();
  const std::vector<float> values(f.round_sorted.begin(), f.round_sorted.end());
  const size_t bins = std::clamp<size_t>(AutoHistogram(f.round_sorted).counts.size(), 1, 60);
  const Histogram h =
      high > low ? MakeHistogram(values, low, high, bins) : AutoHistogram(f.round_sorted);
  return {{"count", n},
          {"mean", f.round_mean},
          {"std", f.round_std},
          {"min", low},
          {"p50", Quantile(f.round_sorted, 0.5)},
          {"p95", Quantile(f.round_sorted, 0.95)},
          {"p99", Quantile(f.round_sorted, 0.99)},
          {"max", high},
          {"durations", std::move(durations)},
          {"histogram", {{"edges", h.edges}, {"counts", h.counts}}},
          {"outliers", std::move(outliers)},
          {"stacked", std::move(stacked)},
          {"phases", phases}};
}

json UsageJson(const ProfileFigures& f) {
  json out = json::array();
  for (const UsageRow& u : f.usage) {
    out.push_back({{"node", u.node},
                   {"metric", u.metric},
                   {"unit", u.unit},
                   {"samples", u.samples},
                   {"max", Fine(u.max)},
                   {"p99", Fine(u.p99)},
                   {"p95", Fine(u.p95)},
                   {"p50", Fine(u.p50)},
                   {"min", Fine(u.min)}});
  }
  return out;
}

json LinesJson(const ProfileFigures& f) {
  json out = json::array();
  for (const TimeLines& group : f.lines) {
    json series = json::array();
    for (const TimeLine& line : group.lines) {
      json points = json::array();
      for (const auto& [t, v] : line.points) points.push_back({Round(t, 1e-3), Round(v, 1e-2)});
      series.push_back({{"name", line.name}, {"points", std::move(points)}});
    }
    out.push_back({{"id", group.id}, {"unit", group.unit}, {"series", std::move(series)}});
  }
  return out;
}

json CoresJson(const ProfileFigures& f) {
  json rows = json::array();
  for (const auto& row : f.core_percent) {
    json cells = json::array();
    for (const double v : row) cells.push_back(Round(v, 0.1));
    rows.push_back(std::move(cells));
  }
  return {{"bucket", f.core_bucket}, {"names", f.cores}, {"percent", std::move(rows)}};
}

json RulesJson(const std::vector<ProfilerRuleResult>& rules) {
  json out = json::array();
  for (const ProfilerRuleResult& r : rules) {
    const ProfilerRuleEntry* entry = FindProfilerRule(r.rule);
    json parameters = json::array();
    for (const auto& [name, value] : r.parameters) parameters.push_back({name, value});
    out.push_back({{"name", r.rule},
                   {"description", entry ? entry->description : ""},
                   {"recommendation", entry ? entry->recommendation : ""},
                   {"triggered", r.triggered},
                   {"violations", r.violations},
                   {"datapoints", r.datapoints},
                   {"parameters", std::move(parameters)},
                   {"message", r.message}});
  }
  return out;
}

std::string ModelJson(const Profile& profile, const ProfileFigures& f, const Verdict& verdict,
                      const std::vector<ProfilerRuleResult>& rules, const ReportContext& context) {
  json job = JobJson(context);
  job["running"] = !profile.ended();
  json spans = json::array();
  for (const auto& [name, span] : f.spans) {
    spans.push_back({{"name", name}, {"begin", Fine(span.first)}, {"seconds", Fine(span.second)}});
    if (spans.size() >= 100) break;
  }
  json out = {{"kind", "profiler"},
              {"job", std::move(job)},
              {"verdict", VerdictJson(verdict)},
              {"begin", f.begin},
              {"seconds", f.seconds},
              {"jobPhases", Phases(f.job)},
              {"enginePhases", Phases(f.engine)},
              {"cores", CoresJson(f)},
              {"lines", LinesJson(f)},
              {"spans", std::move(spans)},
              {"usage", UsageJson(f)},
              {"rules", RulesJson(rules)}};
  if (!f.rounds.empty()) out["rounds"] = RoundsJson(f);
  if (f.memory_max > 0) out["memory"] = {{"max", f.memory_max}, {"growth", f.memory_growth}};
  return DumpJson(out);
}

std::vector<ReportFile> Files(const ProfileFigures& f, const Verdict& verdict) {
  json rounds = json::array();
  for (const RoundTime& r : f.rounds) {
    json one = {{"round", r.round}, {"milliseconds", Fine(r.milliseconds)}};
    for (const auto& [name, ms] : r.phases) one[name] = Fine(ms);
    rounds.push_back(std::move(one));
  }
  return {{"Summary.json", DumpJson({{"seconds", Fine(f.seconds)},
                                     {"job_phases", Phases(f.job)},
                                     {"engine_phases", Phases(f.engine)},
                                     {"system_usage", UsageJson(f)},
                                     {"verdict", VerdictJson(verdict)}},
                                    2)},
          {"RoundDurations.json", DumpJson({{"rounds", std::move(rounds)}})},
          {"Utilization.json",
           DumpJson({{"begin", f.begin}, {"cores", CoresJson(f)}, {"lines", LinesJson(f)}})}};
}

}  // namespace

Status WriteProfilerReport(const Profile& profile, const std::vector<ProfilerRuleResult>& rules,
                           const ReportContext& context, const fs::path& directory) {
  const ProfileFigures figures = ComputeProfile(profile, context);
  const Verdict verdict = JudgeProfile(figures, rules);
  const fs::path numbers = directory / "profiler-reports";
  for (const ProfilerRuleResult& rule : rules) {
    CLARY_CHECK_OK(PublishFile(numbers / (rule.rule + ".json"), rule.ToJson()));
  }
  for (const ReportFile& file : Files(figures, verdict)) {
    CLARY_CHECK_OK(PublishFile(numbers / file.name, file.json + "\n"));
  }
  CLARY_CHECK_OK(
      PublishFile(directory / "profiler-report.ipynb", RenderNotebook(ProfilerNotebook(context))));
  const std::string title =
      context.job_name.empty() ? "Profiling report" : context.job_name + " · profiling report";
  return PublishFile(directory / "profiler-report.html",
                     RenderPage(title, ModelJson(profile, figures, verdict, rules, context)));
}

}  // namespace clary::debugger
