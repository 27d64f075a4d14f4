#include "gbdt/exact_grower.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

namespace clary::gbdt {
namespace {

constexpr float kLeastGain = 1e-6F;  // a split must gain more; also how far beyond the last value

}  // namespace

ExactGrower::ExactGrower(const TrainParams& params, const Dataset& data, ThreadPool& pool)
    : params_(params),
      pool_(pool),
      scorer_(params),
      eta_(params.eta / static_cast<float>(params.num_parallel_tree)),
      rows_(data.rows()) {
  const uint32_t columns = data.columns();
  std::vector<float> row(columns);
  begin_.assign(size_t{columns} + 1, 0);
  const auto for_each = [&](auto&& body) {
    for (size_t r = 0; r < rows_; ++r) {
      if (data.is_sparse()) {
        const auto csr = data.csr();
        for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
          if (!std::isnan(csr.value[k])) body(r, csr.column[k], csr.value[k]);
        }
      } else {
        const float* values = data.dense().data() + r * columns;
        for (uint32_t f = 0; f < columns; ++f) {
          if (!std::isnan(values[f])) body(r, f, values[f]);
        }
      }
    }
  };
  for_each([&](size_t, uint32_t f, float) { ++begin_[f + 1]; });
  for (uint32_t f = 0; f < columns; ++f) begin_[f + 1] += begin_[f];
  entries_.resize(begin_.back());
  std::vector<size_t> next(begin_.begin(), begin_.end() - 1);
  for_each([&](size_t r, uint32_t f, float x) {
    entries_[next[f]++] = {.value = x, .row = static_cast<uint32_t>(r)};
  });
  pool.ForEach(columns, [&](size_t f, int) {
    std::stable_sort(entries_.begin() + static_cast<std::ptrdiff_t>(begin_[f]),
                     entries_.begin() + static_cast<std::ptrdiff_t>(begin_[f + 1]),
                     [](const Entry& a, const Entry& b) { return a.value < b.value; });
  });
}

template <bool kForward>
void ExactGrower::Scan(std::span<const OpenNode> level, uint32_t f,
                       std::span<Running> running) const {
  const std::span<const Entry> entries = column(f);
  const double least = params_.min_child_weight;
  // `sum` is of the rows that were met: the left ones forward, the right ones backward.
  const auto consider = [&](const OpenNode& node, Running& r, float threshold) {
    const PackedGrad left = kForward ? r.sum : node.total - r.sum;
    const auto score =
        scorer_.SplitScore(scale_.ToReal(left), scale_.ToReal(node.total - left), f, node.bounds);
    if (!score) return;
    const float gain = *score - node.own_gain;
    if (gain > r.best.gain && !std::isinf(gain)) {
      r.best = {.gain = gain,
                .feature = f,
                .threshold = threshold,
                .default_left = !kForward,
                .left = left};
    }
  };
  for (Running& r : running) r.sum = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& e = entries[kForward ? i : entries.size() - 1 - i];
    const RowState& row = state_[e.row];
    if (row.slot == kNoSlot) continue;
    Running& r = running[row.slot];
    const int32_t hess = HessOf(r.sum);
    if (e.value != r.last && hess != 0 && static_cast<double>(hess) * scale_.hess_unit >= least) {
      const OpenNode& node = level[row.slot];
      if (node.may_use.empty() || node.may_use[f] != 0) {
        const float middle = (e.value + r.last) * 0.5F;
        consider(node, r, middle == e.value ? r.last : middle);
      }
    }
    r.sum += row.grad;
    r.last = e.value;
  }
  // All present values on one side, missing ones on the other.
  for (size_t s = 0; s < running.size(); ++s) {
    Running& r = running[s];
    const OpenNode& node = level[s];
    if (HessOf(r.sum) == 0 || (!node.may_use.empty() && node.may_use[f] == 0)) continue;
    const float gap = std::fabs(r.last) + kLeastGain;
    consider(node, r, kForward ? r.last + gap : r.last - gap);
  }
}

void ExactGrower::Search(std::span<OpenNode> level, std::span<const uint32_t> features) {
  std::vector<std::vector<Running>> running(static_cast<size_t>(pool_.size()));
  std::vector<std::vector<Candidate>> best(static_cast<size_t>(pool_.size()));
  for (size_t t = 0; t < running.size(); ++t) {
    running[t].resize(level.size());
    best[t].resize(level.size());
  }
  pool_.ForEach(features.size(), [&](size_t i, int thread) {
    const auto t = static_cast<size_t>(thread);
    const uint32_t f = features[i];
    const auto entries = column(f);
    if (entries.empty()) return;
    for (Running& r : running[t]) r.best = {};
    const bool constant = entries.front().value == entries.back().value;
    if (entries.size() < rows_ && !constant) Scan<true>(level, f, running[t]);
    Scan<false>(level, f, running[t]);
    for (size_t s = 0; s < level.size(); ++s) {
      if (running[t][s].best.Beats(best[t][s])) best[t][s] = running[t][s].best;
    }
  });
  for (const auto& of_thread : best) {
    for (size_t s = 0; s < level.size(); ++s) {
      if (of_thread[s].Beats(level[s].best)) level[s].best = of_thread[s];
    }
  }
}

void ExactGrower::MakeLeaf(Tree& tree, const OpenNode& node) const {
  const auto n = static_cast<size_t>(node.id);
  tree.threshold[n] = eta_ * tree.base_weight[n];
}

void ExactGrower::MoveRows(const Tree& tree, std::span<const OpenNode> split,
                           std::span<const uint32_t> slot_of) {
  // First everyone to the default side, then those that have a value to theirs.
  constexpr size_t kRows = 16384;
  std::vector<uint8_t> is_split(tree.size(), 0);
  for (const OpenNode& node : split) is_split[static_cast<size_t>(node.id)] = 1;
  pool_.ForEach((rows_ + kRows - 1) / kRows, [&](size_t b, int) {
    for (size_t r = b * kRows; r < std::min(rows_, (b + 1) * kRows); ++r) {
      const auto n = static_cast<size_t>(node_of_[r]);
      if (is_split[n] != 0) node_of_[r] = tree.left[n] + (tree.default_left[n] != 0 ? 0 : 1);
    }
  });
  std::vector<uint32_t> features;
  for (const OpenNode& node : split) features.push_back(node.best.feature);
  std::ranges::sort(features);
  features.erase(std::unique(features.begin(), features.end()), features.end());
  // A row is in one node, which splits by one feature: no two tasks write to the same row. Others
  // may read it meanwhile; either child has the same parent.
  pool_.ForEach(features.size(), [&](size_t i, int) {
    for (const Entry& e : column(features[i])) {
      const std::atomic_ref<NodeId> node(node_of_[e.row]);
      const NodeId parent = tree.parent[static_cast<size_t>(node.load(std::memory_order_relaxed))];
      if (parent == kNoNode) continue;
      const auto p = static_cast<size_t>(parent);
      if (is_split[p] == 0 || tree.feature[p] != features[i]) continue;
      node.store(tree.left[p] + (e.value < tree.threshold[p] ? 0 : 1), std::memory_order_relaxed);
    }
  });
  pool_.ForEach((rows_ + kRows - 1) / kRows, [&](size_t b, int) {
    for (size_t r = b * kRows; r < std::min(rows_, (b + 1) * kRows); ++r) {
      const bool counts = is_dropped_.empty() || is_dropped_[r] == 0;
      state_[r].slot = counts ? slot_of[static_cast<size_t>(node_of_[r])] : kNoSlot;
    }
  });
}

Tree ExactGrower::Grow(const PackedGrad* packed, const GradScale& scale,
                       std::span<const uint32_t> dropped, FeatureSampler& features) {
  scale_ = scale;
  state_.resize(rows_);
  node_of_.assign(rows_, 0);
  is_dropped_.clear();
  if (!dropped.empty()) is_dropped_.resize(rows_, 0);
  for (const uint32_t r : dropped) is_dropped_[r] = 1;
  for (size_t r = 0; r < rows_; ++r) {
    const bool counts = is_dropped_.empty() || is_dropped_[r] == 0;
    state_[r] = {.grad = packed[r], .slot = counts ? 0 : kNoSlot};
  }
  features.StartTree();

  Tree tree;
  std::vector<OpenNode> level(1);
  level[0].id = tree.AddNode(kNoNode);
  for (int depth = 0; !level.empty(); ++depth) {
    for (const RowState& row : state_) {
      if (row.slot != kNoSlot) level[row.slot].total += row.grad;
    }
    for (OpenNode& node : level) {
      const auto n = static_cast<size_t>(node.id);
      const GradSum sum = scale_.ToReal(node.total);
      node.own_gain = scorer_.NodeGain(sum, node.bounds);
      tree.cover[n] = static_cast<float>(sum.hess);
      tree.base_weight[n] = scorer_.Weight(sum, node.bounds);
    }
    std::vector<OpenNode> split;
    if (depth < params_.max_depth) {
      const auto set = features.ForNode(depth);
      if (!params_.interaction_constraints.empty()) {
        for (OpenNode& node : level) {
          node.may_use.assign(begin_.size() - 1, 0);
          for (const uint32_t f :
               AllowedFeatures(params_.interaction_constraints, node.path, set)) {
            node.may_use[f] = 1;
          }
        }
      }
      Search(level, set);
    }
    for (OpenNode& node : level) {
      if (node.best.gain > kLeastGain) {
        split.push_back(std::move(node));
      } else {
        MakeLeaf(tree, node);
      }
    }
    std::vector<OpenNode> children;
    for (const OpenNode& node : split) {
      const Candidate& best = node.best;
      tree.gain[static_cast<size_t>(node.id)] = best.gain;
      OpenNode left;
      left.id = tree.Split(node.id, best.feature, best.threshold, best.default_left);
      if (!params_.interaction_constraints.empty()) {
        left.path = node.path;
        const auto at = std::ranges::lower_bound(left.path, best.feature);
        if (at == left.path.end() || *at != best.feature) left.path.insert(at, best.feature);
      }
      OpenNode right = left;
      right.id = left.id + 1;
      std::tie(left.bounds, right.bounds) =
          scorer_.ChildBounds(node.bounds, best.feature, scale_.ToReal(best.left),
                              scale_.ToReal(node.total - best.left));
      children.push_back(std::move(left));
      children.push_back(std::move(right));
    }
    if (!split.empty()) {
      std::vector<uint32_t> slot_of(tree.size(), kNoSlot);
      for (size_t s = 0; s < children.size(); ++s) {
        slot_of[static_cast<size_t>(children[s].id)] = static_cast<uint32_t>(s);
      }
      MoveRows(tree, split, slot_of);
    }
    level = std::move(children);
  }
  return params_.gamma > 0 ? Prune(std::move(tree)) : tree;
}

Tree ExactGrower::Prune(Tree tree) {
  // Children have higher numbers than their parents.
  for (auto n = static_cast<NodeId>(tree.size()) - 1; n >= 0; --n) {
    const auto i = static_cast<size_t>(n);
    const NodeId left = tree.left[i];
    if (left == kNoNode || !tree.IsLeaf(left) || !tree.IsLeaf(left + 1)) continue;
    if (tree.gain[i] >= params_.gamma) continue;
    tree.left[i] = kNoNode;
    tree.threshold[i] = eta_ * tree.base_weight[i];
    tree.feature[i] = 0;
    tree.default_left[i] = 0;
    tree.gain[i] = 0;
  }
  Tree kept;
  std::vector<NodeId> now(tree.size(), kNoNode);
  std::vector<NodeId> queue = {0};
  now[0] = kept.AddNode(kNoNode);
  for (size_t q = 0; q < queue.size(); ++q) {
    const auto from = static_cast<size_t>(queue[q]);
    const NodeId to = now[from];
    if (const NodeId left = tree.left[from]; left != kNoNode) {
      const auto l = static_cast<size_t>(left);
      now[l] =
          kept.Split(to, tree.feature[from], tree.threshold[from], tree.default_left[from] != 0);
      now[l + 1] = now[l] + 1;
      queue.push_back(left);
      queue.push_back(left + 1);
    } else {
      kept.threshold[static_cast<size_t>(to)] = tree.threshold[from];
    }
    kept.gain[static_cast<size_t>(to)] = tree.gain[from];
    kept.cover[static_cast<size_t>(to)] = tree.cover[from];
    kept.base_weight[static_cast<size_t>(to)] = tree.base_weight[from];
  }
  // Rows of nodes that are gone belong to the nearest ancestor that is left.
  for (size_t n = 1; n < tree.size(); ++n) {
    if (now[n] == kNoNode) now[n] = now[static_cast<size_t>(tree.parent[n])];
  }
  for (NodeId& n : node_of_) n = now[static_cast<size_t>(n)];
  return kept;
}

std::vector<LeafRows> ExactGrower::leaves() {
  NodeId most = 0;
  for (const NodeId n : node_of_) most = std::max(most, n);
  std::vector<size_t> begin(static_cast<size_t>(most) + 2, 0);
  const auto counts = [&](size_t r) { return is_dropped_.empty() || is_dropped_[r] == 0; };
  for (size_t r = 0; r < rows_; ++r) {
    if (counts(r)) ++begin[static_cast<size_t>(node_of_[r]) + 1];
  }
  for (size_t n = 1; n < begin.size(); ++n) begin[n] += begin[n - 1];
  leaf_rows_.resize(begin.back());
  std::vector<size_t> next = begin;
  for (size_t r = 0; r < rows_; ++r) {
    if (counts(r)) leaf_rows_[next[static_cast<size_t>(node_of_[r])]++] = static_cast<uint32_t>(r);
  }
  std::vector<LeafRows> out;
  for (size_t n = 0; n + 1 < begin.size(); ++n) {
    if (begin[n] == begin[n + 1]) continue;
    out.push_back(
        {static_cast<NodeId>(n), std::span(leaf_rows_).subspan(begin[n], begin[n + 1] - begin[n])});
  }
  return out;
}

}  // namespace clary::gbdt
