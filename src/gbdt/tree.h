// The trees of a model and what stands around them in XGBoost's model files. This is the one
// structure that training fills, and that model files, prediction and importance read.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clary/gbdt.h"

namespace clary::gbdt {

using NodeId = int32_t;
inline constexpr NodeId kNoNode = -1;

// One tree; node 0 is the root, children come in pairs: right = left + 1. Every vector has one item
// per node.
//
// A row goes left iff `value < threshold`; a missing value goes to the default side. At a
// categorical node it goes right iff its category is in the node's set.
struct Tree {
  std::vector<NodeId> left;       // kNoNode for a leaf
  std::vector<NodeId> parent;     // kNoNode for the root
  std::vector<uint32_t> feature;  // 0 for a leaf
  std::vector<float> threshold;   // a leaf keeps its value here (eta included)
  std::vector<uint8_t> default_left;
  std::vector<float> gain;         // 0 for a leaf
  std::vector<float> cover;        // sum of second derivatives
  std::vector<float> base_weight;  // the node's optimal weight; without eta for inner nodes

  // Categorical nodes, ascending: node categorical[k] sends right the categories
  // categories[category_begin[k], category_begin[k + 1]). All empty when there is none.
  std::vector<NodeId> categorical;
  std::vector<uint32_t> category_begin;  // [categorical.size() + 1] unless that is 0
  std::vector<uint32_t> categories;

  size_t size() const { return left.size(); }
  bool IsLeaf(NodeId n) const { return left[static_cast<size_t>(n)] == kNoNode; }
  // Appends a leaf and returns its id.
  NodeId AddNode(NodeId its_parent);
  // Makes leaf `n` an inner node with two new leaves; returns the left one.
  NodeId Split(NodeId n, uint32_t split_feature, float split_threshold, bool is_default_left);
  // The same by categories: `right` (ascending, not empty) go right.
  NodeId SplitByCategories(NodeId n, uint32_t split_feature, std::span<const uint32_t> right,
                           bool is_default_left);
  // The set of categorical node `n`; nullptr-sized span and false if it is numeric.
  std::pair<bool, std::span<const uint32_t>> RightCategories(NodeId n) const;
  // The leaf that `row` [columns] ends in; features at or beyond row.size() are missing.
  NodeId FindLeaf(std::span<const float> row) const;
  // The same for a sparse row: ascending columns and their values.
  NodeId FindLeafSparse(std::span<const uint32_t> column, std::span<const float> value) const;
  // Where a row with value x (NaN if missing) of the feature goes from inner node n.
  NodeId Child(NodeId n, float x) const;
};

// A leaf and the training rows that ended in it.
struct LeafRows {
  NodeId node;
  std::span<const uint32_t> rows;  // ascending
};

// An objective as it stands in a model file.
struct ObjectiveConfig {
  std::string name = "reg:squarederror";
  int num_class = 0;  // of multi:*; 0 otherwise
  float scale_pos_weight = 1;
  float max_delta_step = 0.7F;  // count:poisson
  float tweedie_variance_power = 1.5F;
  float huber_slope = 1;
  std::vector<float> quantile_alpha;
  std::string aft_loss_distribution = "normal";
  float aft_loss_distribution_scale = 1;
  // lambdarank_param of the file, as text; written back as they were read.
  std::map<std::string, std::string> lambdarank;
  // lambdarank_unbiased: how much each position favours a relevant (ti+ in the file) and an
  // irrelevant document (tj-); empty otherwise.
  std::vector<float> position_bias_high;
  std::vector<float> position_bias_low;
};

// What a data frame called the categories of one column, by code (XGBoost 3.1 and later): texts,
// integers, or nothing for a column of numbers. Training and prediction go by codes alone.
struct CategoryNames {
  std::vector<std::string> texts;
  std::vector<int64_t> integers;
  int integer_type = 0;         // XGBoost's number of their type, kInt8Names and on; 0 for texts
  std::vector<int32_t> sorted;  // the codes in the order of their names; empty if not known

  size_t size() const { return integer_type != 0 ? integers.size() : texts.size(); }
};
inline constexpr int kInt8Names = 9;  // then uint8, int16, uint16, int32, uint32, int64, uint64
inline constexpr int kUint64Names = 16;

// A whole model. Trees are in file order: by round, then output, then parallel tree.
struct Forest {
  ObjectiveConfig objective;
  Booster booster = Booster::kGbtree;
  uint32_t num_feature = 0;
  int num_target = 1;
  // The intercept in the space of predictions: one item, or one per output.
  std::vector<float> base_score = {0.5F};
  bool base_score_estimated = true;
  std::vector<std::string> feature_names;     // empty or [num_feature]
  std::vector<std::string> feature_types;     // empty or [num_feature]
  std::vector<CategoryNames> category_names;  // empty or [num_feature]
  std::map<std::string, std::string> attributes;

  int num_parallel_tree = 1;
  std::vector<Tree> trees;
  std::vector<int> tree_output;           // [trees]: the output that a tree adds to
  std::vector<size_t> round_begin = {0};  // [rounds + 1]: trees of round r
  std::vector<float> tree_weight;         // dart: [trees]; empty otherwise

  // gblinear: [(num_feature + 1) * outputs], feature-major, the biases last.
  std::vector<float> linear_weights;
  int linear_rounds = 0;

  // Margins per row.
  int num_output() const {
    return objective.num_class > 1 ? objective.num_class : (num_target > 1 ? num_target : 1);
  }
  int num_round() const {
    return booster == Booster::kGblinear ? linear_rounds : static_cast<int>(round_begin.size()) - 1;
  }
};

}  // namespace clary::gbdt
