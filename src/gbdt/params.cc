// TrainParams: one table of names, each with its reader.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include "base/strings.h"
#include "clary/gbdt.h"
#include "gbdt/tree_update.h"

namespace clary::gbdt {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// A range with open or closed ends, printed as "[0, 1]" or "(0, +inf)".
struct Range {
  double low = -kInf;
  double high = kInf;
  bool low_open = false;
  bool high_open = false;
  bool Contains(double v) const {
    return (low_open ? v > low : v >= low) && (high_open ? v < high : v <= high);
  }
  std::string Text() const {
    const auto number = [](double v) {
      if (std::isinf(v)) return std::string(v < 0 ? "-inf" : "+inf");
      char buffer[32];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
      return std::string(buffer, end);
    };
    return (low_open ? "(" : "[") + number(low) + ", " + number(high) +
           (high_open || std::isinf(high) ? ")" : "]");
  }
};

std::unexpected<Error> Bad(std::string_view name, std::string_view value, std::string_view why) {
  return Fail(
      Code::kInvalidArgument, "BadParameter",
      "parameter " + std::string(name) + ": '" + std::string(value) + "' " + std::string(why));
}

Result<double> ReadNumber(std::string_view name, std::string_view text, const Range& range) {
  const std::string_view s = Trim(text);
  double v = 0;
  const char* begin = s.data() + (s.starts_with('+') ? 1 : 0);
  const auto [end, ec] = std::from_chars(begin, s.data() + s.size(), v);
  if (ec != std::errc() || end != s.data() + s.size()) return Bad(name, text, "is not a number");
  if (!range.Contains(v)) return Bad(name, text, "is not in " + range.Text());
  return v;
}

Result<bool> ReadBool(std::string_view name, std::string_view text) {
  const std::string s = ToLower(Trim(text));
  if (s == "1" || s == "true") return true;
  if (s == "0" || s == "false") return false;
  return Bad(name, text, "is neither 0, 1, true nor false");
}

std::vector<std::string> ReadList(std::string_view text) {
  std::vector<std::string> items;
  for (const std::string_view part : Split(text, ',')) {
    if (const auto item = Trim(part); !item.empty()) items.emplace_back(item);
  }
  return items;
}

// "(1,0,-1)", "[1,0,-1]" or "1,0,-1".
Result<std::vector<int>> ReadMonotone(std::string_view name, std::string_view text) {
  std::string_view s = Trim(text);
  if (s.size() >= 2 && (s.front() == '(' || s.front() == '[')) s = s.substr(1, s.size() - 2);
  std::vector<int> values;
  for (const std::string& item : ReadList(s)) {
    const auto v = ParseInt(item.starts_with('+') ? item.substr(1) : item);
    if (!v || *v < -1 || *v > 1) return Bad(name, text, "has an item that is not -1, 0 or 1");
    values.push_back(static_cast<int>(*v));
  }
  return values;
}

// "[[0, 1], [2, 3, 4]]".
Result<std::vector<std::vector<uint32_t>>> ReadGroups(std::string_view name,
                                                      std::string_view text) {
  std::vector<std::vector<uint32_t>> groups;
  std::string_view s = Trim(text);
  if (s.empty()) return groups;
  if (s.size() < 2 || s.front() != '[' || s.back() != ']') {
    return Bad(name, text, "is not a list of lists");
  }
  s = Trim(s.substr(1, s.size() - 2));
  while (!s.empty()) {
    const size_t close = s.find(']');
    if (s.front() != '[' || close == std::string_view::npos) {
      return Bad(name, text, "is not a list of lists");
    }
    auto& group = groups.emplace_back();
    for (const std::string& item : ReadList(s.substr(1, close - 1))) {
      const auto v = ParseUint(item);
      if (!v || *v > UINT32_MAX) return Bad(name, text, "has an item that is no feature index");
      group.push_back(static_cast<uint32_t>(*v));
    }
    s = Trim(s.substr(close + 1));
    if (s.starts_with(',')) s = Trim(s.substr(1));
  }
  return groups;
}

using Reader = std::function<Status(TrainParams&, std::string_view name, std::string_view text)>;

template <typename T>
Reader Number(T TrainParams::* field, Range range) {
  return [=](TrainParams& p, std::string_view name, std::string_view text) -> Status {
    if constexpr (std::is_integral_v<T>) {
      if (!ParseInt(Trim(text))) return Bad(name, text, "is not an integer");
    }
    CLARY_TRY(const double v, ReadNumber(name, text, range));
    p.*field = static_cast<T>(v);
    // Rounding may take a number to an open end of its range, or beyond all numbers.
    const auto rounded = static_cast<double>(p.*field);
    if (std::isinf(rounded) || (range.low_open && rounded <= range.low) ||
        (range.high_open && rounded >= range.high)) {
      return Bad(name, text, "is out of range for a 32-bit float in " + range.Text());
    }
    return {};
  };
}

Reader Bool(bool TrainParams::* field) {
  return [=](TrainParams& p, std::string_view name, std::string_view text) -> Status {
    CLARY_TRY(p.*field, ReadBool(name, text));
    return {};
  };
}

Reader Text(std::string TrainParams::* field, std::vector<std::string_view> allowed) {
  return [=](TrainParams& p, std::string_view name, std::string_view text) -> Status {
    if (!allowed.empty() && std::ranges::find(allowed, text) == allowed.end()) {
      std::string list;
      for (const auto a : allowed) list += (list.empty() ? "" : ", ") + std::string(a);
      return Bad(name, text, "is not one of " + list);
    }
    p.*field = text;
    return {};
  };
}

template <typename E>
Reader Enum(E TrainParams::* field, std::vector<std::pair<std::string_view, E>> allowed) {
  return [=](TrainParams& p, std::string_view name, std::string_view text) -> Status {
    std::string list;
    for (const auto& [word, value] : allowed) {
      if (word == text) {
        p.*field = value;
        return {};
      }
      list += (list.empty() ? "" : ", ") + std::string(word);
    }
    return Bad(name, text, "is not one of " + list);
  };
}

Reader List(std::vector<std::string> TrainParams::* field) {
  return [=](TrainParams& p, std::string_view, std::string_view text) -> Status {
    p.*field = ReadList(text);
    return {};
  };
}

Reader Ignored() {
  return [](TrainParams&, std::string_view, std::string_view) -> Status { return {}; };
}

constexpr Range kUnit{0, 1};
constexpr Range kShare{0, 1, true};
constexpr Range kNotNegative{0, kInf};
constexpr Range kPositive{0, kInf, true};
constexpr Range kCount{0, 2147483647};
constexpr Range kFromOne{1, 2147483647};

const std::map<std::string_view, Reader>& Readers() {
  using P = TrainParams;
  static const std::map<std::string_view, Reader> readers = {
      {"num_round", Number(&P::num_round, kFromOne)},
      {"objective", Text(&P::objective, {})},
      {"eval_metric", List(&P::eval_metric)},
      {"num_class", Number(&P::num_class, kCount)},
      {"base_score",
       [](P& p, std::string_view name, std::string_view text) -> Status {
         CLARY_TRY(const double v, ReadNumber(name, text, Range{}));
         p.base_score = static_cast<float>(v);
         return {};
       }},
      {"scale_pos_weight", Number(&P::scale_pos_weight, kPositive)},
      {"tweedie_variance_power", Number(&P::tweedie_variance_power, Range{1, 2, true, true})},
      {"huber_slope", Number(&P::huber_slope, Range{})},
      {"quantile_alpha",
       [](P& p, std::string_view name, std::string_view text) -> Status {
         p.quantile_alpha.clear();
         std::string_view s = Trim(text);
         if (s.size() >= 2 && (s.front() == '[' || s.front() == '(')) {
           s = s.substr(1, s.size() - 2);
         }
         for (const std::string& item : ReadList(s)) {
           CLARY_TRY(const double v, ReadNumber(name, item, kUnit));
           p.quantile_alpha.push_back(static_cast<float>(v));
         }
         return {};
       }},
      {"aft_loss_distribution", Text(&P::aft_loss_distribution, {"normal", "logistic", "extreme"})},
      {"aft_loss_distribution_scale", Number(&P::aft_loss_distribution_scale, kPositive)},
      {"lambdarank_pair_method", Text(&P::lambdarank_pair_method, {"topk", "mean"})},
      {"lambdarank_num_pair_per_sample", Number(&P::lambdarank_num_pair_per_sample, kCount)},
      {"lambdarank_unbiased", Bool(&P::lambdarank_unbiased)},
      {"lambdarank_normalization", Bool(&P::lambdarank_normalization)},
      {"lambdarank_score_normalization", Bool(&P::lambdarank_score_normalization)},
      {"lambdarank_bias_norm", Number(&P::lambdarank_bias_norm, kNotNegative)},
      {"ndcg_exp_gain", Bool(&P::ndcg_exp_gain)},
      {"booster", Enum(&P::booster, {{"gbtree", Booster::kGbtree},
                                     {"dart", Booster::kDart},
                                     {"gblinear", Booster::kGblinear}})},
      // gpu_hist is hist on a GPU; the trees are the same.
      {"tree_method", Enum(&P::tree_method, {{"auto", TreeMethod::kAuto},
                                             {"hist", TreeMethod::kHist},
                                             {"gpu_hist", TreeMethod::kHist},
                                             {"approx", TreeMethod::kApprox},
                                             {"exact", TreeMethod::kExact}})},
      {"grow_policy", Enum(&P::grow_policy, {{"depthwise", GrowPolicy::kDepthwise},
                                             {"lossguide", GrowPolicy::kLossguide}})},
      {"process_type", Enum(&P::process_type, {{"default", ProcessType::kDefault},
                                               {"update", ProcessType::kUpdate}})},
      {"updater", List(&P::updater)},
      {"refresh_leaf", Bool(&P::refresh_leaf)},
      {"eta", Number(&P::eta, kNotNegative)},
      {"gamma", Number(&P::gamma, kNotNegative)},
      {"max_depth", Number(&P::max_depth, kCount)},
      {"max_leaves", Number(&P::max_leaves, kCount)},
      {"max_bin", Number(&P::max_bin, Range{2, 65535})},
      {"min_child_weight", Number(&P::min_child_weight, kNotNegative)},
      {"lambda", Number(&P::lambda, kNotNegative)},
      {"alpha", Number(&P::alpha, kNotNegative)},
      {"max_delta_step", Number(&P::max_delta_step, kNotNegative)},
      {"subsample", Number(&P::subsample, kShare)},
      {"sampling_method",
       Enum(&P::sampling_method, {{"uniform", SamplingMethod::kUniform},
                                  {"gradient_based", SamplingMethod::kGradientBased}})},
      {"colsample_bytree", Number(&P::colsample_bytree, kShare)},
      {"colsample_bylevel", Number(&P::colsample_bylevel, kShare)},
      {"colsample_bynode", Number(&P::colsample_bynode, kShare)},
      {"num_parallel_tree", Number(&P::num_parallel_tree, kFromOne)},
      {"monotone_constraints",
       [](P& p, std::string_view name, std::string_view text) -> Status {
         CLARY_TRY(p.monotone_constraints, ReadMonotone(name, text));
         return {};
       }},
      {"interaction_constraints",
       [](P& p, std::string_view name, std::string_view text) -> Status {
         CLARY_TRY(p.interaction_constraints, ReadGroups(name, text));
         // A list without groups still constrains.
         if (p.interaction_constraints.empty() && !Trim(text).empty()) {
           p.interaction_constraints.emplace_back();
         }
         return {};
       }},
      {"max_cat_to_onehot", Number(&P::max_cat_to_onehot, kFromOne)},
      {"max_cat_threshold", Number(&P::max_cat_threshold, kFromOne)},
      {"sample_type", Text(&P::sample_type, {"uniform", "weighted"})},
      {"normalize_type", Text(&P::normalize_type, {"tree", "forest"})},
      {"rate_drop", Number(&P::rate_drop, kUnit)},
      {"one_drop", Bool(&P::one_drop)},
      {"skip_drop", Number(&P::skip_drop, kUnit)},
      {"feature_selector",
       Text(&P::feature_selector, {"cyclic", "shuffle", "random", "greedy", "thrifty"})},
      {"top_k", Number(&P::top_k, kCount)},
      {"seed", Number(&P::seed, Range{-2147483648.0, 2147483647})},
      {"nthread", Number(&P::nthread, kCount)},
      {"verbosity", Number(&P::verbosity, Range{0, 3})},
      // Accepted and without effect upstream too.
      {"sketch_eps", Ignored()},
      {"dsplit", Ignored()},
      {"predictor", Ignored()},
      {"lambda_bias", Ignored()},
      {"silent", Ignored()},
      {"single_precision_histogram", Ignored()},
      {"deterministic_histogram", Ignored()},
      {"prob_buffer_row", Ignored()},
  };
  return readers;
}

constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"learning_rate", "eta"},         {"min_split_loss", "gamma"}, {"reg_lambda", "lambda"},
    {"reg_alpha", "alpha"},           {"random_state", "seed"},    {"n_jobs", "nthread"},
    {"num_boost_round", "num_round"},
};

std::string_view Canonical(std::string_view name) {
  for (const auto& [alias, canonical] : kAliases) {
    if (alias == name) return canonical;
  }
  return name;
}

}  // namespace

Result<TrainParams> TrainParams::FromMap(const std::map<std::string, std::string>& text) {
  TrainParams params;
  const auto given = [&](std::string_view name) {
    return std::ranges::any_of(text, [&](const auto& kv) { return Canonical(kv.first) == name; });
  };
  for (const auto& [name, value] : text) {
    const auto reader = Readers().find(Canonical(name));
    if (reader == Readers().end()) {
      return Fail(Code::kInvalidArgument, "UnknownParameter", "unknown parameter '" + name + "'");
    }
    CLARY_CHECK_OK(reader->second(params, name, value));
  }
  if (params.booster == Booster::kGblinear) {
    if (!given("eta")) params.eta = 0.5F;
    if (!given("lambda")) params.lambda = 0;
  }
  if (params.objective == "count:poisson" && !given("max_delta_step")) params.max_delta_step = 0.7F;
  return params;
}

Status TrainParams::Validate() const {
  const auto bad = [](std::string message) -> Status {
    return Fail(Code::kInvalidArgument, "BadParameter", std::move(message));
  };
  CLARY_TRY(const UpdaterPlan plan, PlanUpdaters(*this));
  if (process_type == ProcessType::kUpdate) {
    if (booster != Booster::kGbtree) return bad("process_type=update needs booster=gbtree");
    if (plan.after.empty()) {
      return bad("process_type 'update' can only be used with updater 'refresh' and 'prune'");
    }
  }
  if (booster == Booster::kGblinear) {
    const bool shotgun = updater.empty() || updater.front() == "shotgun";
    if (shotgun && feature_selector != "cyclic" && feature_selector != "shuffle") {
      return bad("feature_selector=" + feature_selector +
                 " needs updater=coord_descent; shotgun takes cyclic and shuffle");
    }
    if (objective == "reg:absoluteerror" || objective == "reg:quantileerror") {
      return bad(objective + " refits leaves, so it needs a tree booster");
    }
  }
  if (objective.starts_with("multi:") && num_class < 2) {
    return bad("Require input for parameter 'num_class' for multi-classification");
  }
  if (objective == "reg:quantileerror") {
    if (quantile_alpha.empty()) return bad("reg:quantileerror needs quantile_alpha");
  } else if (!quantile_alpha.empty()) {
    return bad("quantile_alpha belongs to reg:quantileerror, not to " + objective);
  }
  if (scale_pos_weight != 1 && objective.starts_with("multi:")) {
    return bad("scale_pos_weight has no meaning for " + objective);
  }
  return {};
}

}  // namespace clary::gbdt
