#include "gbdt/predict_row.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gbdt/flat_tree.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kMaxBits = size_t{1} << 20;  // 8 MB of tables
constexpr size_t kMaxThresholds = 254;
constexpr uint8_t kNever = RowForest::kMaxColumns - 1;  // a column whose byte is 0

// Trees that are decided before they are followed.
constexpr size_t kTogether = 64;

int DepthOf(const Tree& tree) {
  std::vector<int> depth(tree.size(), 0);
  for (size_t n = 1; n < tree.size(); ++n) {  // parents come first
    depth[n] = depth[static_cast<size_t>(tree.parent[n])] + 1;
  }
  return std::ranges::max(depth);
}

// The place of `value` in `all`, at its end if it is new.
size_t PlaceOf(std::vector<uint32_t>& all, uint32_t value) {
  const auto at = std::ranges::find(all, value);
  const auto place = static_cast<size_t>(at - all.begin());
  if (at == all.end()) all.push_back(value);
  return place;
}

}  // namespace

std::unique_ptr<RowForest> RowForest::Prepare(const Forest& forest) {
#if defined(__x86_64__)
  if (&BestKernels() != &kAvx512Kernels || !__builtin_cpu_supports("avx512vbmi")) return nullptr;
  std::unique_ptr<RowForest> out(new RowForest);
  std::vector<std::vector<float>> thresholds;
  for (const Tree& tree : forest.trees) {
    out->depth_ = std::max(out->depth_, DepthOf(tree));
    if (out->depth_ > kMaxDepth) return nullptr;
    for (const uint32_t c : tree.categories) out->categories_ = std::max(out->categories_, c + 1);
    for (size_t n = 0; n < tree.size(); ++n) {
      if (tree.IsLeaf(static_cast<NodeId>(n))) continue;
      if (tree.RightCategories(static_cast<NodeId>(n)).first) {
        PlaceOf(out->coded_, tree.feature[n]);
        continue;
      }
      if (std::isnan(tree.threshold[n])) return nullptr;
      const size_t value = PlaceOf(out->numeric_, tree.feature[n]);
      if (value == thresholds.size()) thresholds.emplace_back();
      thresholds[value].push_back(tree.threshold[n]);
      out->ColumnOf(value, tree.default_left[n] != 0);
      if (out->columns_.size() >= kMaxColumns) return nullptr;  // one is kNever
    }
  }
  for (auto& of : thresholds) {
    std::ranges::sort(of);
    of.erase(std::unique(of.begin(), of.end()), of.end());
    if (of.size() > kMaxThresholds) return nullptr;
    out->table_of_.push_back(static_cast<uint32_t>(out->table_of_.size()));
    out->tables_.resize(out->tables_.size() + kCutTable);
    FillCutTable(of, &*out->tables_.end() - kCutTable);
  }
  out->members_begin_.push_back(0);
  for (size_t t = 0; t < forest.trees.size(); ++t) {
    out->AddTree(forest.trees[t], forest.tree_weight.empty() ? 1.0F : forest.tree_weight[t],
                 thresholds);
    out->output_.push_back(static_cast<uint32_t>(forest.tree_output[t]));
    if (out->bits_.size() > kMaxBits) return nullptr;
  }
  return out;
#else
  (void)forest;
  return nullptr;
#endif
}

size_t RowForest::ColumnOf(size_t value, bool missing_left) {
  const uint8_t missing = missing_left ? 0 : 255;
  const auto at = std::ranges::find_if(
      columns_, [&](const Column& c) { return c.value == value && c.missing == missing; });
  const auto place = static_cast<size_t>(at - columns_.begin());
  if (at == columns_.end()) {
    columns_.push_back({.value = static_cast<uint32_t>(value), .missing = missing});
  }
  return place;
}

void RowForest::AddTree(const Tree& tree, float weight,
                        const std::vector<std::vector<float>>& thresholds) {
  Splits& splits = splits_.emplace_back();
  const size_t codes = size_t{categories_} + 2;
  // The perfect tree: below a leaf, splits that mean nothing lead to that leaf again.
  std::vector<NodeId> level = {0};
  size_t place = 0;
  const auto set = [&](size_t column, size_t threshold) {
    splits.column[place] = static_cast<uint8_t>(column);
    splits.threshold[place] = static_cast<uint8_t>(threshold);
  };
  for (int d = 0; d < depth_; ++d) {
    std::vector<NodeId> next;
    for (const NodeId node : level) {
      const auto n = static_cast<size_t>(node);
      const bool leaf = tree.IsLeaf(node);
      next.push_back(leaf ? node : tree.left[n]);
      next.push_back(leaf ? node : tree.left[n] + 1);
      if (const auto [is, right] = tree.RightCategories(node); leaf || is) {
        set(kNever, 1);
        if (is) {
          const auto coded = static_cast<uint32_t>(PlaceOf(coded_, tree.feature[n]));
          auto at = std::find_if(members_.begin() + members_begin_.back(), members_.end(),
                                 [&](const Members& m) { return m.coded == coded; });
          if (at == members_.end()) {
            members_.push_back({.coded = coded, .table = static_cast<uint32_t>(bits_.size())});
            bits_.resize(bits_.size() + codes, 0);
            at = members_.end() - 1;
          }
          for (const uint32_t c : right) bits_[at->table + c] |= uint64_t{1} << place;
          if (tree.default_left[n] == 0) {
            bits_[at->table + categories_ + 1] |= uint64_t{1} << place;
          }
        }
      } else {
        const size_t value = PlaceOf(numeric_, tree.feature[n]);
        const auto& of = thresholds[value];
        set(ColumnOf(value, tree.default_left[n] != 0),
            static_cast<size_t>(std::upper_bound(of.begin(), of.end(), tree.threshold[n]) -
                                of.begin()));
      }
      ++place;
    }
    level = std::move(next);
  }
  for (; place < 64; ++place) set(kNever, 1);
  for (size_t i = 0; i < level.size(); ++i) {
    splits.leaf[i] = weight * tree.threshold[static_cast<size_t>(level[i])];
  }
  members_begin_.push_back(static_cast<uint32_t>(members_.size()));
}

void RowForest::Add(std::span<const float> row, float* margins) const {
#if defined(__x86_64__)
  std::array<float, kMaxColumns> value;
  std::array<uint8_t, kMaxColumns> byte;
  for (size_t i = 0; i < numeric_.size(); ++i) value[i] = row[numeric_[i]];
  BestKernels().bin_entries(table_of_.data(), value.data(), numeric_.size(), tables_.data(),
                            byte.data());
  alignas(64) uint8_t bytes[kMaxColumns] = {};
  for (size_t c = 0; c < columns_.size(); ++c) {
    const uint32_t v = columns_[c].value;
    bytes[c] = value[v] != value[v] ? columns_[c].missing : byte[v];
  }
  std::array<uint32_t, 32> few;
  std::vector<uint32_t> many;
  uint32_t* codes = few.data();
  if (coded_.size() > few.size()) {
    many.resize(coded_.size());
    codes = many.data();
  }
  for (size_t i = 0; i < coded_.size(); ++i) {
    codes[i] = CategoryCode(row[coded_[i]], categories_);
  }
  const size_t first_leaf = (size_t{1} << depth_) - 1;
  uint64_t decisions[kTogether];
  for (size_t begin = 0; begin < splits_.size(); begin += kTogether) {
    const size_t count = std::min(kTogether, splits_.size() - begin);
    DecideSplits(bytes, std::span(splits_).subspan(begin, count), decisions);
    for (size_t t = begin; t < begin + count; ++t) {
      uint64_t right = decisions[t - begin];
      for (uint32_t m = members_begin_[t]; m < members_begin_[t + 1]; ++m) {
        right |= bits_[members_[m].table + codes[members_[m].coded]];
      }
      size_t at = 0;
      for (int d = 0; d < depth_; ++d) at = 2 * at + 1 + (right >> at & 1);
      margins[output_[t]] += splits_[t].leaf[at - first_leaf];
    }
  }
#else
  (void)row, (void)margins;
#endif
}

}  // namespace clary::gbdt
