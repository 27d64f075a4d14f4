// A local minimum of a smooth function in a box: L-BFGS of NLopt.
#pragma once

#include <Eigen/Dense>
#include <functional>

namespace clary::tuning {

using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd* gradient)>;

// The best point seen in at most `evaluations`, `start` included. Deterministic.
Eigen::VectorXd Minimise(const SmoothFunction& function, const Eigen::VectorXd& start,
                         const Eigen::VectorXd& low, const Eigen::VectorXd& high, int evaluations);

}  // namespace clary::tuning
