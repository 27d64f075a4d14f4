// Learning to rank: LambdaMART on pairs of documents of a query.
#include <cmath>
#include <numeric>
#include <vector>

#include "gbdt/internal/objective_impl.h"
#include "gbdt/internal/ranking.h"

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
    if (params->version < 2) {
      metric_ = "map";
    } else if (topk_) {
      metric_ += "@" + std::to_string(pairs_);
    }
  }

  Status CheckLabels(const Dataset& data) const override {
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
    const RowFields& f = data.fields();
    const std::vector<size_t> begin = QueryBegins(f, margin.size());
    const size_t queries = begin.size() - 1;
    double total_weight = 0;
    const bool weighted = f.weight.size() == queries;
    if (weighted) {
      for (const float w : f.weight) total_weight += w;
    }
    std::vector<PositionCosts> costs(unbiased_ ? queries : 0);
    if (unbiased_ && bias_high_.empty()) {
      size_t longest = 0;
      for (size_t q = 0; q < queries; ++q) longest = std::max(longest, begin[q + 1] - begin[q]);
      bias_high_.assign(topk_ ? static_cast<size_t>(pairs_) : std::min<size_t>(longest, 32), 1.0);
      bias_low_ = bias_high_;
    }
    for (size_t q = 0; q < queries; ++q) {
      while (discount_.size() < begin[q + 1] - begin[q]) {
        discount_.push_back(DcgDiscount(discount_.size()));
      }
    }
    pool.ForEach(queries, [&](size_t q, int) {
      const size_t size = begin[q + 1] - begin[q];
      const double w = weighted ? f.weight[q] * static_cast<double>(queries) / total_weight : 1.0;
      Query(margin.subspan(begin[q], size), std::span(f.label).subspan(begin[q], size),
            static_cast<uint32_t>(round) * 0x9E3779B1U + static_cast<uint32_t>(q) + seed_, w,
            grad.subspan(begin[q], size), hess.subspan(begin[q], size),
            unbiased_ ? &costs[q] : nullptr);
    });
    if (unbiased_) LearnBias(costs);
  }
  void Save(ObjectiveConfig& config) const override {
    config.position_bias_high.assign(bias_high_.begin(), bias_high_.end());
    config.position_bias_low.assign(bias_low_.begin(), bias_low_.end());
  }
  void Transform(std::span<float>, ThreadPool&) const override {}
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

  // costs: what the query adds to learning the position bias; nullptr if there is none to learn.
  void Query(std::span<const float> score, std::span<const float> label, uint32_t seed,
             double weight, std::span<float> grad, std::span<float> hess,
             PositionCosts* costs) const {
    if (costs != nullptr) {
      const size_t positions = std::min(score.size(), bias_high_.size());
      costs->high.resize(positions);
      costs->low.resize(positions);
    }
    const size_t n = score.size();
    std::vector<double> g(n, 0);
    std::vector<double> h(n, 0);
    const std::vector<uint32_t> order = RankByScore(score);
    // Per rank: gains for ndcg; relevant documents so far and their reciprocal ranks for map.
    double inverse_best = 0;
    std::vector<double> gain(n);  // by document
    std::vector<double> relevant(n);
    std::vector<double> reciprocal(n);
    if (kind_ == kNdcg) {
      const size_t cut = topk_ ? static_cast<size_t>(pairs_) : n;
      const double best = BestDcg(label, cut, exponential_gain_);
      inverse_best = best > 0 ? 1 / best : 0;
      for (size_t i = 0; i < n; ++i) gain[i] = DcgGain(label[i], exponential_gain_);
    } else if (kind_ == kMap) {
      double count = 0;
      double sum = 0;
      for (size_t r = 0; r < n; ++r) {
        const double y = label[order[r]];
        count += y;
        sum += y / static_cast<double>(r + 1);
        relevant[r] = count;
        reciprocal[r] = sum;
      }
    }
    const bool spread = n > 0 && score[order.front()] != score[order.back()];
    double total = 0;
    const auto pair = [&](size_t a, size_t b) {  // ranks, a < b
      const uint32_t i = order[a];
      const uint32_t j = order[b];
      if (label[i] == label[j]) return;
      const uint32_t high = label[i] > label[j] ? i : j;
      const uint32_t low = high == i ? j : i;
      double delta = 1;
      if (kind_ == kNdcg) {
        delta = std::fabs((gain[high] - gain[low]) * (discount_[a] - discount_[b])) * inverse_best;
      } else if (kind_ == kMap) {
        // What average precision changes by when the documents at both ranks trade places.
        const double between = reciprocal[b - 1] - reciprocal[a];
        const double at_a = static_cast<double>(a + 1);
        const double at_b = static_cast<double>(b + 1);
        const double change = high == i ? relevant[b] / at_b - relevant[a] / at_a - between
                                        : (relevant[a] + 1) / at_a + between - relevant[b] / at_b;
        delta = std::fabs(change) / relevant[n - 1];
      }
      const double difference = static_cast<double>(score[high]) - score[low];
      const double p = 1 / (1 + std::exp(-difference));
      if (normalize_scores_ && spread) delta /= std::fabs(difference) + 0.01;
      double lambda = (p - 1) * delta;
      double curve = std::max(p * (1 - p), 1e-16) * delta * 2;
      if (costs != nullptr && high < costs->high.size() && low < costs->high.size()) {
        const double bias_high = bias_high_[high];
        const double bias_low = bias_low_[low];
        const double cost = std::log(1 / (1 - p)) * delta;
        if (bias_low >= kLeastBias) costs->high[high] += cost / bias_low;
        if (bias_high >= kLeastBias) costs->low[low] += cost / bias_high;
        if (bias_low >= kLeastBias && bias_high >= kLeastBias) {
          lambda /= bias_high * bias_low;
          curve /= bias_high * bias_low;
        }
      }
      g[high] += lambda;
      g[low] -= lambda;
      h[high] += curve;
      h[low] += curve;
      total -= 2 * lambda;
    };
    if (topk_) {
      const size_t cut = std::min(n, static_cast<size_t>(pairs_));
      for (size_t a = 0; a < cut; ++a) {
        for (size_t b = a + 1; b < n; ++b) pair(a, b);
      }
    } else {
      // A few partners of another label for each document, drawn by counter.
      uint32_t state = seed * 0x85EBCA77U + 1;
      for (size_t a = 0; a < n; ++a) {
        for (int k = 0; k < pairs_; ++k) {
          state = state * 747796405U + 2891336453U;
          const size_t b = (state >> 8) % n;
          if (a != b) pair(std::min(a, b), std::max(a, b));
        }
      }
    }
    double scale = weight;
    if (normalize_) {
      if (topk_) {
        if (total > 0) scale *= std::log2(1 + total) / total;
      } else {
        scale /= pairs_;
      }
    }
    for (size_t i = 0; i < n; ++i) {
      grad[i] = static_cast<float>(g[i] * scale);
      hess[i] = static_cast<float>(h[i] * scale);
    }
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
  std::vector<double> discount_;   // by rank, as far as the longest query
  std::string metric_ = "ndcg";
};

}  // namespace

std::unique_ptr<Objective> MakeLambdaRank(const ObjectiveConfig& config,
                                          const TrainParams* params) {
  return std::make_unique<LambdaRank>(config, params);
}

}  // namespace clary::gbdt
