#include "tuning/internal/minimise.h"

#include <nlopt.h>

#include <cmath>
#include <memory>

namespace clary::tuning {
namespace {

constexpr double kTolerance = 1e-4;  // of the function's value, relative
constexpr unsigned kMemory = 10;     // gradients kept

struct Watched {
  const SmoothFunction& function;
  Eigen::VectorXd best;
  double value;
};

double Evaluate(unsigned n, const double* at, double* gradient, void* data) {
  auto& watched = *static_cast<Watched*>(data);
  const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXd>(at, n);
  Eigen::VectorXd g(n);
  const double value = watched.function(x, gradient != nullptr ? &g : nullptr);
  if (gradient != nullptr) Eigen::Map<Eigen::VectorXd>(gradient, n) = g;
  if (value < watched.value) {
    watched.value = value;
    watched.best = x;
  }
  return value;
}

}  // namespace

Eigen::VectorXd Minimise(const SmoothFunction& function, const Eigen::VectorXd& start,
                         const Eigen::VectorXd& low, const Eigen::VectorXd& high, int evaluations) {
  const auto n = static_cast<unsigned>(start.size());
  Eigen::VectorXd x = start.cwiseMax(low).cwiseMin(high);
  Watched watched{.function = function, .best = x, .value = function(x, nullptr)};
  if (n == 0 || evaluations < 2) return x;
  const std::unique_ptr<nlopt_opt_s, decltype(&nlopt_destroy)> solver(
      nlopt_create(NLOPT_LD_LBFGS, n), &nlopt_destroy);
  nlopt_set_min_objective(solver.get(), Evaluate, &watched);
  nlopt_set_lower_bounds(solver.get(), low.data());
  nlopt_set_upper_bounds(solver.get(), high.data());
  nlopt_set_ftol_rel(solver.get(), kTolerance);
  nlopt_set_maxeval(solver.get(), evaluations - 1);
  nlopt_set_vector_storage(solver.get(), kMemory);
  double value = 0;
  // However it ends, the best point seen is the answer.
  (void)nlopt_optimize(solver.get(), x.data(), &value);
  return watched.best;
}

}  // namespace clary::tuning
