// Metrics of the order that predictions put rows in.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "gbdt/internal/metric_impl.h"
#include "gbdt/internal/ranking.h"
#include "gbdt/score_pairs.h"

namespace clary::gbdt {
namespace {

// False for a query that weighs nothing.
bool QueryCounts(const RowFields& f, size_t query) {
  return f.weight.size() != f.group_sizes.size() || f.weight[query] != 0;
}

// Area under the ROC curve: trapezoids over descending scores, equal scores in one step. Also the
// total weights of both sides.
struct RocArea {
  double area = 0;  // not normalised
  double positive = 0;
  double negative = 0;
  double normalised() const {
    return positive > 0 && negative > 0 ? area / (positive * negative) : kNaN;
  }
};
template <typename IsPositive>
RocArea Roc(std::span<const float> score, const RowFields& f, std::vector<uint32_t>& order,
            IsPositive&& is_positive) {
  const size_t rows = score.size();
  RankByScore(score, order);
  RocArea roc;
  for (size_t i = 0; i < rows;) {
    double positive = 0;
    double negative = 0;
    const float at = score[order[i]];
    do {  // a NaN is a step of its own
      const double w = WeightOf(f, order[i]);
      const double share = is_positive(order[i]);
      positive += w * share;
      negative += w * (1 - share);
      ++i;
    } while (i < rows && score[order[i]] == at);
    roc.area += negative * (roc.positive + positive / 2);
    roc.positive += positive;
    roc.negative += negative;
  }
  return roc;
}

// The scores of one class, in `score`.
std::span<const float> ScoreOfClass(std::span<const float> p, size_t classes, size_t c,
                                    ThreadPool& pool, std::vector<float>& score) {
  constexpr size_t kBlock = 4096;
  score.resize(p.size() / classes);
  pool.ForEach((score.size() + kBlock - 1) / kBlock, [&](size_t b, int) {
    const size_t end = std::min(score.size(), (b + 1) * kBlock);
    for (size_t i = b * kBlock; i < end; ++i) score[i] = p[i * classes + c];
  });
  return score;
}

class Auc final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    if (!f.group_sizes.empty()) return Ranking(p, f);
    const bool weighted = f.weight.size() == rows;
    if (classes <= 1) {
      if (!weighted && pairs_.Arrange(p, f.label, 1, true, pool)) return Counted(pool).normalised();
      return Roc(p, f, order_, [&](uint32_t i) { return static_cast<double>(f.label[i]); })
          .normalised();
    }
    // Each class against the rest, weighted by how frequent it is.
    double sum = 0;
    double total = 0;
    for (size_t c = 0; c < classes; ++c) {
      const std::span<const float> score = ScoreOfClass(p, classes, c, pool, score_);
      const auto of = static_cast<float>(c);
      const RocArea roc =
          !weighted && pairs_.Arrange(score, f.label, of, false, pool)
              ? Counted(pool)
              : Roc(score, f, order_, [&](uint32_t i) { return f.label[i] == of ? 1.0 : 0.0; });
      sum += roc.normalised() * roc.positive;
      total += roc.positive;
    }
    return sum / total;
  }

 private:
  // The mean over queries of the share of document pairs, best label first, in the right order.
  // Pairs of equal labels count too, as upstream has it.
  static double Ranking(std::span<const float> p, const RowFields& f) {
    double sum = 0;
    size_t queries = 0;
    size_t begin = 0;
    for (size_t query = 0; query < f.group_sizes.size(); ++query) {
      const uint32_t size = f.group_sizes[query];
      if (size >= 3 && QueryCounts(f, query)) {
        std::vector<uint32_t> order(size);
        std::iota(order.begin(), order.end(), 0U);
        std::ranges::stable_sort(
            order, [&](uint32_t a, uint32_t b) { return f.label[begin + a] > f.label[begin + b]; });
        double right = 0;
        for (uint32_t i = 0; i < size; ++i) {
          for (uint32_t j = i + 1; j < size; ++j) {
            const float a = p[begin + order[i]];
            const float b = p[begin + order[j]];
            right += a > b ? 1 : (a == b ? 0.5 : 0);
          }
        }
        sum += right / (0.5 * size * (size - 1));
        ++queries;
      }
      begin += size;
    }
    return queries == 0 ? kNaN : sum / static_cast<double>(queries);
  }

  RocArea Counted(ThreadPool& pool) const {
    return {.area = static_cast<double>(pairs_.TwiceRightPairs(pool)) / 2,
            .positive = static_cast<double>(pairs_.positives()),
            .negative = static_cast<double>(pairs_.negatives())};
  }

  ScorePairs pairs_;  // working memory, as the rest
  std::vector<uint32_t> order_;
  std::vector<float> score_;
};

constexpr size_t kRowsPerTask = 2048;

// Means over queries, weighted by the queries' weights, of a value in [0, 1].
class RankMetric final : public Metric {
 public:
  RankMetric(RankScore score, size_t cut, bool empty_is_zero, bool exponential, bool as_1x)
      : score_(score),
        cut_(cut),
        empty_(empty_is_zero ? 0 : 1),
        exponential_(exponential),
        as_1x_(as_1x) {}
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const Queries& known = Know(data);
    const size_t queries = known.begin.size() - 1;
    std::vector<double> values(queries);
    scratch_.resize(static_cast<size_t>(pool.size()));
    const size_t at_once =
        std::max<size_t>(1, kRowsPerTask * queries / std::max<size_t>(1, p.size()));
    pool.ForEach((queries + at_once - 1) / at_once, [&](size_t task, int thread) {
      for (size_t q = task * at_once; q < std::min(queries, (task + 1) * at_once); ++q) {
        const size_t begin = known.begin[q];
        const auto score = p.subspan(begin, known.begin[q + 1] - begin);
        values[q] = Query(score, known.gain.data() + begin, known.best[q],
                          scratch_[static_cast<size_t>(thread)]);
      }
    });
    double sum = 0;
    double total = 0;
    for (size_t q = 0; q < queries; ++q) {
      const double w = f.weight.size() == queries && !as_1x_ ? f.weight[q] : 1.0;
      sum += w * values[q];
      total += w;
    }
    return total == 0 ? kNaN : std::min(1.0, sum / total);
  }

 private:
  // What is the same in every round.
  struct Queries {
    std::vector<size_t> begin;  // [queries + 1]
    std::vector<double> best;   // [queries], the best DCG, or how many documents are relevant
    std::vector<double> gain;   // [rows], in DCG, or 1 for relevant documents
  };

  const Queries& Know(const Dataset& data) {
    return known_.Of(data, [&] { return Learn(data); });
  }
  Queries Learn(const Dataset& data) {
    const RowFields& f = data.fields();
    Queries q;
    q.begin = QueryBegins(f, data.rows());
    for (const float y : f.label) {
      q.gain.push_back(score_ == RankScore::kNdcg ? DcgGain(y, exponential_) : (y > 0 ? 1 : 0));
    }
    size_t longest = 0;
    for (size_t i = 0; i + 1 < q.begin.size(); ++i) {
      const size_t size = q.begin[i + 1] - q.begin[i];
      longest = std::max(longest, size);
      const auto label = std::span(f.label).subspan(q.begin[i], size);
      q.best.push_back(
          score_ == RankScore::kNdcg
              ? BestDcg(label, std::min(cut_, size), exponential_)
              : static_cast<double>(std::ranges::count_if(label, [](float y) { return y > 0; })));
    }
    while (discount_.size() < longest) {
      const size_t rank = discount_.size();
      discount_.push_back(rank >= cut_                 ? 0
                          : score_ == RankScore::kNdcg ? DcgDiscount(rank)
                                                       : 1 / static_cast<double>(rank + 1));
    }
    return q;
  }

  // Working memory of a thread, by document and by rank.
  struct Scratch {
    std::vector<uint32_t> rank;
    std::vector<uint32_t> relevant;
  };
  double Query(std::span<const float> score, const double* gain, double best,
               Scratch& scratch) const {
    constexpr size_t kLanes = 4;  // sums that do not wait for each other
    double sums[kLanes] = {};
    std::vector<uint32_t>& rank = scratch.rank;
    RanksByScore(score, rank);
    const auto sum = [&] { return (sums[0] + sums[1]) + (sums[2] + sums[3]); };
    if (score_ == RankScore::kNdcg) {
      if (best <= 0) return empty_;
      for (size_t i = 0; i < score.size(); ++i) sums[i % kLanes] += gain[i] * discount_[rank[i]];
      return sum() / best;
    }
    std::vector<uint32_t>& relevant = scratch.relevant;
    relevant.assign(score.size(), 0);  // NaN: some ranks stay empty
    for (size_t i = 0; i < score.size(); ++i) relevant[rank[i]] = gain[i] != 0 ? 1 : 0;
    const size_t cut = std::min(cut_, score.size());
    uint32_t hits = 0;
    for (size_t r = 0; r < cut; ++r) {  // no branch: it could not be predicted
      hits += relevant[r];
      sums[r % kLanes] += static_cast<double>(hits * relevant[r]) * discount_[r];
    }
    if (score_ == RankScore::kPrecision) {
      const size_t ranks = as_1x_ ? cut_ : cut;
      return ranks == 0 ? empty_ : static_cast<double>(hits) / static_cast<double>(ranks);
    }
    if (best == 0) return empty_;
    return sum() / (as_1x_ ? best : std::min(best, static_cast<double>(cut)));
  }

  RankScore score_;
  size_t cut_;
  double empty_;  // the value of a query without relevant documents
  bool exponential_;
  bool as_1x_;
  PerDataset<Queries> known_;
  std::vector<double> discount_;  // by rank; 0 behind the cut
  std::vector<Scratch> scratch_;  // by thread
};

// Area under the precision-recall curve, interpolated between equal scores as Davis and Goadrich
// do.
class AucPr final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    if (!f.group_sizes.empty()) return Ranking(p, f);
    const bool weighted = f.weight.size() == rows;
    if (classes <= 1) {
      if (!weighted && pairs_.Arrange(p, f.label, 1, true, pool)) {
        return pairs_.PrecisionRecallArea(pool);
      }
      return Area(p, f, [&](uint32_t i) { return static_cast<double>(f.label[i]); });
    }
    // Each class against the rest counts the same, however frequent it is.
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) {
      const std::span<const float> score = ScoreOfClass(p, classes, c, pool, score_);
      const auto of = static_cast<float>(c);
      sum += !weighted && pairs_.Arrange(score, f.label, of, false, pool)
                 ? pairs_.PrecisionRecallArea(pool)
                 : Area(score, f, [&](uint32_t i) { return f.label[i] == of ? 1.0 : 0.0; });
    }
    return sum / static_cast<double>(classes);
  }

 private:
  // The mean over the queries that have relevant documents.
  double Ranking(std::span<const float> p, const RowFields& f) {
    double sum = 0;
    size_t queries = 0;
    size_t begin = 0;
    RowFields of;
    for (size_t q = 0; q < f.group_sizes.size(); ++q) {
      const size_t size = f.group_sizes[q];
      const auto label = std::span(f.label).subspan(begin, size);
      of.label.assign(label.begin(), label.end());
      const double area = Area(p.subspan(begin, size), of,
                               [&](uint32_t i) { return static_cast<double>(label[i]); });
      begin += size;
      if (!QueryCounts(f, q) || std::isnan(area)) continue;
      sum += area;
      ++queries;
    }
    return queries == 0 ? kNaN : sum / static_cast<double>(queries);
  }

  template <typename IsPositive>
  double Area(std::span<const float> score, const RowFields& f, IsPositive&& is_positive) {
    const size_t rows = score.size();
    std::vector<uint32_t>& order = order_;
    RankByScore(score, order);
    double total = 0;
    for (size_t i = 0; i < rows; ++i)
      total += WeightOf(f, i) * is_positive(static_cast<uint32_t>(i));
    if (!(total > 0)) return kNaN;
    double area = 0;
    double tp = 0;
    double fp = 0;
    for (size_t i = 0; i < rows;) {
      const double tp0 = tp;
      const double fp0 = fp;
      const float at = score[order[i]];
      do {  // a NaN is a step of its own
        const double w = WeightOf(f, order[i]);
        const double share = is_positive(order[i]);
        tp += w * share;
        fp += w * (1 - share);
        ++i;
      } while (i < rows && score[order[i]] == at);
      const double gained = tp - tp0;
      if (gained <= 0) continue;
      // Along the step false positives grow linearly with true ones: fp = a + h (tp - tp0).
      const double h = (fp - fp0) / gained;
      const double a = (fp0 - h * tp0) / total;
      const double b = 1 + h;
      const double from = tp0 / total;
      const double to = tp / total;
      area += a == 0 ? (to - from) / b
                     : (to - from - a / b * (std::log(b * to + a) - std::log(b * from + a))) / b;
    }
    return area;
  }

  ScorePairs pairs_;  // working memory, as the rest
  std::vector<uint32_t> order_;
  std::vector<float> score_;
};

}  // namespace

std::unique_ptr<Metric> MakeRankMetric(RankScore score, size_t cut, bool empty_is_zero,
                                       bool exponential, bool as_1x) {
  return std::make_unique<RankMetric>(score, cut, empty_is_zero, exponential, as_1x);
}

std::unique_ptr<Metric> MakeAuc() { return std::make_unique<Auc>(); }
std::unique_ptr<Metric> MakeAucPr() { return std::make_unique<AucPr>(); }

}  // namespace clary::gbdt
