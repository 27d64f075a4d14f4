// Learning to rank: LambdaMART on pairs of documents of a query.
#include <cmath>
#include <optional>
#include <vector>

#include "gbdt/internal/objective_impl.h"
#include "gbdt/internal/ranking.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

class LambdaRank final : public Objective {
 public:
  LambdaRank(const ObjectiveConfig& config, const TrainParams* params)
      : kind_(config.name == "rank:ndcg" ? kNdcg : (config.name == "rank:map" ? kMap : kPairwise)) {
    if (params == nullptr) return;
    topk_ = params->lambdarank_pair_method == "topk";
    pairs_ = params->lambdarank_num_pair_per_sample;
    if (pairs_ == 0) pairs_ = topk_ ? 32 : 1;
    normalize_ = params->lambdarank_normalization;
    normalize_scores_ = params->lambdarank_score_normalization;
    exponential_gain_ = params->ndcg_exp_gain;
    seed_ = static_cast<uint32_t>(params->seed);
    unbiased_ = params->lambdarank_unbiased;
    bias_power_ = 1 / (1 + params->lambdarank_bias_norm);
    bias_high_.assign(config.position_bias_high.begin(), config.position_bias_high.end());
    bias_low_.assign(config.position_bias_low.begin(), config.position_bias_low.end());
    metric_ = kind_ == kMap ? "map" : "ndcg";
    if (topk_) metric_ += "@" + std::to_string(pairs_);
  }

  Status CheckLabels(const Dataset& data) const override {
    const RowFields& f = data.fields();
    const size_t queries = std::max<size_t>(1, f.group_sizes.size());
    if (!f.weight.empty() && f.weight.size() != queries) {
      return Fail(Code::kInvalidArgument, "BadWeight",
                  "ranking needs a weight for each query, not for each row: there are " +
                      std::to_string(f.weight.size()) + " weights and " + std::to_string(queries) +
                      " queries. Size of weight must equal to the number of query groups when "
                      "ranking group is used.");
    }
    if (kind_ == kMap) {
      return CheckEach(
          data, [](float y) { return y == 0 || y == 1; }, "rank:map needs labels 0 or 1");
    }
    if (kind_ == kNdcg && exponential_gain_) {
      return CheckEach(
          data, [](float y) { return y >= 0 && y <= 31 && y == std::floor(y); },
          "rank:ndcg needs integer labels from 0 to 31");
    }
    return {};
  }

  void Gradient(std::span<const float> margin, const Dataset& data, int round, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess) override {
    if (!queries_ || !queries_->data.SameAs(data)) Prepare(data);
    const std::vector<size_t>& begin = queries_->begin;
    const size_t queries = begin.size() - 1;
    std::vector<PositionCosts> costs(unbiased_ ? queries : 0);
    memory_.resize(static_cast<size_t>(pool.size()));
    pool.ForEach(queries, [&](size_t q, int thread) {
      const size_t size = begin[q + 1] - begin[q];
      Query(q, margin.subspan(begin[q], size),
            static_cast<uint32_t>(round) * 0x9E3779B1U + static_cast<uint32_t>(q) + seed_,
            grad.subspan(begin[q], size), hess.subspan(begin[q], size),
            unbiased_ ? &costs[q] : nullptr, memory_[static_cast<size_t>(thread)]);
    });
    if (unbiased_) LearnBias(costs);
  }
  void Save(ObjectiveConfig& config) const override {
    config.position_bias_high.assign(bias_high_.begin(), bias_high_.end());
    config.position_bias_low.assign(bias_low_.begin(), bias_low_.end());
  }
  void Transform(std::span<const float> margin, std::span<float> out, ThreadPool&) const override {
    CopyBlock(margin, out, 0, margin.size());
  }
  bool transforms() const override { return false; }
  bool rows_apart() const override { return false; }
  std::string_view default_metric() const override { return metric_; }

 private:
  enum Kind { kPairwise, kNdcg, kMap };
  // Unbiased LambdaMART (Hu et al., "Unbiased LambdaMART: An Unbiased Pairwise Learning-to-Rank
  // Algorithm", 2019): the order of a query's rows is the order in which they were shown, and
  // clicks favour the first. What a query's pairs cost by the position of their better and of their
  // worse document, each divided by the bias of the other one's position.
  struct PositionCosts {
    std::vector<double> high;
    std::vector<double> low;
  };
  static constexpr double kLeastBias = 1e-16;

  // What is the same in every round.
  struct Queries {
    Dataset data;
    std::vector<size_t> begin;         // [queries + 1]
    std::vector<double> weight;        // [queries], of mean 1
    std::vector<double> inverse_best;  // [queries], of the best DCG; 0 if that is 0; ndcg only
    std::vector<float> gain;           // [rows], what the label is worth
  };
  // A thread's working memory: a query's documents by rank. The floats are padded for the kernel.
  struct Memory {
    std::vector<uint32_t> order;  // document at a rank
    std::vector<float> score;
    std::vector<float> exp;  // of the score less the middle one, and its inverse
    std::vector<float> inverse_exp;
    std::vector<float> gain;
    std::vector<float> delta;
    std::vector<float> grad;
    std::vector<float> hess;
    std::vector<double> relevant;    // for map: relevant documents up to a rank
    std::vector<double> reciprocal;  // and the sum of their reciprocal ranks
  };

  void Prepare(const Dataset& data) {
    const RowFields& f = data.fields();
    queries_.emplace(Queries{.data = data, .begin = QueryBegins(f, data.rows())});
    const std::vector<size_t>& begin = queries_->begin;
    const size_t queries = begin.size() - 1;
    queries_->weight.assign(queries, 1);
    if (f.weight.size() == queries) {
      double total = 0;
      for (const float w : f.weight) total += w;
      for (size_t q = 0; q < queries; ++q) {
        queries_->weight[q] = f.weight[q] * static_cast<double>(queries) / total;
      }
    }
    size_t longest = 0;
    for (size_t q = 0; q < queries; ++q) longest = std::max(longest, begin[q + 1] - begin[q]);
    discount_.clear();
    for (size_t r = 0; r < longest + kPairLanes; ++r) {
      discount_.push_back(static_cast<float>(DcgDiscount(r)));
    }
    if (unbiased_ && bias_high_.empty()) {
      bias_high_.assign(topk_ ? static_cast<size_t>(pairs_) : std::min<size_t>(longest, 32), 1.0);
      bias_low_ = bias_high_;
    }
    queries_->gain = f.label;
    if (kind_ != kNdcg) return;
    for (float& v : queries_->gain) v = static_cast<float>(DcgGain(v, exponential_gain_));
    for (size_t q = 0; q < queries; ++q) {
      const size_t size = begin[q + 1] - begin[q];
      const double best = BestDcg(std::span(f.label).subspan(begin[q], size),
                                  topk_ ? static_cast<size_t>(pairs_) : size, exponential_gain_);
      queries_->inverse_best.push_back(best > 0 ? 1 / best : 0);
    }
  }

  void LearnBias(const std::vector<PositionCosts>& costs) {
    PositionCosts sum{.high = std::vector<double>(bias_high_.size()),
                      .low = std::vector<double>(bias_low_.size())};
    for (const PositionCosts& query : costs) {
      for (size_t i = 0; i < query.high.size(); ++i) {
        sum.high[i] += query.high[i];
        sum.low[i] += query.low[i];
      }
    }
    const auto update = [&](const std::vector<double>& cost, std::vector<double>& bias) {
      if (bias.empty() || cost[0] < kLeastBias) return;
      for (size_t i = 0; i < bias.size(); ++i) bias[i] = std::pow(cost[i] / cost[0], bias_power_);
    };
    update(sum.high, bias_high_);
    update(sum.low, bias_low_);
  }

  // What average precision changes by when the documents at ranks a < b trade places.
  double MapDelta(const Memory& m, size_t a, size_t b, bool a_is_better) const {
    const double between = m.reciprocal[b - 1] - m.reciprocal[a];
    const double at_a = static_cast<double>(a + 1);
    const double at_b = static_cast<double>(b + 1);
    const double change = a_is_better ? m.relevant[b] / at_b - m.relevant[a] / at_a - between
                                      : (m.relevant[a] + 1) / at_a + between - m.relevant[b] / at_b;
    return std::fabs(change) / m.relevant.back();
  }

  // costs: what the query adds to learning the position bias; nullptr if there is none to learn.
  void Query(size_t query, std::span<const float> score, uint32_t seed, std::span<float> grad,
             std::span<float> hess, PositionCosts* costs, Memory& m) const {
    const size_t n = score.size();
    if (n == 0) return;
    RankByScore(score, m.order);
    const size_t padded = (n + kPairLanes - 1) / kPairLanes * kPairLanes;
    for (std::vector<float>* v :
         {&m.score, &m.exp, &m.inverse_exp, &m.gain, &m.delta, &m.grad, &m.hess}) {
      v->resize(padded);
    }
    std::ranges::fill(m.grad, 0.0F);
    std::ranges::fill(m.hess, 0.0F);
    const float* const gain = queries_->gain.data() + queries_->begin[query];
    for (size_t r = 0; r < n; ++r) {
      m.score[r] = score[m.order[r]];
      m.gain[r] = gain[m.order[r]];
    }
    if (kind_ == kMap) {
      m.relevant.resize(n);
      m.reciprocal.resize(n);
      double count = 0;
      double sum = 0;
      for (size_t r = 0; r < n; ++r) {
        count += m.gain[r];
        sum += m.gain[r] / static_cast<double>(r + 1);
        m.relevant[r] = count;
        m.reciprocal[r] = sum;
      }
    }
    const double unit = kind_ == kNdcg ? queries_->inverse_best[query] : 1;
    const bool by_distance = normalize_scores_ && m.score[0] != m.score[n - 1];
    const double total =
        unit * (topk_ && costs == nullptr ? TopPairs(n, by_distance, m)
                                          : SinglePairs(n, by_distance, unit, seed, costs, m));
    double scale = queries_->weight[query] * unit;
    if (normalize_) {
      if (!topk_) {
        scale /= pairs_;
      } else if (total > 0) {
        scale *= std::log2(1 + total) / total;
      }
    }
    for (size_t r = 0; r < n; ++r) {
      grad[m.order[r]] = static_cast<float>(m.grad[r] * scale);
      hess[m.order[r]] = static_cast<float>(m.hess[r] * scale);
    }
  }

  // All pairs with one of the first ranks. Returns the sum of the sizes of all gradients.
  double TopPairs(size_t n, bool by_distance, Memory& m) const {
    const float middle = (m.score[0] + m.score[n - 1]) / 2;
    kernels_.exp(m.score.data(), middle, 1, n, m.exp.data());
    kernels_.exp(m.score.data(), middle, -1, n, m.inverse_exp.data());
    double total = 0;
    for (size_t a = 0; a < std::min(n, static_cast<size_t>(pairs_)); ++a) {
      if (kind_ != kNdcg) {
        for (size_t b = a + 1; b < n; ++b) {
          m.delta[b] = kind_ == kPairwise || m.gain[a] == m.gain[b]
                           ? 1.0F
                           : static_cast<float>(MapDelta(m, a, b, m.gain[a] > m.gain[b]));
        }
      }
      total += 2.0 * kernels_.lambda_pairs({.score = m.score.data(),
                                            .exp = m.exp.data(),
                                            .inverse_exp = m.inverse_exp.data(),
                                            .gain = m.gain.data(),
                                            .discount = discount_.data(),
                                            .delta = kind_ == kNdcg ? nullptr : m.delta.data(),
                                            .count = static_cast<uint32_t>(n),
                                            .rank = static_cast<uint32_t>(a),
                                            .by_distance = by_distance,
                                            .grad = m.grad.data(),
                                            .hess = m.hess.data()});
    }
    return total;
  }

  // The same one pair at a time, for what the kernel does not know: position bias, pairs drawn at
  // random, scores that are very far apart. `unit`: what a delta of 1 stands for.
  double SinglePairs(size_t n, bool by_distance, double unit, uint32_t seed, PositionCosts* costs,
                     Memory& m) const {
    if (costs != nullptr) {
      costs->high.resize(std::min(n, bias_high_.size()));
      costs->low.resize(costs->high.size());
    }
    double total = 0;
    const auto pair = [&](size_t a, size_t b) {  // ranks, a < b
      if (m.gain[a] == m.gain[b]) return;
      const bool a_is_better = m.gain[a] > m.gain[b];
      const size_t high = a_is_better ? a : b;
      const size_t low = a_is_better ? b : a;
      double delta = 1;
      if (kind_ == kNdcg) {
        delta = static_cast<double>(m.gain[high] - m.gain[low]) * (discount_[a] - discount_[b]);
      } else if (kind_ == kMap) {
        delta = MapDelta(m, a, b, a_is_better);
      }
      const double difference = static_cast<double>(m.score[high]) - m.score[low];
      const double p = 1 / (1 + std::exp(-difference));
      if (by_distance) delta /= std::fabs(difference) + 0.01;
      double lambda = (p - 1) * delta;
      double curve = std::max(p * (1 - p), 1e-16) * delta * 2;
      if (costs != nullptr) {
        const size_t position_high = m.order[high];
        const size_t position_low = m.order[low];
        if (std::max(position_high, position_low) < costs->high.size()) {
          const double bias_high = bias_high_[position_high];
          const double bias_low = bias_low_[position_low];
          const double cost = std::log(1 / (1 - p)) * delta * unit;
          if (bias_low >= kLeastBias) costs->high[position_high] += cost / bias_low;
          if (bias_high >= kLeastBias) costs->low[position_low] += cost / bias_high;
          if (bias_low >= kLeastBias && bias_high >= kLeastBias) {
            lambda /= bias_high * bias_low;
            curve /= bias_high * bias_low;
          }
        }
      }
      m.grad[high] += static_cast<float>(lambda);
      m.grad[low] -= static_cast<float>(lambda);
      m.hess[high] += static_cast<float>(curve);
      m.hess[low] += static_cast<float>(curve);
      total -= 2 * lambda;
    };
    if (topk_) {
      for (size_t a = 0; a < std::min(n, static_cast<size_t>(pairs_)); ++a) {
        for (size_t b = a + 1; b < n; ++b) pair(a, b);
      }
      return total;
    }
    // A few partners of another label for each document, drawn by counter.
    uint32_t state = seed * 0x85EBCA77U + 1;
    for (size_t a = 0; a < n; ++a) {
      for (int k = 0; k < pairs_; ++k) {
        state = state * 747796405U + 2891336453U;
        const size_t b = (state >> 8) % n;
        if (a != b) pair(std::min(a, b), std::max(a, b));
      }
    }
    return total;
  }

  Kind kind_;
  bool topk_ = true;
  int pairs_ = 32;
  bool normalize_ = true;
  bool normalize_scores_ = true;
  bool exponential_gain_ = true;
  uint32_t seed_ = 0;
  bool unbiased_ = false;
  double bias_power_ = 0.5;
  std::vector<double> bias_high_;  // by position; of the better document of a pair
  std::vector<double> bias_low_;   // and of the worse one
  std::optional<Queries> queries_;
  std::vector<float> discount_;  // by rank, as far as the longest query and the kernel's padding
  std::vector<Memory> memory_;   // by thread
  const Kernels& kernels_ = BestKernels();
  std::string metric_ = "ndcg";
};

}  // namespace

std::unique_ptr<Objective> MakeLambdaRank(const ObjectiveConfig& config,
                                          const TrainParams* params) {
  return std::make_unique<LambdaRank>(config, params);
}

}  // namespace clary::gbdt
