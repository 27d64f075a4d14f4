#include "gbdt/grower.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <queue>

namespace clary::gbdt {
namespace {

constexpr float kMinGain = 1e-6F;  // a split must gain more
constexpr size_t kRowsPerThread = 4096;
constexpr size_t kBinsPerThread = 8192;

}  // namespace

TreeGrower::TreeGrower(const TrainParams& params, const BinnedMatrix& bins,
                       FeatureSampler& features, ThreadPool& pool, bool leaf_rows,
                       const Shard& shard, PhaseClock* phases)
    : params_(params),
      bins_(bins),
      features_(features),
      pool_(pool),
      leaf_rows_(leaf_rows),
      shard_(shard),
      kernels_(BestKernels()),
      histograms_(bins, pool),
      finder_(params, bins),
      rare_(params, bins, finder_.scorer(), pool),
      eta_(params.eta / static_cast<float>(params.num_parallel_tree)),
      phases_(phases),
      right_(bins.rows()),
      codes_(bins.tiles().empty() ? 0 : bins.rows()) {
  rows_.reserve(bins.rows());
}

Tree TreeGrower::Grow(const PackedGrad* packed, const GradScale& scale,
                      std::optional<std::span<const uint32_t>> rows, Histogram given) {
  Enter(Phase::kHistogram);
  packed_ = packed;
  scale_ = scale;
  leaf_count_ = 1;
  leaf_nodes_.clear();
  undivided_.clear();
  binned_.nodes.clear();
  binned_.left_codes.clear();
  binned_.depth = 0;
  if (rows) {
    rows_.assign(rows->begin(), rows->end());
  } else {
    rows_.resize(bins_.rows());
    std::iota(rows_.begin(), rows_.end(), 0U);
  }
  features_.StartTree();

  Tree tree;
  Node root;
  root.id = tree.AddNode(kNoNode);
  root.end = static_cast<uint32_t>(rows_.size());
  std::vector<PackedGrad> sums(static_cast<size_t>(pool_.size()), 0);
  constexpr size_t kBlock = 65536;
  pool_.ForEach((rows_.size() + kBlock - 1) / kBlock, [&](size_t b, int thread) {
    const size_t end = std::min(rows_.size(), (b + 1) * kBlock);
    PackedGrad sum = 0;
    for (size_t i = b * kBlock; i < end; ++i) sum += packed_[rows_[i]];
    sums[static_cast<size_t>(thread)] += sum;
  });
  for (const PackedGrad s : sums) root.total += s;
  if (!shard_.alone()) shard_.hosts->Sum({&root.total, 1});
  const bool built = !given.empty();
  root.histogram = built ? std::move(given) : histograms_.storage().Take();
  const HistogramBuilder::Task task{.rows = rows_, .out = &root.histogram};
  Node* nodes[] = {&root};
  FindSplits(nodes, {&task, 1}, built);

  if (params_.grow_policy == GrowPolicy::kDepthwise) {
    std::vector<Node> level;
    level.push_back(std::move(root));
    GrowDepthwise(tree, std::move(level));
  } else {
    GrowLossguide(tree, std::move(root));
  }

  binned_.nodes.resize(tree.size());
  for (size_t n = 0; n < tree.size(); ++n) {
    if (tree.left[n] == kNoNode) {
      binned_.nodes[n] = {.left = static_cast<NodeId>(n),
                          .feature = 0,
                          .bin = std::numeric_limits<int32_t>::max(),
                          .missing_left = UINT32_MAX};
    }
  }
  return tree;
}

bool TreeGrower::MaySplit(const Node& node) const {
  return node.best.gain > kMinGain && node.best.gain >= params_.gamma &&
         (params_.max_depth == 0 || node.depth < params_.max_depth) &&
         (params_.max_leaves == 0 || leaf_count_ < params_.max_leaves);
}

bool TreeGrower::ChildrenMaySplit(const Node& node) const {
  return (params_.max_depth == 0 || node.depth + 1 < params_.max_depth) &&
         (params_.max_leaves == 0 || leaf_count_ < params_.max_leaves);
}

void TreeGrower::GrowDepthwise(Tree& tree, std::vector<Node> level) {
  while (!level.empty()) {
    std::vector<Node> batch;
    for (Node& node : level) {
      if (MaySplit(node)) {
        ++leaf_count_;
        batch.push_back(std::move(node));
      } else {
        Finish(tree, node);
      }
    }
    level = Expand(tree, batch);
  }
}

void TreeGrower::GrowLossguide(Tree& tree, Node root) {
  std::vector<Node> open;
  open.push_back(std::move(root));
  const auto worse = [](const Node& a, const Node& b) {
    return a.best.gain != b.best.gain ? a.best.gain < b.best.gain : a.id > b.id;
  };
  while (!open.empty()) {
    std::ranges::pop_heap(open, worse);
    Node node = std::move(open.back());
    open.pop_back();
    if (!MaySplit(node)) {
      Finish(tree, node);
      break;  // no other has a higher gain
    }
    ++leaf_count_;
    std::vector<Node> batch;
    batch.push_back(std::move(node));
    for (Node& child : Expand(tree, batch)) {
      open.push_back(std::move(child));
      std::ranges::push_heap(open, worse);
    }
  }
  for (Node& node : open) Finish(tree, node);
}

void TreeGrower::Finish(Tree& tree, Node& node) {
  const auto n = static_cast<size_t>(node.id);
  const GradSum sum = scale_.ToReal(node.total);
  const float value = eta_ * finder_.scorer().Weight(sum, node.bounds);
  tree.cover[n] = static_cast<float>(sum.hess);
  tree.base_weight[n] = value;
  tree.threshold[n] = value;
  if (!node.histogram.empty()) histograms_.storage().Give(std::move(node.histogram));
  node.histogram = {};
  leaf_nodes_.push_back(std::move(node));
}

std::vector<TreeGrower::Node> TreeGrower::Expand(Tree& tree, std::vector<Node>& batch) {
  std::vector<Node> children;
  children.reserve(2 * batch.size());
  const Cuts& cuts = bins_.cuts();
  for (const Node& node : batch) {
    const SplitCandidate& s = node.best;
    const auto n = static_cast<size_t>(node.id);
    const GradSum sum = scale_.ToReal(node.total);
    tree.cover[n] = static_cast<float>(sum.hess);
    tree.base_weight[n] = finder_.scorer().Weight(sum, node.bounds);
    tree.gain[n] = s.gain;
    const uint32_t missing = bins_.MissingCode(s.feature);
    NodeId left_id = kNoNode;
    BinnedTree::Node binned{.left = kNoNode,
                            .feature = s.feature,
                            .bin = s.bin,
                            .missing_left = s.default_left ? missing : UINT32_MAX};
    if (s.right_categories.empty()) {
      const float threshold =
          s.bin < 0 ? cuts.min_value[s.feature] : cuts.of(s.feature)[static_cast<size_t>(s.bin)];
      left_id = tree.Split(node.id, s.feature, threshold, s.default_left);
    } else {
      left_id = tree.SplitByCategories(node.id, s.feature, s.right_categories, s.default_left);
      binned.bin = BinnedTree::kCategorical;
      std::vector<uint32_t> right_codes = s.right_categories;
      if (!s.default_left) right_codes.push_back(missing);
      binned.missing_left = binned_.AddLeftCodes(missing + 1, right_codes);
    }
    binned.left = left_id;
    binned_.nodes.resize(tree.size());
    binned_.nodes[n] = binned;
    binned_.depth = std::max(binned_.depth, node.depth + 1);
    const PackedGrad right_sum = node.total - s.left;
    const auto [left_bounds, right_bounds] = finder_.scorer().ChildBounds(
        node.bounds, s.feature, scale_.ToReal(s.left), scale_.ToReal(right_sum));
    Node child;
    child.depth = node.depth + 1;
    if (!params_.interaction_constraints.empty()) {
      child.path = node.path;
      const auto at = std::ranges::lower_bound(child.path, s.feature);
      if (at == child.path.end() || *at != s.feature) child.path.insert(at, s.feature);
    }
    Node right;
    right.depth = child.depth;
    right.path = child.path;
    child.id = left_id;
    child.total = s.left;
    child.bounds = left_bounds;
    right.id = left_id + 1;
    right.total = right_sum;
    right.bounds = right_bounds;
    children.push_back(std::move(child));
    children.push_back(std::move(right));
  }

  // Nodes whose children are surely leaves: dividing their rows can wait for the margin update.
  std::vector<Node> grow;
  std::vector<Node> growing_children;
  for (size_t i = 0; i < batch.size(); ++i) {
    const bool last = !ChildrenMaySplit(batch[i]);
    if (last && !leaf_rows_) {
      histograms_.storage().Give(std::move(batch[i].histogram));
      batch[i].histogram = {};
      for (size_t k = 2 * i; k < 2 * i + 2; ++k) {
        Finish(tree, children[k]);
        leaf_nodes_.pop_back();  // its rows are not known yet
      }
      undivided_.push_back(std::move(batch[i]));
    } else {
      grow.push_back(std::move(batch[i]));
      growing_children.push_back(std::move(children[2 * i]));
      growing_children.push_back(std::move(children[2 * i + 1]));
    }
  }
  Enter(Phase::kPartition);
  DivideRows(grow, growing_children);

  std::vector<HistogramBuilder::Task> tasks;
  std::vector<Node*> searched;
  for (size_t i = 0; i < grow.size(); ++i) {
    Node& left = growing_children[2 * i];
    Node& right = growing_children[2 * i + 1];
    if (!ChildrenMaySplit(grow[i])) {
      histograms_.storage().Give(std::move(grow[i].histogram));
      continue;
    }
    const bool builds_left = BuildsLeft(left, right);
    Node& small = builds_left ? left : right;
    Node& large = builds_left ? right : left;
    large.histogram = std::move(grow[i].histogram);
    small.histogram = histograms_.storage().Take();
    tasks.push_back(
        {.rows = std::span(rows_).subspan(small.begin, small.rows()), .out = &small.histogram});
    large.is_rest = true;
    searched.push_back(&left);
    searched.push_back(&right);
  }
  FindSplits(searched, tasks);
  return growing_children;
}

std::vector<Histogram> TreeGrower::Roots(std::span<const PackedGrad* const> packed) {
  constexpr size_t kLeastTrees = 3;
  constexpr size_t kMostSlots = size_t{1} << 24;  // of all histograms
  if (packed.size() < kLeastTrees || packed.size() * bins_.HistSize() > kMostSlots ||
      !histograms_.can_build_roots()) {
    return {};
  }
  Enter(Phase::kHistogram);
  std::vector<Histogram> roots;
  for (size_t k = 0; k < packed.size(); ++k) roots.push_back(histograms_.storage().Take());
  histograms_.BuildRoots(packed, roots);
  std::vector<Histogram*> built;
  for (Histogram& root : roots) built.push_back(&root);
  histograms_.Sum(built, shard_);
  return roots;
}

bool TreeGrower::BuildsLeft(const Node& left, const Node& right) const {
  if (shard_.alone()) return left.rows() <= right.rows();
  // How many rows the others have is not known here; the second derivatives tell about as much.
  return static_cast<uint32_t>(HessOf(left.total)) <= static_cast<uint32_t>(HessOf(right.total));
}

void TreeGrower::FindSplits(std::span<Node*> nodes, std::span<const HistogramBuilder::Task> tasks,
                            bool built) {
  if (nodes.empty()) return;
  Enter(Phase::kHistogram);
  // Features are drawn in node order, before anything runs in parallel.
  std::vector<std::vector<uint32_t>> drawn;
  std::vector<std::span<const uint32_t>> sets;
  const bool own_sets = params_.colsample_bynode < 1 || !params_.interaction_constraints.empty();
  if (own_sets) drawn.reserve(nodes.size());
  for (const Node* node : nodes) {
    const auto set = features_.ForNode(node->depth);
    if (!own_sets) {
      sets.push_back(set);
    } else if (params_.interaction_constraints.empty()) {
      sets.emplace_back(drawn.emplace_back(set.begin(), set.end()));
    } else {
      sets.emplace_back(
          drawn.emplace_back(AllowedFeatures(params_.interaction_constraints, node->path, set)));
    }
  }
  // One thread looks at a pair while its histograms are in the cache; several share all of them.
  const size_t step = pool_.size() == 1 && shard_.alone() ? 1 : tasks.size();
  const size_t each = nodes.size() / tasks.size();
  for (size_t t = 0; t < tasks.size(); t += step) {
    Enter(Phase::kHistogram);
    if (!built) {
      histograms_.Build(tasks.subspan(t, step), packed_);
      std::vector<Histogram*> sums;
      for (const HistogramBuilder::Task& task : tasks.subspan(t, step)) sums.push_back(task.out);
      histograms_.Sum(sums, shard_);
    }
    Enter(Phase::kSplit);
    FindInHistograms(nodes.subspan(t * each, step * each),
                     std::span(sets).subspan(t * each, step * each));
  }
  if (bins_.tiles().size() == bins_.histogram_tiles().size()) return;
  // Rare features are declared only where all nodes have the same set.
  std::vector<RareSearch::Node> searched;
  for (Node* node : nodes) {
    searched.push_back({.rows = std::span(rows_).subspan(node->begin, node->rows()),
                        .total = node->total,
                        .best = &node->best});
  }
  rare_.Improve(searched, packed_, scale_, sets[0]);
}

void TreeGrower::FindInHistograms(std::span<Node*> nodes,
                                  std::span<const std::span<const uint32_t>> sets) {
  const auto given = [&](size_t i) {
    return NodeToSplit{.total = nodes[i]->total,
                       .bounds = nodes[i]->bounds,
                       .histogram = &nodes[i]->histogram,
                       .features = sets[i]};
  };
  const auto threads = static_cast<size_t>(pool_.size());
  const size_t units = nodes.size() == 1 ? 1 : nodes.size() / 2;  // the root, or pairs
  const bool alone = threads == 1 || nodes.size() * bins_.HistSize() < threads * kBinsPerThread;
  // Parts of a unit are merged in feature order, so ties go to the lower feature as in one piece.
  const size_t parts = alone || units >= 4 * threads ? 1 : 4 * threads;
  std::vector<SplitCandidate> found(nodes.size() * parts);
  const auto search = [&](size_t k) {
    const size_t unit = k / parts;
    const auto begin = static_cast<uint32_t>(bins_.features() * (k % parts) / parts);
    const auto end = static_cast<uint32_t>(bins_.features() * (k % parts + 1) / parts);
    if (nodes.size() == 1) {
      found[k] = finder_.Best(given(0), scale_, begin, end);
      return;
    }
    const size_t rest = nodes[2 * unit]->is_rest ? 2 * unit : 2 * unit + 1;
    const size_t part = 4 * unit + 1 - rest;
    const bool keep = params_.max_depth == 0 || nodes[rest]->depth + 1 < params_.max_depth;
    auto both = finder_.BestOfBoth(given(part), given(rest), nodes[rest]->histogram, keep, scale_,
                                   begin, end);
    found[part * parts + k % parts] = std::move(both.first);
    found[rest * parts + k % parts] = std::move(both.second);
  };
  if (alone) {
    for (size_t k = 0; k < units; ++k) search(k);
  } else {
    pool_.ForEach(units * parts, [&](size_t k, int) { search(k); });
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i]->best = {};
    for (size_t p = 0; p < parts; ++p) {
      SplitCandidate& c = found[i * parts + p];
      if (c.gain > nodes[i]->best.gain) nodes[i]->best = std::move(c);
    }
    nodes[i]->is_rest = false;
  }
}

std::vector<TreeGrower::Piece> TreeGrower::CutIntoPieces(std::span<const Node> nodes) const {
  size_t total = 0;
  for (const Node& node : nodes) total += node.rows();
  const auto threads = static_cast<size_t>(pool_.size());
  const size_t size = threads == 1 || total < threads * kRowsPerThread
                          ? std::max<size_t>(total, 1)
                          : std::max(kRowsPerThread, (total + 2 * threads - 1) / (2 * threads));
  std::vector<Piece> pieces;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (uint32_t begin = nodes[i].begin; begin < nodes[i].end;) {
      const auto length = static_cast<uint32_t>(std::min<size_t>(size, nodes[i].end - begin));
      pieces.push_back({.node = i, .begin = begin, .end = begin + length});
      begin += length;
    }
  }
  return pieces;
}

// Stable: left rows move to the front of the piece, right ones to the same place in right_.
template <typename Bin>
void TreeGrower::DividePiece(const Node& node, Piece& piece) {
  const BinnedTree::Node split = binned_.nodes[static_cast<size_t>(node.id)];
  const Bin* column = bins_.column<Bin>(split.feature);
  uint32_t* const rows = rows_.data() + piece.begin;
  uint32_t* const right = right_.data() + piece.begin;
  const uint32_t count = piece.end - piece.begin;
  if constexpr (sizeof(Bin) == 1) {
    if (split.bin != BinnedTree::kCategorical) {
      const bool by_row = column != nullptr;
      if (!by_row) {
        bins_.ReadColumn(split.feature, {rows, count}, codes_.data() + piece.begin);
        column = codes_.data() + piece.begin;
      }
      piece.left =
          kernels_.divide(rows, count, column, by_row, split.bin, split.missing_left, right);
      return;
    }
  }
  uint32_t left = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i];
    const bool go_left = binned_.GoesLeft(split, column[row]);
    rows[left] = row;
    right[i - left] = row;
    left += go_left ? 1 : 0;
  }
  piece.left = left;
}

void TreeGrower::DivideRows(std::span<const Node> batch, std::vector<Node>& children) {
  std::vector<Piece> pieces = CutIntoPieces(batch);
  pool_.ForEach(pieces.size(), [&](size_t k, int) {
    if (bins_.wide()) {
      DividePiece<uint16_t>(batch[pieces[k].node], pieces[k]);
    } else {
      DividePiece<uint8_t>(batch[pieces[k].node], pieces[k]);
    }
  });
  std::vector<uint32_t> left_rows(batch.size(), 0);
  for (const Piece& p : pieces) left_rows[p.node] += p.left;
  // Left parts of a node's later pieces move down in order, then all right parts fill the rest.
  std::vector<uint32_t> left_end(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) left_end[i] = batch[i].begin;
  for (const Piece& p : pieces) {
    uint32_t& to = left_end[p.node];
    if (to != p.begin) std::memmove(&rows_[to], &rows_[p.begin], p.left * sizeof(uint32_t));
    to += p.left;
  }
  std::vector<uint32_t> right_begin(pieces.size());
  std::vector<uint32_t> next_right = left_end;
  for (size_t k = 0; k < pieces.size(); ++k) {
    right_begin[k] = next_right[pieces[k].node];
    next_right[pieces[k].node] += pieces[k].end - pieces[k].begin - pieces[k].left;
  }
  pool_.ForEach(pieces.size(), [&](size_t k, int) {
    const Piece& p = pieces[k];
    std::copy_n(right_.data() + p.begin, p.end - p.begin - p.left, rows_.data() + right_begin[k]);
  });
  for (size_t i = 0; i < batch.size(); ++i) {
    children[2 * i].begin = batch[i].begin;
    children[2 * i].end = children[2 * i + 1].begin = batch[i].begin + left_rows[i];
    children[2 * i + 1].end = batch[i].end;
  }
}

std::vector<LeafRows> TreeGrower::leaves() const {
  std::vector<LeafRows> out;
  for (const Node& node : leaf_nodes_) {
    out.push_back({node.id, std::span(rows_).subspan(node.begin, node.rows())});
  }
  return out;
}

void TreeGrower::AddTo(const Tree& tree, float* margin, size_t stride) {
  // Rows ascend within a node, so a chunk of rows is a stretch of every node. All stretches of a
  // chunk are done before the next, while its margins and codes are in the cache.
  constexpr size_t kChunkRows = 16384;
  const size_t rows = bins_.rows();
  const auto threads = static_cast<size_t>(pool_.size());
  const size_t parts = threads == 1 || rows < threads * kRowsPerThread ? 1 : 2 * threads;
  pool_.ForEach(parts, [&](size_t part, int) {
    const size_t first = rows * part / parts;
    const size_t last = rows * (part + 1) / parts;
    std::vector<uint32_t> next;  // of each node, the first of its rows that is not done
    for (const auto* nodes : {&leaf_nodes_, &undivided_}) {
      for (const Node& node : *nodes) {
        const auto of = std::span(rows_).subspan(node.begin, node.rows());
        next.push_back(node.begin +
                       static_cast<uint32_t>(std::ranges::lower_bound(of, first) - of.begin()));
      }
    }
    for (size_t chunk = first; chunk < last; chunk += kChunkRows) {
      const size_t limit = std::min(last, chunk + kChunkRows);
      uint32_t* at = next.data();
      for (const Node& leaf : leaf_nodes_) {
        const float value = tree.threshold[static_cast<size_t>(leaf.id)];
        uint32_t i = *at;
        for (; i < leaf.end && rows_[i] < limit; ++i) margin[rows_[i] * stride] += value;
        *at++ = i;
      }
      for (const Node& node : undivided_) {
        if (bins_.wide()) {
          *at = AddStretch<uint16_t>(node, *at, limit, tree, margin, stride);
        } else {
          *at = AddStretch<uint8_t>(node, *at, limit, tree, margin, stride);
        }
        ++at;
      }
    }
  });
}

// Adds the values of an undivided node's children to its rows below `limit`, from item `i` of
// rows_; gives back the item behind them.
template <typename Bin>
uint32_t TreeGrower::AddStretch(const Node& node, uint32_t i, size_t limit, const Tree& tree,
                                float* margin, size_t stride) {
  const BinnedTree::Node split = binned_.nodes[static_cast<size_t>(node.id)];
  // Looked up rather than chosen: which way a row goes is hard to predict.
  const float value[2] = {tree.threshold[static_cast<size_t>(split.left) + 1],
                          tree.threshold[static_cast<size_t>(split.left)]};
  const Bin* const column = bins_.column<Bin>(split.feature);
  if (column != nullptr && split.bin != BinnedTree::kCategorical) {
    for (; i < node.end && rows_[i] < limit; ++i) {
      const uint32_t code = column[rows_[i]];
      const size_t to_left = static_cast<size_t>(static_cast<int32_t>(code) <= split.bin) |
                             static_cast<size_t>(code == split.missing_left);
      margin[rows_[i] * stride] += value[to_left];
    }
    return i;
  }
  if (column != nullptr) {
    for (; i < node.end && rows_[i] < limit; ++i) {
      margin[rows_[i] * stride] += value[binned_.GoesLeft(split, column[rows_[i]]) ? 1 : 0];
    }
    return i;
  }
  const auto rest = std::span(rows_).subspan(i, node.end - i);
  const auto stretch =
      rest.first(static_cast<size_t>(std::ranges::lower_bound(rest, limit) - rest.begin()));
  uint8_t* const codes = codes_.data() + i;
  bins_.ReadColumn(split.feature, stretch, codes);
  for (size_t k = 0; k < stretch.size(); ++k) {
    margin[stretch[k] * stride] += value[binned_.GoesLeft(split, codes[k]) ? 1 : 0];
  }
  return i + static_cast<uint32_t>(stretch.size());
}

namespace {

// Walks a handful of rows at once, so that their loads overlap; leaves loop on themselves.
template <typename Bin, bool kCategories, typename RowOf>
void Walk(const BinnedTree& tree, const BinnedMatrix& bins, size_t begin, size_t end,
          RowOf&& row_of, std::span<const float> leaf_value, float* margin, size_t stride) {
  constexpr size_t kLanes = 8;
  std::vector<Bin> unpacked;
  for (size_t i = begin; i < end; i += kLanes) {
    const size_t lanes = std::min(kLanes, end - i);
    NodeId at[kLanes] = {};
    const Bin* row[kLanes];
    for (size_t j = 0; j < kLanes; ++j) {
      const size_t r = row_of(i + std::min(j, lanes - 1));
      row[j] = bins.row<Bin>(r);
      if constexpr (sizeof(Bin) == 1) {
        if (bins.tiles().empty()) continue;
        unpacked.resize(kLanes * bins.features());
        Bin* const codes = unpacked.data() + j * bins.features();
        bins.CopyCodes(r, codes);
        row[j] = codes;
      }
    }
    for (int d = 0; d < tree.depth; ++d) {
      for (size_t j = 0; j < kLanes; ++j) {
        const BinnedTree::Node& n = tree.nodes[static_cast<size_t>(at[j])];
        const uint32_t bin = row[j][n.feature];
        const bool go_left = kCategories && n.bin == BinnedTree::kCategorical
                                 ? tree.GoesLeft(n, bin)
                                 : (static_cast<int32_t>(bin) <= n.bin) | (bin == n.missing_left);
        at[j] = n.left + (go_left ? 0 : 1);
      }
    }
    for (size_t j = 0; j < lanes; ++j) {
      margin[row_of(i + j) * stride] += leaf_value[static_cast<size_t>(at[j])];
    }
  }
}

template <typename RowOf>
void WalkAll(const BinnedTree& tree, const BinnedMatrix& bins, size_t count, RowOf&& row_of,
             std::span<const float> leaf_value, float* margin, size_t stride, ThreadPool& pool) {
  constexpr size_t kBlock = 8192;
  pool.ForEach((count + kBlock - 1) / kBlock, [&](size_t b, int) {
    const size_t end = std::min(count, (b + 1) * kBlock);
    const auto walk = [&]<typename Bin>(Bin) {
      if (tree.left_codes.empty()) {
        Walk<Bin, false>(tree, bins, b * kBlock, end, row_of, leaf_value, margin, stride);
      } else {
        Walk<Bin, true>(tree, bins, b * kBlock, end, row_of, leaf_value, margin, stride);
      }
    };
    if (bins.wide()) {
      walk(uint16_t{});
    } else {
      walk(uint8_t{});
    }
  });
}

}  // namespace

uint32_t BinnedTree::AddLeftCodes(uint32_t codes, std::span<const uint32_t> right) {
  const size_t begin = left_codes.size();
  left_codes.resize(begin + codes / 64 + 1, ~uint64_t{0});
  for (const uint32_t code : right) left_codes[begin + code / 64] &= ~(uint64_t{1} << code % 64);
  return static_cast<uint32_t>(begin);
}

void BinnedTree::AddTo(const BinnedMatrix& bins, std::span<const float> leaf_value, float* margin,
                       size_t stride, ThreadPool& pool) const {
  WalkAll(*this, bins, bins.rows(), [](size_t i) { return i; }, leaf_value, margin, stride, pool);
}

void BinnedTree::AddTo(const BinnedMatrix& bins, std::span<const uint32_t> rows,
                       std::span<const float> leaf_value, float* margin, size_t stride,
                       ThreadPool& pool) const {
  WalkAll(
      *this, bins, rows.size(), [&](size_t i) { return size_t{rows[i]}; }, leaf_value, margin,
      stride, pool);
}

}  // namespace clary::gbdt
