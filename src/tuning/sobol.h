// Owen-scrambled Sobol points of the unit cube.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace clary::tuning {

// Points number `first` and following of the sequence that `seed` scrambles, `count` of them, each
// of `dimensions` coordinates in [0, 1). Dimensions beyond 1,000 are independent draws.
std::vector<std::vector<double>> SobolPoints(size_t dimensions, uint64_t seed, uint64_t first,
                                             size_t count);
// One of them.
std::vector<double> SobolPoint(size_t dimensions, uint64_t seed, uint64_t index);

// A hash of two words that is good enough for seeds (SplitMix64's finaliser).
uint64_t Mix(uint64_t a, uint64_t b);

}  // namespace clary::tuning
