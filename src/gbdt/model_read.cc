// Reads XGBoost's model files: text JSON, UBJSON and the legacy binary format of 0.x to 2.0. All
// three end in one check of the trees, so that what a Forest promises holds for any bytes.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/strings.h"
#include "gbdt/model_io.h"

namespace clary::gbdt {
namespace {

constexpr int kMaxDepth = 64;  // of nested documents

std::unexpected<Error> BadModel(std::string message) {
  return Fail(Code::kDataLoss, "BadModel", "not a model file of XGBoost: " + std::move(message));
}

// ---- A document

// A JSON value. Arrays of numbers, which are nearly all of a model, are kept as one vector.
struct Value {
  struct Member;
  enum class Kind : uint8_t { kNull, kNumber, kString, kArray, kNumbers, kObject };
  Kind kind = Kind::kNull;
  double number = 0;  // booleans are 0 and 1
  std::string text;
  std::vector<double> numbers;
  std::vector<Value> items;
  std::vector<Member> members;

  const Value* Find(std::string_view key) const;
};

// One name of an object and what it holds.
struct Value::Member {
  std::string key;
  Value value;
};

const Value* Value::Find(std::string_view key) const {
  for (const Member& m : members) {
    if (m.key == key) return &m.value;
  }
  return nullptr;
}

class JsonReader {
 public:
  explicit JsonReader(std::string_view text)
      : begin_(text.data()), p_(begin_), end_(p_ + text.size()) {}

  Result<Value> Read() {
    Value v;
    CLARY_CHECK_OK(ReadValue(v, 0));
    SkipBlanks();
    if (p_ != end_) return Bad("something after the end of the document");
    return v;
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    return BadModel(std::string(what) + " at byte " + std::to_string(p_ - begin_));
  }
  void SkipBlanks() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word) {
      return false;
    }
    p_ += word.size();
    return true;
  }

  Status ReadString(std::string& out) {
    if (!Take('"')) return Bad("no string where one is needed");
    for (; p_ != end_ && *p_ != '"'; ++p_) {
      if (*p_ != '\\') {
        out += *p_;
        continue;
      }
      if (++p_ == end_) break;
      switch (*p_) {
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'u':  // XGBoost keeps it as it is
          out += "\\u";
          break;
        default:
          out += *p_;
      }
    }
    if (p_ == end_) return Bad("a string without an end");
    ++p_;
    return {};
  }

  // A number, a boolean or one of the words for special values; false if there is none.
  bool ReadNumber(double& out) {
    if (TakeWord("true")) return out = 1, true;
    if (TakeWord("false")) return out = 0, true;
    if (TakeWord("NaN")) return out = std::numeric_limits<double>::quiet_NaN(), true;
    if (TakeWord("Infinity")) return out = std::numeric_limits<double>::infinity(), true;
    if (TakeWord("-Infinity")) return out = -std::numeric_limits<double>::infinity(), true;
    if (p_ != end_ && *p_ != '-' && (*p_ < '0' || *p_ > '9')) return false;
    const auto [next, ec] = std::from_chars(p_, end_, out);
    if (ec == std::errc::invalid_argument) return false;
    p_ = next;
    return true;
  }

  Status ReadArray(Value& v, int depth) {
    v.kind = Value::Kind::kNumbers;  // an empty one, too
    if (Take(']')) return {};
    for (;;) {
      SkipBlanks();
      double number;
      if (v.items.empty() && ReadNumber(number)) {
        v.numbers.push_back(number);
      } else {
        if (!v.numbers.empty()) return Bad("an array of several types");
        v.kind = Value::Kind::kArray;
        CLARY_CHECK_OK(ReadValue(v.items.emplace_back(), depth));
      }
      if (Take(']')) return {};
      if (!Take(',')) return Bad("no ',' or ']' in an array");
    }
  }

  Status ReadValue(Value& v, int depth) {
    if (depth > kMaxDepth) return Bad("too many levels");
    SkipBlanks();
    if (p_ == end_) return Bad("no value");
    if (*p_ == '"') {
      v.kind = Value::Kind::kString;
      return ReadString(v.text);
    }
    if (Take('[')) return ReadArray(v, depth + 1);
    if (!Take('{')) {
      if (TakeWord("null")) return {};
      v.kind = Value::Kind::kNumber;
      if (!ReadNumber(v.number)) return Bad("no value");
      return {};
    }
    v.kind = Value::Kind::kObject;
    if (Take('}')) return {};
    for (;;) {
      auto& [key, value] = v.members.emplace_back();
      CLARY_CHECK_OK(ReadString(key));
      if (!Take(':')) return Bad("no ':' after a key");
      CLARY_CHECK_OK(ReadValue(value, depth + 1));
      if (Take('}')) return {};
      if (!Take(',')) return Bad("no ',' or '}' in an object");
    }
  }

  const char* const begin_;
  const char* p_;
  const char* const end_;
};

class UbjsonReader {
 public:
  explicit UbjsonReader(std::string_view bytes) : bytes_(bytes) {}

  Result<Value> Read() {
    Value v;
    CLARY_TRY(const char type, Byte());
    CLARY_CHECK_OK(ReadValue(type, v, 0));
    return v;
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    return BadModel(std::string(what) + " at byte " + std::to_string(at_));
  }
  Result<char> Byte() {
    if (at_ == bytes_.size()) return Bad("the file ends too early");
    return bytes_[at_++];
  }

  static size_t Width(char type) {
    switch (type) {
      case 'i':
      case 'U':
        return 1;
      case 'I':
        return 2;
      case 'l':
      case 'd':
        return 4;
      case 'L':
      case 'D':
        return 8;
      default:
        return 0;
    }
  }
  template <typename U>
  U BigEndian(const char* p) const {
    U v = 0;
    for (size_t i = 0; i < sizeof(U); ++i) {
      v = static_cast<U>((uint64_t{v} << 8) | static_cast<unsigned char>(p[i]));
    }
    return v;
  }
  // The number of the type at `p`, which has Width(type) bytes.
  double Number(char type, const char* p) const {
    switch (type) {
      case 'i':
        return static_cast<int8_t>(*p);
      case 'U':
        return static_cast<uint8_t>(*p);
      case 'I':
        return static_cast<int16_t>(BigEndian<uint16_t>(p));
      case 'l':
        return static_cast<int32_t>(BigEndian<uint32_t>(p));
      case 'L':
        return static_cast<double>(static_cast<int64_t>(BigEndian<uint64_t>(p)));
      case 'd':
        return static_cast<double>(std::bit_cast<float>(BigEndian<uint32_t>(p)));
      default:
        return std::bit_cast<double>(BigEndian<uint64_t>(p));
    }
  }

  Result<size_t> Length() {
    CLARY_TRY(const char type, Byte());
    const size_t width = Width(type);
    if (width == 0 || type == 'd' || type == 'D') return Bad("no length");
    if (bytes_.size() - at_ < width) return Bad("the file ends too early");
    const double n = Number(type, bytes_.data() + at_);
    at_ += width;
    if (n < 0 || n > static_cast<double>(bytes_.size())) return Bad("an impossible length");
    return static_cast<size_t>(n);
  }
  Status ReadText(std::string& out) {
    CLARY_TRY(const size_t n, Length());
    if (bytes_.size() - at_ < n) return Bad("the file ends too early");
    out.assign(bytes_, at_, n);
    at_ += n;
    return {};
  }

  Status ReadArray(Value& v, int depth) {
    v.kind = Value::Kind::kNumbers;
    char type = 0;
    bool counted = false;
    size_t count = 0;
    if (at_ < bytes_.size() && bytes_[at_] == '$') {
      ++at_;
      CLARY_TRY(type, Byte());
    }
    if (at_ < bytes_.size() && bytes_[at_] == '#') {
      ++at_;
      CLARY_TRY(count, Length());
      counted = true;
    }
    if (type != 0) {
      const size_t width = Width(type);
      if (width == 0 || !counted) return Bad("an array of an unknown type");
      if ((bytes_.size() - at_) / width < count) return Bad("the file ends too early");
      v.numbers.reserve(count);
      for (size_t i = 0; i < count; ++i, at_ += width) {
        v.numbers.push_back(Number(type, bytes_.data() + at_));
      }
      return {};
    }
    for (size_t i = 0; !counted || i < count; ++i) {
      CLARY_TRY(const char item, Byte());
      if (!counted && item == ']') break;
      Value value;
      CLARY_CHECK_OK(ReadValue(item, value, depth));
      if (value.kind == Value::Kind::kNumber && v.items.empty()) {
        v.numbers.push_back(value.number);
      } else {
        if (!v.numbers.empty()) return Bad("an array of several types");
        v.kind = Value::Kind::kArray;
        v.items.push_back(std::move(value));
      }
    }
    return {};
  }

  Status ReadValue(char type, Value& v, int depth) {
    if (depth > kMaxDepth) return Bad("too many levels");
    switch (type) {
      case 'Z':
      case 'N':
        return {};
      case 'T':
      case 'F':
        v.kind = Value::Kind::kNumber;
        v.number = type == 'T' ? 1 : 0;
        return {};
      case 'S':
        v.kind = Value::Kind::kString;
        return ReadText(v.text);
      case '[':
        return ReadArray(v, depth + 1);
      case '{':
        break;
      default: {
        const size_t width = Width(type);
        if (width == 0) return Bad("an unknown type");
        if (bytes_.size() - at_ < width) return Bad("the file ends too early");
        v.kind = Value::Kind::kNumber;
        v.number = Number(type, bytes_.data() + at_);
        at_ += width;
        return {};
      }
    }
    v.kind = Value::Kind::kObject;
    for (;;) {
      if (at_ < bytes_.size() && bytes_[at_] == '}') {
        ++at_;
        return {};
      }
      auto& [key, value] = v.members.emplace_back();
      CLARY_CHECK_OK(ReadText(key));
      CLARY_TRY(const char item, Byte());
      CLARY_CHECK_OK(ReadValue(item, value, depth + 1));
    }
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

// ---- From a document to a Forest

// A number given as text or as itself; a list of one is that one.
std::optional<double> AsNumber(const Value& v) {
  if (v.kind == Value::Kind::kNumber) return v.number;
  if (v.kind != Value::Kind::kString) return std::nullopt;
  std::string_view s = Trim(v.text);
  if (s.size() >= 2 && s.front() == '[' && s.back() == ']') s = Trim(s.substr(1, s.size() - 2));
  if (s.starts_with('+')) s.remove_prefix(1);
  double number = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), number);
  if (ec != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return number;
}

// A float parameter of an object of strings; `fallback` if it is not there.
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
    Value item;
    item.kind = Value::Kind::kString;
    item.text = part;
    const auto number = AsNumber(item);
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

// Is it a whole number in [low, high]?
bool IsInt(double v, double low, double high) {
  return v >= low && v <= high && v == std::floor(v);
}

// What every tree of a Forest keeps to. Children that are no pair, or unreachable nodes that are
// not leaves, occur in no file that XGBoost wrote.
Status CheckTree(Tree& tree, uint32_t num_feature) {
  const size_t n = tree.size();
  if (n == 0) return BadModel("a tree has no nodes");
  std::vector<NodeId> parent(n, kNoNode);
  for (size_t i = 0; i < n; ++i) {
    const NodeId left = tree.left[i];
    if (left == kNoNode) {
      tree.feature[i] = 0;
      continue;
    }
    // Children come after their parent, so that every walk ends.
    if (left <= static_cast<NodeId>(i) || static_cast<size_t>(left) + 1 >= n) {
      return BadModel("node " + std::to_string(i) + " of a tree has child " + std::to_string(left));
    }
    if (tree.feature[i] >= num_feature) {
      return BadModel("node " + std::to_string(i) + " of a tree splits feature " +
                      std::to_string(tree.feature[i]) + " of " + std::to_string(num_feature));
    }
    for (const auto child : {static_cast<size_t>(left), static_cast<size_t>(left) + 1}) {
      if (parent[child] != kNoNode) return BadModel("a node of a tree has two parents");
      parent[child] = static_cast<NodeId>(i);
    }
  }
  tree.parent = std::move(parent);
  return {};
}

// Children in pairs, each after its parent: the order that a Tree needs. Files of 1.2 and older may
// differ. kDataLoss if it is no tree.
Status Renumber(Tree& tree, const std::vector<NodeId>& right) {
  const size_t n = tree.size();
  bool ordered = true;
  for (size_t i = 0; i < n && ordered; ++i) {
    ordered = tree.left[i] == kNoNode ||
              (tree.left[i] > static_cast<NodeId>(i) && right[i] == tree.left[i] + 1);
  }
  if (ordered) return {};
  std::vector<NodeId> order = {0};  // old ids by new id
  std::vector<uint8_t> seen(n);
  std::vector<NodeId> left;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto old = static_cast<size_t>(order[i]);
    if (seen[old] != 0) return BadModel("a node of a tree has two parents");
    seen[old] = 1;
    left.push_back(kNoNode);
    if (tree.left[old] == kNoNode) continue;
    for (const NodeId child : {tree.left[old], right[old]}) {
      if (child <= 0 || static_cast<size_t>(child) >= n) {
        return BadModel("node " + std::to_string(old) + " of a tree has child " +
                        std::to_string(child));
      }
    }
    left[i] = static_cast<NodeId>(order.size());
    order.push_back(tree.left[old]);
    order.push_back(right[old]);
    if (order.size() > n) return BadModel("a node of a tree has two parents");
  }
  if (!tree.categorical.empty()) {
    return BadModel("a tree with categories has children that are not next to one another");
  }
  const auto reorder = [&](auto& v) {
    auto out = v;
    out.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) out[i] = v[static_cast<size_t>(order[i])];
    v = std::move(out);
  };
  reorder(tree.feature);
  reorder(tree.threshold);
  reorder(tree.default_left);
  reorder(tree.gain);
  reorder(tree.cover);
  reorder(tree.base_weight);
  tree.left = std::move(left);
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

// Rounds of equal size, for files that do not list them.
Status FillRounds(Forest& forest) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  const size_t a_round = outputs * static_cast<size_t>(forest.num_parallel_tree);
  if (forest.trees.size() % a_round != 0) {
    return BadModel(std::to_string(forest.trees.size()) +
                    " trees are no whole number of rounds of " + std::to_string(a_round));
  }
  forest.round_begin = {0};
  for (size_t end = a_round; end <= forest.trees.size(); end += a_round)
    forest.round_begin.push_back(end);
  return {};
}

// Checks of the trees' outputs, for all formats.
Status CheckForest(Forest& forest, const std::vector<double>& tree_info) {
  if (tree_info.size() != forest.trees.size()) {
    return BadModel(std::to_string(forest.trees.size()) + " trees, but tree_info of " +
                    std::to_string(tree_info.size()));
  }
  for (const double output : tree_info) {
    if (!IsInt(output, 0, forest.num_output() - 1))
      return BadModel("tree_info names an unknown class");
    forest.tree_output.push_back(static_cast<int>(output));
  }
  if (!forest.tree_weight.empty() && forest.tree_weight.size() != forest.trees.size()) {
    return BadModel("weight_drop does not fit the trees");
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

std::vector<std::string> Strings(const Value* v) {
  std::vector<std::string> out;
  if (v == nullptr) return out;
  for (const Value& item : v->items) out.push_back(item.text);
  return out;
}

// Up to 1.2 the intercept of binary:logitraw was a probability; since then it is the margin itself.
void ReadOldIntercept(Forest& forest) {
  if (forest.objective.name != "binary:logitraw") return;
  for (float& b : forest.base_score) b = -std::log(1 / b - 1);
}

// The sizes that everything else is checked against.
Status SetSizes(Forest& forest, int64_t num_feature, int64_t num_class, int64_t num_target) {
  if (num_feature < 0 || num_feature > 4294967295 || num_class < 0 || num_class > 10000000 ||
      num_target < 0 || num_target > 10000000) {
    return BadModel("num_feature, num_class or num_target is out of range");
  }
  forest.num_feature = static_cast<uint32_t>(num_feature);
  forest.objective.num_class = static_cast<int>(num_class);
  forest.num_target = std::max(1, static_cast<int>(num_target));
  // Since 2.0 multi-class models carry num_target = 1; older loaders wrote the larger of both.
  if (num_class > 1) forest.num_target = 1;
  return {};
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

// ---- The legacy binary format

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
      if (auto document = JsonReader(value).Read()) {
        const std::string name = forest.objective.name;
        const int num_class = forest.objective.num_class;
        (void)ReadObjective(*document, forest.objective);  // what is not there keeps its default
        forest.objective.name = name;
        forest.objective.num_class = num_class;
      }
    } else if (key == "count_poisson_max_delta_step") {
      Value v;
      v.kind = Value::Kind::kString;
      v.text = value;
      if (const auto step = AsNumber(v))
        forest.objective.max_delta_step = static_cast<float>(*step);
    } else if (key != "metrics") {
      forest.attributes[key] = std::move(value);
    }
  }
  return in.Check();
}

Result<Forest> ReadBinary(std::string_view bytes) {
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

}  // namespace

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
    CLARY_TRY(const Value document,
              text ? JsonReader(bytes).Read() : UbjsonReader(bytes.substr(brace)).Read());
    return ReadDocument(document);
  }
  return ReadBinary(bytes);
}

}  // namespace clary::gbdt
