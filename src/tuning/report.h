// The report of a tuning job: tuning-report.html, one page that loads nothing, tuning-report.json
// with every figure of it, and tuning-report.csv with a line for each trial
// (docs/formats/reports.md, "Tuning").
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "reports/verdict.h"
#include "tuning/importance.h"
#include "tuning/landscape.h"
#include "tuning/space.h"

namespace clary::tuning {

struct ReportDefinition {
  std::string name;    // DefinitionName; empty: it is the only one
  std::string metric;  // the objective's
  bool maximise = false;
  std::vector<Parameter> parameters;
  std::map<std::string, std::string> defaults;  // the algorithm's own values, as far as known
  bool fractions = false;  // the built-in algorithm: some parameters cannot be above 1
};

struct ReportTrial {
  std::string name;
  size_t definition = 0;
  std::string status;
  std::string message;         // of its last status
  std::string origin;          // who suggested it (Suggestion::origin); empty: not known
  std::string failure_reason;  // empty unless it failed
  std::optional<Time> created, started, ended;
  std::optional<double> value;  // the last one of the objective, as it was reported
  // Its values by fold, all rounds of cross validation after each other, and folds a round; empty:
  // no k-fold.
  std::vector<double> folds;
  size_t folds_a_round = 0;
  Config config;
  std::map<std::string, std::string> tuned;  // texts
  std::map<std::string, double> metrics;     // last values
  std::vector<double> curve;                 // every value of the objective
  std::vector<double> training_curve;  // of the same metric on the training rows, if there is one
  std::string model_uri;               // empty: it left no model
  std::optional<uint64_t> model_bytes;
};

struct ReportInput {
  std::string job, arn, region, status, failure_reason;
  std::string strategy;  // "Bayesian", ...
  std::string image, instance;
  std::string output_uri;  // s3://bucket/prefix, below which the trials' outputs are
  std::string request;     // CreateHyperParameterTuningJob, JSON
  bool ended = false;
  bool early_stopping = false;
  std::optional<Time> created, ended_at;
  size_t most = 0, parallel = 0;
  std::string seed;  // RandomSeed; empty: none
  std::vector<ReportDefinition> definitions;
  std::vector<ReportTrial> trials;  // in order of their numbers, from 1 on
};

// What is computed of the trials of one definition. Trials are indices into ReportInput::trials.
struct DefinitionFigures {
  std::vector<size_t> measured;  // trials with a value that did not fail, in order
  std::optional<size_t> best;  // as DescribeHyperParameterTuningJob chooses it, of this definition
  std::optional<size_t> standard;  // the trial with the algorithm's defaults
  std::vector<size_t> equal;       // trials that may be as good as the best one, itself included
  bool equal_by_folds = false;     // by their folds; else by the process's posterior
  std::optional<size_t> smallest;  // of `equal`, by the model's bytes
  std::vector<size_t> pareto;      // no other trial is better and smaller; best first
  // Empty below kTrialsForImportance trials.
  std::vector<Share> local;  // PED-ANOVA
  FunctionalAnova global;
  // Empty below kTrialsForLandscape trials.
  std::vector<Landscape::Marginal> marginals;  // values with the objective's own sign
  double noise = 0;
  Landscape::Gain gain;    // of kMoreTrials more
  std::vector<Best> band;  // of random search, by number of trials; own sign, "low" is the better
};

struct TuningFigures {
  std::vector<DefinitionFigures> definitions;
  std::optional<size_t> best;  // of all
  double trial_seconds = 0;    // sum over the trials that started
  double failed_seconds = 0;   // of it, in trials that failed
  double wall_seconds = 0;     // from the job's begin to its end, or to now
};

inline constexpr size_t kMoreTrials = 20;

TuningFigures ComputeTuningFigures(const ReportInput& input, Time now);
// What the page says first, and what to try next.
reports::Verdict JudgeTuning(const ReportInput& input, const TuningFigures& figures);
// A CreateHyperParameterTuningJob request that goes on from this job: warm start, with the ranges
// that the figures speak for. JSON; empty if there is nothing to go on from (no value yet, several
// definitions).
std::string NextRequest(const ReportInput& input, const TuningFigures& figures);

// Writes the three files into `directory`, each complete or absent.
Status WriteTuningReport(const ReportInput& input, Time now,
                         const std::filesystem::path& directory);

// For tests and tools: what WriteTuningReport writes.
std::string TuningReportJson(const ReportInput& input, const TuningFigures& figures, Time now);
std::string TuningReportCsv(const ReportInput& input, const TuningFigures& figures);

// Whether a parameter's best value is at an end of its range where a wider one may be better:
// -1 at the lower end, 1 at the upper, 0 at none.
int AtEdge(const ReportDefinition& definition, size_t parameter, const Config& config);

}  // namespace clary::tuning
