#include "gbdt/score_pairs.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kRowsPerBucket = 64;  // about
constexpr size_t kMaxSplits = 1U << 14;
constexpr size_t kLeastRows = 16;
constexpr size_t kSample = 8192;  // by one thread, while the others wait
constexpr size_t kAhead = 16;     // rows whose places are fetched
constexpr size_t kRowsPerPart = 8192;
constexpr size_t kBucketsPerTask = 256;
constexpr size_t kComparedPairs = 1U << 14;  // more are sorted

// Keys as numbers that compare as signed ones, which vectors of all sets can.
int32_t SignedKey(uint32_t key) { return std::bit_cast<int32_t>(key ^ 0x80000000U); }

// One score of the precision-recall curve.
struct Step {
  double tp;  // rows of higher scores
  double fp;
  double gained = 0;  // rows of this one, at least one positive
  double lost = 0;

  double Whole() const { return gained * gained / (gained + lost); }
  double Factor() const {
    const double share = gained / (gained + lost);
    return (fp - lost / gained * tp) * share * share;
  }
  double Ratio() const { return tp + fp > 0 ? 1 + (gained + lost) / (tp + fp) : 1; }
};

}  // namespace

bool ScorePairs::Arrange(std::span<const float> score, std::span<const float> label, float positive,
                         bool binary, ThreadPool& pool) {
  const Kernels& kernels = BestKernels();
  const size_t rows = score.size();
  if (rows < kLeastRows) return false;
  const size_t parts = std::clamp<size_t>(rows / kRowsPerPart, 1, static_cast<size_t>(pool.size()));
  const auto begin_of = [&](size_t part) { return rows * part / parts; };
  // The keys of a part's rows lie by class, with room for what is packed to run over.
  const auto place_of = [&](size_t part, size_t k) {
    const size_t begin = begin_of(part);
    return 2 * begin + k * (begin_of(part + 1) - begin) + (2 * part + k) * kPairLanes;
  };
  keys_.resize(place_of(parts, 0));
  bucket_.resize(keys_.size());
  sorted_.resize(rows + kPairLanes);
  const size_t every = std::max<size_t>(1, rows / kSample);  // of the rows that tell the buckets
  sample_.resize((rows + every - 1) / every);
  struct Part {
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    size_t positives = 0;
  };
  std::vector<Part> found(parts);
  std::atomic<bool> special = false;
  pool.ForEach(parts, [&](size_t p, int) {
    const size_t begin = begin_of(p);
    const size_t end = begin_of(p + 1);
    uint32_t* const of_positive = keys_.data() + place_of(p, 0);
    uint32_t* const of_others = keys_.data() + place_of(p, 1);
    uint32_t piece[1024 + kPairLanes];
    size_t next = (begin + every - 1) / every;  // of sample_
    bool odd = false;
    Part part;
    for (size_t i = begin; i < end; i += 1024) {
      const size_t n = std::min<size_t>(1024, end - i);
      const float* const y = label.data() + i;
      odd = kernels.present_keys(score.data() + i, n, piece) != n;
      if (binary) {
        uint32_t others = 0;
        for (size_t k = 0; k < n; ++k) others |= static_cast<uint32_t>((y[k] != 0) & (y[k] != 1));
        odd = odd || others != 0;
      }
      if (odd) break;
      uint32_t least;
      uint32_t most;
      kernels.key_range(piece, n, &least, &most);
      part.least = std::min(part.least, least);
      part.most = std::max(part.most, most);
      for (; next * every < i + n; ++next) sample_[next] = piece[next * every - i];
      part.positives += kernels.split_keys(piece, y, n, positive, of_positive + part.positives,
                                           of_others + (i - begin - part.positives));
    }
    found[p] = part;
    if (odd) special.store(true, std::memory_order_relaxed);
  });
  if (special) return false;
  uint32_t least = UINT32_MAX;
  uint32_t most = 0;
  for (const Part& part : found) {
    least = std::min(least, part.least);
    most = std::max(most, part.most);
  }
  buckets_.Divide(sample_, 1, least, most,
                  std::clamp<size_t>(std::bit_floor(rows / kRowsPerBucket), 1, kMaxSplits));

  // Rows of a part, of one class.
  struct Range {
    size_t begin;
    size_t end;
  };
  const auto range_of = [&](size_t part, size_t k) {
    const size_t all = begin_of(part + 1) - begin_of(part);
    const size_t n = k == 0 ? found[part].positives : all - found[part].positives;
    return Range{place_of(part, k), place_of(part, k) + n};
  };
  const size_t buckets = buckets_.count;
  next_.assign(parts * 2 * buckets, 0);
  pool.ForEach(2 * parts, [&](size_t task, int) {
    const auto [begin, end] = range_of(task / 2, task % 2);
    kernels.bucket_keys(keys_.data() + begin, end - begin, buckets_.least, buckets_.shift,
                        buckets_.split.data(), next_.data() + task * buckets,
                        bucket_.data() + begin);
  });
  positives_ = 0;
  for (const Part& part : found) positives_ += part.positives;
  negatives_ = rows - positives_;
  begin_.resize(2 * (buckets + 1));
  pool.ForEach(2, [&](size_t k, int) {
    uint32_t* const begin = begin_.data() + k * (buckets + 1);
    auto sum = static_cast<uint32_t>(k == 0 ? 0 : positives_);
    for (size_t b = 0; b < buckets; ++b) {
      begin[b] = sum;
      for (size_t part = 0; part < parts; ++part) {
        sum += std::exchange(next_[(2 * part + k) * buckets + b], sum);
      }
    }
    begin[buckets] = sum;
  });
  pool.ForEach(2 * parts, [&](size_t task, int) {
    uint32_t* const next = next_.data() + task * buckets;
    const auto [begin, end] = range_of(task / 2, task % 2);
    const size_t ahead = end - std::min<size_t>(kAhead, end - begin);
    size_t i = begin;
    for (; i < ahead; ++i) {
      __builtin_prefetch(&sorted_[next[bucket_[i + kAhead]]], 1);
      sorted_[next[bucket_[i]]++] = SignedKey(keys_[i]);
    }
    for (; i < end; ++i) sorted_[next[bucket_[i]]++] = SignedKey(keys_[i]);
  });
  return true;
}

ScorePairs::Bucket ScorePairs::At(size_t bucket) const {
  const uint32_t* const of_positive = begin_.data();
  const uint32_t* const of_negative = begin_.data() + buckets_.count + 1;
  const auto rows = [&](const uint32_t* begin) {
    return std::span(sorted_).subspan(begin[bucket], begin[bucket + 1] - begin[bucket]);
  };
  return {.positive = rows(of_positive),
          .negative = rows(of_negative),
          .positive_above = positives_ - of_positive[bucket + 1],
          .negative_above = positives_ + negatives_ - of_negative[bucket + 1]};
}

template <typename Sum, typename Value>
Sum ScorePairs::SumOver(ThreadPool& pool, Value&& value) const {
  std::vector<Sum> sums((buckets_.count + kBucketsPerTask - 1) / kBucketsPerTask);
  pool.ForEach(sums.size(), [&](size_t task, int) {
    Sum sum = 0;
    const size_t end = std::min<size_t>(buckets_.count, (task + 1) * kBucketsPerTask);
    for (size_t b = task * kBucketsPerTask; b < end; ++b) sum += value(At(b));
    sums[task] = sum;
  });
  Sum sum = 0;
  for (const Sum s : sums) sum += s;
  return sum;
}

uint64_t ScorePairs::TwiceRight(std::span<const int32_t> positive,
                                std::span<const int32_t> negative) {
  if (positive.size() * negative.size() <= kComparedPairs) {
    return BestKernels().count_pairs(positive.data(), positive.size(), negative.data(),
                                     negative.size());
  }
  // A bucket of many rows has few scores, or few of one class.
  std::vector<int32_t> p(positive.begin(), positive.end());
  std::vector<int32_t> n(negative.begin(), negative.end());
  std::ranges::sort(p);
  std::ranges::sort(n);
  uint64_t twice = 0;
  size_t below = 0;  // negative rows below the positive one, and those up to it
  size_t up_to = 0;
  for (const int32_t key : p) {
    while (below < n.size() && n[below] < key) ++below;
    up_to = std::max(up_to, below);
    while (up_to < n.size() && n[up_to] == key) ++up_to;
    twice += below + up_to;
  }
  return twice;
}

uint64_t ScorePairs::TwiceRightPairs(ThreadPool& pool) const {
  return SumOver<uint64_t>(pool, [](const Bucket& b) {
    return 2 * b.positive_above * b.negative.size() + TwiceRight(b.positive, b.negative);
  });
}

double ScorePairs::AreaIn(const Bucket& bucket) {
  const auto& [positive, negative, positive_above, negative_above] = bucket;
  const size_t rows = positive.size() + negative.size();
  if (positive.size() * rows > kComparedPairs || positive_above + negative_above < 16 * rows) {
    return AreaOfMany(bucket);
  }
  return BestKernels().precision_area(positive.data(), positive.size(), negative.data(),
                                      negative.size(), static_cast<double>(positive_above),
                                      static_cast<double>(negative_above));
}

double ScorePairs::AreaOfMany(const Bucket& bucket) {
  std::vector<int32_t> p(bucket.positive.begin(), bucket.positive.end());
  std::vector<int32_t> n(bucket.negative.begin(), bucket.negative.end());
  std::ranges::sort(p, std::greater<>());
  std::ranges::sort(n, std::greater<>());
  double area = 0;
  size_t above = 0;  // of n
  for (size_t i = 0; i < p.size();) {
    const int32_t key = p[i];
    while (above < n.size() && n[above] > key) ++above;
    Step step{.tp = static_cast<double>(bucket.positive_above + i),
              .fp = static_cast<double>(bucket.negative_above + above)};
    for (; i < p.size() && p[i] == key; ++i) ++step.gained;
    for (; above < n.size() && n[above] == key; ++above) ++step.lost;
    area += step.Whole() - step.Factor() * std::log(step.Ratio());
  }
  return area;
}

double ScorePairs::PrecisionRecallArea(ThreadPool& pool) const {
  if (positives_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const double area = SumOver<double>(pool, [](const Bucket& b) {
    if (b.positive.empty()) return 0.0;
    return AreaIn(b);
  });
  return area / static_cast<double>(positives_);
}

}  // namespace clary::gbdt
