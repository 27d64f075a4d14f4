// Pairs of a positive and a negative row, by which of the two has the higher score: what the areas
// under the ROC and the precision-recall curve are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "gbdt/key_quantiles.h"

namespace clary::gbdt {

// Rows are not sorted but dealt into buckets of some dozens, by class; within a bucket all pairs
// are compared. Counts are whole numbers, so they depend neither on the order nor on the threads.
// Scratch is kept between calls.
class ScorePairs {
 public:
  // Rows of label `positive` against the others. False, and nothing else may be called, if a score
  // is NaN, or, with `binary`, if a label is neither 0 nor 1.
  bool Arrange(std::span<const float> score, std::span<const float> label, float positive,
               bool binary, ThreadPool& pool);

  uint64_t positives() const { return positives_; }
  uint64_t negatives() const { return negatives_; }
  // Twice the number of pairs whose positive row has the higher score; pairs of equal scores count
  // half.
  uint64_t TwiceRightPairs(ThreadPool& pool) const;
  // The area under the precision-recall curve, interpolated between equal scores as Davis and
  // Goadrich do ("The Relationship Between Precision-Recall and ROC Curves", 2006). NaN without
  // positive rows.
  double PrecisionRecallArea(ThreadPool& pool) const;

 private:
  // A bucket's rows, by class, and how many rows of higher buckets there are.
  struct Bucket {
    std::span<const int32_t> positive;
    std::span<const int32_t> negative;
    uint64_t positive_above;
    uint64_t negative_above;
  };
  Bucket At(size_t bucket) const;
  // The sum of value(bucket) over all buckets that are not empty, in a fixed order.
  template <typename Sum, typename Value>
  Sum SumOver(ThreadPool& pool, Value&& value) const;
  static uint64_t TwiceRight(std::span<const int32_t> positive, std::span<const int32_t> negative);
  static double AreaIn(const Bucket& bucket);
  static double AreaOfMany(const Bucket& bucket);

  KeyBuckets buckets_;
  std::vector<uint32_t> keys_;    // of the scores, by part and class
  std::vector<uint32_t> sample_;  // of the keys, evenly spaced rows
  std::vector<uint16_t> bucket_;  // as keys_
  std::vector<int32_t>
      sorted_;  // signed keys of all positive rows by bucket, then of the negative ones
  std::vector<uint32_t> next_;   // [parts, 2, buckets], where a part's next row of a class goes
  std::vector<uint32_t> begin_;  // [2 * (buckets + 1)], where a bucket's rows begin
  uint64_t positives_ = 0;
  uint64_t negatives_ = 0;
};

}  // namespace clary::gbdt
