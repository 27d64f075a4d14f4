#include "tuning/gp.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "tuning/internal/minimise.h"

namespace clary::tuning {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kSqrt5 = 2.23606797749978969641;
constexpr double kJitter = 1e-9;  // of s^2, times 10 while the matrix is not positive definite
constexpr double kMaxJitter = 1e-4;
constexpr double kMinVariance = 1e-12;
constexpr double kWarpDeviation = 0.75;  // of log a and log b

struct Range {
  double low, high;
};
// Of the logarithms. l^-2 from 1e-4 to 1e4, s^2 from 1e-3 to 1e3, noise from 1e-6 to 10, a and b
// from 1/4 to 4.
constexpr Range kLengths = {-4.6051702, 4.6051702};
constexpr Range kScales = {-6.9077553, 6.9077553};
constexpr Range kNoises = {-13.8155106, 2.3025851};
constexpr Range kWarps = {-1.3862944, 1.3862944};

double Bend(double u, double a, double b) { return 1 - std::pow(1 - std::pow(u, a), b); }

// Of Bend by u, by log a and by log b; finite at the ends of the interval too.
struct BendSlopes {
  double by_u, by_log_a, by_log_b;
};
BendSlopes Slopes(double u, double a, double b) {
  const double v = std::clamp(u, 1e-12, 1 - 1e-12);
  const double p = std::pow(v, a), rest = 1 - p;
  const double outer = b * std::pow(rest, b - 1);
  return {.by_u = outer * a * p / v,
          .by_log_a = outer * p * std::log(v) * a,
          .by_log_b = -std::pow(rest, b) * std::log(rest) * b};
}

// exp(x^2) erfc(x) for x >= 0.
double ScaledErfc(double x) {
  if (x < 20) return std::exp(x * x) * std::erfc(x);
  const double y = 1 / (2 * x * x);
  return (1 - y * (1 - 3 * y * (1 - 5 * y))) / (x * std::sqrt(std::numbers::pi));
}

double LogDensity(double z) { return -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi); }

// log(phi(z) + z Phi(z)).
double LogH(double z) {
  if (z > -1) {
    const double cdf = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    return std::log(std::exp(LogDensity(z)) + z * cdf);
  }
  if (z < -1e5) return LogDensity(z) - 2 * std::log(-z);
  // phi(z) (1 - |z| Phi(z)/phi(z)), the ratio being Mills'.
  const double mills = ScaledErfc(-z / std::numbers::sqrt2) * std::sqrt(std::numbers::pi / 2);
  return LogDensity(z) + std::log1p(z * mills);
}

// Phi(z) / h(z), which is the derivative of LogH.
double SlopeOfLogH(double z) {
  if (z < -1e5) return -z - 2 / z;
  const double log_cdf = z > -5 ? std::log(0.5 * std::erfc(-z / std::numbers::sqrt2))
                                : LogDensity(z) + std::log(ScaledErfc(-z / std::numbers::sqrt2) *
                                                           std::sqrt(std::numbers::pi / 2));
  return std::exp(log_cdf - LogH(z));
}

// Phi^-1 by Newton's method on log Phi from a rough start; p in [1/2, 1).
double NormalQuantile(double p) {
  double z = 0;
  for (int i = 0; i < 60; ++i) {
    const double cdf = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double step = (cdf - p) / std::exp(LogDensity(z));
    z -= std::clamp(step, -1.0, 1.0);
    if (std::abs(step) < 1e-13) break;
  }
  return z;
}

}  // namespace

GpHyperparameters GpHyperparameters::Initial(size_t dimensions) {
  const auto d = static_cast<Index>(dimensions);
  return {.log_length = VectorXd::Constant(d, std::log(0.5)),
          .log_scale = 0,
          .log_noise = std::log(1e-2),
          .log_a = VectorXd::Zero(d),
          .log_b = VectorXd::Zero(d)};
}

VectorXd GpHyperparameters::Pack() const {
  VectorXd out(3 * log_length.size() + 2);
  out << log_length, log_scale, log_noise, log_a, log_b;
  return out;
}

GpHyperparameters GpHyperparameters::Unpack(const VectorXd& packed) {
  const Index d = (packed.size() - 2) / 3;
  return {.log_length = packed.head(d),
          .log_scale = packed[d],
          .log_noise = packed[d + 1],
          .log_a = packed.segment(d + 2, d),
          .log_b = packed.tail(d)};
}

Gp::Gp(const Space& space, MatrixXd points, VectorXd values, bool warp, VectorXd known)
    : points_(std::move(points)),
      values_(std::move(values)),
      known_(known.size() > 0 ? std::move(known) : VectorXd::Zero(values_.size())),
      warp_(warp) {
  for (const Parameter& p : space.parameters()) {
    category_.push_back(p.type == Parameter::Type::kCategorical);
  }
}

MatrixXd Gp::Warp(const MatrixXd& points, const GpHyperparameters& at) const {
  if (!warp_) return points;
  MatrixXd out = points;
  for (size_t j = 0; j < category_.size(); ++j) {
    if (category_[j]) continue;
    const auto c = static_cast<Index>(j);
    const double a = std::exp(at.log_a[c]), b = std::exp(at.log_b[c]);
    for (Index i = 0; i < out.rows(); ++i) out(i, c) = Bend(points(i, c), a, b);
  }
  return out;
}

MatrixXd Gp::Squares(const MatrixXd& warped, const VectorXd& inverse) const {
  const Index n = warped.rows();
  MatrixXd r = MatrixXd::Zero(n, n);
  for (size_t j = 0; j < category_.size(); ++j) {
    const auto c = static_cast<Index>(j);
    for (Index k = 0; k < n; ++k) {
      if (category_[j]) {
        r.col(k).array() += inverse[c] * (warped.col(c).array() != warped(k, c)).cast<double>();
      } else {
        r.col(k).array() += inverse[c] * (warped.col(c).array() - warped(k, c)).square();
      }
    }
  }
  return r;
}

double Gp::Loss(const GpHyperparameters& at, VectorXd* gradient) const {
  const Index n = points_.rows(), d = points_.cols();
  const MatrixXd w = Warp(points_, at);
  const VectorXd inverse = (-2 * at.log_length).array().exp();  // l^-2
  const double scale = std::exp(at.log_scale), noise = std::exp(at.log_noise);
  const MatrixXd q = kSqrt5 * Squares(w, inverse).array().sqrt();
  const MatrixXd e = scale * (-q.array()).exp();
  const MatrixXd kernel = e.array() * (1 + q.array() + q.array().square() / 3);
  MatrixXd noisy = kernel;
  noisy.diagonal().array() += known_.array() + (noise + kJitter * scale);
  const Eigen::LLT<MatrixXd> factor(noisy);
  if (factor.info() != Eigen::Success) {
    if (gradient != nullptr) *gradient = VectorXd::Zero(3 * d + 2);
    return 1e10;
  }
  const VectorXd alpha = factor.solve(values_);
  double loss = 0.5 * values_.dot(alpha) + factor.matrixLLT().diagonal().array().log().sum() +
                0.5 * static_cast<double>(n) * std::log(2 * std::numbers::pi);
  // Priors: 0.1/t + 0.1 t over t = l^-2; Gamma(2, 1) on s^2; Gamma(1.1, 30) on the noise; normal on
  // log a and log b.
  loss += (0.1 / inverse.array() + 0.1 * inverse.array()).sum();
  loss += scale - at.log_scale + 30 * noise - 0.1 * at.log_noise;
  if (warp_) {
    loss +=
        (at.log_a.squaredNorm() + at.log_b.squaredNorm()) / (2 * kWarpDeviation * kWarpDeviation);
  }
  if (gradient == nullptr) return loss;

  const MatrixXd root = factor.matrixL().solve(MatrixXd::Identity(n, n));
  MatrixXd g = MatrixXd::Zero(n, n);  // dLoss/dK; its lower half is filled
  g.selfadjointView<Eigen::Lower>().rankUpdate(root.transpose(), 0.5);
  g.selfadjointView<Eigen::Lower>().rankUpdate(alpha, -0.5);
  g.triangularView<Eigen::StrictlyUpper>() = g.transpose();
  // By r: the kernel's slope is -5/6 (1 + q) e.
  const MatrixXd by_r = g.array() * e.array() * (1 + q.array()) * (-5.0 / 6);
  const VectorXd sums = by_r.rowwise().sum();
  const MatrixXd products = by_r * w;
  VectorXd by_length = VectorXd::Zero(d), by_a = VectorXd::Zero(d), by_b = VectorXd::Zero(d);
  for (Index j = 0; j < d; ++j) {
    const double length = inverse[j];
    const auto column = w.col(j);
    // Sums over all pairs, of by_r (w_i - w_k) (x_i - x_k), with x = w, and w's slopes by log a and
    // b.
    double squares = 0;
    if (category_[static_cast<size_t>(j)]) {
      for (Index k = 0; k < n; ++k) {
        squares += (by_r.col(k).array() * (column.array() != column[k]).cast<double>()).sum();
      }
    } else {
      squares = 2 * (sums.array() * column.array() - products.col(j).array()).matrix().dot(column);
    }
    by_length[j] = -2 * length * squares + 0.2 / length - 0.2 * length;
    if (!warp_ || category_[static_cast<size_t>(j)]) continue;
    const double a = std::exp(at.log_a[j]), b = std::exp(at.log_b[j]);
    VectorXd slope_a(n), slope_b(n);
    for (Index i = 0; i < n; ++i) {
      const BendSlopes slopes = Slopes(points_(i, j), a, b);
      slope_a[i] = slopes.by_log_a;
      slope_b[i] = slopes.by_log_b;
    }
    const VectorXd pairs =
        4 * length * (sums.array() * column.array() - products.col(j).array()).matrix();
    by_a[j] = pairs.dot(slope_a);
    by_b[j] = pairs.dot(slope_b);
  }
  const double by_scale = g.cwiseProduct(kernel).sum() + kJitter * scale * g.trace() + scale - 1;
  const double by_noise = noise * g.trace() + 30 * noise - 0.1;
  if (warp_) {
    by_a += at.log_a / (kWarpDeviation * kWarpDeviation);
    by_b += at.log_b / (kWarpDeviation * kWarpDeviation);
  }
  gradient->resize(3 * d + 2);
  *gradient << by_length, by_scale, by_noise, by_a, by_b;
  return loss;
}

void Gp::Fit(const GpHyperparameters& start, int evaluations) {
  const Index d = points_.cols();
  VectorXd low(3 * d + 2), high(3 * d + 2);
  const Range warps = warp_ ? kWarps : Range{0, 0};
  low << VectorXd::Constant(d, kLengths.low), kScales.low, kNoises.low,
      VectorXd::Constant(2 * d, warps.low);
  high << VectorXd::Constant(d, kLengths.high), kScales.high, kNoises.high,
      VectorXd::Constant(2 * d, warps.high);
  const VectorXd best =
      Minimise([&](const VectorXd& x,
                   VectorXd* gradient) { return Loss(GpHyperparameters::Unpack(x), gradient); },
               start.Pack(), low, high, evaluations);
  Set(GpHyperparameters::Unpack(best));
}

void Gp::Set(const GpHyperparameters& at) {
  at_ = at;
  warped_ = Warp(points_, at);
  const Index n = points_.rows();
  MatrixXd kernel(n, n);
  for (Index i = 0; i < n; ++i) kernel.col(i) = Cross(warped_, warped_.row(i).transpose());
  const double scale = std::exp(at.log_scale);
  double jitter = kJitter;
  do {
    MatrixXd noisy = kernel;
    noisy.diagonal().array() += known_.array() + (std::exp(at.log_noise) + jitter * scale);
    factor_.compute(noisy);
    jitter *= 10;
  } while (factor_.info() != Eigen::Success && jitter <= kMaxJitter);
  weights_ = factor_.solve(values_);
}

VectorXd Gp::Distances(const MatrixXd& points, const VectorXd& warped) const {
  const VectorXd inverse = (-2 * at_.log_length).array().exp();
  VectorXd r = VectorXd::Zero(points.rows());
  for (size_t j = 0; j < category_.size(); ++j) {
    const auto c = static_cast<Index>(j);
    if (category_[j]) {
      r.array() += inverse[c] * (points.col(c).array() != warped[c]).cast<double>();
    } else {
      r.array() += inverse[c] * (points.col(c).array() - warped[c]).square();
    }
  }
  return r;
}

VectorXd Gp::Cross(const MatrixXd& points, const VectorXd& warped) const {
  const Eigen::ArrayXd q = kSqrt5 * Distances(points, warped).array().sqrt();
  return std::exp(at_.log_scale) * (1 + q + q.square() / 3) * (-q).exp();
}

Gp::Prediction Gp::Predict(const VectorXd& point, const MatrixXd& solved, bool gradients) const {
  const VectorXd warped = Warp(point.transpose(), at_).transpose();
  const VectorXd cross = Cross(warped_, warped);
  const VectorXd half = factor_.matrixL().solve(cross);
  Prediction out;
  out.means = solved.transpose() * cross;
  out.variance = std::max(kMinVariance, std::exp(at_.log_scale) - half.squaredNorm());
  if (!gradients) return out;
  const Index d = warped_.cols();
  const VectorXd back = factor_.matrixU().solve(half);  // K^-1 k
  const VectorXd inverse = (-2 * at_.log_length).array().exp();
  const double scale = std::exp(at_.log_scale);
  out.mean_gradients = MatrixXd::Zero(d, solved.cols());
  out.variance_gradient = VectorXd::Zero(d);
  const Eigen::ArrayXd q = kSqrt5 * Distances(warped_, warped).array().sqrt();
  const Eigen::ArrayXd slope = -scale * (5.0 / 6) * (1 + q) * (-q).exp();  // of k by r
  for (Index j = 0; j < d; ++j) {
    if (category_[static_cast<size_t>(j)]) continue;
    const double bend =
        warp_ ? Slopes(point[j], std::exp(at_.log_a[j]), std::exp(at_.log_b[j])).by_u : 1.0;
    const VectorXd by_u = slope * (warped[j] - warped_.col(j).array()) * (2 * inverse[j] * bend);
    out.mean_gradients.row(j) = by_u.transpose() * solved;
    out.variance_gradient[j] = -2 * back.dot(by_u);
  }
  return out;
}

Gp::Predictions Gp::PredictAll(const MatrixXd& points, const MatrixXd& solved) const {
  const MatrixXd warped = Warp(points, at_);
  MatrixXd cross(warped_.rows(), warped.rows());
  for (Index i = 0; i < warped.rows(); ++i)
    cross.col(i) = Cross(warped_, warped.row(i).transpose());
  const MatrixXd half = factor_.matrixL().solve(cross);
  return {.means = solved.transpose() * cross,
          .variances = (std::exp(at_.log_scale) - half.colwise().squaredNorm().array())
                           .max(kMinVariance)
                           .transpose()};
}

MatrixXd Gp::Solve(const MatrixXd& values) const { return factor_.solve(values); }

void Gp::Joint(const MatrixXd& points, VectorXd* mean, MatrixXd* covariance) const {
  const MatrixXd warped = Warp(points, at_);
  const Index m = points.rows();
  MatrixXd cross(warped_.rows(), m);
  for (Index i = 0; i < m; ++i) cross.col(i) = Cross(warped_, warped.row(i).transpose());
  *mean = cross.transpose() * weights_;
  const MatrixXd half = factor_.matrixL().solve(cross);
  covariance->resize(m, m);
  for (Index i = 0; i < m; ++i) covariance->col(i) = Cross(warped, warped.row(i).transpose());
  *covariance -= half.transpose() * half;
}

Gp Gp::Extended(const MatrixXd& points, const VectorXd& values) const {
  Gp out = *this;
  out.points_.conservativeResize(points_.rows() + points.rows(), Eigen::NoChange);
  out.points_.bottomRows(points.rows()) = points;
  out.values_.conservativeResize(values_.size() + values.size());
  out.values_.tail(values.size()) = values;
  out.known_.conservativeResizeLike(VectorXd::Zero(out.values_.size()));
  out.Set(at_);
  return out;
}

double LogExpectedImprovementOnly(double mean, double deviation, double best) {
  return LogH((best - mean) / deviation) + std::log(deviation);
}

LogImprovement LogExpectedImprovement(double mean, double deviation, double best) {
  const double z = (best - mean) / deviation;
  const double slope = SlopeOfLogH(z);
  return {.value = LogH(z) + std::log(deviation),
          .by_mean = -slope / deviation,
          .by_deviation = (1 - slope * z) / deviation};
}

VectorXd HalfRank(const std::vector<double>& values, double* scale) {
  const size_t n = values.size();
  if (scale != nullptr) *scale = 1;
  VectorXd out(static_cast<Index>(n));
  if (n == 0) return out;
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
  const double median = values[order[(n - 1) / 2]];
  double square = 0;
  size_t better = 0;
  for (const double v : values) {
    if (v > median) continue;
    square += (v - median) * (v - median);
    ++better;
  }
  const double spread = std::sqrt(square / static_cast<double>(better));
  for (size_t rank = 0; rank < n; ++rank) {
    const double v = values[order[rank]];
    double& y = out[static_cast<Index>(order[rank])];
    y = v;
    if (v <= median) continue;
    const double p = (static_cast<double>(rank) + 0.5) / static_cast<double>(n);
    y = median + (spread > 0 ? spread : 1.0) * NormalQuantile(std::max(p, 0.5));
  }
  const double mean = out.mean();
  const double deviation = std::sqrt((out.array() - mean).square().mean());
  out = (out.array() - mean) / (deviation > 0 ? deviation : 1.0);
  if (scale != nullptr && deviation > 0) *scale = 1 / deviation;
  return out;
}

}  // namespace clary::tuning
