// Search strategies: trials so far in, the next configuration out. They know no job, no clock and
// no thread: the same space, settings and sequence of calls give the same suggestions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tuning/space.h"

namespace clary::tuning {

// One evaluation, ended or not. Values are minimised: the caller turns the sign of what it
// maximises.
struct Trial {
  Config config;
  std::optional<double> value;  // none: pending, or failed; not finite counts as failed
  bool failed = false;
  // What an ended trial has shown on its way: the value that another configuration has, for one
  // with fewer rounds is where this trial was then.
  struct Passed {
    Config config;
    double value = 0;
  };
  std::optional<Passed> passed = std::nullopt;
  // Of the value's known error: of a mean over folds its standard error. 0: nothing is known.
  double deviation = 0;
};

// A configuration and who chose it, as the report of a tuning job says it: "default", "portfolio",
// "parent" (a warm start's), "rounds" (passed by another trial), "sobol", "grid", "model" (the
// process) or "density" (TPE).
struct Suggestion {
  Config config;
  std::string_view origin;
};

// A suggestion depends on what was suggested before within the same ten trials only: a strategy
// that is made later goes on like the first one when it has been asked for those again.
inline constexpr size_t kSuggestionsRemembered = 10;

class Strategy {
 public:
  virtual ~Strategy() = default;
  // The configuration of trial number trials.size(); none if the space has no other one. `trials`
  // in the order in which they were suggested. One thread at a time.
  virtual std::optional<Suggestion> Suggest(std::span<const Trial> trials) = 0;
};

// Scrambled Sobol points: better spread than independent draws, in every few dimensions
// (Owen 1995; Burley 2020 for scrambling by hashes; Joe and Kuo 2008 for the direction numbers).
std::unique_ptr<Strategy> MakeRandom(Space space, uint64_t seed);

// Every configuration once, in an order shuffled by the seed, so that a grid that is stopped early
// is a fair sample. kInvalidArgument "BadSpace" for a continuous parameter.
Result<std::unique_ptr<Strategy>> MakeGrid(Space space, uint64_t seed);

// What tells a good configuration from others.
enum class Engine {
  kAuto,     // the process, unless most parameters are categories or there are very many trials
  kProcess,  // a Gaussian process (gp.h)
  kParzen,   // densities of good and other trials (internal/parzen.h)
};

struct BayesianOptions {
  uint64_t seed = 0;
  // Tried first, in this order, if they are in the space: defaults and what did well elsewhere.
  std::vector<Suggestion> start;
  size_t budget = 0;  // how many trials there will be; 0: not known
  // What searches of this space on other data have found, one list each. Their landscapes count as
  // far as they rank the trials here in the right order (RGPE, Feurer et al. 2018).
  std::vector<std::vector<Trial>> parents = {};
  Engine engine = Engine::kAuto;
};
// A model of the trials over the unit cube: by a Gaussian process, the logarithm of its expected
// improvement.
std::unique_ptr<Strategy> MakeBayesian(Space space, BayesianOptions options);

}  // namespace clary::tuning
