// Regression trees over the unit cube of a space, as boxes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tuning/space.h"

namespace clary::tuning {

// One leaf: the box of the cube where the tree says `value`.
struct Leaf {
  struct Side {
    double low = 0, high = 1;  // of a number
    uint32_t values = 0;       // of a category: a bit each
    double length = 1;         // share of the parameter's range
  };
  std::vector<Side> sides;  // by parameter
  double value = 0;
  double Volume() const;
};

// How much of the parameter's range both sides have.
double Overlap(const Leaf::Side& a, const Leaf::Side& b);

// One tree grown on bootstrapped rows to pure leaves, except that none has fewer rows than a
// 200th of all: at most some 200 leaves. Every split is the best one; categories are split by their
// means, which is exact for squared errors (Fisher 1958).
std::vector<Leaf> GrowTree(const Space& space, std::span<const std::vector<double>> points,
                           std::span<const Config> configs, std::span<const double> values,
                           uint64_t seed);

}  // namespace clary::tuning
