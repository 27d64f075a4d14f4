// The two halves of bench/tuning_quality.py, which talks to them by lines:
//   tuning_quality boost DATA.csv    the objective: cross validation after each round
//   tuning_quality suggest ROUNDS    a strategy over the default space, at most ROUNDS rounds
// DATA.csv begins with a line "objective,classes,metric,folds"; each row is fold,label,features,
// an empty cell is missing.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "clary/gbdt.h"
#include "tuning/boosting.h"
#include "tuning/strategy.h"

namespace {

using namespace clary;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "tuning_quality: %s\n", why.c_str());
  std::exit(1);
}

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> out;
  std::stringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) out.push_back(cell);
  if (line.ends_with(',')) out.emplace_back();
  return out;
}

struct Fold {
  std::vector<gbdt::EvalSet> sets;  // "train", "validation"
  gbdt::Bins bins;
};

// Lines in: "seed round eta max_depth min_child_weight subsample colsample_bytree lambda alpha
// gamma". Out: seconds, then the mean of the folds' metric after each round.
int Boost(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) Die("cannot read " + path);
  const auto head = Cells(line);
  gbdt::TrainParams params;
  params.objective = head.at(0);
  params.num_class = std::atoi(head.at(1).c_str());
  params.eval_metric = {head.at(2)};
  params.nthread = 1;
  params.max_bin = 64;
  std::vector<std::vector<float>> values;
  std::vector<uint32_t> fold_of;
  std::vector<float> labels;
  uint32_t columns = 0;
  while (std::getline(in, line)) {
    const auto cells = Cells(line);
    fold_of.push_back(static_cast<uint32_t>(std::atoi(cells.at(0).c_str())));
    labels.push_back(std::strtof(cells.at(1).c_str(), nullptr));
    auto& row = values.emplace_back();
    for (size_t i = 2; i < cells.size(); ++i) {
      row.push_back(cells[i].empty() ? std::numeric_limits<float>::quiet_NaN()
                                     : std::strtof(cells[i].c_str(), nullptr));
    }
    columns = static_cast<uint32_t>(row.size());
  }
  const auto part = [&](uint32_t fold, bool held_out) {
    std::vector<float> dense;
    gbdt::RowFields fields;
    for (size_t r = 0; r < values.size(); ++r) {
      if ((fold_of[r] == fold) != held_out) continue;
      dense.insert(dense.end(), values[r].begin(), values[r].end());
      fields.label.push_back(labels[r]);
    }
    const size_t rows = fields.label.size();
    auto data = gbdt::Dataset::FromDense(std::move(dense), rows, columns, std::move(fields));
    if (!data) Die(data.error().message);
    return *data;
  };
  std::vector<Fold> folds;
  for (uint32_t f = 0; f < static_cast<uint32_t>(std::atoi(head.at(3).c_str())); ++f) {
    Fold& fold = folds.emplace_back();
    fold.sets = {{"train", part(f, false)}, {"validation", part(f, true)}};
    auto bins = gbdt::Bins::Make(params, fold.sets[0].data, {fold.sets[1]});
    if (!bins) Die(bins.error().message);
    fold.bins = *bins;
  }
  while (std::getline(std::cin, line)) {
    std::stringstream words(line);
    words >> params.seed >> params.num_round >> params.eta >> params.max_depth >>
        params.min_child_weight >> params.subsample >> params.colsample_bytree >> params.lambda >>
        params.alpha >> params.gamma;
    const auto begin = std::chrono::steady_clock::now();
    std::vector<double> mean(static_cast<size_t>(params.num_round));
    for (const Fold& fold : folds) {
      gbdt::TrainOptions options;
      options.bins = fold.bins;
      options.on_round = [&](const gbdt::RoundReport& report) {
        mean[static_cast<size_t>(report.round)] +=
            report.metrics.back().value / static_cast<double>(folds.size());
        return true;
      };
      const auto model = gbdt::Train(params, fold.sets[0].data, {fold.sets[1]}, options);
      if (!model) Die(model.error().message);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%.6f", took.count());
    for (const double value : mean) std::printf(" %.9g", value);
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}

// Lines in: "new STRATEGY SEED BUDGET", "start" and a configuration (none: the default start),
// "ask", "tell NUMBER VALUE [ROUNDS VALUE]" (to be minimised; the second is what it had after fewer
// rounds). "ask" answers milliseconds and a configuration, in the order of BoostingRanges.
int Suggest(double most_rounds) {
  std::vector<tuning::Parameter> parameters;
  for (const tuning::BoostingRange& range : tuning::BoostingRanges()) {
    tuning::Parameter& p = parameters.emplace_back();
    p.name = range.name;
    p.type =
        range.integer ? tuning::Parameter::Type::kInteger : tuning::Parameter::Type::kContinuous;
    p.min = range.min;
    p.max = range.name == "num_round" ? most_rounds : range.max;
    p.scale = range.log ? tuning::Scale::kLog : tuning::Scale::kLinear;
  }
  const auto space = tuning::Space::Make(parameters);
  if (!space) Die(space.error().message);
  std::unique_ptr<tuning::Strategy> strategy;
  std::vector<tuning::Trial> trials;
  std::string name;
  tuning::BayesianOptions options;
  std::vector<tuning::BoostingPoint> portfolio;
  for (std::string line; std::getline(std::cin, line);) {
    std::stringstream words(line);
    std::string word;
    words >> word;
    if (word == "new") {
      strategy = nullptr;
      trials.clear();
      portfolio.clear();
      options = {};
      words >> name >> options.seed >> options.budget;
    } else if (word == "start") {
      auto& point = portfolio.emplace_back();
      for (double v; words >> v;) point.push_back(v);
    } else if (word == "tell") {
      size_t number = 0;
      double value = 0;
      words >> number >> value;
      trials.at(number).value = value;
      if (double rounds = 0; words >> rounds >> value) {
        tuning::Config passed = trials[number].config;
        passed[1] = rounds;
        trials[number].passed = {.config = std::move(passed), .value = value};
      }
    } else if (word == "ask") {
      const auto begin = std::chrono::steady_clock::now();
      if (!strategy) {
        if (name == "Bayesian" || name == "Parzen") {
          options.start = tuning::BoostingStart(*space, {}, portfolio);
          if (name == "Parzen") options.engine = tuning::Engine::kParzen;
          strategy = tuning::MakeBayesian(*space, options);
        } else {
          strategy = tuning::MakeRandom(*space, options.seed);
        }
      }
      const auto config = strategy->Suggest(trials);
      if (!config) Die("the space is exhausted");
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - begin;
      std::printf("%.4f", took.count());
      for (const double v : config->config) std::printf(" %.17g", v);
      std::printf("\n");
      std::fflush(stdout);
      trials.push_back({.config = config->config, .value = std::nullopt});
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "boost") return Boost(argv[2]);
  if (argc == 3 && std::string(argv[1]) == "suggest") return Suggest(std::atof(argv[2]));
  Die("see the head of bench/tuning_quality.cc");
}
