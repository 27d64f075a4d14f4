// What is optimised: gradients of the loss, the link between margins and predictions, and the
// intercept. Formulas: docs/gbdt.md.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

class Objective {
 public:
  virtual ~Objective() = default;

  // kInvalidArgument "BadLabel" for labels that the loss is not defined on; names the first row.
  virtual Status CheckLabels(const Dataset& data) const = 0;
  // First and second derivatives by the margin, weights applied. margin is [rows * outputs],
  // row-major; grad and hess are [outputs * rows], one output after another. The result does not
  // depend on the size of the pool.
  virtual void Gradient(std::span<const float> margin, const Dataset& data, int round,
                        ThreadPool& pool, std::span<float> grad, std::span<float> hess) = 0;
  // Whether GradientOf, the same gradients from predictions, is there: it saves what Transform has
  // done already.
  virtual bool knows_gradient_of_predictions() const { return false; }
  virtual void GradientOf(std::span<const float> /*predictions*/, const Dataset& /*data*/,
                          ThreadPool& /*pool*/, std::span<float> /*grad*/,
                          std::span<float> /*hess*/) const {}
  // Whether a row's gradient depends on that row alone.
  virtual bool rows_apart() const { return true; }
  // Margins to predictions, which may be at the same place; classes have their probabilities, also
  // with multi:softmax (see FinishPrediction).
  virtual void Transform(std::span<const float> margin, std::span<float> out,
                         ThreadPool& pool) const = 0;
  // False if predictions are the margins.
  virtual bool transforms() const { return true; }
  // The intercept's link: from the space of predictions to margins.
  virtual float ToMargin(float base_score) const { return base_score; }
  virtual float FromMargin(float margin) const { return margin; }
  // In the present releases; former ones may have had another.
  virtual std::string_view default_metric() const = 0;

  // Objectives with a piecewise constant gradient set each leaf to a quantile of the residuals of
  // its rows, this share of them from below; 0 means that leaves stay as grown.
  virtual float leaf_quantile(int /*output*/) const { return 0; }
  // Margins of a row whose label has `targets` numbers.
  virtual size_t OutputsFor(size_t targets) const { return targets; }
  // True if a row's label may have several numbers.
  virtual bool takes_targets() const { return false; }
  // Writes what training has learned beside the model into the objective of its file.
  virtual void Save(ObjectiveConfig& /*config*/) const {}
  // True if the mean label is the intercept that 3.x estimates; else it takes one Newton step.
  virtual bool intercept_is_mean() const { return false; }
  // True if there is no estimate at all and 0.5 stands.
  virtual bool intercept_is_fixed() const { return false; }
};

// kInvalidArgument "UnknownObjective". Without `params` the objective can transform but not train.
Result<std::unique_ptr<Objective>> MakeObjective(const ObjectiveConfig& config,
                                                 const TrainParams* params = nullptr);

// Margins [rows * outputs] to what Predict returns: transformed, and one class id per row for
// multi:softmax.
std::vector<float> FinishPrediction(const ObjectiveConfig& config, std::vector<float> margin,
                                    ThreadPool& pool);

}  // namespace clary::gbdt
