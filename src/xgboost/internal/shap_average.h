// Mean contributions of features while a model grows, for Debugger's collection average_shap.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "clary/gbdt.h"

namespace clary::xgboost {

// `count` of [0, total), evenly spaced, ascending; all of them if there are fewer.
std::vector<uint32_t> EvenSample(size_t total, size_t count);

// Exact contributions (TreeSHAP) of a sample of the training rows, which is so small that they take
// about a twentieth of the time of training: rows are evenly spaced, at most kMost, and every
// second one is given up when time runs short. Each tree is looked at once where contributions of
// trees add up. One thread at a time.
class ShapAverage {
 public:
  static constexpr size_t kMost = 2000;

  // `adds`: a model's contributions are the sum of its trees', which do not change.
  ShapAverage(gbdt::Dataset train, bool adds, int threads);

  // Of each feature, the mean contribution to the margin over the sample and the outputs, after
  // this round. `elapsed`: since training began, with everything.
  Result<std::vector<float>> After(const gbdt::RoundReport& report,
                                   std::chrono::steady_clock::duration elapsed);
  size_t rows() const { return rows_.size(); }
  // "Debugger: average_shap is of 250 of 32,561 training rows, evenly spaced."
  std::string Said() const;

 private:
  // Adds what the trees of rounds [begin, end) contribute for the rows at places [from, to).
  Status Add(const gbdt::Model& model, int begin, int end, size_t from, size_t to);
  void Halve();

  const gbdt::Dataset train_;
  const bool adds_;
  const int threads_;
  const size_t columns_;
  std::vector<uint32_t> rows_;  // the sample; empty before the first round
  std::vector<double> sums_;    // [rows_ * columns_], over the outputs
  int seen_ = 0;                // rounds in sums_
  std::chrono::steady_clock::duration spent_{};
};

}  // namespace clary::xgboost
