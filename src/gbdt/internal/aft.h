// The accelerated failure time loss: ln(time) = margin + scale * noise, where the time is known
// exactly or only within [lower, upper].
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "gbdt/kernels.h"

namespace clary::gbdt {

inline AftNoise AftNoiseOf(std::string_view distribution) {
  if (distribution == "normal") return AftNoise::kNormal;
  return distribution == "logistic" ? AftNoise::kLogistic : AftNoise::kExtreme;
}

struct AftLoss {
  double loss = 0;  // negative log likelihood
  double grad = 0;  // within [-15, 15]
  double hess = 0;  // within [1e-16, 15]
};

class Aft {
 public:
  Aft(std::string_view distribution, double scale)
      : kind_(AftNoiseOf(distribution)), scale_(scale) {}

  // lower <= upper; upper may be +inf (right-censored), lower 0 (left-censored).
  AftLoss Evaluate(double lower, double upper, double margin) const {
    const double log_lower = std::log(lower);
    const double log_upper = std::log(upper);
    AftLoss out;
    double likelihood = 0;
    if (lower == upper) {
      const double z = (log_lower - margin) / scale_;
      const auto [pdf, slope, curve] = Density(z);
      likelihood = pdf / (scale_ * lower);
      out.grad = slope / (scale_ * pdf);
      out.hess = -(pdf * curve - slope * slope) / (scale_ * scale_ * pdf * pdf);
      if (pdf < kTiny && !std::isfinite(out.grad)) out.grad = LimitGrad(kExact, z > 0);
      if (pdf < kTiny && !std::isfinite(out.hess)) out.hess = LimitHess(kExact, z > 0);
    } else {
      const Censoring censoring = std::isinf(upper) ? kRight : (lower <= 0 ? kLeft : kInterval);
      Point u{0, 0, 0};
      Point l{0, 0, 0};
      double cdf_u = 1;
      double cdf_l = 0;
      bool positive = false;
      if (censoring != kRight) {
        const double z = (log_upper - margin) / scale_;
        u = Density(z);
        cdf_u = Cumulative(z);
        positive = z > 0;
      }
      if (censoring != kLeft) {
        const double z = (log_lower - margin) / scale_;
        l = Density(z);
        cdf_l = Cumulative(z);
        positive = positive || z > 0;
      }
      const double share = cdf_u - cdf_l;
      const double pdf = u.pdf - l.pdf;
      likelihood = share;
      out.grad = pdf / (scale_ * share);
      out.hess = -(share * (u.slope - l.slope) - pdf * pdf) / (scale_ * scale_ * share * share);
      if (share < kTiny && !std::isfinite(out.grad)) out.grad = LimitGrad(censoring, positive);
      if (share < kTiny && !std::isfinite(out.hess)) out.hess = LimitHess(censoring, positive);
    }
    out.loss = -std::log(std::max(likelihood, kTiny));
    out.grad = std::clamp(out.grad, -kMost, kMost);
    out.hess = std::clamp(out.hess, kLeastHess, kMost);
    return out;
  }

 private:
  enum Censoring { kExact, kRight, kLeft, kInterval };
  static constexpr double kTiny = 1e-12;
  static constexpr double kMost = 15;
  static constexpr double kLeastHess = 1e-16;

  struct Point {
    double pdf;
    double slope;  // first derivative
    double curve;  // second derivative
  };
  Point Density(double z) const {
    switch (kind_) {
      case AftNoise::kNormal: {
        const double pdf = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
        return {pdf, -z * pdf, (z * z - 1) * pdf};
      }
      case AftNoise::kLogistic: {
        const double w = std::exp(z);
        const bool far = std::isinf(w) || std::isinf(w * w);
        const double pdf = far ? 0 : w / ((1 + w) * (1 + w));
        const double slope = far ? 0 : pdf * (1 - w) / (1 + w);
        const double curve = far ? 0 : pdf * (w * w - 4 * w + 1) / ((1 + w) * (1 + w));
        return {pdf, slope, curve};
      }
      case AftNoise::kExtreme:
        break;
    }
    const double w = std::exp(z);
    const double pdf = std::isinf(w) ? 0 : w * std::exp(-w);
    return {pdf, std::isinf(w) ? 0 : (1 - w) * pdf, std::isinf(w) ? 0 : (w * w - 3 * w + 1) * pdf};
  }
  double Cumulative(double z) const {
    switch (kind_) {
      case AftNoise::kNormal:
        return 0.5 * (1 + std::erf(z / std::sqrt(2.0)));
      case AftNoise::kLogistic: {
        const double w = std::exp(z);
        return std::isinf(w) ? 1 : w / (1 + w);
      }
      case AftNoise::kExtreme:
        break;
    }
    return 1 - std::exp(-std::exp(z));
  }

  // Where the formulas have no finite value: the limits for a margin far below (z positive) or far
  // above the time.
  double LimitGrad(Censoring c, bool positive) const {
    if ((c == kRight && !positive) || (c == kLeft && positive)) return 0;
    switch (kind_) {
      case AftNoise::kNormal:
        return positive ? -kMost : kMost;
      case AftNoise::kLogistic:
        return positive ? -1 / scale_ : 1 / scale_;
      case AftNoise::kExtreme:
        break;
    }
    return positive ? -kMost : 1 / scale_;
  }
  double LimitHess(Censoring c, bool positive) const {
    if ((c == kRight && !positive) || (c == kLeft && positive)) return kLeastHess;
    switch (kind_) {
      case AftNoise::kNormal:
        return 1 / (scale_ * scale_);
      case AftNoise::kLogistic:
        return kLeastHess;
      case AftNoise::kExtreme:
        break;
    }
    return positive ? kMost : kLeastHess;
  }

  AftNoise kind_;
  double scale_;
};

}  // namespace clary::gbdt
