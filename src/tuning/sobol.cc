#include "tuning/sobol.h"

#include <algorithm>
#include <boost/random/sobol.hpp>

namespace clary::tuning {
namespace {

constexpr size_t kMaxDimensions = 1000;

uint32_t Reverse(uint32_t x) {
  x = (x >> 16) | (x << 16);
  x = ((x & 0x00ff00ffU) << 8) | ((x & 0xff00ff00U) >> 8);
  x = ((x & 0x0f0f0f0fU) << 4) | ((x & 0xf0f0f0f0U) >> 4);
  x = ((x & 0x33333333U) << 2) | ((x & 0xccccccccU) >> 2);
  return ((x & 0x55555555U) << 1) | ((x & 0xaaaaaaaaU) >> 1);
}

// Every bit is flipped by a hash of the bits above it: Owen's nested scrambling as a permutation of
// reversed words (Burley 2020, "Practical Hash-based Owen Scrambling").
uint32_t OwenScramble(uint32_t x, uint32_t seed) {
  x = Reverse(x);
  x ^= x * 0x3d20adeaU;
  x += seed;
  x *= (seed >> 16) | 1;
  x ^= x * 0x05526c56U;
  x ^= x * 0x53a22864U;
  return Reverse(x);
}

}  // namespace

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::vector<std::vector<double>> SobolPoints(size_t dimensions, uint64_t seed, uint64_t first,
                                             size_t count) {
  std::vector<std::vector<double>> points(count, std::vector<double>(dimensions));
  const size_t of_sequence = std::min(dimensions, kMaxDimensions);
  if (of_sequence > 0) {
    std::vector<uint32_t> scrambles(of_sequence);
    for (size_t j = 0; j < of_sequence; ++j) {
      scrambles[j] = static_cast<uint32_t>(Mix(seed, j) >> 32);
    }
    boost::random::sobol_engine<uint32_t, 32> engine(of_sequence);
    engine.seed(static_cast<uint32_t>(first));
    for (auto& point : points) {
      for (size_t j = 0; j < of_sequence; ++j) {
        point[j] = OwenScramble(engine(), scrambles[j]) * 0x1p-32;
      }
    }
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = of_sequence; j < dimensions; ++j) {
      points[i][j] = static_cast<double>(Mix(Mix(seed, j), first + i) >> 11) * 0x1p-53;
    }
  }
  return points;
}

std::vector<double> SobolPoint(size_t dimensions, uint64_t seed, uint64_t index) {
  return SobolPoints(dimensions, seed, index, 1).front();
}

}  // namespace clary::tuning
