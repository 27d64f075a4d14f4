#include "control/internal/tuning_request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "api/sagemaker.h"
#include "base/strings.h"
#include "control/internal/kind.h"
#include "control/internal/programs.h"
#include "control/internal/training_job.h"
#include "control/internal/training_request.h"
#include "tuning/boosting.h"

namespace clary::control {
namespace tuning_request {
namespace {

using nlohmann::json;
using tuning::Parameter;
using tuning::Scale;
using TextMap = std::map<std::string, std::string>;

constexpr const char kConfig[] = "HyperParameterTuningJobConfig";
constexpr const char kObjective[] = "HyperParameterTuningJobObjective";
constexpr const char kWatched[] = "_tuning_objective_metric";
constexpr int64_t kMostTrials = 10'000;
constexpr int64_t kDefaultTrials = 750;  // if only time or a criterion ends the job
constexpr int64_t kAutotuneTrials = 100;
constexpr size_t kMostTuned = 30, kMostHyperparameters = 100;
constexpr size_t kMostEnvironment = 48;
constexpr double kLogRatio = 100,
                 kIntegerLogRatio = 50;  // of bounds, from which Auto is a log scale
constexpr size_t kFirstRung = 81;        // MaxResource / 81 is MinResource if it is not given

constexpr std::string_view kUntunable[] = {
    "_kfold",      "_num_cv_round",         "nthread",   "seed",        "num_class",
    "csv_weights", "early_stopping_rounds", "objective", "eval_metric", kWatched};

const json kNone = json::array();

// One hyperparameter's range as it was written.
struct Range {
  Parameter parameter;
  std::string min, max;
};

std::optional<double> ToNumber(std::string_view text) {
  text = Trim(text);
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// The shortest text that reads back as this number.
std::string NumberText(double value) { return json(value).dump(); }

std::string Quoted(const std::string& text) { return "'" + text + "'"; }

// --- The parts of a request, in the one form or the other.

bool IsPlural(const json& request) { return request.contains("TrainingJobDefinitions"); }

size_t CountDefinitions(const json& request) {
  return IsPlural(request) ? request.at("TrainingJobDefinitions").size() : 1;
}

template <typename Json>
Json& DefinitionAt(Json& request, size_t i) {
  return IsPlural(request) ? request.at("TrainingJobDefinitions").at(i)
                           : request.at("TrainingJobDefinition");
}

const json& ObjectiveOf(const json& request, size_t i) {
  return IsPlural(request) ? DefinitionAt(request, i).at("TuningObjective")
                           : request.at(kConfig).at(kObjective);
}

template <typename Json>
Json& RangesOf(Json& request, size_t i) {
  return IsPlural(request) ? DefinitionAt(request, i).at("HyperParameterRanges")
                           : request.at(kConfig).at("ParameterRanges");
}

const json& ListIn(const json& object, const char* member) {
  const auto it = object.find(member);
  return it != object.end() && it->is_array() ? *it : kNone;
}

// --- Ranges.

Result<Range> ReadNumbers(const json& given, bool integer) {
  Range range;
  Parameter& p = range.parameter;
  p.name = given.at("Name");
  p.type = integer ? Parameter::Type::kInteger : Parameter::Type::kContinuous;
  range.min = given.at("MinValue");
  range.max = given.at("MaxValue");
  const auto number = [&](const std::string& text, const char* member, double* value) -> Status {
    const auto whole = ParseInt(Trim(text));
    const auto parsed = ToNumber(text);
    if (parsed && (!integer || whole)) {
      *value = integer ? static_cast<double>(*whole) : *parsed;
      return {};
    }
    return Invalid(std::string(member) + " " + Quoted(text) + " of the range of hyperparameter " +
                   Quoted(p.name) + " is no " + (integer ? "integer." : "finite number."));
  };
  CLARY_CHECK_OK(number(range.min, "MinValue", &p.min));
  CLARY_CHECK_OK(number(range.max, "MaxValue", &p.max));
  if (p.min > p.max) {
    return Invalid("MinValue " + range.min + " of the range of hyperparameter " + Quoted(p.name) +
                   " is greater than its MaxValue " + range.max + ".");
  }
  const std::string scaling = given.value("ScalingType", "Auto");
  if (scaling == "Logarithmic") {
    if (p.min <= 0) {
      return Invalid("The range of hyperparameter " + Quoted(p.name) +
                     " has ScalingType Logarithmic, which needs a MinValue greater than 0, not " +
                     range.min + ".");
    }
    p.scale = Scale::kLog;
  } else if (scaling == "ReverseLogarithmic") {
    if (integer || p.min < 0 || p.max >= 1) {
      return Invalid("The range of hyperparameter " + Quoted(p.name) +
                     " has ScalingType ReverseLogarithmic, which is for continuous ranges within "
                     "0 <= x < 1.");
    }
    p.scale = Scale::kReverseLog;
  } else if (scaling == "Auto" && p.min > 0 && (!integer || p.min >= 1) &&
             p.max / p.min >= (integer ? kIntegerLogRatio : kLogRatio)) {
    p.scale = Scale::kLog;
  }
  return range;
}

Range ReadCategories(const json& given) {
  Range range;
  range.parameter.name = given.at("Name");
  range.parameter.type = Parameter::Type::kCategorical;
  for (const json& value : given.at("Values")) {
    auto& values = range.parameter.values;
    if (std::ranges::find(values, value.get<std::string>()) == values.end()) {
      values.push_back(value);
    }
  }
  return range;
}

Result<std::vector<Range>> ReadRanges(const json& ranges) {
  std::vector<Range> all;
  for (const json& given : ListIn(ranges, "IntegerParameterRanges")) {
    CLARY_TRY(all.emplace_back(), ReadNumbers(given, true));
  }
  for (const json& given : ListIn(ranges, "ContinuousParameterRanges")) {
    CLARY_TRY(all.emplace_back(), ReadNumbers(given, false));
  }
  for (const json& given : ListIn(ranges, "CategoricalParameterRanges")) {
    all.push_back(ReadCategories(given));
  }
  return all;
}

Result<tuning::Space> MakeSpace(const std::vector<Range>& ranges) {
  std::vector<Parameter> parameters;
  for (const Range& range : ranges) parameters.push_back(range.parameter);
  auto space = tuning::Space::Make(std::move(parameters));
  if (!space) return Invalid("HyperParameterRanges: " + space.error().message);
  return space;
}

TextMap Statics(const json& definition) {
  return definition.value("StaticHyperParameters", json::object()).get<TextMap>();
}

// --- The rules, in the order in which they are answered.

Status CheckForm(const json& request) {
  const json& config = request.at(kConfig);
  const bool one = request.contains("TrainingJobDefinition");
  if (one == IsPlural(request)) {
    return Invalid("You must specify either TrainingJobDefinition or TrainingJobDefinitions.");
  }
  if (one) {
    const json& definition = request.at("TrainingJobDefinition");
    if (definition.contains("TuningObjective") || definition.contains("HyperParameterRanges")) {
      return Invalid(
          "TuningObjective and HyperParameterRanges are for TrainingJobDefinitions. With a "
          "TrainingJobDefinition give HyperParameterTuningJobObjective and ParameterRanges in "
          "HyperParameterTuningJobConfig.");
    }
    if (!config.contains(kObjective)) {
      return Invalid("HyperParameterTuningJobConfig must have a HyperParameterTuningJobObjective.");
    }
    return {};
  }
  if (config.contains(kObjective) || config.contains("ParameterRanges")) {
    return Invalid(
        "With TrainingJobDefinitions each definition has its TuningObjective and "
        "HyperParameterRanges; HyperParameterTuningJobConfig must not have them.");
  }
  std::set<std::string> names;
  std::string type;
  for (const json& definition : request.at("TrainingJobDefinitions")) {
    for (const char* member : {"DefinitionName", "TuningObjective", "HyperParameterRanges"}) {
      if (!definition.contains(member)) {
        return Invalid(std::string("Each of TrainingJobDefinitions must have a ") + member + ".");
      }
    }
    if (!names.insert(definition.at("DefinitionName")).second) {
      return Invalid("DefinitionName '" + definition.at("DefinitionName").get<std::string>() +
                     "' is given twice in TrainingJobDefinitions.");
    }
    const std::string its = definition.at("TuningObjective").at("Type");
    if (!type.empty() && its != type) {
      return Invalid(
          "The TuningObjectives of TrainingJobDefinitions must be of one Type: values that are to "
          "be maximized cannot be compared with values that are to be minimized.");
    }
    type = its;
  }
  return {};
}

Result<Choice> ProgramOf(const json& request, size_t i) {
  return ChooseProgram(TrialRequest(request, i, "trial", {}));
}

// Ranges that Autotune chooses, where the request leaves the choice to it.
Status FillRanges(json& request, size_t i) {
  const bool autotune = request.contains("Autotune");
  json& holder = IsPlural(request) ? DefinitionAt(request, i) : request.at(kConfig);
  json& ranges = holder[IsPlural(request) ? "HyperParameterRanges" : "ParameterRanges"];
  if (ranges.is_null()) ranges = json::object();
  for (const char* member :
       {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
    ranges.emplace(member, json::array());
  }
  const json automatic = ListIn(ranges, "AutoParameters");
  if (!automatic.empty() && !autotune) {
    return Invalid("AutoParameters need Autotune with Mode Enabled.");
  }
  std::set<std::string> named;
  for (const char* member :
       {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
    for (const json& range : ranges.at(member)) named.insert(range.at("Name"));
  }
  const auto add = [&](const std::string& name, double min, double max, bool integer, bool log) {
    const auto text = [&](double v) {
      return integer ? std::to_string(static_cast<int64_t>(v)) : NumberText(v);
    };
    ranges[integer ? "IntegerParameterRanges" : "ContinuousParameterRanges"].push_back(
        {{"Name", name},
         {"MinValue", text(min)},
         {"MaxValue", text(max)},
         {"ScalingType", log ? "Logarithmic" : "Linear"}});
    named.insert(name);
  };
  for (const json& one : automatic) {
    const std::string name = one.at("Name"), hint = one.at("ValueHint");
    if (named.contains(name)) continue;
    const auto number = ToNumber(hint);
    const tuning::BoostingRange* known = tuning::FindBoostingRange(name);
    if (known != nullptr) {
      // The usual range, and around the hint.
      double min = known->min, max = known->max;
      if (number && *number > 0 && known->log) {
        min = std::min(min, *number / 10);
        max = std::max(max, *number * 10);
      }
      if (known->integer) min = std::max(1.0, std::floor(min));
      if (name == "eta") max = std::min(max, 1.0);
      add(name, min, max, known->integer, known->log);
    } else if (number && *number > 0) {
      const bool integer = ParseInt(Trim(hint)).has_value();
      add(name, integer ? std::max(1.0, std::floor(*number / 10)) : *number / 10, *number * 10,
          integer, true);
    } else {
      ranges["CategoricalParameterRanges"].push_back({{"Name", name}, {"Values", {hint}}});
      named.insert(name);
    }
  }
  if (!named.empty()) return {};
  if (!autotune) {
    return Invalid(
        "No hyperparameter ranges are given: name at least one hyperparameter to tune in "
        "ParameterRanges, or let Autotune choose.");
  }
  CLARY_TRY(const Choice choice, ProgramOf(request, i));
  if (choice.program != "xgboost") {
    return Invalid(
        "Autotune knows no ranges for the hyperparameters of this image; name them in "
        "ParameterRanges or AutoParameters.");
  }
  const TextMap statics = Statics(DefinitionAt(request, i));
  for (const tuning::BoostingRange& known : tuning::BoostingRanges()) {
    if (!statics.contains(std::string(known.name))) {
      add(std::string(known.name), known.min, known.max, known.integer, known.log);
    }
  }
  return {};
}

Status CheckNames(const std::vector<Range>& ranges, const TextMap& statics) {
  std::set<std::string> names;
  for (const Range& range : ranges) {
    const std::string& name = range.parameter.name;
    if (!names.insert(name).second) {
      return Invalid("Hyperparameter " + Quoted(name) + " has two ranges.");
    }
    if (statics.contains(name)) {
      return Invalid("Hyperparameter " + Quoted(name) +
                     " is in StaticHyperParameters and has a range, too.");
    }
  }
  if (names.size() > kMostTuned) {
    return Invalid("At most 30 hyperparameters can be tuned, not " + std::to_string(names.size()) +
                   ".");
  }
  if (names.size() + statics.size() + 1 > kMostHyperparameters) {
    return Invalid(
        "There are more than 100 hyperparameters: static ones, tuned ones and "
        "_tuning_objective_metric together.");
  }
  return {};
}

Status CheckHyperband(json& config, const std::vector<Range>& ranges, const TextMap& statics,
                      bool built_in) {
  if (config.value("TrainingJobEarlyStoppingType", "Off") != "Off") {
    return Invalid(
        "TrainingJobEarlyStoppingType must be Off for Strategy Hyperband, which stops training "
        "jobs by itself.");
  }
  json& hyperband = config["StrategyConfig"]["HyperbandStrategyConfig"];
  if (hyperband.is_null()) hyperband = json::object();
  if (!hyperband.contains("MaxResource")) {
    for (const char* name :
         {"epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs", "num_round"}) {
      if (name == std::string_view("num_round") && !built_in) continue;
      const auto given = statics.find(name);
      const auto tuned = std::ranges::find(
          ranges, name, [](const Range& r) -> const std::string& { return r.parameter.name; });
      std::optional<int64_t> most;
      if (given != statics.end()) {
        most = ParseInt(given->second);
      } else if (tuned != ranges.end() && name == std::string_view("num_round")) {
        most = ParseInt(tuned->max);
      }
      if (most && *most >= 1) {
        hyperband["MaxResource"] = *most;
        break;
      }
    }
  }
  if (!hyperband.contains("MaxResource")) {
    return Invalid(
        "MaxResource parameter is not provided and could not be inferred from provided static "
        "hyperparameters of TrainingJobDefinition.");
  }
  const auto most = hyperband.at("MaxResource").get<int64_t>();
  hyperband.emplace("MinResource", std::max<int64_t>(1, most / static_cast<int64_t>(kFirstRung)));
  if (hyperband.at("MinResource").get<int64_t>() > most) {
    return Invalid("MinResource " + hyperband.at("MinResource").dump() +
                   " of HyperbandStrategyConfig is greater than its MaxResource " +
                   std::to_string(most) + ".");
  }
  return {};
}

// Grid: how many there are is how many are tried. Others: there must be as many as are to be tried.
Status CheckCount(json& config, double combinations, bool grid, size_t definitions) {
  json& limits = config.at("ResourceLimits");
  const auto given = limits.find("MaxNumberOfTrainingJobs");
  const auto wanted = given != limits.end() ? given->get<int64_t>() : 0;
  const double share = std::ceil(static_cast<double>(wanted) / static_cast<double>(definitions));
  if (grid && given != limits.end() && share != combinations) {
    return Invalid(
        "MaxNumberOfTrainingJobs must be absent for Strategy Grid, or the number of "
        "combinations, " +
        NumberText(combinations) + "; it is " + std::to_string(wanted) + ".");
  }
  if (share > combinations) {
    return Invalid(
        "You don't have enough combinations of hyperparameter ranges. The total number of "
        "hyperparameter combinations for the provided ranges [" +
        NumberText(combinations) +
        "] must be equal or greater than the value of MaxNumberOfJobs, [" + std::to_string(wanted) +
        "]. Provide additional ranges. The largest MaxNumberOfTrainingJobs for these ranges is " +
        std::to_string(static_cast<int64_t>(combinations) * static_cast<int64_t>(definitions)) +
        ".");
  }
  return {};
}

Status CheckLimits(json& config, bool autotune) {
  json& limits = config.at("ResourceLimits");
  if (!limits.contains("MaxNumberOfTrainingJobs")) {
    if (!autotune && !limits.contains("MaxRuntimeInSeconds") &&
        config.value("TuningJobCompletionCriteria", json::object()).empty()) {
      return Invalid(
          "ResourceLimits must have a MaxNumberOfTrainingJobs, or something else must end the "
          "tuning job: MaxRuntimeInSeconds or TuningJobCompletionCriteria.");
    }
    limits["MaxNumberOfTrainingJobs"] = autotune ? kAutotuneTrials : kDefaultTrials;
    limits["MaxNumberOfTrainingJobs"] =
        std::max(limits.at("MaxNumberOfTrainingJobs").get<int64_t>(),
                 limits.at("MaxParallelTrainingJobs").get<int64_t>());
  }
  const auto most = limits.at("MaxNumberOfTrainingJobs").get<int64_t>();
  const auto parallel = limits.at("MaxParallelTrainingJobs").get<int64_t>();
  if (parallel > most) {
    return Invalid("MaxParallelTrainingJobs " + std::to_string(parallel) +
                   " of ResourceLimits is greater than its MaxNumberOfTrainingJobs " +
                   std::to_string(most) + ".");
  }
  if (most > kMostTrials) {
    return Invalid("MaxNumberOfTrainingJobs is at most " + std::to_string(kMostTrials) + ", not " +
                   std::to_string(most) + ".");
  }
  return {};
}

Status CheckObjective(const json& request, size_t i, const Choice& program) {
  const json& objective = ObjectiveOf(request, i);
  const std::string name = objective.at("MetricName"), type = objective.at("Type");
  const json child = TrialRequest(request, i, "trial", {});
  if (program.program != "xgboost") {
    const auto own = OwnMetricDefinitions(child);
    if (std::ranges::find(own, name, &api::MetricDefinition::name) != own.end()) return {};
    std::string known;
    for (const auto& d : own) {
      if (d.name != kObjectiveMetric) known += (known.empty() ? "" : ", ") + d.name;
    }
    return Invalid(
        "A metric is required for this hyperparameter tuning job objective. Provide a metric in "
        "the metric definitions. The objective is '" +
        name + "'" + (known.empty() ? "" : ", the metric definitions are " + known) + ".");
  }
  const auto metrics =
      api::BuiltInMetrics({.program = program.program, .version = program.version});
  if (std::ranges::find(metrics, name, &api::MetricDefinition::name) == metrics.end()) {
    std::string known;
    for (const auto& m : metrics) known += (known.empty() ? "" : ", ") + m.name;
    return Invalid(
        "A metric is required for this hyperparameter tuning job objective. Provide a metric in "
        "the metric definitions. The objective is '" +
        name + "', the algorithm's metrics are " + known + ".");
  }
  const std::string data = name.substr(0, name.find(':'));
  const std::string metric = name.substr(name.find(':') + 1);
  const bool maximised = api::MoreIsBetter(metric);
  if (metric != "interval-regression-accuracy" && maximised != (type == "Maximize")) {
    return Invalid("The objective is to " + type + " '" + name + "', but of this metric " +
                   (maximised ? "more" : "less") + " is better: use " +
                   (maximised ? "Maximize" : "Minimize") + ".");
  }
  const bool folds = Statics(DefinitionAt(request, i)).contains("_kfold");
  const json& channels = ListIn(DefinitionAt(request, i), "InputDataConfig");
  const bool there =
      std::ranges::any_of(channels, [&](const json& c) { return c.at("ChannelName") == data; });
  if (!there && !folds) {
    return Invalid("The objective '" + name + "' needs a channel '" + data +
                   "' in InputDataConfig.");
  }
  return {};
}

// What the built-in algorithm says of the corners of the space.
Status CheckHyperparameters(const json& request, size_t i, const Choice& program,
                            const std::vector<Range>& ranges, const TrialDefinition& definition,
                            const Options& options) {
  std::string untunable;
  for (const Range& range : ranges) {
    const std::string& name = range.parameter.name;
    if (std::ranges::find(kUntunable, name) != std::end(kUntunable)) {
      untunable += (untunable.empty() ? "" : ", ") + name;
    }
  }
  if (!untunable.empty()) {
    return Invalid(
        "The hyperparameter tuning job you requested contains the following untunable "
        "hyperparameters: [" +
        untunable + "]. Delete untunable hyperparameters.");
  }
  if (!options.check_hyperparameters) return {};
  const auto check = [&](const tuning::Config& config) -> Status {
    const json child = TrialRequest(request, i, "trial", Render(definition, config));
    const Status fine =
        options.check_hyperparameters(program.version, child.at("HyperParameters").get<TextMap>());
    if (!fine) return Invalid(fine.error().message);
    return {};
  };
  tuning::Config low, high;
  for (const Range& range : ranges) {
    const bool category = range.parameter.type == Parameter::Type::kCategorical;
    low.push_back(category ? 0 : range.parameter.min);
    high.push_back(category ? 0 : range.parameter.max);
  }
  CLARY_CHECK_OK(check(low));
  CLARY_CHECK_OK(check(high));
  for (size_t j = 0; j < ranges.size(); ++j) {
    for (size_t value = 1; value < ranges[j].parameter.values.size(); ++value) {
      tuning::Config config = low;
      config[j] = static_cast<double>(value);
      CLARY_CHECK_OK(check(config));
    }
  }
  return {};
}

// Both forms of where it runs: clients read the older one whichever was sent.
Status FillResources(json& definition) {
  const bool older = definition.contains("ResourceConfig");
  const auto tuning = definition.find("HyperParameterTuningResourceConfig");
  if (older == (tuning != definition.end())) {
    return Invalid(
        "A training job definition must have either ResourceConfig or "
        "HyperParameterTuningResourceConfig.");
  }
  if (older) return {};
  json resources;
  const auto instances = tuning->find("InstanceConfigs");
  if (instances != tuning->end()) {
    for (const char* member : {"InstanceType", "InstanceCount", "VolumeSizeInGB"}) {
      if (tuning->contains(member)) {
        return Invalid(
            std::string("HyperParameterTuningResourceConfig: give either InstanceConfigs "
                        "or ") +
            member + ", not both.");
      }
    }
    resources = instances->front();
  } else {
    for (const char* member : {"InstanceType", "InstanceCount", "VolumeSizeInGB"}) {
      if (tuning->contains(member)) resources[member] = tuning->at(member);
    }
    if (!resources.contains("InstanceType")) {
      return Invalid("You must specify HyperParameterTuningResourceConfig.InstanceType");
    }
    resources.emplace("InstanceCount", 1);
  }
  resources.emplace("VolumeSizeInGB", 30);
  if (tuning->contains("VolumeKmsKeyId")) {
    resources["VolumeKmsKeyId"] = tuning->at("VolumeKmsKeyId");
  }
  definition["ResourceConfig"] = std::move(resources);
  return {};
}

void FillDefinition(json& definition, const std::string& metric, bool built_in, bool stops) {
  json& statics = definition["StaticHyperParameters"];
  if (statics.is_null()) statics = json::object();
  // A job that is stopped for its values keeps the model that it has.
  if (built_in && stops) statics.emplace("save_model_on_termination", "true");
  statics[kWatched] = metric;
  for (const char* member : {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
                             "EnableManagedSpotTraining"}) {
    definition.emplace(member, false);
  }
  const json mode = definition.at("AlgorithmSpecification").at("TrainingInputMode");
  if (const auto channels = definition.find("InputDataConfig"); channels != definition.end()) {
    for (json& channel : *channels) {
      channel.emplace("CompressionType", "None");
      channel.emplace("RecordWrapperType", "None");
      channel.emplace("InputMode", mode);
    }
  }
}

Result<TrialDefinition> ParseDefinition(const json& request, size_t i) {
  const json& objective = ObjectiveOf(request, i);
  CLARY_TRY(const std::vector<Range> ranges, ReadRanges(RangesOf(request, i)));
  CLARY_TRY(tuning::Space space, MakeSpace(ranges));
  TrialDefinition out = {.name = TextOf(DefinitionAt(request, i), "DefinitionName"),
                         .metric = objective.at("MetricName"),
                         .maximise = objective.at("Type") == "Maximize",
                         .space = std::move(space),
                         .bounds = {}};
  for (const Range& range : ranges) out.bounds.emplace_back(range.min, range.max);
  const json& config = request.at(kConfig);
  if (config.at("Strategy") == "Hyperband") {
    const json& hyperband = config.at("StrategyConfig").at("HyperbandStrategyConfig");
    out.reports = hyperband.at("MaxResource").get<size_t>();
    out.first_reports = hyperband.at("MinResource").get<size_t>();
  }
  return out;
}

Status CheckDefinition(const Context& context, json& request, size_t i) {
  json& config = request.at(kConfig);
  const std::string strategy = config.at("Strategy");
  CLARY_CHECK_OK(FillRanges(request, i));
  const TextMap statics = Statics(DefinitionAt(request, i));
  CLARY_TRY(const std::vector<Range> ranges, ReadRanges(RangesOf(request, i)));
  CLARY_CHECK_OK(CheckNames(ranges, statics));
  const bool numbers = std::ranges::any_of(
      ranges, [](const Range& r) { return r.parameter.type != Parameter::Type::kCategorical; });
  if (strategy == "Grid" && numbers) {
    return Invalid(
        "Strategy Grid takes CategoricalParameterRanges only: list the values of integer and "
        "continuous hyperparameters as categories.");
  }
  const auto choice = ProgramOf(request, i);
  const bool built_in = choice && choice->program == "xgboost";
  if (strategy == "Hyperband") {
    CLARY_CHECK_OK(CheckHyperband(config, ranges, statics, built_in));
  }
  CLARY_TRY(const tuning::Space space, MakeSpace(ranges));
  const size_t definitions = CountDefinitions(request);
  CLARY_CHECK_OK(CheckCount(config, space.Configurations(), strategy == "Grid", definitions));
  json& limits = config.at("ResourceLimits");
  if (strategy == "Grid" && !limits.contains("MaxNumberOfTrainingJobs")) {
    limits["MaxNumberOfTrainingJobs"] =
        static_cast<int64_t>(space.Configurations()) * static_cast<int64_t>(definitions);
  }
  CLARY_CHECK_OK(CheckLimits(config, request.contains("Autotune")));
  if (!choice) return std::unexpected(choice.error());
  CLARY_CHECK_OK(CheckObjective(request, i, *choice));
  const bool stops = strategy == "Hyperband" || config.at("TrainingJobEarlyStoppingType") == "Auto";
  json& definition = DefinitionAt(request, i);
  FillDefinition(definition, ObjectiveOf(request, i).at("MetricName"), built_in, stops);
  CLARY_CHECK_OK(FillResources(definition));
  CLARY_TRY(const TrialDefinition parsed, ParseDefinition(request, i));
  if (built_in) {
    CLARY_CHECK_OK(CheckHyperparameters(request, i, *choice, ranges, parsed, context.options));
  }
  // As its training jobs will be.
  const tuning::Config first = parsed.space.Decode(std::vector<double>(parsed.space.size(), 0.0));
  const json child = TrialRequest(request, i, "trial", Render(parsed, first));
  CLARY_CHECK_OK(api::Validate("CreateTrainingJob", child));
  return CheckTrainingRequest(child, context.env, context.options);
}

}  // namespace
}  // namespace tuning_request

Status CheckTuningRequest(Context& context, nlohmann::json& request) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  CLARY_CHECK_OK(CheckForm(request));
  request.at(kConfig).emplace("TrainingJobEarlyStoppingType", "Off");
  size_t environment = 0;
  for (size_t i = 0; i < CountDefinitions(request); ++i) {
    CLARY_CHECK_OK(CheckDefinition(context, request, i));
    environment += DefinitionAt(request, i).value("Environment", json::object()).size();
  }
  if (environment > kMostEnvironment) {
    return Invalid("The training job definitions have more than 48 Environment variables in sum.");
  }
  return {};
}

std::vector<TrialDefinition> Definitions(const nlohmann::json& request) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  std::vector<TrialDefinition> out;
  for (size_t i = 0; i < CountDefinitions(request); ++i) {
    if (auto parsed = ParseDefinition(request, i)) out.push_back(*std::move(parsed));
  }
  return out;
}

std::map<std::string, std::string> Render(const TrialDefinition& definition,
                                          const tuning::Config& config) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  TextMap out;
  for (size_t j = 0; j < definition.space.size(); ++j) {
    const Parameter& p = definition.space.parameters()[j];
    const auto& [min, max] = definition.bounds[j];
    std::string& text = out[p.name];
    if (p.type == Parameter::Type::kCategorical) {
      text = p.values[static_cast<size_t>(config[j])];
    } else if (config[j] == p.min) {
      text = Trim(min);
    } else if (config[j] == p.max) {
      text = Trim(max);
    } else if (p.type == Parameter::Type::kInteger) {
      text = std::to_string(static_cast<int64_t>(config[j]));
    } else {
      text = NumberText(config[j]);
    }
  }
  return out;
}

std::optional<tuning::Config> ReadConfig(const TrialDefinition& definition,
                                         const nlohmann::json& hyperparameters) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  tuning::Config config;
  for (const Parameter& p : definition.space.parameters()) {
    const auto given = hyperparameters.find(p.name);
    if (given == hyperparameters.end() || !given->is_string()) return std::nullopt;
    const std::string text = *given;
    if (p.type == Parameter::Type::kCategorical) {
      const auto value = std::ranges::find(p.values, text);
      if (value == p.values.end()) return std::nullopt;
      config.push_back(static_cast<double>(value - p.values.begin()));
      continue;
    }
    const auto number = ToNumber(text);
    if (!number) return std::nullopt;
    config.push_back(*number);
  }
  return config;
}

std::vector<api::MetricDefinition> TrialMetrics(const nlohmann::json& request, size_t definition) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  const json& algorithm = DefinitionAt(request, definition).at("AlgorithmSpecification");
  auto metrics = MetricDefinitions({{"AlgorithmSpecification", algorithm}});
  const std::string name = ObjectiveOf(request, definition).at("MetricName");
  const auto objective = std::ranges::find(metrics, name, &api::MetricDefinition::name);
  const auto taken = std::ranges::find(metrics, kObjectiveMetric, &api::MetricDefinition::name);
  if (objective == metrics.end() || taken != metrics.end()) return metrics;
  api::MetricDefinition last = *objective;
  last.name = kObjectiveMetric;
  metrics.push_back(std::move(last));
  return metrics;
}

nlohmann::json TrialRequest(const nlohmann::json& request, size_t definition,
                            const std::string& name,
                            const std::map<std::string, std::string>& tuned) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  const json& from = DefinitionAt(request, definition);
  json child = {{"TrainingJobName", name}};
  for (const char* member :
       {"AlgorithmSpecification", "RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig",
        "ResourceConfig", "StoppingCondition", "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "CheckpointConfig",
        "RetryStrategy", "Environment"}) {
    if (const auto it = from.find(member); it != from.end()) child[member] = *it;
  }
  json& hyperparameters = child["HyperParameters"];
  hyperparameters = from.value("StaticHyperParameters", json::object());
  hyperparameters[kWatched] = ObjectiveOf(request, definition).at("MetricName");
  for (const auto& [key, value] : tuned) hyperparameters[key] = value;
  // The request's own, and the objective's; the image's own are added to every job's.
  json& metrics = child["AlgorithmSpecification"]["MetricDefinitions"];
  if (metrics.is_null()) metrics = json::array();
  const auto all = TrialMetrics(request, definition);
  if (!all.empty() && all.back().name == kObjectiveMetric &&
      std::ranges::none_of(metrics,
                           [](const json& m) { return m.at("Name") == kObjectiveMetric; })) {
    metrics.push_back({{"Name", kObjectiveMetric}, {"Regex", all.back().regex}});
  }
  if (metrics.empty()) child["AlgorithmSpecification"].erase("MetricDefinitions");
  return child;
}

std::vector<tuning::Suggestion> FirstConfigs(const nlohmann::json& request, size_t definition,
                                             const TrialDefinition& parsed) {
  using namespace tuning_request;  // NOLINT(google-build-using-namespace)
  const auto choice = ProgramOf(request, definition);
  if (!choice || choice->program != "xgboost") return {};
  std::map<std::string, double> fixed;
  for (const auto& [name, text] : Statics(DefinitionAt(request, definition))) {
    if (const auto value = ToNumber(text)) fixed[name] = *value;
  }
  return tuning::BoostingStart(parsed.space, fixed, tuning::BoostingPortfolio());
}

}  // namespace clary::control
