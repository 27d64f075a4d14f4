// From a model's document, text JSON or UBJSON, to a Forest. The binary format is
// model_read_binary.cc's; all end in the checks of model_parts.cc.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/strings.h"
#include "gbdt/internal/document.h"
#include "gbdt/internal/model_parts.h"
#include "gbdt/model_io.h"

namespace clary::gbdt {
namespace {

constexpr double kMaxExactInteger = 9007199254740992;  // up to here a double holds every integer

Result<float> FloatOf(const Value* object, std::string_view key, float fallback) {
  const Value* v = object == nullptr ? nullptr : object->Find(key);
  if (v == nullptr) return fallback;
  const auto number = AsNumber(*v);
  if (!number) return BadModel(std::string(key) + " is not a number");
  return static_cast<float>(*number);
}

Result<int64_t> IntOf(const Value* object, std::string_view key, int64_t fallback) {
  const Value* v = object == nullptr ? nullptr : object->Find(key);
  if (v == nullptr) return fallback;
  const auto number = AsNumber(*v);
  if (!number || *number != std::floor(*number) || std::fabs(*number) > 1e15) {
    return BadModel(std::string(key) + " is not an integer");
  }
  return static_cast<int64_t>(*number);
}

std::string TextOf(const Value* object, std::string_view key) {
  const Value* v = object == nullptr ? nullptr : object->Find(key);
  return v == nullptr ? "" : v->text;
}

// "0.1" or "[0.1, 0.9]", as text.
Result<std::vector<float>> ListOf(std::string_view text) {
  std::vector<float> out;
  text = Trim(text);
  if (text.size() >= 2 && (text.front() == '[' || text.front() == '(')) {
    text = text.substr(1, text.size() - 2);
  }
  for (const std::string_view part : Split(text, ',')) {
    if (Trim(part).empty()) continue;
    const auto number = AsNumber(part);
    if (!number) return BadModel("'" + std::string(part) + "' is not a number");
    out.push_back(static_cast<float>(*number));
  }
  return out;
}

Result<const Value*> Member(const Value& object, std::string_view key) {
  const Value* v = object.Find(key);
  if (v == nullptr) return BadModel("it has no " + std::string(key));
  return v;
}

// Numbers of an array that must have `size` items.
Status Numbers(const Value& object, std::string_view key, size_t size, bool required,
               const std::vector<double>** out) {
  static const std::vector<double> kNone;
  *out = &kNone;
  const Value* v = object.Find(key);
  if (v == nullptr && !required) return {};
  if (v == nullptr || v->kind != Value::Kind::kNumbers) {
    return BadModel("a tree has no " + std::string(key));
  }
  if (v->numbers.size() != size) {
    return BadModel("a tree has " + std::to_string(size) + " nodes, but " +
                    std::to_string(v->numbers.size()) + " " + std::string(key));
  }
  *out = &v->numbers;
  return {};
}

Status ReadCategories(const Value& v, Tree& tree) {
  const Value* nodes = v.Find("categories_nodes");
  if (nodes == nullptr || nodes->numbers.empty()) return {};
  const size_t count = nodes->numbers.size();
  const std::vector<double>* segments;
  const std::vector<double>* sizes;
  CLARY_CHECK_OK(Numbers(v, "categories_segments", count, true, &segments));
  CLARY_CHECK_OK(Numbers(v, "categories_sizes", count, true, &sizes));
  CLARY_TRY(const Value* all, Member(v, "categories"));
  const auto total = static_cast<double>(all->numbers.size());
  tree.category_begin.push_back(0);
  for (size_t k = 0; k < count; ++k) {
    const double node = nodes->numbers[k];
    const double begin = (*segments)[k];
    const double size = (*sizes)[k];
    const double after = k == 0 ? 0 : static_cast<double>(tree.categorical.back()) + 1;
    if (!IsInt(node, after, static_cast<double>(tree.size()) - 1) || !IsInt(begin, 0, total) ||
        !IsInt(size, 0, total - begin)) {
      return BadModel("a tree's categories do not fit its nodes");
    }
    tree.categorical.push_back(static_cast<NodeId>(node));
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(begin + size); ++i) {
      const double category = all->numbers[i];
      if (!IsInt(category, 0, 16777216)) return BadModel("a category of a tree is out of range");
      tree.categories.push_back(static_cast<uint32_t>(category));
    }
    const auto first =
        tree.categories.begin() + static_cast<std::ptrdiff_t>(tree.category_begin.back());
    std::sort(first, tree.categories.end());
    tree.category_begin.push_back(static_cast<uint32_t>(tree.categories.size()));
  }
  return {};
}

Result<Tree> ReadTree(const Value& v, uint32_t num_feature) {
  const Value* param = v.Find("tree_param");
  CLARY_TRY(const int64_t leaf_size, IntOf(param, "size_leaf_vector", 1));
  if (leaf_size > 1) {
    return Fail(Code::kUnimplemented, "VectorLeaf",
                "trees with vector leaves (multi_strategy) cannot be read");
  }
  CLARY_TRY(const Value* left, Member(v, "left_children"));
  const size_t n = left->numbers.size();
  const auto most = static_cast<double>(n);
  const std::vector<double>*right, *feature, *condition, *default_left, *gain, *cover, *weight;
  CLARY_CHECK_OK(Numbers(v, "right_children", n, true, &right));
  CLARY_CHECK_OK(Numbers(v, "split_indices", n, true, &feature));
  CLARY_CHECK_OK(Numbers(v, "split_conditions", n, true, &condition));
  CLARY_CHECK_OK(Numbers(v, "default_left", n, true, &default_left));
  CLARY_CHECK_OK(Numbers(v, "loss_changes", n, true, &gain));
  CLARY_CHECK_OK(Numbers(v, "sum_hessian", n, true, &cover));
  CLARY_CHECK_OK(Numbers(v, "base_weights", n, true, &weight));
  Tree tree;
  std::vector<NodeId> right_ids;
  for (size_t i = 0; i < n; ++i) {
    if (!IsInt(left->numbers[i], -1, most) || !IsInt((*right)[i], -1, most) ||
        !IsInt((*feature)[i], 0, 4294967295.0)) {
      return BadModel("node " + std::to_string(i) + " of a tree is out of range");
    }
    tree.left.push_back(static_cast<NodeId>(left->numbers[i]));
    right_ids.push_back(static_cast<NodeId>((*right)[i]));
    tree.feature.push_back(static_cast<uint32_t>((*feature)[i]));
    tree.threshold.push_back(static_cast<float>((*condition)[i]));
    tree.default_left.push_back((*default_left)[i] != 0 ? 1 : 0);
    tree.gain.push_back(static_cast<float>((*gain)[i]));
    tree.cover.push_back(static_cast<float>((*cover)[i]));
    tree.base_weight.push_back(static_cast<float>((*weight)[i]));
  }
  tree.parent.resize(n, kNoNode);
  CLARY_CHECK_OK(ReadCategories(v, tree));
  CLARY_CHECK_OK(Renumber(tree, right_ids));
  CLARY_CHECK_OK(CheckTree(tree, num_feature));
  return tree;
}

// The bytes or integers of an array, each in [low, high].
template <typename T>
Status ReadIntegers(const Value& object, std::string_view key, T low, T high, std::vector<T>& out) {
  const auto bad = [&] { return BadModel("cats has no " + std::string(key) + " that fit"); };
  const Value* v = object.Find(key);
  if (v == nullptr || v->kind != Value::Kind::kNumbers) return bad();
  auto exact = v->exact.begin();
  for (size_t i = 0; i < v->numbers.size(); ++i) {
    const bool is_exact = exact != v->exact.end() && exact->first == i;
    if (!is_exact && !IsInt(v->numbers[i], -kMaxExactInteger, kMaxExactInteger)) return bad();
    const int64_t number = is_exact ? (exact++)->second : static_cast<int64_t>(v->numbers[i]);
    if (number < low || number > high) return bad();
    out.push_back(static_cast<T>(number));
  }
  return {};
}

Status ReadCategoryNames(const Value& v, CategoryNames& out) {
  constexpr auto kMost = std::numeric_limits<int32_t>::max();
  if (v.Find("offsets") == nullptr) {
    CLARY_TRY(const int64_t type, IntOf(&v, "type", 0));
    if (type < kInt8Names || type > kUint64Names) return BadModel("cats has an unknown type");
    out.integer_type = static_cast<int>(type);
    return ReadIntegers<int64_t>(v, "values", std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max(), out.integers);
  }
  std::vector<int32_t> offsets;
  std::vector<int16_t> bytes;
  CLARY_CHECK_OK(ReadIntegers<int32_t>(v, "offsets", 0, kMost, offsets));
  CLARY_CHECK_OK(ReadIntegers<int16_t>(v, "values", -128, 255, bytes));
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    const auto begin = static_cast<size_t>(offsets[i]);
    const auto end = static_cast<size_t>(offsets[i + 1]);
    if (begin > end || end > bytes.size()) return BadModel("the texts of cats do not fit");
    std::string& text = out.texts.emplace_back();
    for (size_t b = begin; b < end; ++b) text += static_cast<char>(bytes[b]);
  }
  return {};
}

// What frames called the categories.
Status ReadCats(const Value& cats, Forest& forest) {
  const Value* columns = cats.Find("enc");
  if (columns == nullptr || columns->items.empty()) return {};
  if (columns->items.size() != forest.num_feature) return BadModel("cats does not fit num_feature");
  std::vector<int32_t> order;
  CLARY_CHECK_OK(
      ReadIntegers<int32_t>(cats, "sorted_idx", 0, std::numeric_limits<int32_t>::max(), order));
  size_t total = 0;
  for (const Value& column : columns->items) {
    CLARY_CHECK_OK(ReadCategoryNames(column, forest.category_names.emplace_back()));
    total += forest.category_names.back().size();
  }
  if (order.empty()) return {};
  if (order.size() != total) return BadModel("sorted_idx of cats does not fit");
  auto next = order.begin();
  for (CategoryNames& names : forest.category_names) {
    const auto end = next + static_cast<std::ptrdiff_t>(names.size());
    names.sorted.assign(next, end);
    if (std::ranges::any_of(names.sorted, [&](int32_t code) {
          return static_cast<size_t>(code) >= names.size();
        })) {
      return BadModel("sorted_idx of cats does not fit");
    }
    next = end;
  }
  return {};
}

Status ReadTrees(const Value& booster, Forest& forest) {
  CLARY_TRY(const Value* model, Member(booster, "model"));
  const Value* param = model->Find("gbtree_model_param");
  CLARY_TRY(const int64_t parallel, IntOf(param, "num_parallel_tree", 1));
  if (parallel < 0 || parallel > 1000000) return BadModel("num_parallel_tree is out of range");
  forest.num_parallel_tree = std::max(1, static_cast<int>(parallel));
  CLARY_TRY(const Value* trees, Member(*model, "trees"));
  CLARY_TRY(const Value* info, Member(*model, "tree_info"));
  for (const Value& v : trees->items) {
    CLARY_TRY(Tree tree, ReadTree(v, forest.num_feature));
    forest.trees.push_back(std::move(tree));
  }
  if (const Value* weights = booster.Find("weight_drop") != nullptr ? booster.Find("weight_drop")
                                                                    : model->Find("weight_drop")) {
    for (const double w : weights->numbers) forest.tree_weight.push_back(static_cast<float>(w));
    if (!forest.tree_weight.empty()) forest.booster = Booster::kDart;
  }
  CLARY_CHECK_OK(CheckForest(forest, info->numbers));
  if (const Value* cats = model->Find("cats")) CLARY_CHECK_OK(ReadCats(*cats, forest));
  const Value* rounds = model->Find("iteration_indptr");
  if (rounds == nullptr || rounds->numbers.empty()) return FillRounds(forest);
  forest.round_begin.clear();
  double before = 0;
  for (const double r : rounds->numbers) {
    if (!IsInt(r, before, static_cast<double>(forest.trees.size()))) {
      return BadModel("iteration_indptr does not fit the trees");
    }
    before = r;
    forest.round_begin.push_back(static_cast<size_t>(r));
  }
  if (rounds->numbers.front() != 0 || forest.round_begin.back() != forest.trees.size()) {
    return BadModel("iteration_indptr does not fit the trees");
  }
  return {};
}

Status ReadLinear(const Value& booster, Forest& forest) {
  forest.booster = Booster::kGblinear;
  CLARY_TRY(const Value* model, Member(booster, "model"));
  CLARY_TRY(const Value* weights, Member(*model, "weights"));
  CLARY_TRY(const int64_t rounds, IntOf(model, "boosted_rounds", 0));
  forest.linear_rounds = static_cast<int>(std::clamp<int64_t>(rounds, 0, 2147483647));
  const size_t size = (size_t{forest.num_feature} + 1) * static_cast<size_t>(forest.num_output());
  if (weights->numbers.size() != size) {
    return BadModel("gblinear has " + std::to_string(weights->numbers.size()) +
                    " weights instead of " + std::to_string(size));
  }
  for (const double w : weights->numbers) forest.linear_weights.push_back(static_cast<float>(w));
  return {};
}

Status ReadBooster(const Value& booster, Forest& forest) {
  const std::string name = TextOf(&booster, "name");
  if (name == "gbtree") return ReadTrees(booster, forest);
  if (name == "gblinear") return ReadLinear(booster, forest);
  if (name != "dart") return BadModel("an unknown booster '" + name + "'");
  const Value* inner = booster.Find("gbtree");
  CLARY_CHECK_OK(ReadTrees(inner != nullptr ? *inner : booster, forest));
  forest.booster = Booster::kDart;
  if (const Value* weights = booster.Find("weight_drop"); weights != nullptr && inner != nullptr) {
    forest.tree_weight.assign(weights->numbers.begin(), weights->numbers.end());
  }
  if (forest.tree_weight.empty()) forest.tree_weight.assign(forest.trees.size(), 1.0F);
  if (forest.tree_weight.size() != forest.trees.size())
    return BadModel("weight_drop does not fit the trees");
  return {};
}

std::vector<std::string> Strings(const Value* v) {
  std::vector<std::string> out;
  if (v == nullptr) return out;
  for (const Value& item : v->items) out.push_back(item.text);
  return out;
}

Result<Forest> ReadDocument(const Value& document) {
  const Value* root = &document;
  if (const Value* model = root->Find("Model")) root = model;  // of a pickled Booster
  CLARY_TRY(const Value* learner, Member(*root, "learner"));
  CLARY_TRY(const Value* param, Member(*learner, "learner_model_param"));
  CLARY_TRY(const Value* booster, Member(*learner, "gradient_booster"));
  CLARY_TRY(const Value* objective, Member(*learner, "objective"));
  Forest forest;
  CLARY_CHECK_OK(ReadObjective(*objective, forest.objective));
  CLARY_TRY(const int64_t num_feature, IntOf(param, "num_feature", 0));
  CLARY_TRY(const int64_t num_class, IntOf(param, "num_class", 0));
  CLARY_TRY(const int64_t num_target, IntOf(param, "num_target", 1));
  CLARY_CHECK_OK(SetSizes(forest, num_feature, num_class, num_target));
  CLARY_TRY(forest.base_score, ListOf(TextOf(param, "base_score")));
  if (forest.base_score.empty()) return BadModel("it has no base_score");
  if (forest.base_score.size() != 1 &&
      forest.base_score.size() != static_cast<size_t>(forest.num_output())) {
    return BadModel("base_score does not fit the outputs");
  }
  const Value* version = root->Find("version");
  if (version != nullptr && version->numbers.size() > 1 && version->numbers[0] == 1 &&
      version->numbers[1] < 3) {
    ReadOldIntercept(forest);
  }
  CLARY_TRY(const int64_t estimated, IntOf(param, "boost_from_average", 1));
  forest.base_score_estimated = estimated != 0;
  forest.feature_names = Strings(learner->Find("feature_names"));
  forest.feature_types = Strings(learner->Find("feature_types"));
  for (auto* names : {&forest.feature_names, &forest.feature_types}) {
    if (!names->empty() && names->size() != forest.num_feature) {
      return BadModel("feature_names or feature_types do not fit num_feature");
    }
  }
  if (const Value* attributes = learner->Find("attributes")) {
    for (const auto& [key, value] : attributes->members) forest.attributes[key] = value.text;
  }
  CLARY_CHECK_OK(ReadBooster(*booster, forest));
  return forest;
}

}  // namespace

std::optional<double> AsNumber(std::string_view text) {
  std::string_view s = Trim(text);
  if (s.size() >= 2 && s.front() == '[' && s.back() == ']') s = Trim(s.substr(1, s.size() - 2));
  if (s.starts_with('+')) s.remove_prefix(1);
  double number = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), number);
  if (ec != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return number;
}

std::optional<double> AsNumber(const Value& v) {
  if (v.kind == Value::Kind::kNumber) return v.number;
  if (v.kind != Value::Kind::kString) return std::nullopt;
  return AsNumber(v.text);
}

// A float parameter of an object of strings; `fallback` if it is not there.
Status ReadObjective(const Value& v, ObjectiveConfig& out) {
  out.name = TextOf(&v, "name");
  if (out.name.empty()) return BadModel("the objective has no name");
  CLARY_TRY(out.scale_pos_weight, FloatOf(v.Find("reg_loss_param"), "scale_pos_weight", 1));
  CLARY_TRY(out.max_delta_step,
            FloatOf(v.Find("poisson_regression_param"), "max_delta_step", 0.7F));
  CLARY_TRY(out.tweedie_variance_power,
            FloatOf(v.Find("tweedie_regression_param"), "tweedie_variance_power", 1.5F));
  CLARY_TRY(out.huber_slope, FloatOf(v.Find("pseudo_huber_param"), "huber_slope", 1));
  CLARY_TRY(out.quantile_alpha, ListOf(TextOf(v.Find("quantile_loss_param"), "quantile_alpha")));
  const Value* aft = v.Find("aft_loss_param");
  if (const std::string distribution = TextOf(aft, "aft_loss_distribution");
      !distribution.empty()) {
    out.aft_loss_distribution = distribution;
  }
  CLARY_TRY(out.aft_loss_distribution_scale, FloatOf(aft, "aft_loss_distribution_scale", 1));
  if (const Value* rank = v.Find("lambdarank_param")) {
    for (const auto& [key, value] : rank->members) out.lambdarank[key] = value.text;
  }
  const Value* high = v.Find("ti+");
  const Value* low = v.Find("tj-");
  if (high != nullptr && low != nullptr && high->numbers.size() == low->numbers.size()) {
    out.position_bias_high.assign(high->numbers.begin(), high->numbers.end());
    out.position_bias_low.assign(low->numbers.begin(), low->numbers.end());
  }
  return {};
}

Result<Forest> ReadModel(std::string_view bytes) {
  if (bytes.starts_with("\x80")) {
    return BadModel(
        "this is a Python pickle, as images up to 1.2 wrote; load it in Python and save it as "
        "JSON");
  }
  const size_t brace = bytes.find_first_not_of(" \t\r\n");
  if (brace != std::string_view::npos && bytes[brace] == '{') {
    const size_t next = bytes.find_first_not_of(" \t\r\n", brace + 1);
    const bool text = next == std::string_view::npos || bytes[next] == '"' || bytes[next] == '}';
    CLARY_TRY(const Value document, text ? ReadJson(bytes) : ReadUbjson(bytes.substr(brace)));
    return ReadDocument(document);
  }
  return ReadBinaryModel(bytes);
}

}  // namespace clary::gbdt
