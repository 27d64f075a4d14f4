// How much CPU time a suggestion takes: ten dimensions of a booster's kind, one trial pending.
//   suggest_bench [trials...]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "tuning/strategy.h"

namespace {

using namespace clary::tuning;

Space TenDimensions() {
  std::vector<Parameter> out;
  for (int j = 0; j < 7; ++j) {
    Parameter p;
    p.name = "c" + std::to_string(j);
    p.type = Parameter::Type::kContinuous;
    p.min = j < 3 ? 1e-3 : 0;
    p.max = 1;
    p.scale = j < 3 ? Scale::kLog : Scale::kLinear;
    out.push_back(p);
  }
  for (int j = 0; j < 2; ++j) {
    Parameter p;
    p.name = "i" + std::to_string(j);
    p.type = Parameter::Type::kInteger;
    p.min = 2;
    p.max = 12;
    out.push_back(p);
  }
  Parameter p;
  p.name = "k";
  p.type = Parameter::Type::kCategorical;
  p.values = {"a", "b", "c"};
  out.push_back(p);
  return *Space::Make(std::move(out));
}

double Value(const Space& space, const Config& config) {
  const auto u = space.Encode(config);
  double sum = 0;
  for (size_t j = 0; j < u.size(); ++j) {
    sum += (u[j] - 0.1 * static_cast<double>(j)) * (u[j] - 0.1 * static_cast<double>(j));
  }
  return sum + 0.05 * std::sin(40 * sum);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<size_t> at;
  for (int i = 1; i < argc; ++i) at.push_back(static_cast<size_t>(std::atoi(argv[i])));
  if (at.empty()) at = {25, 50, 100, 150};
  const Space space = TenDimensions();
  const auto strategy = MakeBayesian(space, {.seed = 1});
  std::vector<Trial> trials;
  std::vector<double> latest;
  double best = 1e9;
  while (trials.size() <= at.back() + 10) {
    if (trials.size() > 1) {
      Trial& ended = trials[trials.size() - 2];
      ended.value = Value(space, ended.config);
      best = std::min(best, *ended.value);
    }
    const std::clock_t begin = std::clock();
    const auto config = strategy->Suggest(trials);
    latest.push_back(1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    trials.push_back({.config = config->config});
    if (std::find(at.begin(), at.end(), trials.size() - 6) != at.end()) {
      std::vector<double> ten(latest.end() - 10, latest.end());
      std::sort(ten.begin(), ten.end());
      std::printf("%4zu trials: median %6.2f ms, slowest of ten %6.2f ms, best value %.4f\n",
                  trials.size() - 6, ten[5], ten[9], best);
    }
  }
  return 0;
}
