// Binomial draws, many of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace clary::clarify {

// A draw of how many of `n` happen, each with probability `p`. Small means by inversion; others by
// Hörmann's transformed rejection (1993, "The generation of binomial random variates", BTRS), which
// needs no logarithm of a gamma function for most draws, as std::binomial_distribution does.
inline int64_t DrawBinomial(int64_t n, double p, std::mt19937_64& random) {
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - DrawBinomial(n, 1 - p, random);
  const auto count = static_cast<double>(n);
  const double q = 1 - p;
  constexpr double kSmallMean = 10;
  if (count * p < kSmallMean) {
    const double s = p / q;
    double r = std::pow(q, count), u = uniform();
    int64_t x = 0;
    while (u > r && x < n) {
      u -= r;
      ++x;
      r *= (count + 1) * s / static_cast<double>(x) - s;
    }
    return x;
  }
  // The remainder of Stirling's formula for ln k!.
  const auto remainder = [](double k) {
    const double square = (k + 1) * (k + 1);
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
  };
  const double deviation = std::sqrt(count * p * q);
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = count * p + 0.5;
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double inner = 0.92 - 4.2 / b;
  const double odds = p / q;
  const double m = std::floor((count + 1) * p);
  for (;;) {
    const double u = uniform() - 0.5;
    double v = uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + c);
    if (us >= 0.07 && v <= inner) return static_cast<int64_t>(k);
    if (k < 0 || k > count) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double limit = (m + 0.5) * std::log((m + 1) / (odds * (count - m + 1))) +
                         (count + 1) * std::log((count - m + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(odds * (count - k + 1) / (k + 1)) + remainder(m) +
                         remainder(count - m) - remainder(k) - remainder(count - k);
    if (v <= limit) return static_cast<int64_t>(k);
  }
}

}  // namespace clary::clarify
