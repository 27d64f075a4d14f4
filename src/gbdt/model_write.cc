// Writes XGBoost's model document, as text JSON or as UBJSON, from one description of it. The
// layout is the one that every release from 1.0 (text) or 1.6 (UBJSON) on reads.
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "gbdt/model_io.h"

namespace clary::gbdt {
namespace {

// The shortest text that reads back as the same float, always with a point or an exponent:
// readers take "1" for an integer and refuse it among floats.
std::string FloatText(float v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v < 0 ? "-Infinity" : "Infinity";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += "E0";
  return text;
}

class JsonSink {
 public:
  static constexpr bool kBinary = false;
  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray(size_t /*size*/) { Open('['); }
  void EndArray() { Close(']'); }
  void Key(std::string_view key) {
    Separate();
    out_ += JsonQuote(key);
    out_ += ':';
    fresh_ = true;
  }
  void String(std::string_view s) {
    Separate();
    out_ += JsonQuote(s);
  }
  void Int(int64_t v) {
    Separate();
    out_ += std::to_string(v);
  }
  void Float(float v) {
    Separate();
    out_ += FloatText(v);
  }
  void Floats(std::span<const float> values) {
    Array(values, [&](float v) { out_ += FloatText(v); });
  }
  void Int32s(std::span<const int32_t> values) {
    Array(values, [&](int32_t v) { out_ += std::to_string(v); });
  }
  void Int64s(std::span<const int64_t> values) {
    Array(values, [&](int64_t v) { out_ += std::to_string(v); });
  }
  // 1.5 and older want JSON booleans for flags.
  void Flags(std::span<const uint8_t> values) {
    Array(values, [&](uint8_t v) { out_ += v != 0 ? "true" : "false"; });
  }
  void Bytes(std::span<const uint8_t> values) {
    Array(values, [&](uint8_t v) { out_ += std::to_string(v); });
  }
  std::string Take() { return std::move(out_); }

 private:
  void Separate() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  void Open(char c) {
    Separate();
    out_ += c;
    fresh_ = true;
  }
  void Close(char c) {
    out_ += c;
    fresh_ = false;
  }
  template <typename T, typename Put>
  void Array(std::span<const T> values, Put&& put) {
    Separate();
    out_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) out_ += ',';
      put(values[i]);
    }
    out_ += ']';
  }
  std::string out_;
  bool fresh_ = true;  // nothing to separate from
};

class UbjsonSink {
 public:
  static constexpr bool kBinary = true;
  void BeginObject() { out_ += '{'; }
  void EndObject() { out_ += '}'; }
  void BeginArray(size_t size) {
    out_ += "[#";
    Length(size);
  }
  void EndArray() {}  // counted arrays have no end mark
  void Key(std::string_view key) {
    Length(key.size());
    out_ += key;
  }
  void String(std::string_view s) {
    out_ += 'S';
    Key(s);
  }
  void Int(int64_t v) {
    if (v >= -128 && v <= 127) {
      Tagged('i', static_cast<uint8_t>(v));
    } else if (v >= -32768 && v <= 32767) {
      Tagged('I', static_cast<uint16_t>(v));
    } else if (v >= std::numeric_limits<int32_t>::min() &&
               v <= std::numeric_limits<int32_t>::max()) {
      Tagged('l', static_cast<uint32_t>(v));
    } else {
      Tagged('L', static_cast<uint64_t>(v));
    }
  }
  void Float(float v) { Tagged('d', std::bit_cast<uint32_t>(v)); }
  void Floats(std::span<const float> values) {
    Array('d', values, [&](float v) { BigEndian(std::bit_cast<uint32_t>(v)); });
  }
  void Int32s(std::span<const int32_t> values) {
    Array('l', values, [&](int32_t v) { BigEndian(static_cast<uint32_t>(v)); });
  }
  void Int64s(std::span<const int64_t> values) {
    Array('L', values, [&](int64_t v) { BigEndian(static_cast<uint64_t>(v)); });
  }
  void Flags(std::span<const uint8_t> values) { Bytes(values); }
  void Bytes(std::span<const uint8_t> values) {
    Array('U', values, [&](uint8_t v) { BigEndian(v); });
  }
  std::string Take() { return std::move(out_); }

 private:
  template <typename U>
  void BigEndian(U v) {
    for (size_t i = sizeof(U); i-- > 0;) out_ += static_cast<char>((v >> (8 * i)) & 0xff);
  }
  template <typename U>
  void Tagged(char tag, U v) {
    out_ += tag;
    BigEndian(v);
  }
  void Length(size_t n) { Tagged('L', static_cast<uint64_t>(n)); }
  template <typename T, typename Put>
  void Array(char type, std::span<const T> values, Put&& put) {
    out_ += "[$";
    out_ += type;
    out_ += '#';
    Length(values.size());
    out_.reserve(out_.size() + values.size() * sizeof(T));
    for (const T v : values) put(v);
  }
  std::string out_;
};

template <typename Sink>
class Writer {
 public:
  explicit Writer(const Forest& forest) : forest_(forest) {}

  std::string Write() {
    s_.BeginObject();
    s_.Key("learner");
    s_.BeginObject();
    s_.Key("attributes");
    Texts(forest_.attributes);
    Strings("feature_names", forest_.feature_names);
    Strings("feature_types", forest_.feature_types);
    s_.Key("gradient_booster");
    GradientBooster();
    s_.Key("learner_model_param");
    std::string base_score = FloatText(forest_.base_score[0]);
    if (forest_.base_score.size() > 1) {  // only models of 3.1 and later have several
      base_score = "[" + base_score;
      for (size_t i = 1; i < forest_.base_score.size(); ++i) {
        base_score += "," + FloatText(forest_.base_score[i]);
      }
      base_score += "]";
    }
    Texts({{"base_score", base_score},
           {"boost_from_average", forest_.base_score_estimated ? "1" : "0"},
           {"num_class", std::to_string(forest_.objective.num_class)},
           {"num_feature", std::to_string(forest_.num_feature)},
           {"num_target", std::to_string(forest_.num_target)}});
    s_.Key("objective");
    Objective();
    s_.EndObject();
    s_.Key("version");
    s_.BeginArray(3);
    for (const int part : {1, 7, 0}) s_.Int(part);
    s_.EndArray();
    s_.EndObject();
    return s_.Take();
  }

 private:
  using TextMap = std::map<std::string, std::string>;

  void Texts(const TextMap& texts) {
    s_.BeginObject();
    for (const auto& [key, value] : texts) {
      s_.Key(key);
      s_.String(value);
    }
    s_.EndObject();
  }
  void Strings(std::string_view key, const std::vector<std::string>& strings) {
    s_.Key(key);
    s_.BeginArray(strings.size());
    for (const std::string& text : strings) s_.String(text);
    s_.EndArray();
  }
  template <typename T>
  void Ints(std::string_view key, const std::vector<T>& values) {
    s_.Key(key);
    s_.BeginArray(values.size());
    for (const T v : values) s_.Int(static_cast<int64_t>(v));
    s_.EndArray();
  }
  void FloatList(std::string_view key, const std::vector<float>& values) {
    s_.Key(key);
    s_.BeginArray(values.size());
    for (const float v : values) s_.Float(v);
    s_.EndArray();
  }

  void GradientBooster() {
    s_.BeginObject();
    switch (forest_.booster) {
      case Booster::kGbtree:
        s_.Key("model");
        TreeModel();
        Name("gbtree");
        break;
      case Booster::kDart:
        s_.Key("gbtree");
        s_.BeginObject();
        s_.Key("model");
        TreeModel();
        Name("gbtree");
        s_.EndObject();
        Name("dart");
        FloatList("weight_drop", forest_.tree_weight);
        break;
      case Booster::kGblinear:
        s_.Key("model");
        s_.BeginObject();
        s_.Key("boosted_rounds");
        s_.Int(forest_.linear_rounds);
        s_.Key("weights");
        s_.Floats(forest_.linear_weights);
        s_.EndObject();
        Name("gblinear");
        break;
    }
    s_.EndObject();
  }
  void Name(std::string_view name) {
    s_.Key("name");
    s_.String(name);
  }

  // Arrays of single numbers: those are read as the type that `type` names.
  void Cats() {
    s_.Key("cats");
    s_.BeginObject();
    s_.Key("enc");
    s_.BeginArray(forest_.category_names.size());
    std::vector<size_t> segments = {0};
    std::vector<int32_t> sorted;
    for (const CategoryNames& names : forest_.category_names) {
      s_.BeginObject();
      if (names.integer_type != 0) {
        s_.Key("type");
        s_.Int(names.integer_type);
        Ints("values", names.integers);
      } else {
        std::vector<size_t> offsets(names.texts.empty() ? 0 : 1);
        std::vector<signed char> bytes;
        for (const std::string& text : names.texts) {
          bytes.insert(bytes.end(), text.begin(), text.end());
          offsets.push_back(bytes.size());
        }
        Ints("offsets", offsets);
        Ints("values", bytes);
      }
      s_.EndObject();
      segments.push_back(segments.back() + names.size());
      sorted.insert(sorted.end(), names.sorted.begin(), names.sorted.end());
    }
    s_.EndArray();
    Ints("feature_segments", segments);
    Ints("sorted_idx", sorted);
    s_.EndObject();
  }

  void TreeModel() {
    s_.BeginObject();
    if (!forest_.category_names.empty()) Cats();
    s_.Key("gbtree_model_param");
    Texts({{"num_parallel_tree", std::to_string(forest_.num_parallel_tree)},
           {"num_trees", std::to_string(forest_.trees.size())},
           {"size_leaf_vector", "0"}});
    Ints("iteration_indptr", forest_.round_begin);
    Ints("tree_info", forest_.tree_output);
    s_.Key("trees");
    s_.BeginArray(forest_.trees.size());
    for (size_t i = 0; i < forest_.trees.size(); ++i) WriteTree(i, forest_.trees[i]);
    s_.EndArray();
    s_.EndObject();
  }

  void Int32s(std::string_view key, std::span<const int32_t> values) {
    s_.Key(key);
    s_.Int32s(values);
  }
  void Floats(std::string_view key, std::span<const float> values) {
    s_.Key(key);
    s_.Floats(values);
  }

  void WriteTree(size_t id, const Tree& tree) {
    const size_t n = tree.size();
    std::vector<int32_t> right(n);
    std::vector<int32_t> parent(n);
    std::vector<uint8_t> is_categorical(n, 0);
    for (size_t i = 0; i < n; ++i) {
      right[i] = tree.left[i] == kNoNode ? kNoNode : tree.left[i] + 1;
      parent[i] = tree.parent[i] == kNoNode ? std::numeric_limits<int32_t>::max() : tree.parent[i];
    }
    std::vector<int64_t> segments;
    std::vector<int64_t> sizes;
    for (size_t k = 0; k < tree.categorical.size(); ++k) {
      is_categorical[static_cast<size_t>(tree.categorical[k])] = 1;
      segments.push_back(tree.category_begin[k]);
      sizes.push_back(int64_t{tree.category_begin[k + 1]} - tree.category_begin[k]);
    }
    const std::vector<int32_t> feature(tree.feature.begin(), tree.feature.end());
    const std::vector<int32_t> categories(tree.categories.begin(), tree.categories.end());

    s_.BeginObject();
    Floats("base_weights", tree.base_weight);
    Int32s("categories", categories);
    Int32s("categories_nodes", tree.categorical);
    s_.Key("categories_segments");
    s_.Int64s(segments);
    s_.Key("categories_sizes");
    s_.Int64s(sizes);
    s_.Key("default_left");
    s_.Flags(tree.default_left);
    s_.Key("id");
    s_.Int(static_cast<int64_t>(id));
    if constexpr (!Sink::kBinary) {  // 1.0 to 1.2 ask for it
      Int32s("leaf_child_counts", std::vector<int32_t>(n, 0));
    }
    Int32s("left_children", tree.left);
    Floats("loss_changes", tree.gain);
    Int32s("parents", parent);
    Int32s("right_children", right);
    Floats("split_conditions", tree.threshold);
    Int32s("split_indices", feature);
    s_.Key("split_type");
    s_.Bytes(is_categorical);
    Floats("sum_hessian", tree.cover);
    s_.Key("tree_param");
    Texts({{"num_deleted", "0"},
           {"num_feature", std::to_string(forest_.num_feature)},
           {"num_nodes", std::to_string(n)},
           {"size_leaf_vector", "1"}});
    s_.EndObject();
  }

  void Objective() {
    const ObjectiveConfig& c = forest_.objective;
    s_.BeginObject();
    Name(c.name);
    const auto param = [&](std::string_view key, const TextMap& texts) {
      s_.Key(key);
      Texts(texts);
    };
    if (c.name.starts_with("multi:")) {
      param("softmax_multiclass_param", {{"num_class", std::to_string(c.num_class)}});
    } else if (c.name == "count:poisson") {
      param("poisson_regression_param", {{"max_delta_step", FloatText(c.max_delta_step)}});
    } else if (c.name == "reg:tweedie") {
      param("tweedie_regression_param",
            {{"tweedie_variance_power", FloatText(c.tweedie_variance_power)}});
    } else if (c.name == "survival:aft") {
      param("aft_loss_param",
            {{"aft_loss_distribution", c.aft_loss_distribution},
             {"aft_loss_distribution_scale", FloatText(c.aft_loss_distribution_scale)}});
    } else if (c.name == "reg:quantileerror") {
      std::string alpha = "[";
      for (const float a : c.quantile_alpha) alpha += (alpha == "[" ? "" : ", ") + FloatText(a);
      param("quantile_loss_param", {{"quantile_alpha", alpha + "]"}});
    } else if (c.name.starts_with("rank:")) {
      param("lambda_rank_param", {{"fix_list_weight", "0"}, {"num_pairsample", "1"}});
      if (!c.lambdarank.empty()) param("lambdarank_param", c.lambdarank);
      if (!c.position_bias_high.empty()) {
        Floats("ti+", c.position_bias_high);
        Floats("tj-", c.position_bias_low);
      }
    } else {
      if (c.name == "reg:pseudohubererror") {
        param("pseudo_huber_param", {{"huber_slope", FloatText(c.huber_slope)}});
      }
      param("reg_loss_param", {{"scale_pos_weight", FloatText(c.scale_pos_weight)}});
    }
    s_.EndObject();
  }

  const Forest& forest_;
  Sink s_;
};

}  // namespace

std::string WriteJson(const Forest& forest) { return Writer<JsonSink>(forest).Write(); }
std::string WriteUbjson(const Forest& forest) { return Writer<UbjsonSink>(forest).Write(); }

}  // namespace clary::gbdt
