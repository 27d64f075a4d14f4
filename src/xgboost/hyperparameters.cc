#include "xgboost/hyperparameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "base/strings.h"
#include "base/suggest.h"

namespace clary::xgboost {
namespace {

// ---- The table

enum class Type : uint8_t { kInteger, kContinuous, kCategorical, kList, kTuple, kNestedList };

enum class Use : uint8_t {
  kEngine,   // goes to the engine
  kToolkit,  // goes to the built-in algorithm's program
  kIgnored,  // accepted and without effect, as upstream
};

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kMostInt = std::numeric_limits<int32_t>::max();

// Both ends work: the test trains with the least and the greatest value of every row.
struct Range {
  double low = -kInf;
  double high = kInf;
  bool low_open = false;
  bool high_open = false;
  // The container sets no upper end: what is below the lower one gets its words, "[1, +inf)".
  bool ours = false;
};

constexpr Range kUnit{0, 1};
constexpr Range kShare{0, 1, true};
constexpr Range kInside{0, 1, true, true};
constexpr Range kFromOne{1, kMostInt, false, false, true};
constexpr Range kFromZero{0, kMostInt, false, false, true};
constexpr Range kSwitch{0, 1};

constexpr Range FromZeroTo(double most) { return {0, most, false, false, true}; }
constexpr Range AboveZeroTo(double most) { return {0, most, true, false, true}; }
constexpr Range From(double least, double most) { return {least, most, false, false, true}; }

using Words = std::span<const std::string_view>;

constexpr std::string_view kObjectives[] = {"aft_loss_distribution",
                                            "binary:logistic",
                                            "binary:logitraw",
                                            "binary:hinge",
                                            "count:poisson",
                                            "multi:softmax",
                                            "multi:softprob",
                                            "rank:pairwise",
                                            "rank:ndcg",
                                            "rank:map",
                                            "reg:linear",
                                            "reg:squarederror",
                                            "reg:logistic",
                                            "reg:gamma",
                                            "reg:pseudohubererror",
                                            "reg:squaredlogerror",
                                            "reg:absoluteerror",
                                            "reg:tweedie",
                                            "survival:aft",
                                            "survival:cox"};
// Those to be maximised first.
constexpr std::string_view kMetrics[] = {"accuracy",
                                         "auc",
                                         "aucpr",
                                         "balanced_accuracy",
                                         "f1",
                                         "f1_binary",
                                         "f1_macro",
                                         "map",
                                         "ndcg",
                                         "precision",
                                         "r2",
                                         "recall",
                                         "precision_macro",
                                         "precision_micro",
                                         "recall_macro",
                                         "recall_micro",
                                         "aft-nloglik",
                                         "cox-nloglik",
                                         "error",
                                         "gamma-deviance",
                                         "gamma-nloglik",
                                         "interval-regression-accuracy",
                                         "logloss",
                                         "mae",
                                         "mape",
                                         "merror",
                                         "mlogloss",
                                         "mphe",
                                         "mse",
                                         "poisson-nloglik",
                                         "rmse",
                                         "rmsle",
                                         "tweedie-nloglik"};
constexpr auto kMaximized = std::span(kMetrics).first<16>();
constexpr std::string_view kBoosters[] = {"gbtree", "gblinear", "dart"};
constexpr std::string_view kTreeMethods[] = {"auto", "exact", "approx", "hist", "gpu_hist"};
constexpr std::string_view kUpdaters[] = {"grow_colmaker", "distcol", "grow_histmaker",
                                          "grow_skmaker",  "sync",    "refresh",
                                          "prune",         "shotgun", "coord_descent"};
constexpr std::string_view kTreeUpdaters[] = {
    "grow_colmaker", "distcol", "grow_histmaker", "grow_skmaker", "sync", "refresh", "prune"};
constexpr std::string_view kGrowers[] = {"grow_colmaker", "distcol", "grow_histmaker",
                                         "grow_skmaker"};
constexpr std::string_view kLinearUpdaters[] = {"shotgun", "coord_descent"};
constexpr std::string_view kUpdateUpdaters[] = {"refresh", "prune"};
constexpr std::string_view kThresholdMetrics[] = {"error", "ndcg", "map"};
constexpr std::string_view kDsplits[] = {"row", "col"};
constexpr std::string_view kProcessTypes[] = {"default", "update"};
constexpr std::string_view kGrowPolicies[] = {"depthwise", "lossguide"};
constexpr std::string_view kPredictors[] = {"auto", "cpu_predictor", "gpu_predictor"};
constexpr std::string_view kSampleTypes[] = {"uniform", "weighted"};
constexpr std::string_view kNormalizeTypes[] = {"tree", "forest"};
constexpr std::string_view kBooleans[] = {"true", "false"};
constexpr std::string_view kDistributions[] = {"normal", "logistic", "extreme"};
constexpr std::string_view kSamplingMethods[] = {"uniform", "gradient_based"};
constexpr std::string_view kTuningMetrics[] = {""};  // "validation:" and a metric, checked by hand

// Versions of the image, oldest first. A parameter's `since` and `until` are indices.
constexpr std::string_view kVersions[] = {"0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2",
                                          "1.3-1",  "1.5-1",  "1.7-1", "3.0-5", "3.2-0"};
constexpr size_t VersionIndex(std::string_view version) {
  for (size_t i = 0; i < std::size(kVersions); ++i) {
    if (kVersions[i] == version) return i;
  }
  return std::size(kVersions) - 1;
}

struct Spec {
  std::string_view name;
  Type type;
  Range range;                // numbers, and items of kTuple and kNestedList
  Words allowed;              // words
  std::string_view fallback;  // shown in the documentation; the engine's own default
  std::string_view tuning;
  std::string_view doc;
  Use use = Use::kEngine;
  std::string_view since = "0.90-1";
  std::string_view until = "3.2-0";
};

constexpr Type kInt = Type::kInteger;
constexpr Type kFloat = Type::kContinuous;
constexpr Type kWord = Type::kCategorical;

// clang-format off
constexpr Spec kSpecs[] = {
    {"num_round", kInt, kFromOne, {}, "required", "[1, 4000]", "Number of boosting rounds."},
    {"num_class", kInt, From(2, 65535), {}, "", "", "Number of classes; required by multi:softmax and multi:softprob, and only for them."},
    {"objective", kWord, {}, kObjectives, "reg:squarederror", "", "What is learned: the loss and what predictions mean."},
    {"eval_metric", Type::kList, {}, kMetrics, "by objective", "", "Metrics of the validation data, separated by commas; error@t, ndcg@n and map@n take a number."},
    {"booster", kWord, {}, kBoosters, "gbtree", "", "Trees, a linear model, or trees with dropout."},
    {"eta", kFloat, kUnit, {}, "0.3", "[0.1, 0.5]", "Shrinks each tree's leaf values (0.5 for gblinear). Alias: learning_rate."},
    {"gamma", kFloat, FromZeroTo(1e30), {}, "0", "[0, 5]", "Least loss reduction that a split must bring. Alias: min_split_loss."},
    {"max_depth", kInt, kFromZero, {}, "6", "[0, 10]", "Deepest level of a tree; 0 is unlimited, which exact cannot be."},
    {"min_child_weight", kFloat, FromZeroTo(1e30), {}, "1", "[0, 120]", "Least sum of second derivatives in a child."},
    {"max_delta_step", kFloat, FromZeroTo(1e30), {}, "0", "[0, 10]", "Largest leaf value before eta; 0 is unlimited (0.7 for count:poisson)."},
    {"subsample", kFloat, kShare, {}, "1", "[0.5, 1]", "Share of rows that each tree sees."},
    {"colsample_bytree", kFloat, kShare, {}, "1", "[0.5, 1]", "Share of features for each tree."},
    {"colsample_bylevel", kFloat, kShare, {}, "1", "[0.1, 1]", "Share of a tree's features for each level."},
    {"colsample_bynode", kFloat, kShare, {}, "1", "[0.1, 1]", "Share of a level's features for each split."},
    {"lambda", kFloat, FromZeroTo(1e30), {}, "1", "[0, 1000]", "L2 penalty on leaf values (0 for gblinear). Alias: reg_lambda."},
    {"alpha", kFloat, FromZeroTo(1e30), {}, "0", "[0, 1000]", "L1 penalty on leaf values. Alias: reg_alpha."},
    {"tree_method", kWord, {}, kTreeMethods, "auto", "", "How splits are found; gpu_hist is hist."},
    {"sketch_eps", kFloat, kInside, {}, "", "", "Of the approximate method of old releases.", Use::kIgnored},
    {"scale_pos_weight", kFloat, AboveZeroTo(1e18), {}, "1", "", "Weight of the rows with label 1."},
    {"updater", Type::kList, {}, kUpdaters, "by tree_method", "", "Steps that build or change trees, separated by commas; overrides tree_method."},
    {"dsplit", kWord, {}, kDsplits, "", "", "How data were divided over hosts.", Use::kIgnored},
    {"refresh_leaf", kInt, kSwitch, {}, "1", "", "Whether the refresh updater also sets leaf values."},
    {"process_type", kWord, {}, kProcessTypes, "default", "", "Build trees, or update those of a model."},
    {"grow_policy", kWord, {}, kGrowPolicies, "depthwise", "", "Split level by level, or where the loss falls most."},
    {"max_leaves", kInt, kFromZero, {}, "0", "", "Most leaves of a tree; 0 is unlimited."},
    {"max_bin", kInt, From(2, 65535), {}, "256", "", "Most bins of a feature for hist and approx."},
    {"predictor", kWord, {}, kPredictors, "", "", "Where predictions ran.", Use::kIgnored},
    {"monotone_constraints", Type::kTuple, {-1, 1}, {}, "", "", "For each feature 1 (rising), -1 (falling) or 0, as (1,0,-1); those that are left out are 0. Needs tree_method exact or hist."},
    {"interaction_constraints", Type::kNestedList, kFromZero, {}, "", "", "Groups of features that may meet on a path, as [[0,1],[2,3]]; without a group, as [], none may. Needs tree_method exact, hist or approx."},
    {"sample_type", kWord, {}, kSampleTypes, "uniform", "", "dart: how dropped trees are drawn."},
    {"normalize_type", kWord, {}, kNormalizeTypes, "tree", "", "dart: weight of new trees against dropped ones."},
    {"rate_drop", kFloat, kUnit, {}, "0", "", "dart: share of trees dropped."},
    {"one_drop", kInt, kSwitch, {}, "0", "", "dart: drop at least one tree."},
    {"skip_drop", kFloat, kUnit, {}, "0", "", "dart: probability of a round without dropout."},
    {"lambda_bias", kFloat, kUnit, {}, "", "", "gblinear of old releases: L2 penalty on the bias.", Use::kIgnored},
    {"tweedie_variance_power", kFloat, {1, 2, true, true}, {}, "1.5", "", "Variance power of reg:tweedie."},
    {"base_score", kFloat, FromZeroTo(1e18), {}, "0.5, from 3.0 estimated", "", "Prediction before the first tree; between 0 and 1 for reg:logistic and binary:logistic, above 0 for count:poisson, reg:gamma, reg:tweedie and survival:*."},
    {"seed", kInt, {-2147483648.0, 2147483647.0, true, true}, {}, "0", "", "Of the random numbers."},
    {"nthread", kInt, kFromOne, {}, "all cores", "", "Threads; never more than there are cores."},
    {"verbosity", kInt, {0, 3}, {}, "1", "", "0 silent, 1 warnings, 2 information, 3 debugging."},
    {"silent", kInt, kSwitch, {}, "", "", "Replaced by verbosity.", Use::kIgnored, "0.90-1", "1.0-1"},
    {"num_parallel_tree", kInt, From(1, 65535), {}, "1", "", "Trees per round and output: a boosted forest.", Use::kEngine, "0.90-2"},
    {"csv_weights", kInt, kSwitch, {}, "0", "", "Whether the second column of csv training data is the row's weight.", Use::kToolkit},
    {"early_stopping_rounds", kInt, kFromOne, {}, "", "", "Stop after this many rounds without a better last metric of the validation channel.", Use::kToolkit},
    {"save_model_on_termination", kWord, {}, kBooleans, "false", "", "Whether a stopped job keeps the model of its last round.", Use::kToolkit, "1.0-1"},
    {"aft_loss_distribution", kWord, {}, kDistributions, "normal", "", "survival:aft: distribution of the noise.", Use::kEngine, "1.2-1"},
    {"aft_loss_distribution_scale", kFloat, AboveZeroTo(1e6), {}, "1", "", "survival:aft: scale of the noise.", Use::kEngine, "1.2-1"},
    {"single_precision_histogram", kWord, {}, kBooleans, "", "", "Histograms of 32-bit floats.", Use::kIgnored, "1.2-1", "1.5-1"},
    {"deterministic_histogram", kWord, {}, kBooleans, "", "", "Reproducible histograms on a GPU; ours always are.", Use::kIgnored, "1.2-1"},
    {"sampling_method", kWord, {}, kSamplingMethods, "uniform", "", "How rows are drawn for subsample.", Use::kEngine, "1.3-1"},
    {"prob_buffer_row", kInt, {1, kMostInt, true, false, true}, {}, "", "", "Of a fork of XGBoost.", Use::kIgnored, "1.3-1"},
    {"use_dask_gpu_training", kWord, {}, kBooleans, "false", "", "Training on several GPUs; only false here.", Use::kToolkit, "1.5-1"},
    {"_kfold", kInt, From(2, kMostInt), {}, "", "", "Cross validation with this many folds, at most one a row (of the largest class).", Use::kToolkit, "1.2-2"},
    {"_num_cv_round", kInt, From(1, 1000), {}, "1", "", "How often to repeat the cross validation.", Use::kToolkit, "1.2-2"},
    {"_tuning_objective_metric", kWord, {}, kTuningMetrics, "", "", "Metric that a tuning job watches, as validation:auc.", Use::kToolkit},
};
// clang-format on

constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"learning_rate", "eta"},
    {"min_split_loss", "gamma"},
    {"reg_lambda", "lambda"},
    {"reg_alpha", "alpha"},
};

const Spec* Find(std::string_view name) {
  const auto found = std::find_if(std::begin(kSpecs), std::end(kSpecs),
                                  [&](const Spec& s) { return s.name == name; });
  return found == std::end(kSpecs) ? nullptr : found;
}

bool In(std::string_view word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// ---- Text as Python shows it

// Behind the container's own words, which clients match.
std::string Hint(std::string_view given, Words words) {
  const std::string hint = DidYouMean(given, words);
  return hint.empty() ? hint : "." + hint;
}

std::string PythonFloat(double v) {
  std::string text = fmt::format("{}", v);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string PythonWords(Words words) {
  std::string text = "[";
  for (const std::string_view w : words)
    text += fmt::format("{}'{}'", text.size() > 1 ? ", " : "", w);
  return text + "]";
}

std::string QuotedWords(Words words) {
  std::string text;
  for (const std::string_view w : words) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", w);
  return text;
}

std::string RangeText(const Range& r) {
  const auto number = [](double v) { return fmt::format("{}", v); };
  return fmt::format("{}{}, {}{}", std::isinf(r.low) || r.low_open ? "(" : "[",
                     std::isinf(r.low) ? "-inf" : number(r.low),
                     std::isinf(r.high) ? "+inf" : number(r.high),
                     std::isinf(r.high) || r.high_open ? ")" : "]");
}

// The range as a message about `v` shows it: what the container would have refused, in its words.
std::string RangeText(const Range& r, double v) {
  Range shown = r;
  if (r.ours && !(v > r.high)) shown.high = kInf;
  return RangeText(shown);
}

bool Contains(const Range& r, double v) {
  return std::isfinite(v) && (r.low_open ? v > r.low : v >= r.low) &&
         (r.high_open ? v < r.high : v <= r.high);
}

// ---- Checks of one value

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidArgument, "BadHyperparameter", std::move(message));
}

std::unexpected<Error> Unparsable(std::string_view name, std::string_view cause = "ValueError") {
  return Bad(fmt::format("Hyperparameter {}: could not parse value (caused by {})", name, cause));
}

// What Python's int() and float() read: blanks around it and a sign are fine, and underscores
// between digits. nullopt if a sign or an underscore stands elsewhere.
std::optional<std::string> PlainNumber(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  std::string plain;
  const auto is_digit = [&](size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) {
      return std::nullopt;
    }
  }
  return plain;
}

std::optional<int64_t> ToInteger(std::string_view given) {
  const auto text = PlainNumber(given);
  if (!text) return std::nullopt;
  return ParseInt(*text);
}

std::optional<double> ToFloat(std::string_view given) {
  const auto plain = PlainNumber(given);
  if (!plain) return std::nullopt;
  const std::string_view text = *plain;
  double v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (end != text.data() + text.size() || ec == std::errc::invalid_argument) return std::nullopt;
  if (ec == std::errc::result_out_of_range) return text.find("e-") != text.npos ? 0 : kInf;
  return v;
}

// Python's tuples and lists of whole numbers, nested or not: "(1, 0)", "[[0,1],[2]]", "1,0,-1".
struct Literal {
  std::optional<int64_t> number;  // else it is a sequence
  std::vector<Literal> items;
};

class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : rest_(text) {}

  // The whole text; nullopt if it is something else.
  std::optional<Literal> Parse() {
    auto all = Sequence('\0', 0);
    return all && rest_.empty() ? all : std::nullopt;
  }

 private:
  static constexpr int kMostDepth = 8;

  // Items up to `close` (of '\0': the end). One without a comma stands for itself in parentheses.
  std::optional<Literal> Sequence(char close, int depth) {
    Literal out;
    bool comma = true;  // before the next item, if there is one
    for (;;) {
      rest_ = Trim(rest_);
      if (close == '\0' ? rest_.empty() : rest_.starts_with(close)) break;
      if (!comma || depth > kMostDepth || rest_.empty()) return std::nullopt;
      auto item = Item(depth);
      if (!item) return std::nullopt;
      out.items.push_back(std::move(*item));
      rest_ = Trim(rest_);
      comma = rest_.starts_with(',');
      if (comma) rest_.remove_prefix(1);
    }
    if (close != '\0') rest_.remove_prefix(1);
    const bool bare = close != ']' && !comma && out.items.size() == 1;
    if (close == '\0' && out.items.empty()) return std::nullopt;
    return bare ? std::move(out.items.front()) : out;
  }
  std::optional<Literal> Item(int depth) {
    const char open = rest_.front();
    if (open == '(' || open == '[') {
      rest_.remove_prefix(1);
      return Sequence(open == '(' ? ')' : ']', depth + 1);
    }
    const size_t end = std::min(rest_.find_first_of(",()[]"), rest_.size());
    const auto number = ToInteger(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (!number) return std::nullopt;
    return Literal{.number = number, .items = {}};
  }

  std::string_view rest_;
};

// The numbers of a sequence; a number alone is a sequence of one.
std::optional<std::vector<int64_t>> ToIntegers(const Literal& literal) {
  if (literal.number) return std::vector{*literal.number};
  std::vector<int64_t> values;
  for (const Literal& item : literal.items) {
    if (!item.number) return std::nullopt;
    values.push_back(*item.number);
  }
  return values;
}

std::string TupleText(const std::vector<int64_t>& v, char open, char close) {
  return fmt::format("{}{}{}", open, fmt::join(v, ", "), close);
}

Result<std::string> CheckNumber(const Spec& spec, std::string_view text) {
  if (spec.type == Type::kInteger) {
    const auto v = ToInteger(text);
    if (!v) return Unparsable(spec.name);
    if (const auto real = static_cast<double>(*v); !Contains(spec.range, real)) {
      return Bad(fmt::format("Hyperparameter {}: {} is not in {}", spec.name, *v,
                             RangeText(spec.range, real)));
    }
    return fmt::format("{}", *v);
  }
  const auto v = ToFloat(text);
  if (!v) return Unparsable(spec.name);
  if (!Contains(spec.range, *v)) {
    return Bad(fmt::format("Hyperparameter {}: {} is not in {}", spec.name, PythonFloat(*v),
                           RangeText(spec.range, *v)));
  }
  // It is a 32-bit float from here on, which may lie at an open end.
  const double rounded = static_cast<float>(*v);
  if ((spec.range.low_open && rounded <= spec.range.low) ||
      (spec.range.high_open && rounded >= spec.range.high)) {
    return Bad(fmt::format("Hyperparameter {}: {} is too close to the end of {}", spec.name,
                           PythonFloat(*v), RangeText(spec.range)));
  }
  return fmt::format("{}", *v);
}

Result<std::string> CheckWord(const Spec& spec, std::string_view text) {
  if (spec.name == "_tuning_objective_metric") {
    constexpr std::string_view kPrefix = "validation:";
    if (text.starts_with(kPrefix) && In(text.substr(kPrefix.size()), kMetrics))
      return std::string(text);
    std::string all;
    for (const std::string_view m : kMetrics)
      all += fmt::format("{}'{}{}'", all.empty() ? "" : ", ", kPrefix, m);
    return Bad(fmt::format("Hyperparameter {}: {} is not in [{}].{}", spec.name, text, all,
                           DidYouMean(text.substr(text.find(':') + 1), kMetrics)));
  }
  if (!In(text, spec.allowed)) {
    return Bad(fmt::format("Hyperparameter {}: {} is not in {}{}", spec.name, text,
                           PythonWords(spec.allowed), Hint(text, spec.allowed)));
  }
  return std::string(text);
}

// One metric of eval_metric that is no bare name.
Status CheckThreshold(std::string_view metric) {
  const size_t at = metric.find('@');
  const std::string_view name = Trim(metric.substr(0, at));
  if (!In(name, kThresholdMetrics)) {
    return Bad(
        fmt::format("Metric '{}' is not supported. Parameter 'eval_metric' with customized "
                    "threshold should be one of these options: 'error', 'ndcg', 'map'.{}",
                    metric, DidYouMean(name, kThresholdMetrics)));
  }
  if (!ToFloat(metric.substr(at + 1))) {
    return Bad(fmt::format("Threshold value 't' in '{}@t' expects float input.", name));
  }
  return {};
}

// A metric as its lines name it: XGBoost writes error's threshold anew, and leaves 0.5 out.
std::string PrintedMetric(std::string_view metric) {
  const size_t at = metric.find('@');
  if (at == metric.npos || Trim(metric.substr(0, at)) != "error") return std::string(metric);
  const auto threshold = static_cast<float>(ToFloat(metric.substr(at + 1)).value_or(0.5));
  return threshold == 0.5F ? "error" : fmt::format("error@{:g}", threshold);
}

Result<std::string> CheckList(const Spec& spec, std::string_view text) {
  const std::vector<std::string_view> items = Split(text, ',');
  for (const std::string_view item : items) {
    if (spec.name == "eval_metric") {
      if (item.find("<function") != item.npos) {
        return Bad(fmt::format("User defined evaluation metric {} is not supported yet.", item));
      }
      if (item.find('@') != item.npos) {
        CLARY_CHECK_OK(CheckThreshold(item));
        continue;
      }
    }
    if (!In(item, spec.allowed)) {
      return Bad(fmt::format("Hyperparameter {}: value {} not in range {}{}", spec.name,
                             PythonWords(items), PythonWords(spec.allowed),
                             Hint(item, spec.allowed)));
    }
  }
  return std::string(text);
}

Result<std::string> CheckTuple(const Spec& spec, std::string_view text) {
  const auto literal = LiteralParser(text).Parse();
  if (!literal) return Unparsable(spec.name);
  const auto values = ToIntegers(*literal);
  if (!values) return Unparsable(spec.name);
  for (const int64_t v : *values) {
    if (!Contains(spec.range, static_cast<double>(v))) {
      return Bad(fmt::format("Hyperparameter {}: value {} not in range [-1, 0, 1]", spec.name,
                             TupleText(*values, '(', ')')));
    }
  }
  return TupleText(*values, '(', ')');
}

Result<std::string> CheckNestedList(const Spec& spec, std::string_view text) {
  const auto literal = LiteralParser(text).Parse();
  if (!literal || literal->number) return Unparsable(spec.name);
  std::string out;
  for (const Literal& item : literal->items) {
    const auto group = ToIntegers(item);
    if (!group || item.number) return Unparsable(spec.name);
    for (const int64_t v : *group) {
      if (const auto real = static_cast<double>(v); !Contains(spec.range, real)) {
        return Bad(fmt::format("Hyperparameter {}: value {} not in range {}", spec.name,
                               TupleText(*group, '[', ']'), RangeText(spec.range, real)));
      }
    }
    out += (out.empty() ? "" : ", ") + TupleText(*group, '[', ']');
  }
  return "[" + out + "]";
}

Result<std::string> CheckValue(const Spec& spec, std::string_view text) {
  switch (spec.type) {
    case Type::kInteger:
    case Type::kContinuous:
      return CheckNumber(spec, text);
    case Type::kCategorical:
      return CheckWord(spec, text);
    case Type::kList:
      return CheckList(spec, text);
    case Type::kTuple:
      return CheckTuple(spec, text);
    case Type::kNestedList:
      return CheckNestedList(spec, text);
  }
  return Unparsable(spec.name);
}

// ---- Checks of values against one another

using Values = std::map<std::string, std::string, std::less<>>;

std::string_view Get(const Values& values, std::string_view name) {
  const auto it = values.find(name);
  return it == values.end() ? std::string_view() : std::string_view(it->second);
}

Status CheckUpdater(const Values& values) {
  const std::string_view text = Get(values, "updater");
  if (text.empty()) return {};
  const std::vector<std::string_view> items = Split(text, ',');
  const auto all_in = [&](Words words) {
    return std::all_of(items.begin(), items.end(),
                       [&](std::string_view i) { return In(i, words); });
  };
  if (Get(values, "process_type") == "update") {
    if (all_in(kUpdateUpdaters)) return {};
    return Bad("process_type 'update' can only be used with updater 'refresh' and 'prune'");
  }
  if (Get(values, "booster") == "gblinear") {
    if (items.size() == 1 && all_in(kLinearUpdaters)) return {};
    return Bad(fmt::format("Linear updater should be one of these options: {}.",
                           QuotedWords(kLinearUpdaters)));
  }
  if (!all_in(kTreeUpdaters)) {
    return Bad(fmt::format("Tree updater should be selected from these options: {}.",
                           QuotedWords(kTreeUpdaters)));
  }
  if (std::count_if(items.begin(), items.end(),
                    [](std::string_view i) { return In(i, kGrowers); }) > 1) {
    return Bad(
        fmt::format("Only one tree grow plugin can be selected. Choose one from the"
                    "following: {}",
                    QuotedWords(kGrowers)));
  }
  return {};
}

Status CheckDependencies(const Values& values) {
  const std::string_view given = Get(values, "objective");
  const std::string_view objective = given.empty() ? "reg:squarederror" : given;
  const bool multi = objective == "multi:softmax" || objective == "multi:softprob";
  if (multi && !values.contains("num_class")) {
    return Bad("Require input for parameter 'num_class' for multi-classification");
  }
  if (!multi && values.contains("num_class")) {
    return Bad(
        fmt::format("Do not need to setup parameter 'num_class' for learning task other than "
                    "multi-classification. The objective is {}.",
                    objective));
  }
  if (values.contains("eval_metric")) {
    for (const std::string_view metric : Split(Get(values, "eval_metric"), ',')) {
      if (metric == "auc" && !objective.starts_with("binary:") && !objective.starts_with("rank:")) {
        return Bad("Metric 'auc' can only be applied for classification and ranking problems.");
      }
      if (metric == "aft-nloglik" && objective != "survival:aft") {
        return Bad("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.");
      }
    }
  }
  const std::string_view method = Get(values, "tree_method");
  if (values.contains("monotone_constraints") && method != "exact" && method != "hist") {
    return Bad(
        "monotone_constraints can be used only when the tree_method parameter is set to either "
        "'exact' or 'hist'.");
  }
  if (values.contains("interaction_constraints") && method != "exact" && method != "hist" &&
      method != "approx") {
    return Bad(
        "interaction_constraints can be used only when the tree_method parameter is set to "
        "either 'exact', 'hist' or 'approx'.");
  }
  return CheckUpdater(values);
}

bool Knows(size_t image, const Spec& spec) {
  return VersionIndex(spec.since) <= image && image <= VersionIndex(spec.until);
}

// `spec` is nullptr for a name that no image knows.
std::string WhyExtraneous(const Spec* spec, std::string_view name, size_t image) {
  if (spec != nullptr) {
    return fmt::format(". Image {} does not know it; {} to {} do", kVersions[image], spec->since,
                       spec->until);
  }
  std::vector<std::string_view> names;
  for (const Spec& s : kSpecs) {
    if (Knows(image, s)) names.push_back(s.name);
  }
  for (const auto& [alias, of] : kAliases) names.push_back(alias);
  return Hint(name, names);
}

int ToInt(const std::string& text) { return static_cast<int>(ParseInt(text).value_or(0)); }

std::string_view TypeText(Type type) {
  switch (type) {
    case Type::kInteger:
      return "integer";
    case Type::kContinuous:
      return "number";
    case Type::kCategorical:
      return "word";
    case Type::kList:
      return "words";
    case Type::kTuple:
      return "integers";
    case Type::kNestedList:
      return "lists of integers";
  }
  return "";
}

}  // namespace

std::string_view CanonicalName(std::string_view name) {
  const auto alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                  [&](const auto& a) { return a.first == name; });
  return alias != std::end(kAliases) ? alias->second : name;
}

Result<XgboostParams> ParseHyperparameters(const std::map<std::string, std::string>& given,
                                           std::string_view version) {
  Values raw;
  for (const auto& [name, value] : given) {  // of two spellings the later one, the alias, wins
    if (name.starts_with("sagemaker_")) continue;
    const std::string_view canonical = CanonicalName(name);
    if (canonical != name) {
      raw[std::string(canonical)] = value;
    } else {
      raw.emplace(name, value);
    }
  }
  if (!raw.contains("num_round")) {
    return Fail(Code::kInvalidArgument, "MissingHyperparameter",
                "Missing required hyperparameter: num_round");
  }
  const size_t image = VersionIndex(version);
  Values values;
  for (const auto& [name, value] : raw) {
    const Spec* spec = Find(name);
    if (spec == nullptr || !Knows(image, *spec)) {
      return Fail(Code::kInvalidArgument, "ExtraneousHyperparameter",
                  fmt::format("Extraneous hyperparameter found: {}{}", name,
                              WhyExtraneous(spec, name, image)));
    }
    CLARY_TRY(values[name], CheckValue(*spec, value));
  }
  CLARY_CHECK_OK(CheckDependencies(values));

  XgboostParams out;
  out.version = kVersions[image];
  std::string ignored;
  for (const auto& [name, value] : values) {
    const Use use = Find(name)->use;
    if (use == Use::kEngine) out.engine[name] = value;
    if (use == Use::kIgnored) ignored += fmt::format("{}\"{}\"", ignored.empty() ? "" : ", ", name);
  }
  if (!ignored.empty()) {
    out.warnings.push_back(fmt::format("Parameters: {{ {} }} are not used.", ignored));
  }
  const auto has = [&](std::string_view name) { return values.contains(name); };
  out.num_round = ToInt(values["num_round"]);
  if (has("objective")) out.objective = values["objective"];
  if (out.objective == "aft_loss_distribution") {
    return Bad(
        "Hyperparameter objective: aft_loss_distribution is not an objective; survival:aft is");
  }
  if (has("csv_weights")) out.csv_weights = values["csv_weights"] == "1";
  if (has("early_stopping_rounds"))
    out.early_stopping_rounds = ToInt(values["early_stopping_rounds"]);
  out.save_model_on_termination =
      has("save_model_on_termination") && values["save_model_on_termination"] == "true";
  if (has("_kfold")) out.kfold = ToInt(values["_kfold"]);
  if (has("_num_cv_round")) out.num_cv_round = ToInt(values["_num_cv_round"]);
  if (has("use_dask_gpu_training") && values["use_dask_gpu_training"] == "true") {
    return Fail(Code::kUnimplemented, "BadHyperparameter",
                "Hyperparameter use_dask_gpu_training: this version trains on CPUs only; set it to "
                "false");
  }
  if (has("eval_metric")) {
    for (const std::string_view m : Split(values["eval_metric"], ','))
      out.eval_metric.push_back(PrintedMetric(m));
  }
  if (has("_tuning_objective_metric")) {
    out.tuning_objective_metric = values["_tuning_objective_metric"];
    const std::string metric =
        out.tuning_objective_metric->substr(out.tuning_objective_metric->find(':') + 1);
    const bool both = !out.eval_metric.empty();
    if (!In(metric,
            std::vector<std::string_view>(out.eval_metric.begin(), out.eval_metric.end()))) {
      out.eval_metric.push_back(metric);
    }
    if (both) std::sort(out.eval_metric.begin(), out.eval_metric.end());
  }
  if (!out.eval_metric.empty()) out.engine["eval_metric"] = Join(out.eval_metric, ",");
  if (out.early_stopping_rounds && out.eval_metric.empty()) {
    out.warnings.emplace_back(
        "early_stopping_rounds has no effect without eval_metric: name the metric to watch");
  }
  return out;
}

std::string WhyNoCategories(const XgboostParams& settings) {
  constexpr std::string_view kFirst = "1.7-1";  // whose XGBoost trains and loads them on CPUs
  if (VersionIndex(settings.version) < VersionIndex(kFirst)) {
    return fmt::format("image {} cannot train on categories; {} and later can", settings.version,
                       kFirst);
  }
  const auto is = [&](const char* name, std::string_view value) {
    const auto it = settings.engine.find(name);
    return it != settings.engine.end() && it->second == value;
  };
  if (is("booster", "gblinear")) {
    return "booster gblinear cannot train on categories; gbtree and dart can";
  }
  if (is("tree_method", "exact") || is("updater", "grow_colmaker")) {
    return "tree_method exact cannot train on categories; hist and approx can";
  }
  return "";
}

bool IsHyperparameter(std::string_view name) {
  return std::ranges::find(kSpecs, CanonicalName(name), &Spec::name) != std::end(kSpecs);
}

HyperparameterKind HyperparameterValue(std::string_view name) {
  const auto* spec = std::ranges::find(kSpecs, name, &Spec::name);
  if (spec == std::end(kSpecs)) return HyperparameterKind::kText;
  switch (spec->type) {
    case Type::kInteger:
      return HyperparameterKind::kInteger;
    case Type::kContinuous:
      return HyperparameterKind::kNumber;
    case Type::kList:
      return HyperparameterKind::kList;
    case Type::kCategorical:
    case Type::kTuple:
    case Type::kNestedList:
      break;
  }
  return HyperparameterKind::kText;
}

std::vector<HyperparameterEnds> HyperparametersWithRanges() {
  std::vector<HyperparameterEnds> all;
  for (const Spec& s : kSpecs) {
    const bool whole = s.type != Type::kContinuous;
    if (!s.allowed.empty() || s.type == Type::kCategorical) continue;
    const auto text = [&](double v) {
      const std::string number =
          whole ? fmt::format("{}", static_cast<int64_t>(v)) : fmt::format("{}", v);
      return s.type == Type::kTuple ? "(" + number + ",)"
                                    : (s.type == Type::kNestedList ? "[[" + number + "]]" : number);
    };
    const auto next = [&](double v, double towards) -> double {
      if (whole) return v + (towards > v ? 1 : -1);
      return std::nextafter(static_cast<float>(v), static_cast<float>(towards));
    };
    const Range& r = s.range;
    all.push_back({.name = s.name,
                   .least = text(r.low_open ? next(r.low, kInf) : r.low),
                   .most = text(r.high_open ? next(r.high, -kInf) : r.high),
                   .below = text(r.low_open ? r.low : next(r.low, -kInf)),
                   .above = text(r.high_open ? r.high : next(r.high, kInf))});
  }
  return all;
}

std::string ParametersMarkdown() {
  std::string out =
      "# Hyperparameters of the built-in XGBoost\n\n"
      "Generated from the table in `src/xgboost/hyperparameters.cc`; run `clary_xgboost_test` "
      "with\n"
      "`CLARY_UPDATE_GOLDEN=1` to write it anew. All values arrive as strings. A name that is not\n"
      "here, a value out of its range and a missing `num_round` fail the job before it reads "
      "data.\n"
      "A parameter that is not given takes the engine's default.\n\n"
      "| name | type | allowed | default | tuning range | images | meaning |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Spec& s : kSpecs) {
    std::string allowed;
    if (s.name == "_tuning_objective_metric") {
      allowed = "`validation:` and a metric";
    } else if (s.name == "eval_metric") {
      allowed = "see below";
    } else if (!s.allowed.empty()) {
      for (const std::string_view w : s.allowed) {
        if (s.name == "objective" && w == "aft_loss_distribution") continue;
        allowed += fmt::format("{}`{}`", allowed.empty() ? "" : ", ", w);
      }
    } else {
      allowed = RangeText(s.range);
    }
    std::string images = "all";
    if (s.until != kVersions[std::size(kVersions) - 1]) {
      images = fmt::format("{} to {}", s.since, s.until);
    } else if (s.since != kVersions[0]) {
      images = fmt::format("from {}", s.since);
    }
    out +=
        fmt::format("| `{}` | {} | {} | {} | {} | {} | {}{} |\n", s.name, TypeText(s.type), allowed,
                    s.fallback, s.tuning, images, s.doc,
                    s.use == Use::kIgnored ? " Accepted, with a warning, and without effect." : "");
  }
  out += "\n## Metrics\n\nLarger is better: ";
  for (size_t i = 0; i < std::size(kMetrics); ++i) {
    if (i == std::size(kMaximized)) {
      out += ".\n\nSmaller is better: ";
    } else if (i > 0) {
      out += ", ";
    }
    out += fmt::format("`{}`", kMetrics[i]);
  }
  out += ".\n\n`auc` needs a `binary:` or `rank:` objective, `aft-nloglik` needs `survival:aft`.\n";
  return out;
}

}  // namespace clary::xgboost
