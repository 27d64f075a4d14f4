// The strategies without a model: random and grid.
#include <cmath>
#include <numeric>

#include "tuning/internal/candidates.h"
#include "tuning/sobol.h"
#include "tuning/strategy.h"

namespace clary::tuning {
namespace {

constexpr size_t kAttempts = 4096;  // before a nearly exhausted space is searched in order
constexpr double kMaxGrid = 1e9;

class Random : public Strategy {
 public:
  Random(Space space, uint64_t seed) : space_(std::move(space)), seed_(seed) {}

  std::optional<Suggestion> Suggest(std::span<const Trial> trials) override {
    return SobolSuggestion(FirstFresh(space_, Taken(trials), [&](size_t attempt) {
      return space_.Decode(SobolPoint(space_.size(), seed_, trials.size() + attempt));
    }));
  }

 private:
  Space space_;
  uint64_t seed_;
};

class Grid : public Strategy {
 public:
  Grid(Space space, uint64_t seed)
      : space_(std::move(space)), count_(static_cast<uint64_t>(space_.Configurations())) {
    // A walk with a step that shares no factor with the length visits every place once. The golden
    // section keeps neighbours in time apart in space.
    begin_ = Mix(seed, 0) % count_;
    step_ = std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(count_) * 0.618034));
    step_ = (step_ + Mix(seed, 1) % std::max<uint64_t>(1, count_ / 16)) % count_;
    while (std::gcd(step_, count_) != 1) ++step_;
  }

  std::optional<Suggestion> Suggest(std::span<const Trial> trials) override {
    const uint64_t at = trials.size();
    if (at >= count_) return std::nullopt;
    return Suggestion{NthConfiguration(space_, (begin_ + at * step_) % count_), "grid"};
  }

 private:
  Space space_;
  uint64_t count_, begin_ = 0, step_ = 1;
};

}  // namespace

std::optional<Suggestion> SobolSuggestion(std::optional<Config> config) {
  if (!config) return std::nullopt;
  return Suggestion{*std::move(config), "sobol"};
}

std::set<Config> Taken(std::span<const Trial> trials) {
  std::set<Config> taken;
  for (const Trial& t : trials) taken.insert(t.config);
  return taken;
}

Config NthConfiguration(const Space& space, uint64_t index) {
  Config config(space.size());
  for (size_t j = space.size(); j-- > 0;) {
    const Parameter& p = space.parameters()[j];
    const uint64_t cells = space.Cells(j);
    if (cells == 0) {
      config[j] = p.min;  // a range of one value
      continue;
    }
    const auto cell = static_cast<double>(index % cells);
    config[j] = p.type == Parameter::Type::kCategorical ? cell : p.min + cell;
    index /= cells;
  }
  return config;
}

std::optional<Config> FirstFresh(const Space& space, const std::set<Config>& taken,
                                 const std::function<Config(size_t attempt)>& candidate) {
  const double all = space.Configurations();
  if (static_cast<double>(taken.size()) < all) {
    for (size_t attempt = 0; attempt < kAttempts; ++attempt) {
      Config config = candidate(attempt);
      if (!taken.contains(config)) return config;
    }
  }
  for (uint64_t i = 0; static_cast<double>(i) < all && i <= taken.size(); ++i) {
    if (std::isinf(all)) break;
    Config config = NthConfiguration(space, i);
    if (!taken.contains(config)) return config;
  }
  return std::nullopt;
}

std::unique_ptr<Strategy> MakeRandom(Space space, uint64_t seed) {
  return std::make_unique<Random>(std::move(space), seed);
}

Result<std::unique_ptr<Strategy>> MakeGrid(Space space, uint64_t seed) {
  for (const Parameter& p : space.parameters()) {
    if (p.type != Parameter::Type::kContinuous || p.min == p.max) continue;
    return Fail(Code::kInvalidArgument, "BadSpace",
                "parameter " + p.name + ": a grid needs values, not a continuous range");
  }
  if (space.Configurations() > kMaxGrid) {
    return Fail(Code::kInvalidArgument, "BadSpace", "the grid has more than 1,000,000,000 points");
  }
  return std::make_unique<Grid>(std::move(space), seed);
}

}  // namespace clary::tuning
