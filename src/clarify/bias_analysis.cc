#include "clarify/bias_analysis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/quote.h"
#include "base/strings.h"
#include "clarify/bias.h"

namespace clary::clarify {
namespace {

using reports::Json;

constexpr size_t kSmallGroup = 30;
constexpr size_t kScoreBins = 1000;
constexpr size_t kMaxCells = 50;  // of all facets together, as one
constexpr size_t kMaxPairCells = 200;
constexpr std::string_view kNoPositives =
    "No Label values are present in the predicted Label Column,Positive Predicted Index Series "
    "contains all False values";

std::unexpected<Error> BadData(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

std::string_view TypeText(Column::Type type) {
  switch (type) {
    case Column::Type::kInteger:
      return "integer";
    case Column::Type::kReal:
      return "real";
    case Column::Type::kBoolean:
      return "boolean";
    case Column::Type::kText:
      return "text";
  }
  return "";
}

std::string_view KindText(DataKind kind) {
  return kind == DataKind::kContinuous ? "continuous" : "categorical";
}

size_t CountOf(const std::vector<bool>& v) {
  return static_cast<size_t>(std::ranges::count(v, true));
}

size_t MissingIn(const Column& column) {
  size_t n = 0;
  for (size_t r = 0; r < column.rows(); ++r) n += column.IsMissing(r) ? 1 : 0;
  return n;
}

Json MetricsJson(const std::vector<Metric>& metrics) {
  Json out = Json::array();
  for (const Metric& m : metrics) {
    Json one = {{"name", m.name}, {"description", m.description}, {"value", nullptr}};
    if (m.value) {
      one["value"] = MetricNumber(*m.value);
    } else {
      one["error"] = m.error;
    }
    out.push_back(std::move(one));
  }
  return out;
}

// Labels, predictions and who counts as what, of some of the rows.
struct Rows {
  const Dataset& dataset;
  std::vector<bool> label;
  std::vector<bool> predicted;  // empty: no predictions
  std::span<const double> scores;
};

// [label][predicted] of the rows in `member`.
using Confusion = std::array<std::array<size_t, 2>, 2>;
Confusion ConfusionOf(const Rows& rows, const std::vector<bool>& member) {
  Confusion n{};
  for (size_t i = 0; i < member.size(); ++i) {
    if (member[i]) ++n[rows.label[i]][!rows.predicted.empty() && rows.predicted[i]];
  }
  return n;
}

Json Share(size_t part, size_t of) {
  if (of == 0) return nullptr;
  return static_cast<double>(part) / static_cast<double>(of);
}

// Rates of one group, with the counts that they are of.
Json GroupJson(const std::string& name, const Confusion& n, bool predicted) {
  const size_t all = n[0][0] + n[0][1] + n[1][0] + n[1][1];
  Json out = {{"group", name}, {"rows", all}, {"label_rate", Share(n[1][0] + n[1][1], all)}};
  if (!predicted) return out;
  out["predicted_rate"] = Share(n[0][1] + n[1][1], all);
  out["accuracy"] = Share(n[0][0] + n[1][1], all);
  out["precision"] = Share(n[1][1], n[0][1] + n[1][1]);
  out["recall"] = Share(n[1][1], n[1][0] + n[1][1]);
  out["false_positive_rate"] = Share(n[0][1], n[0][0] + n[0][1]);
  out["false_negative_rate"] = Share(n[1][0], n[1][0] + n[1][1]);
  out["confusion"] = {n[0][0], n[0][1], n[1][0], n[1][1]};
  return out;
}

// How far the scores of the rows in `member` lie above their outcomes on average, and the half of
// its 95 % interval; nothing without scores.
void AddCalibration(const Rows& rows, const std::vector<bool>& member, Json& group) {
  double sum = 0, squares = 0, n = 0;
  for (size_t i = 0; i < rows.scores.size(); ++i) {
    if (!member[i]) continue;
    const double gap = rows.scores[i] - (rows.label[i] ? 1 : 0);
    sum += gap;
    squares += gap * gap;
    ++n;
  }
  if (n < 2) return;
  const double mean = sum / n;
  const double variance = std::max(0.0, (squares - n * mean * mean) / (n - 1));
  group["calibration"] = mean;
  group["calibration_half_95"] = 1.96 * std::sqrt(variance / n);
}

// How the scores of facet and rest lie, by label: what the page's threshold slider counts with.
Json ThresholdBins(const Rows& rows, const std::vector<bool>& member) {
  if (rows.scores.empty()) return nullptr;
  std::array<std::vector<size_t>, 4> bins;  // facet x label
  for (auto& b : bins) b.assign(kScoreBins, 0);
  for (size_t i = 0; i < member.size(); ++i) {
    const double score = std::clamp(rows.scores[i], 0.0, 1.0);
    // Bin b holds (b / n, (b + 1) / n]: above the threshold b / n are the bins from b on.
    const auto bin = static_cast<size_t>(
        std::clamp(std::ceil(score * kScoreBins) - 1, 0.0, double{kScoreBins - 1}));
    ++bins[static_cast<size_t>(member[i]) * 2 + (rows.label[i] ? 1 : 0)][bin];
  }
  return {{"bins", kScoreBins},
          {"rest", {{"negative", bins[0]}, {"positive", bins[1]}}},
          {"facet", {{"negative", bins[2]}, {"positive", bins[3]}}}};
}

// Divergences over all outcomes, also where one side has none (AWS's leave these out).
Json CorrectedDivergences(const Rows& rows, const std::vector<bool>& member) {
  std::vector<bool> rest(member);
  rest.flip();
  const Confusion d = ConfusionOf(rows, member), a = ConfusionOf(rows, rest);
  const auto share = [](const Confusion& n) {
    const auto positive = static_cast<double>(n[1][0] + n[1][1]);
    return positive / (positive + static_cast<double>(n[0][0] + n[0][1]));
  };
  const double p = share(a), q = share(d);
  if (std::isnan(p) || std::isnan(q)) return nullptr;
  const auto term = [](double x, double y) { return x == 0 ? 0 : x * std::log(x / y); };
  const double m = (p + q) / 2;
  return {
      {"KL", MetricNumber(term(p, q) + term(1 - p, 1 - q))},
      {"JS", MetricNumber((term(p, m) + term(1 - p, 1 - m) + term(q, m) + term(1 - q, 1 - m)) / 2)},
      {"LP", std::abs(p - q) * std::sqrt(2.0)},
      {"TVD", std::abs(p - q)},
      {"KS", std::abs(p - q)}};
}

Json IntervalsJson(const std::vector<Metric>& metrics,
                   const std::vector<std::optional<MetricInterval>>& intervals) {
  Json out = Json::object();
  for (size_t m = 0; m < metrics.size(); ++m) {
    if (!intervals[m]) continue;
    out[std::string(metrics[m].name)] = {MetricNumber(intervals[m]->low),
                                         MetricNumber(intervals[m]->high)};
  }
  return out;
}

// What no positive prediction takes away: shares of the accepted.
void WithoutPositives(std::vector<Metric>& metrics) {
  for (Metric& m : metrics) {
    for (const std::string_view name : {"CDDPL", "DAR", "DCA", "DI", "TE"}) {
      if (m.name != name) continue;
      m.value.reset();
      m.error = kNoPositives;
    }
  }
}

// A facet's name and group, everything of it.
struct Facet {
  size_t column;
  Group group;
};

class Analysis {
 public:
  Analysis(const AnalysisConfig& config, const Dataset& dataset, const Predictions* predictions,
           int threads)
      : config_(config),
        dataset_(dataset),
        predictions_(predictions),
        threads_(threads),
        rows_{.dataset = dataset} {}

  Result<BiasSections> Run() {
    CLARY_CHECK_OK(ReadLabels());
    std::vector<Facet> facets;
    for (size_t f = 0; f < config_.facets.size(); ++f) {
      CLARY_CHECK_OK(AddGroups(f, facets));
    }
    Json pre = Json::object(), post = Json::object(), extra = Json::array();
    for (const Facet& facet : facets) CLARY_CHECK_OK(Add(facet, pre, post, extra));
    const Column& label = dataset_.columns[*dataset_.label];
    const auto section = [&](Json& groups) {
      return Json{{"label", label.name},
                  {"facets", std::move(groups)},
                  {"label_value_or_threshold", label_text_}};
    };
    BiasSections out;
    if (config_.pre_training_bias) out.pre = section(pre);
    if (config_.post_training_bias) out.post = section(post);
    out.extras = {{"label", LabelJson(label)}, {"facets", std::move(extra)}};
    if (!rows_.predicted.empty()) {
      out.extras["performance"] = MetricsJson(PerformanceMetrics(rows_.label, rows_.predicted));
    }
    CLARY_TRY(Json segments, Segments(facets));
    if (!segments.empty()) out.extras["segments"] = std::move(segments);
    if (Json cells = Intersections(facets); !cells.empty()) {
      out.extras["intersections"] = std::move(cells);
    }
    out.warnings = std::move(warnings_);
    return out;
  }

 private:
  Status ReadLabels() {
    const Column& label = dataset_.columns[*dataset_.label];
    const Column* predicted = predictions_ != nullptr ? &predictions_->labels : nullptr;
    const auto fault = [](std::string_view what, const Column& column, const Error& error) {
      return BadData(fmt::format("{} '{}': {}", what, column.name, error.message));
    };
    const auto positive = GroupsOf(label, config_.label_values, predicted);
    if (!positive) return fault("label", label, positive.error());
    label_text_ = positive->front().text;
    rows_.label = positive->front().member;
    const size_t n = CountOf(rows_.label);
    if (n == 0 || n == rows_.label.size()) {
      warnings_.push_back(fmt::format(
          "label '{}': {} of {} rows have the positive outcome {}, so nothing tells groups apart",
          label.name, n == 0 ? "none" : "all", rows_.label.size(),
          label_text_.empty() ? "above the threshold" : "'" + label_text_ + "'"));
    }
    Warn(label, "label", config_.label_values.size());
    if (predicted == nullptr) return {};
    if (KindOf(*predicted, config_.label_values.size()) !=
            KindOf(label, config_.label_values.size()) &&
        predicted->type != label.type) {
      return BadData(fmt::format(
          "Predicted Label Column series datatype is not the same as Label Column series: '{}' is "
          "{}, "
          "'{}' is {}",
          label.name, TypeText(label.type), predicted->name, TypeText(predicted->type)));
    }
    const auto accepted = GroupsOf(*predicted, config_.label_values, &label);
    if (!accepted) return fault("predicted label", *predicted, accepted.error());
    rows_.predicted = accepted->front().member;
    // A slider over scores means something only where they decide as the predictions do.
    rows_.scores = predictions_->scores;
    for (size_t r = 0; r < rows_.scores.size(); ++r) {
      if ((rows_.scores[r] > config_.probability_threshold) == rows_.predicted[r]) continue;
      rows_.scores = {};
      break;
    }
    no_positives_ = CountOf(rows_.predicted) == 0;
    if (no_positives_) warnings_.push_back(std::string(kNoPositives));
    return {};
  }

  void Warn(const Column& column, std::string_view what, size_t values) {
    if (values == 1 && column.type == Column::Type::kInteger) {
      const DataKind kind = KindOf(column, values);
      warnings_.push_back(fmt::format(
          "{} '{}' is taken as {}: {} ({})", what, column.name, KindText(kind),
          kind == DataKind::kContinuous
              ? "at least 5 % of its values are distinct, so the given value is a threshold"
              : "fewer than 5 % of its values are distinct, so the given value is a value, not a "
                "threshold",
          "with more or fewer rows that may change; a range is written as \"(40, inf)\""));
    }
    if (const size_t missing = MissingIn(column); missing > 0) {
      warnings_.push_back(fmt::format("{} '{}' is missing in {} of {} rows: these count {}", what,
                                      column.name, missing, column.rows(),
                                      what == "facet" ? "to everybody else" : "as negative"));
    }
  }

  Status AddGroups(size_t f, std::vector<Facet>& facets) {
    const size_t at = dataset_.facets[f];
    const Column& column = dataset_.columns[at];
    auto groups = GroupsOf(column, config_.facets[f].values);
    if (!groups) {
      return BadData(fmt::format("facet '{}': {}", column.name, groups.error().message));
    }
    Warn(column, "facet", config_.facets[f].values.size());
    for (Group& group : *groups) {
      const size_t n = CountOf(group.member);
      if (n < kSmallGroup) {
        warnings_.push_back(
            fmt::format("facet '{}', group '{}' has {} row{}: too few to conclude "
                        "from",
                        column.name, Printable(group.text, 60), n, n == 1 ? "" : "s"));
      }
      facets.push_back({at, std::move(group)});
    }
    return {};
  }

  BiasData DataOf(const Facet& facet) const {
    BiasData data{.facet = facet.group.member,
                  .label = rows_.label,
                  .predicted = rows_.predicted,
                  .features = {},
                  .threads = threads_};
    if (dataset_.group_variable) data.group = &dataset_.columns[*dataset_.group_variable];
    for (const size_t c : dataset_.features) {
      if (c != facet.column) data.features.push_back(&dataset_.columns[c]);
    }
    return data;
  }

  Status Add(const Facet& facet, Json& pre, Json& post, Json& extras) {
    const Column& column = dataset_.columns[facet.column];
    const BiasData data = DataOf(facet);
    Json extra = {{"facet", column.name},
                  {"value_or_threshold", facet.group.text},
                  {"type", TypeText(column.type)},
                  {"missing", MissingIn(column)}};
    std::vector<bool> rest(facet.group.member);
    rest.flip();
    const bool predicted = !rows_.predicted.empty();
    extra["groups"] = {
        GroupJson(facet.group.text, ConfusionOf(rows_, facet.group.member), predicted),
        GroupJson("everybody else", ConfusionOf(rows_, rest), predicted)};
    AddCalibration(rows_, facet.group.member, extra["groups"][0]);
    AddCalibration(rows_, rest, extra["groups"][1]);
    Json intervals = Json::object();
    const auto stage = [&](BiasStage which, const std::vector<std::string>& methods,
                           Json& section) -> Status {
      CLARY_TRY(std::vector<Metric> metrics, BiasMetrics(which, data, methods));
      if (which == BiasStage::kPostTraining && no_positives_) WithoutPositives(metrics);
      section[column.name].push_back(
          {{"value_or_threshold", facet.group.text}, {"metrics", MetricsJson(metrics)}});
      intervals.update(IntervalsJson(metrics, BiasIntervals(which, data, methods)));
      return {};
    };
    if (config_.pre_training_bias) {
      CLARY_CHECK_OK(stage(BiasStage::kPreTraining, *config_.pre_training_bias, pre));
      extra["divergences_of_all_outcomes"] = CorrectedDivergences(rows_, facet.group.member);
    }
    if (config_.post_training_bias) {
      CLARY_CHECK_OK(stage(BiasStage::kPostTraining, *config_.post_training_bias, post));
    }
    extra["intervals_95"] = std::move(intervals);
    if (Json bins = ThresholdBins(rows_, facet.group.member); !bins.is_null()) {
      extra["thresholds"] = std::move(bins);
    }
    extras.push_back(std::move(extra));
    return {};
  }

  Json LabelJson(const Column& label) const {
    Json out = {{"name", label.name},
                {"type", TypeText(label.type)},
                {"kind", KindText(KindOf(label, config_.label_values.size()))},
                {"positive", label_text_},
                {"rows", rows_.label.size()},
                {"positive_rows", CountOf(rows_.label)},
                {"missing", MissingIn(label)}};
    if (!rows_.predicted.empty()) out["predicted_positive_rows"] = CountOf(rows_.predicted);
    return out;
  }

  // The metrics of each segment's rows alone.
  Result<Json> Segments(const std::vector<Facet>& facets) {
    Json out = Json::array();
    for (size_t s = 0; s < config_.segments.size(); ++s) {
      const SegmentConfig& config = config_.segments[s];
      const Column& column = dataset_.columns[dataset_.segments[s]];
      std::vector<bool> left(column.rows(), true);
      Json parts = Json::array();
      const auto name = [&](size_t i, std::string given) {
        return i < config.aliases.size() ? config.aliases[i] : given;
      };
      for (size_t i = 0; i < config.segments.size(); ++i) {
        std::vector<bool> member(column.rows());
        std::string text;
        for (const Value& value : config.segments[i]) {
          const std::vector<Value> one = {value};
          const auto group = InSegment(column, one);
          if (!group) {
            return BadData(
                fmt::format("segment_config '{}': {}", config.name, group.error().message));
          }
          for (size_t r = 0; r < member.size(); ++r) {
            if (group->member[r]) {
              member[r] = true;
              left[r] = false;
            }
          }
          text += (text.empty() ? "" : ",") + ValueText(value);
        }
        parts.push_back(SegmentJson(name(i, text), member, facets));
      }
      parts.push_back(SegmentJson(name(config.segments.size(), "__default__"), left, facets));
      out.push_back({{"config_name", config.name}, {"column", column.name}, {"segments", parts}});
    }
    return out;
  }

  // A value, or an interval with either end in it or not.
  static Result<Group> InSegment(const Column& column, std::vector<Value> value) {
    const auto* text = std::get_if<std::string>(&value[0]);
    if (text != nullptr && text->size() > 2 && (text->front() == '(' || text->front() == '[') &&
        column.type != Column::Type::kText) {
      const size_t comma = text->find(',');
      const bool closed = text->back() == ']';
      const auto bound = [&](size_t begin, size_t past) {
        const std::string part(Trim(std::string_view(*text).substr(begin, past - begin)));
        char* end = nullptr;
        const double parsed = std::strtod(part.c_str(), &end);
        return part.empty() || *end != '\0' ? std::nan("") : parsed;
      };
      const double low = comma == std::string::npos ? std::nan("") : bound(1, comma);
      const double high =
          comma == std::string::npos ? std::nan("") : bound(comma + 1, text->size() - 1);
      if (std::isnan(low) || std::isnan(high) || (!closed && text->back() != ')')) {
        return BadData("'" + *text + "' is no interval like (2, 5]");
      }
      Group group{.text = *text, .member = std::vector<bool>(column.rows())};
      for (size_t r = 0; r < column.rows(); ++r) {
        const double v = column.numbers[r];
        group.member[r] =
            (text->front() == '[' ? v >= low : v > low) && (closed ? v <= high : v < high);
      }
      return group;
    }
    value.push_back(value[0]);  // several values are compared one by one
    CLARY_TRY(auto groups, GroupsOf(column, value));
    return std::move(groups.front());
  }

  Json SegmentJson(const std::string& name, const std::vector<bool>& member,
                   const std::vector<Facet>& facets) {
    Json out = {{"segment", name}, {"rows", CountOf(member)}};
    Json list = Json::array();
    for (const Facet& facet : facets) {
      BiasData all = DataOf(facet), data;
      for (size_t r = 0; r < member.size(); ++r) {
        if (!member[r]) continue;
        data.facet.push_back(all.facet[r]);
        data.label.push_back(all.label[r]);
        if (!all.predicted.empty()) data.predicted.push_back(all.predicted[r]);
      }
      Json one = {{"facet", dataset_.columns[facet.column].name},
                  {"value_or_threshold", facet.group.text}};
      const auto add = [&](BiasStage stage, const char* key,
                           const std::optional<std::vector<std::string>>& methods) {
        if (!methods) return;
        std::vector<std::string> some;  // those of counts alone
        for (const std::string_view n : MetricNames(stage)) {
          const bool asked = methods->empty() || std::ranges::find(*methods, n) != methods->end();
          if (asked && n != "FT" && n != "CDDL" && n != "CDDPL") some.emplace_back(n);
        }
        if (some.empty()) return;
        if (const auto metrics = BiasMetrics(stage, data, some)) one[key] = MetricsJson(*metrics);
      };
      add(BiasStage::kPreTraining, "pre_training_bias_metrics", config_.pre_training_bias);
      add(BiasStage::kPostTraining, "post_training_bias_metrics", config_.post_training_bias);
      list.push_back(std::move(one));
    }
    out["facets"] = std::move(list);
    return out;
  }

  // The values of a facet's column that a cell is made of: those of a category, else in the group
  // or not.
  std::vector<std::string> CellTexts(const std::vector<Facet>& facets, size_t column) const {
    const Column& c = dataset_.columns[column];
    std::vector<std::string> out(c.rows());
    const bool category =
        KindOf(c, 2) == DataKind::kCategorical && KindOf(c, 1) == DataKind::kCategorical;
    const auto facet = std::ranges::find(facets, column, &Facet::column);
    for (size_t r = 0; r < out.size(); ++r) {
      out[r] = category                 ? c.Text(r)
               : facet->group.member[r] ? facet->group.text
                                        : "not " + facet->group.text;
    }
    return out;
  }

  Json CellsOf(const std::vector<size_t>& columns,
               const std::vector<std::vector<std::string>>& texts, size_t limit) const {
    std::map<std::vector<std::string>, std::vector<bool>> cells;
    const size_t rows = rows_.label.size();
    for (size_t r = 0; r < rows; ++r) {
      std::vector<std::string> values;
      for (const auto& t : texts) values.push_back(t[r]);
      auto [at, fresh] = cells.try_emplace(std::move(values));
      if (fresh) {
        if (cells.size() > limit) return nullptr;
        at->second.resize(rows);
      }
      at->second[r] = true;
    }
    std::string name;
    for (const size_t c : columns) {
      name += (name.empty() ? "" : " & ") + dataset_.columns[c].name;
    }
    Json list = Json::array();
    for (const auto& [values, member] : cells) {
      Json cell = GroupJson(fmt::format("{}", fmt::join(values, " & ")), ConfusionOf(rows_, member),
                            !rows_.predicted.empty());
      cell["values"] = values;
      const BiasData data{.facet = member, .label = rows_.label, .predicted = rows_.predicted};
      const auto add = [&](BiasStage stage, std::vector<std::string> methods) {
        const auto metrics = BiasMetrics(stage, data, methods);
        const auto intervals = BiasIntervals(stage, data, methods);
        for (size_t m = 0; metrics && m < metrics->size(); ++m) {
          const Metric& metric = (*metrics)[m];
          if (!metric.value) continue;
          Json value = {{"value", MetricNumber(*metric.value)}};
          if (intervals[m]) {
            value["interval_95"] = {MetricNumber(intervals[m]->low),
                                    MetricNumber(intervals[m]->high)};
          }
          cell[std::string(metric.name)] = std::move(value);
        }
      };
      add(BiasStage::kPreTraining, {"DPL"});
      if (!rows_.predicted.empty()) add(BiasStage::kPostTraining, {"DPPL", "DI"});
      cell["small"] = CountOf(member) < kSmallGroup;
      list.push_back(std::move(cell));
    }
    return {{"columns", name}, {"cells", std::move(list)}};
  }

  Json Intersections(const std::vector<Facet>& facets) const {
    std::vector<size_t> columns;
    for (const Facet& f : facets) {
      if (std::ranges::find(columns, f.column) == columns.end()) columns.push_back(f.column);
    }
    Json out = Json::array();
    if (columns.size() < 2) return out;
    std::vector<std::vector<std::string>> texts;
    for (const size_t c : columns) texts.push_back(CellTexts(facets, c));
    if (Json all = CellsOf(columns, texts, kMaxCells); !all.is_null()) {
      out.push_back(std::move(all));
      return out;
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      for (size_t j = i + 1; j < columns.size(); ++j) {
        Json pair = CellsOf({columns[i], columns[j]}, {texts[i], texts[j]}, kMaxPairCells);
        if (!pair.is_null()) out.push_back(std::move(pair));
      }
    }
    return out;
  }

  const AnalysisConfig& config_;
  const Dataset& dataset_;
  const Predictions* predictions_;
  const int threads_;
  Rows rows_;
  std::string label_text_;
  bool no_positives_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace

Json MetricNumber(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return value;
}

Result<BiasSections> AnalyseBias(const AnalysisConfig& config, const Dataset& dataset,
                                 const Predictions* predictions, int threads) {
  if (!config.asks_bias()) return BiasSections{};
  return Analysis(config, dataset, predictions, threads).Run();
}

}  // namespace clary::clarify
