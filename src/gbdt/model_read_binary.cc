// The legacy binary format of model files. Facts: docs/formats/model.md.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gbdt/internal/document.h"
#include "gbdt/internal/model_parts.h"

namespace clary::gbdt {
namespace {

class Binary {
 public:
  explicit Binary(std::string_view bytes) : bytes_(bytes) {}

  // `size` bytes; all zero past the end, which ok() then tells.
  const char* Take(size_t size) {
    static constexpr char kZeros[256] = {};
    if (bytes_.size() - at_ < size) {
      ok_ = false;
      return kZeros;
    }
    const char* p = bytes_.data() + at_;
    at_ += size;
    return p;
  }
  template <typename T>
  static T At(const char* p, size_t offset) {
    T v;
    std::memcpy(&v, p + offset, sizeof v);
    return v;
  }
  template <typename T>
  T Get() {
    return At<T>(Take(sizeof(T)), 0);
  }
  std::string Text() {
    const auto size = Get<uint64_t>();
    if (size > left()) {
      ok_ = false;
      return {};
    }
    return std::string(Take(static_cast<size_t>(size)), static_cast<size_t>(size));
  }
  size_t left() const { return bytes_.size() - at_; }
  bool ok() const { return ok_; }
  Status Check() const {
    if (ok_) return {};
    return BadModel("the binary model ends too early");
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

Result<Tree> ReadBinaryTree(Binary& in, uint32_t num_feature) {
  const char* header = in.Take(148);
  const auto nodes = Binary::At<int32_t>(header, 4);
  const auto leaf_size = Binary::At<int32_t>(header, 20);
  CLARY_CHECK_OK(in.Check());
  if (nodes <= 0 || static_cast<size_t>(nodes) > in.left() / 36)
    return BadModel("a tree's size is impossible");
  if (leaf_size > 1) {
    return Fail(Code::kUnimplemented, "VectorLeaf", "trees with vector leaves cannot be read");
  }
  const auto n = static_cast<size_t>(nodes);
  Tree tree;
  std::vector<NodeId> right;
  for (size_t i = 0; i < n; ++i) {
    const char* node = in.Take(20);
    const auto split = Binary::At<uint32_t>(node, 12);
    tree.left.push_back(std::max(kNoNode, Binary::At<int32_t>(node, 4)));
    right.push_back(Binary::At<int32_t>(node, 8));
    tree.feature.push_back(split & 0x7fffffffU);
    tree.default_left.push_back(static_cast<uint8_t>(split >> 31));
    tree.threshold.push_back(Binary::At<float>(node, 16));
    if (split == UINT32_MAX) tree.left.back() = kNoNode;  // deleted
  }
  for (size_t i = 0; i < n; ++i) {
    const char* stat = in.Take(16);
    tree.gain.push_back(Binary::At<float>(stat, 0));
    tree.cover.push_back(Binary::At<float>(stat, 4));
    tree.base_weight.push_back(Binary::At<float>(stat, 8));
  }
  tree.parent.resize(n, kNoNode);
  CLARY_CHECK_OK(in.Check());
  CLARY_CHECK_OK(Renumber(tree, right));
  CLARY_CHECK_OK(CheckTree(tree, num_feature));
  return tree;
}

// Files before 1.0 keep the intercept as a margin.
float FromMargin(const std::string& objective, float margin) {
  if (objective == "binary:logistic" || objective == "reg:logistic")
    return 1 / (1 + std::exp(-margin));
  if (objective == "count:poisson" || objective == "reg:gamma" || objective == "reg:tweedie" ||
      objective == "survival:cox" || objective == "survival:aft") {
    return std::exp(margin);
  }
  return margin;
}

// Legacy attributes hold the objective's parameters as a JSON text.
Status ReadBinaryAttributes(Binary& in, Forest& forest) {
  const auto count = in.Get<uint64_t>();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::string key = in.Text();
    std::string value = in.Text();
    if (key == "objective") {
      if (auto document = ReadJson(value)) {
        const std::string name = forest.objective.name;
        const int num_class = forest.objective.num_class;
        (void)ReadObjective(*document, forest.objective);  // what is not there keeps its default
        forest.objective.name = name;
        forest.objective.num_class = num_class;
      }
    } else if (key == "count_poisson_max_delta_step") {
      if (const auto step = AsNumber(value))
        forest.objective.max_delta_step = static_cast<float>(*step);
    } else if (key != "metrics") {
      forest.attributes[key] = std::move(value);
    }
  }
  return in.Check();
}

}  // namespace

Result<Forest> ReadBinaryModel(std::string_view bytes) {
  Binary in(bytes.starts_with("binf") ? bytes.substr(4) : bytes);
  const char* header = in.Take(136);
  CLARY_CHECK_OK(in.Check());
  Forest forest;
  forest.base_score = {Binary::At<float>(header, 0)};
  const auto num_feature = Binary::At<uint32_t>(header, 4);
  const auto num_class = Binary::At<int32_t>(header, 8);
  const bool has_attributes = Binary::At<int32_t>(header, 12) != 0;
  const auto major = Binary::At<uint32_t>(header, 20);
  const auto minor = Binary::At<uint32_t>(header, 24);
  const auto num_target = Binary::At<uint32_t>(header, 28);
  forest.base_score_estimated = Binary::At<int32_t>(header, 32) != 0;
  forest.objective.name = in.Text();
  const std::string booster = in.Text();
  if (!in.ok() || (booster != "gbtree" && booster != "dart" && booster != "gblinear")) {
    return BadModel("neither JSON, UBJSON nor the old binary format");
  }
  CLARY_CHECK_OK(SetSizes(forest, num_feature, num_class, num_target));
  if (major < 1 && num_class <= 1) {
    forest.base_score = {FromMargin(forest.objective.name, forest.base_score[0])};
  } else if (major == 1 && minor < 3) {
    ReadOldIntercept(forest);
  }
  if (!std::isfinite(forest.base_score[0])) return BadModel("base_score is not finite");
  if (booster == "gblinear") {
    forest.booster = Booster::kGblinear;
    in.Take(136);
    const auto count = in.Get<uint64_t>();
    const size_t size = (size_t{forest.num_feature} + 1) * static_cast<size_t>(forest.num_output());
    if (!in.ok() || count != size || in.left() / sizeof(float) < size) {
      return BadModel("gblinear's weights do not fit the features");
    }
    forest.linear_weights.resize(size);
    for (float& w : forest.linear_weights) w = in.Get<float>();
  } else {
    const char* param = in.Take(160);
    const auto trees = Binary::At<int32_t>(param, 0);
    forest.num_parallel_tree = std::max(1, Binary::At<int32_t>(param, 4));
    CLARY_CHECK_OK(in.Check());
    if (trees < 0 || forest.num_parallel_tree > 1000000)
      return BadModel("the number of trees is impossible");
    for (int32_t t = 0; t < trees; ++t) {
      CLARY_TRY(Tree tree, ReadBinaryTree(in, forest.num_feature));
      forest.trees.push_back(std::move(tree));
    }
    std::vector<double> info;
    info.reserve(forest.trees.size());
    for (int32_t t = 0; t < trees; ++t) info.push_back(in.Get<int32_t>());
    CLARY_CHECK_OK(in.Check());
    if (booster == "dart") {
      forest.booster = Booster::kDart;
      if (trees > 0) {
        const auto count = in.Get<uint64_t>();
        if (count != forest.trees.size()) return BadModel("weight_drop does not fit the trees");
        for (uint64_t t = 0; t < count; ++t) forest.tree_weight.push_back(in.Get<float>());
      }
    }
    CLARY_CHECK_OK(CheckForest(forest, info));
    CLARY_CHECK_OK(FillRounds(forest));
  }
  CLARY_CHECK_OK(in.Check());
  if (has_attributes) CLARY_CHECK_OK(ReadBinaryAttributes(in, forest));
  // Files before 1.0 end with what is an attribute already.
  if (major < 1 && forest.objective.name == "count:poisson" && in.left() > 0) in.Text();
  CLARY_CHECK_OK(in.Check());
  return forest;
}

}  // namespace clary::gbdt
