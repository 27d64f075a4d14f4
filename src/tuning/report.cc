#include "tuning/report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/csv_field.h"
#include "reports/json.h"
#include "reports/page.h"
#include "reports/publish.h"
#include "tuning/folds.h"

namespace clary::tuning {
namespace {

using reports::Json;

constexpr size_t kPool = 2048;           // values that random search is imagined to draw from
constexpr size_t kBandLength = 1000;     // trials that the band is shown for
constexpr size_t kCurvePoints = 60'000;  // of all curves together
constexpr size_t kLeastCurve = 10, kMostCurve = 200;
constexpr double kEdge = 0.02;  // of a range

bool Measured(const ReportTrial& t) {
  return t.value && std::isfinite(*t.value) && t.status != "Failed" && t.ended;
}

double SecondsFrom(const std::optional<Time>& begin, const std::optional<Time>& end, Time now) {
  if (!begin) return 0;
  return std::max(0.0, std::chrono::duration<double>(end.value_or(now) - *begin).count());
}

// The trial whose texts are the algorithm's defaults, as numbers where they are numbers.
bool IsStandard(const ReportDefinition& definition, const ReportTrial& trial) {
  if (definition.defaults.empty()) return false;
  const auto number = [](const std::string& text) {
    char* end = nullptr;
    const double v = std::strtod(text.c_str(), &end);
    return end != text.c_str() && *end == '\0' ? std::optional(v) : std::nullopt;
  };
  return std::ranges::all_of(definition.parameters, [&](const Parameter& p) {
    const auto standard = definition.defaults.find(p.name);
    const auto tuned = trial.tuned.find(p.name);
    if (standard == definition.defaults.end() || tuned == trial.tuned.end()) return false;
    const auto a = number(standard->second), b = number(tuned->second);
    return a && b ? *a == *b : standard->second == tuned->second;
  });
}

// A trial's value, minimised.
double Cost(const ReportInput& input, size_t trial) {
  const ReportTrial& t = input.trials[trial];
  return input.definitions[t.definition].maximise ? -*t.value : *t.value;
}

// Whether a trial with a value may be the best one.
bool MayBeBest(const ReportInput& input, const ReportTrial& t) {
  return t.status == "Completed" || (input.strategy == "Hyperband" && t.status == "Stopped");
}

std::vector<double> Signed(const std::vector<double>& values, bool maximise) {
  std::vector<double> out = values;
  for (double& v : out) v = maximise ? -v : v;
  return out;
}

void FindEqual(const ReportInput& input, const std::optional<Landscape>& landscape,
               DefinitionFigures& figures) {
  const ReportTrial& best = input.trials[*figures.best];
  const bool maximise = input.definitions[best.definition].maximise;
  figures.equal_by_folds = best.folds.size() >= 2;
  for (const size_t i : figures.measured) {
    const ReportTrial& t = input.trials[i];
    bool equal = i == *figures.best;
    if (!equal && !MayBeBest(input, t)) continue;
    if (!equal && figures.equal_by_folds) {
      equal = t.folds.size() == best.folds.size() &&
              FoldsMayEqual(Signed(t.folds, maximise), Signed(best.folds, maximise),
                            best.folds_a_round);
    } else if (!equal && landscape) {
      equal = landscape->MayEqual(t.config, best.config);
    }
    equal = equal || *t.value == *best.value;
    if (equal) figures.equal.push_back(i);
  }
  for (const size_t i : figures.equal) {
    const auto bytes = input.trials[i].model_bytes;
    if (bytes && (!figures.smallest || *bytes < *input.trials[*figures.smallest].model_bytes)) {
      figures.smallest = i;
    }
  }
}

void FindPareto(const ReportInput& input, DefinitionFigures& figures) {
  std::vector<size_t> order;
  for (const size_t i : figures.measured) {
    if (input.trials[i].model_bytes && MayBeBest(input, input.trials[i])) order.push_back(i);
  }
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    const double x = Cost(input, a), y = Cost(input, b);
    return x != y ? x < y : *input.trials[a].model_bytes < *input.trials[b].model_bytes;
  });
  uint64_t least = std::numeric_limits<uint64_t>::max();
  for (const size_t i : order) {
    if (*input.trials[i].model_bytes >= least) continue;
    least = *input.trials[i].model_bytes;
    figures.pareto.push_back(i);
  }
}

DefinitionFigures Compute(const ReportInput& input, size_t number) {
  const ReportDefinition& definition = input.definitions[number];
  DefinitionFigures figures;
  std::vector<Config> configs;
  std::vector<double> costs;
  for (size_t i = 0; i < input.trials.size(); ++i) {
    const ReportTrial& t = input.trials[i];
    if (t.definition != number || !Measured(t)) continue;
    figures.measured.push_back(i);
    configs.push_back(t.config);
    costs.push_back(Cost(input, i));
    if (MayBeBest(input, t) && (!figures.best || costs.back() < Cost(input, *figures.best))) {
      figures.best = i;
    }
    if (!figures.standard && IsStandard(definition, t)) figures.standard = i;
  }
  const auto space = Space::Make(definition.parameters);
  if (!space) return figures;
  const auto landscape = Landscape::Make(*space, configs, costs);
  if (figures.best) {
    FindEqual(input, landscape, figures);
    FindPareto(input, figures);
  }
  const bool differ = std::ranges::any_of(costs, [&](double c) { return c != costs.front(); });
  if (costs.size() >= kTrialsForImportance && differ) {
    const Eigen::VectorXd ranked = HalfRank(costs);
    const std::vector<double> y(ranked.begin(), ranked.end());
    figures.local = PedAnova(*space, configs, costs);
    figures.global = Fanova(*space, configs, y);
  }
  if (!landscape) return figures;
  const double sign = definition.maximise ? -1 : 1;
  for (size_t j = 0; j < space->size(); ++j) {
    Landscape::Marginal m = landscape->MarginalOf(j);
    for (auto* values : {&m.mean, &m.low, &m.high}) {
      for (double& v : *values) v *= sign;
    }
    if (definition.maximise) std::swap(m.low, m.high);
    figures.marginals.push_back(std::move(m));
  }
  figures.noise = landscape->noise();
  figures.gain = landscape->ExpectedGain(kMoreTrials);
  // A random search is measured by what it met itself.
  const bool random = input.strategy == "Random" || input.strategy == "Grid";
  figures.band = BestOfRandom(random ? costs : landscape->RandomValues(kPool),
                              std::min(kBandLength, std::max(input.most, costs.size())));
  for (Best& b : figures.band) {
    b = {.low = sign * b.low, .middle = sign * b.middle, .high = sign * b.high};
  }
  return figures;
}

// --- The JSON document, which the page draws (web/src/model.ts, TuningModel).

Json TimeOf(const std::optional<Time>& t) { return t ? Json(FormatIso8601(*t)) : Json(); }

Json ShareJson(const Share& s) { return Json::array({s.value, s.low, s.high}); }

Json Thinned(const std::vector<double>& curve, size_t most) {
  Json points = Json::array();
  const size_t n = curve.size();
  const size_t count = std::min(n, most);
  for (size_t i = 0; i < count; ++i) {
    const size_t at = count == 1 ? n - 1 : i * (n - 1) / (count - 1);
    points.push_back({at, curve[at]});
  }
  return points;
}

Json ParametersJson(const ReportDefinition& definition, const DefinitionFigures& figures,
                    const ReportInput& input) {
  Json out = Json::array();
  for (size_t j = 0; j < definition.parameters.size(); ++j) {
    const Parameter& p = definition.parameters[j];
    Json one = {{"name", p.name}};
    if (p.type == Parameter::Type::kCategorical) {
      one["values"] = p.values;
    } else {
      one["min"] = p.min;
      one["max"] = p.max;
      one["integer"] = p.type == Parameter::Type::kInteger;
    }
    one["scale"] = p.scale == Scale::kLog          ? "log"
                   : p.scale == Scale::kReverseLog ? "reverse-log"
                                                   : "linear";
    if (const auto d = definition.defaults.find(p.name); d != definition.defaults.end()) {
      one["default"] = d->second;
    }
    if (figures.best) one["edge"] = AtEdge(definition, j, input.trials[*figures.best].config);
    if (!figures.local.empty()) {
      one["local"] = ShareJson(figures.local[j]);
      one["global"] = ShareJson(figures.global.single[j]);
    }
    if (!figures.marginals.empty()) {
      const Landscape::Marginal& m = figures.marginals[j];
      one["marginal"] = {{"at", m.at}, {"mean", m.mean}, {"low", m.low}, {"high", m.high}};
    }
    out.push_back(std::move(one));
  }
  return out;
}

Json IndexOrNull(const std::optional<size_t>& trial) { return trial ? Json(*trial) : Json(); }

Json DefinitionJson(const ReportInput& input, const ReportDefinition& definition,
                    const DefinitionFigures& figures) {
  Json pairs = Json::array();
  for (const auto& pair : figures.global.pairs) {
    pairs.push_back({definition.parameters[pair.a].name, definition.parameters[pair.b].name,
                     pair.share.value, pair.share.low, pair.share.high});
  }
  Json band = Json::array();
  for (const Best& b : figures.band) band.push_back({b.low, b.middle, b.high});
  return {{"name", definition.name},
          {"metric", definition.metric},
          {"maximize", definition.maximise},
          {"measured", figures.measured.size()},
          {"best", IndexOrNull(figures.best)},
          {"standard", IndexOrNull(figures.standard)},
          {"equal", figures.equal},
          {"equalBy", figures.equal_by_folds ? "folds" : "surrogate"},
          {"smallest", IndexOrNull(figures.smallest)},
          {"pareto", figures.pareto},
          {"parameters", ParametersJson(definition, figures, input)},
          {"pairs", std::move(pairs)},
          {"noise", figures.noise},
          {"gain", figures.marginals.empty() ? Json()
                                             : Json{{"trials", kMoreTrials},
                                                    {"mean", figures.gain.mean},
                                                    {"low", figures.gain.low},
                                                    {"high", figures.gain.high}}},
          {"band", std::move(band)}};
}

double StandardError(const std::vector<double>& folds) {
  const double k = static_cast<double>(folds.size());
  double mean = 0, square = 0;
  for (const double f : folds) mean += f / k;
  for (const double f : folds) square += (f - mean) * (f - mean);
  return std::sqrt(square / (k - 1) / k);
}

Json TrialJson(const ReportInput& input, size_t i, size_t points, Time now) {
  const ReportTrial& t = input.trials[i];
  Json one = {{"number", i + 1},
              {"name", t.name},
              {"definition", t.definition},
              {"status", t.status},
              {"created", TimeOf(t.created)},
              {"started", TimeOf(t.started)},
              {"ended", TimeOf(t.ended)},
              {"seconds", t.started ? Json(SecondsFrom(t.started, t.ended, now)) : Json()},
              {"value", t.value && t.ended ? Json(*t.value) : Json()},
              {"config", t.config},
              {"tuned", t.tuned},
              {"metrics", t.metrics}};
  if (!t.message.empty()) one["message"] = t.message;
  if (!t.origin.empty()) one["origin"] = t.origin;
  if (!t.failure_reason.empty()) one["failureReason"] = t.failure_reason;
  if (t.folds.size() >= 2) {
    one["folds"] = t.folds;
    one["standardError"] = StandardError(t.folds);
  }
  if (!t.model_uri.empty()) one["model"] = t.model_uri;
  if (t.model_bytes) one["modelBytes"] = *t.model_bytes;
  one["rounds"] = t.curve.size();
  one["curve"] = Thinned(t.curve, points);
  if (!t.training_curve.empty()) one["trainingCurve"] = Thinned(t.training_curve, points);
  return one;
}

}  // namespace

TuningFigures ComputeTuningFigures(const ReportInput& input, Time now) {
  TuningFigures figures;
  for (size_t d = 0; d < input.definitions.size(); ++d) {
    figures.definitions.push_back(Compute(input, d));
    const auto& best = figures.definitions.back().best;
    if (best && (!figures.best || Cost(input, *best) < Cost(input, *figures.best) ||
                 (Cost(input, *best) == Cost(input, *figures.best) && *best < *figures.best))) {
      figures.best = best;
    }
  }
  for (const ReportTrial& t : input.trials) {
    figures.trial_seconds += SecondsFrom(t.started, t.ended, now);
    if (t.status == "Failed") figures.failed_seconds += SecondsFrom(t.started, t.ended, now);
  }
  figures.wall_seconds = SecondsFrom(input.created, input.ended_at, now);
  return figures;
}

int AtEdge(const ReportDefinition& definition, size_t parameter, const Config& config) {
  // At 1 these are at the end of what they can be, and at the bottom at that of what makes sense.
  static const std::set<std::string, std::less<>> kFractions = {
      "eta",       "subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode",
      "rate_drop", "skip_drop", "one_drop",         "base_score"};
  const Parameter& p = definition.parameters[parameter];
  if (p.type == Parameter::Type::kCategorical || p.min >= p.max) return 0;
  const double value = config[parameter];
  const bool limited = definition.fractions && kFractions.contains(p.name) && p.max >= 1;
  const bool counts = p.type == Parameter::Type::kInteger;
  const auto space = Space::Make({p});
  if (!space) return 0;
  const double u = space->Encode({value}).front();
  if (counts ? value == p.min : u <= kEdge) return p.min <= 0 ? 0 : -1;
  if (counts ? value == p.max : u >= 1 - kEdge) return limited ? 0 : 1;
  return 0;
}

std::string TuningReportJson(const ReportInput& input, const TuningFigures& figures, Time now) {
  const size_t points =
      std::clamp(kCurvePoints / std::max<size_t>(1, input.trials.size()), kLeastCurve, kMostCurve);
  Json definitions = Json::array(), trials = Json::array();
  for (size_t d = 0; d < input.definitions.size(); ++d) {
    definitions.push_back(DefinitionJson(input, input.definitions[d], figures.definitions[d]));
  }
  for (size_t i = 0; i < input.trials.size(); ++i) {
    trials.push_back(TrialJson(input, i, points, now));
  }
  Json model = {{"kind", "tuning"},
                {"job",
                 {{"name", input.job},
                  {"arn", input.arn},
                  {"region", input.region},
                  {"status", input.status},
                  {"failureReason", input.failure_reason},
                  {"image", input.image},
                  {"instance", input.instance},
                  {"strategy", input.strategy},
                  {"earlyStopping", input.early_stopping},
                  {"output", input.output_uri},
                  {"created", TimeOf(input.created)},
                  {"started", TimeOf(input.created)},
                  {"ended", TimeOf(input.ended_at)},
                  {"written", FormatIso8601(now)},
                  {"version", CLARY_VERSION},
                  {"most", input.most},
                  {"parallel", input.parallel},
                  {"seed", input.seed.empty() ? Json() : Json(input.seed)}}},
                {"verdict", reports::VerdictJson(JudgeTuning(input, figures))},
                {"best", IndexOrNull(figures.best)},
                {"cost",
                 {{"wallSeconds", figures.wall_seconds},
                  {"trialSeconds", figures.trial_seconds},
                  {"failedSeconds", figures.failed_seconds}}},
                {"definitions", std::move(definitions)},
                {"trials", std::move(trials)},
                {"request", input.request},
                {"nextRequest", NextRequest(input, figures)}};
  return reports::DumpJson(model);
}

// --- The table.

namespace {

// A text that begins like a formula must not become one in a spreadsheet.
std::string Cell(std::string text) {
  if (!text.empty() && std::string_view("=+@\t\r").find(text.front()) != std::string_view::npos) {
    text.insert(0, "'");
  }
  std::string out;
  AppendCsvField(out, text);
  return out;
}

std::string NumberCell(double value) {
  return std::isfinite(value) ? reports::DumpJson(value) : "";
}

}  // namespace

std::string TuningReportCsv(const ReportInput& input, const TuningFigures& figures) {
  std::set<std::string> parameters, metrics;
  for (const auto& d : input.definitions) {
    for (const Parameter& p : d.parameters) parameters.insert(p.name);
  }
  for (const ReportTrial& t : input.trials) {
    for (const auto& [name, value] : t.metrics) metrics.insert(name);
  }
  std::set<size_t> equal;
  for (const auto& d : figures.definitions) equal.insert(d.equal.begin(), d.equal.end());
  std::string out = "number,name,definition,origin,status,objective,value,equal_to_best";
  for (const std::string& p : parameters) out += "," + Cell(p);
  for (const std::string& m : metrics) out += "," + Cell("metric:" + m);
  out += ",rounds,model_bytes,created,started,ended,message,failure_reason\n";
  const auto time = [](const std::optional<Time>& t) { return t ? FormatIso8601(*t) : ""; };
  for (size_t i = 0; i < input.trials.size(); ++i) {
    const ReportTrial& t = input.trials[i];
    const auto& definition = input.definitions[t.definition];
    out += std::to_string(i + 1) + "," + Cell(t.name) + "," + Cell(definition.name) + "," +
           t.origin + "," + t.status + "," + Cell(definition.metric) + "," +
           (t.value && t.ended ? NumberCell(*t.value) : "") + "," + (equal.contains(i) ? "1" : "0");
    for (const std::string& p : parameters) {
      const auto text = t.tuned.find(p);
      out += "," + (text == t.tuned.end() ? "" : Cell(text->second));
    }
    for (const std::string& m : metrics) {
      const auto value = t.metrics.find(m);
      out += "," + (value == t.metrics.end() ? "" : NumberCell(value->second));
    }
    out += "," + std::to_string(t.curve.size()) + "," +
           (t.model_bytes ? std::to_string(*t.model_bytes) : "") + "," + time(t.created) + "," +
           time(t.started) + "," + time(t.ended) + "," + Cell(t.message) + "," +
           Cell(t.failure_reason) + "\n";
  }
  return out;
}

Status WriteTuningReport(const ReportInput& input, Time now,
                         const std::filesystem::path& directory) {
  const TuningFigures figures = ComputeTuningFigures(input, now);
  const std::string json = TuningReportJson(input, figures, now);
  CLARY_CHECK_OK(reports::PublishFile(directory / "tuning-report.json", json));
  CLARY_CHECK_OK(
      reports::PublishFile(directory / "tuning-report.csv", TuningReportCsv(input, figures)));
  return reports::PublishFile(directory / "tuning-report.html",
                              reports::RenderPage(input.job + " · tuning report", json));
}

}  // namespace clary::tuning
