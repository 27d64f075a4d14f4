// Metrics that SageMaker's container takes from scikit-learn: of predicted classes, and r2. Weights
// of rows are ignored, a ratio without any case is 0. Source: scikit-learn's documentation of
// accuracy_score, balanced_accuracy_score, precision_recall_fscore_support and r2_score.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "clary/gbdt.h"
#include "gbdt/metric.h"

namespace clary::gbdt {

enum class ClassScore : uint8_t { kAccuracy, kBalancedAccuracy, kPrecision, kRecall, kF1 };
enum class ClassAverage : uint8_t {
  kBinary,  // of class 1
  kMacro,   // the mean over all classes that occur as label or prediction
  kMicro,   // over all rows
};

// The class of a row is the largest of several predictions, the value itself for multi:softmax,
// and for one number whether it is above 0.5, for binary:logitraw above 0.
std::unique_ptr<Metric> MakeClassMetric(ClassScore score, ClassAverage average,
                                        std::string_view objective);

// 1 - (sum of squared errors) / (sum of squared deviations from the mean label); of a constant
// label 1 if there is no error, else 0.
std::unique_ptr<Metric> MakeR2();

}  // namespace clary::gbdt
