// The Gaussian process and expected improvement against recorded values of scikit-learn and mpmath
// (tests/golden/make_process.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tuning/gp.h"
#include "tuning/strategy.h"

namespace clary::tuning {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using nlohmann::json;

json Recorded() {
  std::ifstream in(CLARY_SOURCE_DIR "/tests/golden/tuning/process.json");
  return json::parse(in);
}

VectorXd VectorOf(const json& j) {
  const auto values = j.get<std::vector<double>>();
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Index>(values.size()));
}
MatrixXd MatrixOf(const json& j) {
  MatrixXd out(static_cast<Index>(j.size()), static_cast<Index>(j.at(0).size()));
  for (Index i = 0; i < out.rows(); ++i) out.row(i) = VectorOf(j[static_cast<size_t>(i)]);
  return out;
}

Space Cube(Index dimensions) {
  std::vector<Parameter> parameters;
  for (Index j = 0; j < dimensions; ++j) parameters.push_back({.name = std::to_string(j)});
  return *Space::Make(parameters);
}

TEST(Recorded, ProcessesAreThoseOfScikitLearn) {
  for (const json& r : Recorded().at("processes")) {
    const MatrixXd points = MatrixOf(r["points"]), asked = MatrixOf(r["asked"]);
    const VectorXd values = VectorOf(r["values"]), known = VectorOf(r["known"]);
    GpHyperparameters at = GpHyperparameters::Initial(static_cast<size_t>(points.cols()));
    at.log_length = VectorOf(r["lengths"]).array().log();
    at.log_scale = std::log(r["scale"].get<double>());
    at.log_noise = std::log(r["noise"].get<double>());
    Gp gp(Cube(points.cols()), points, values, false, known);
    gp.Set(at);
    const auto all = gp.PredictAll(asked);
    VectorXd mean;
    MatrixXd covariance;
    gp.Joint(asked, &mean, &covariance);
    for (Index i = 0; i < asked.rows(); ++i) {
      const auto k = static_cast<size_t>(i);
      const auto one = gp.Predict(asked.row(i));
      EXPECT_NEAR(one.means[0], r["mean"][k].get<double>(), 1e-5);
      EXPECT_NEAR(std::sqrt(one.variance), r["deviation"][k].get<double>(), 1e-5);
      EXPECT_NEAR(all.means(0, i), one.means[0], 1e-9);
      EXPECT_NEAR(all.variances[i], one.variance, 1e-9);
      EXPECT_NEAR(mean[i], one.means[0], 1e-9);
      for (Index j = 0; j < asked.rows(); ++j) {
        EXPECT_NEAR(covariance(i, j), r["covariance"][k][static_cast<size_t>(j)].get<double>(),
                    1e-5);
      }
    }
    Gp zeros(Cube(points.cols()), points, VectorXd::Zero(values.size()), false, known);
    const double likelihood = r["log_likelihood"];
    EXPECT_NEAR(zeros.Loss(at, nullptr) - gp.Loss(at, nullptr), likelihood,
                1e-4 * (1 + std::abs(likelihood)));
  }
}

TEST(Recorded, ExpectedImprovementIsExactFarIntoTheTail) {
  for (const json& r : Recorded().at("improvements")) {
    const double mean = r["mean"], deviation = r["deviation"], best = r["best"];
    const double wanted = r["log_improvement"];
    EXPECT_NEAR(LogExpectedImprovement(mean, deviation, best).value, wanted,
                1e-10 * (1 + std::abs(wanted)))
        << mean << ' ' << deviation << ' ' << best;
    EXPECT_NEAR(LogExpectedImprovementOnly(mean, deviation, best), wanted,
                1e-10 * (1 + std::abs(wanted)));
  }
}

// A value whose error is large moves the mean less than one that is exact.
TEST(KnownErrors, CountLess) {
  MatrixXd points(3, 1);
  points << 0.2, 0.5, 0.8;
  VectorXd values(3);
  values << 0, 2, 0;
  const auto at_middle = [&](double variance) {
    Gp gp(Cube(1), points, values, false, VectorXd{{0, variance, 0}});
    gp.Set(GpHyperparameters::Initial(1));
    const Gp extended = gp.Extended(MatrixXd::Constant(1, 1, 0.9), VectorXd::Zero(1));
    EXPECT_LT(extended.Predict(VectorXd::Constant(1, 0.9)).variance,
              gp.Predict(VectorXd::Constant(1, 0.9)).variance);
    return gp.Predict(VectorXd::Constant(1, 0.5)).means[0];
  };
  EXPECT_GT(at_middle(0), 1.5);
  EXPECT_LT(at_middle(4), 0.8);
  double scale = 0;
  const VectorXd warped = HalfRank({1, 2, 3, 10}, &scale);
  EXPECT_NEAR(warped[1] - warped[0], scale * 1, 1e-12);
}

}  // namespace
}  // namespace clary::tuning
