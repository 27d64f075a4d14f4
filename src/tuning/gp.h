// A Gaussian process over the unit cube of a space: Matern 5/2 kernel with a length for each
// parameter, noise, and the coordinates bent by Kumaraswamy's distribution.
//   k(u, v) = s^2 (1 + q + q^2/3) exp(-q),  q = sqrt(5 r),
//   r = sum_j d_j^2 / l_j^2,  d_j = w_j(u_j) - w_j(v_j); 0 or 1 for a category,
//   w_j(u) = 1 - (1 - u^a_j)^b_j
// (Rasmussen and Williams 2006, ch. 4; Snoek et al. 2014 for the warping.) Hyperparameters are
// those of the largest posterior density, found by L-BFGS. One thread at a time.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "tuning/space.h"

namespace clary::tuning {

struct GpHyperparameters {
  Eigen::VectorXd log_length;  // a parameter each
  double log_scale = 0;        // of s^2
  double log_noise = 0;        // of the noise's variance
  Eigen::VectorXd log_a, log_b;

  static GpHyperparameters Initial(size_t dimensions);
  Eigen::VectorXd Pack() const;
  static GpHyperparameters Unpack(const Eigen::VectorXd& packed);
};

class Gp {
 public:
  // `points`: a row each, in the cube. `values`: about mean 0 and deviation 1. Coordinates are bent
  // if `warp`. `known`: variances of the values' own errors, beside the noise that is found; empty:
  // none is known.
  Gp(const Space& space, Eigen::MatrixXd points, Eigen::VectorXd values, bool warp,
     Eigen::VectorXd known = {});

  // Minus the log of the posterior density at these hyperparameters, up to a constant, and its
  // gradient in Pack()'s order, if wanted.
  double Loss(const GpHyperparameters& at, Eigen::VectorXd* gradient) const;
  // Goes to a local minimum of Loss from `start`, in at most `evaluations`.
  void Fit(const GpHyperparameters& start, int evaluations);
  // Takes the hyperparameters as they are. After this or Fit the process may be asked.
  void Set(const GpHyperparameters& at);
  const GpHyperparameters& hyperparameters() const { return at_; }

  struct Prediction {
    Eigen::VectorXd means;  // one for each column of `solved`
    double variance = 0;    // of the function, without noise; above 0
    // By coordinate (rows), 0 for categories; empty unless asked for.
    Eigen::MatrixXd mean_gradients;
    Eigen::VectorXd variance_gradient;
  };
  // The posterior at `point` for the values whose K^-1 multiples are the columns of `solved`.
  Prediction Predict(const Eigen::VectorXd& point, const Eigen::MatrixXd& solved,
                     bool gradients = false) const;
  // The same for several points, a row each, without gradients: means by column of `solved` (rows)
  // and point, variances by point.
  struct Predictions {
    Eigen::MatrixXd means;
    Eigen::VectorXd variances;
  };
  Predictions PredictAll(const Eigen::MatrixXd& points, const Eigen::MatrixXd& solved) const;
  Predictions PredictAll(const Eigen::MatrixXd& points) const {
    return PredictAll(points, weights_);
  }
  // The same for the values that the process was made with.
  Prediction Predict(const Eigen::VectorXd& point, bool gradients = false) const {
    return Predict(point, weights_, gradients);
  }
  // K^-1 of each column.
  Eigen::MatrixXd Solve(const Eigen::MatrixXd& values) const;

  // Mean and covariance of the function at several points together.
  void Joint(const Eigen::MatrixXd& points, Eigen::VectorXd* mean,
             Eigen::MatrixXd* covariance) const;
  // The process with more points, whose values do not matter (see Means), and the same
  // hyperparameters.
  Gp Extended(const Eigen::MatrixXd& points, const Eigen::VectorXd& values) const;

 private:
  // The coordinates at which distances are taken.
  Eigen::MatrixXd Warp(const Eigen::MatrixXd& points, const GpHyperparameters& at) const;
  // r and k of one point with each of several, all warped.
  Eigen::VectorXd Distances(const Eigen::MatrixXd& points, const Eigen::VectorXd& warped) const;
  Eigen::VectorXd Cross(const Eigen::MatrixXd& points, const Eigen::VectorXd& warped) const;
  // r of every two of them under lengths whose l^-2 are given.
  Eigen::MatrixXd Squares(const Eigen::MatrixXd& warped, const Eigen::VectorXd& inverse) const;

  std::vector<bool> category_;  // by parameter
  Eigen::MatrixXd points_;
  Eigen::VectorXd values_;
  Eigen::VectorXd known_;  // as long as values_
  bool warp_;
  GpHyperparameters at_;
  Eigen::MatrixXd warped_;  // points_ under at_
  Eigen::LLT<Eigen::MatrixXd> factor_;
  Eigen::VectorXd weights_;  // K^-1 values_
};

// log of E[max(0, best - f)] for f normal with this mean and deviation, exact far into the tail
// (Ament et al. 2023), and its derivatives.
struct LogImprovement {
  double value = 0, by_mean = 0, by_deviation = 0;
};
LogImprovement LogExpectedImprovement(double mean, double deviation, double best);
double LogExpectedImprovementOnly(double mean, double deviation, double best);  // its value

// Values for a process to model: those worse than the median are replaced by what their rank would
// be in a normal distribution whose spread is that of the better half, then mean 0, deviation 1
// (half-rank warping, Song et al. 2024). Outliers so do no harm. `scale`, if wanted: what a small
// difference between two of the better half is multiplied by.
Eigen::VectorXd HalfRank(const std::vector<double>& values, double* scale = nullptr);

}  // namespace clary::tuning
