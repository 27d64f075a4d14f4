#include "clarify/online.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/quote.h"
#include "base/strings.h"
#include "clarify/analysis_config.h"
#include "clarify/dataset.h"
#include "clarify/explain.h"
#include "clarify/feature_space.h"
#include "clarify/internal/csv_text.h"
#include "clarify/internal/json_text.h"
#include "clarify/jmespath.h"
#include "clarify/model_access.h"
#include "clarify/text_units.h"
#include "reports/json.h"

namespace clary::clarify {
namespace {

using nlohmann::json;

constexpr std::string_view kCsvType = "text/csv";
constexpr std::string_view kLinesType = "application/jsonlines";
constexpr size_t kFewRecords = 64;  // are explained by one thread
constexpr size_t kShownRecord = 80;

std::unexpected<Error> BadExplainer(std::string message) {
  return Fail(Code::kInvalidArgument, "BadExplainer", "The explainer: " + std::move(message));
}
std::unexpected<Error> BadRequest(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

// "text/csv" of "text/csv; charset=utf-8", in small letters.
std::string PlainType(std::string_view mime) {
  return ToLower(Trim(mime.substr(0, mime.find(';'))));
}

std::string CellOf(const json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_float()) return RealText(value.get<double>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// RecordCells as cells, all as long as the first, and which columns are texts whatever they look
// like.
struct RecordCells {
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> is_text;
};

// A cell of a model's answer as the expression sees it: a number, a list, or a text.
json AnswerCell(const std::string& cell) {
  double value = 0;
  const char* const last = cell.data() + cell.size();
  const auto [end, error] = fast_float::from_chars(cell.data(), last, value);
  if (!cell.empty() && error == std::errc() && end == last && std::isfinite(value)) {
    if (value == std::floor(value) && std::abs(value) < 1e15 &&
        cell.find_first_of(".eE") == std::string::npos) {
      return static_cast<int64_t>(value);
    }
    return value;
  }
  if (cell.starts_with('[') && cell.ends_with(']')) {
    std::string text = cell;  // Python writes texts with '
    if (text.find('"') == std::string::npos) std::ranges::replace(text, '\'', '"');
    if (auto list = ParseJson(text)) return *std::move(list);
  }
  return cell;
}

}  // namespace

struct OnlineExplainer::State {
  std::string enable_text;
  std::optional<Jmespath> enable;
  std::string features_path = "features";
  std::optional<Jmespath> features;
  std::string content_template;
  size_t max_records = 0;
  size_t max_bytes = 0;
  std::optional<ColumnRef> probability_index, label_index, probability_path, label_path;
  std::vector<std::string> label_headers, feature_headers, feature_types;
  RecordCells baseline;
  std::optional<int64_t> samples, seed;
  bool logit = false;
  std::optional<FreeTextConfig> text;

  Status Read(const json& config, std::string_view baseline_text) {
    enable_text = config.value("EnableExplanations", "`true`");
    CLARY_TRY(enable, Compiled("EnableExplanations", enable_text));
    const json inference = config.value("InferenceConfig", json::object());
    CLARY_CHECK_OK(ReadInference(inference));
    const json shap = config.value("ShapConfig", json::object());
    if (shap.contains("NumberOfSamples")) samples = shap["NumberOfSamples"].get<int64_t>();
    if (shap.contains("Seed")) seed = shap["Seed"].get<int64_t>();
    logit = shap.value("UseLogit", false);
    CLARY_CHECK_OK(ReadText(shap));
    const json given = shap.value("ShapBaselineConfig", json::object());
    const std::string type = PlainType(given.value("MimeType", std::string(kCsvType)));
    if (type != kCsvType && type != kLinesType) {
      return BadExplainer(fmt::format("ShapBaselineConfig.MimeType is '{}', expected {} or {}",
                                      Printable(type, 60), kCsvType, kLinesType));
    }
    const std::string own = given.value("ShapBaseline", "");
    auto rows = Parse(type, own.empty() ? baseline_text : std::string_view(own), "row");
    if (!rows) return BadExplainer("the baseline: " + rows.error().message);
    baseline = *std::move(rows);
    if (baseline.rows.empty()) return BadExplainer("the baseline has no rows");
    return CheckWidth();
  }

  static Result<Jmespath> Compiled(std::string_view key, const std::string& path) {
    auto compiled = Jmespath::Compile(path);
    if (compiled) return compiled;
    return BadExplainer(fmt::format("{}: {}", key, compiled.error().message));
  }

  Status ReadInference(const json& given) {
    features_path = given.value("FeaturesAttribute", features_path);
    CLARY_TRY(features, Compiled("FeaturesAttribute", features_path));
    content_template = given.value("ContentTemplate", "");
    if (content_template.empty()) {
      content_template = "{" + JsonQuote(features_path) + ":$features}";
    } else if (content_template.find("$features") == std::string::npos) {
      return BadExplainer("ContentTemplate has no $features: " + Printable(content_template, 64));
    }
    max_records = given.value("MaxRecordCount", size_t{0});
    max_bytes = given.value("MaxPayloadInMB", size_t{6}) << 20U;
    if (given.contains("ProbabilityIndex")) {
      probability_index = given["ProbabilityIndex"].get<int64_t>();
    }
    if (given.contains("LabelIndex")) label_index = given["LabelIndex"].get<int64_t>();
    for (const auto& [key, path] : {std::pair("ProbabilityAttribute", &probability_path),
                                    std::pair("LabelAttribute", &label_path)}) {
      if (!given.contains(key)) continue;
      *path = given[key].get<std::string>();
      CLARY_CHECK_OK(Compiled(key, RefText(**path)));
    }
    label_headers = given.value("LabelHeaders", label_headers);
    feature_headers = given.value("FeatureHeaders", feature_headers);
    feature_types = given.value("FeatureTypes", feature_types);
    return {};
  }

  Status ReadText(const json& shap) {
    const bool texts = std::ranges::find(feature_types, "text") != feature_types.end();
    if (!shap.contains("TextConfig")) {
      if (!texts) return {};
      return BadExplainer("FeatureTypes has a text: ShapConfig.TextConfig is required");
    }
    text.emplace();
    const std::string unit = shap["TextConfig"].value("Granularity", "token");
    if (unit == "sentence") text->granularity = TextGranularity::kSentence;
    if (unit == "paragraph") text->granularity = TextGranularity::kParagraph;
    text->language = shap["TextConfig"].value("Language", "en");
    return {};
  }

  Status CheckWidth() const {
    const size_t width = baseline.rows.front().size();
    for (const auto& [key, list] : {std::pair("FeatureHeaders", &feature_headers),
                                    std::pair("FeatureTypes", &feature_types)}) {
      if (list->empty() || list->size() == width) continue;
      return BadExplainer(
          fmt::format("{} has {} names, the baseline has {} features", key, list->size(), width));
    }
    return {};
  }

  Result<RecordCells> Parse(const std::string& type, std::string_view body,
                            const char* what) const {
    RecordCells out;
    size_t number = 0;
    const auto add = [&](std::vector<std::string> cells) -> Status {
      ++number;
      if (!out.rows.empty() && cells.size() != out.rows.front().size()) {
        return BadRequest(fmt::format("{} {} has {} features, those before it have {}", what,
                                      number, cells.size(), out.rows.front().size()));
      }
      out.rows.push_back(std::move(cells));
      return {};
    };
    if (type == kCsvType) {
      for (auto& cells : CsvLines(body)) CLARY_CHECK_OK(add(std::move(cells)));
      if (!out.rows.empty()) out.is_text.resize(out.rows.front().size());
      return out;
    }
    for (std::string_view line : Split(body, '\n')) {
      line = Trim(line);
      if (line.empty()) continue;
      const auto bad = [&](const std::string& why) {
        return BadRequest(
            fmt::format("{} {}: {}: {}", what, number + 1, why, Printable(line, kShownRecord)));
      };
      const auto document = ParseJson(line);
      if (!document) return bad("it is no JSON");
      CLARY_TRY(const json found, features->Search(*document));
      if (!found.is_array() || found.empty()) {
        return bad(fmt::format("'{}' finds {}, expected a list of features (FeaturesAttribute)",
                               features_path, found.type_name()));
      }
      std::vector<std::string> cells;
      out.is_text.resize(std::max(out.is_text.size(), found.size()));
      for (size_t f = 0; f < found.size(); ++f) {
        if (found[f].is_structured()) return bad("a feature is no value");
        cells.push_back(CellOf(found[f]));
        out.is_text[f] = out.is_text[f] || found[f].is_string();
      }
      CLARY_CHECK_OK(add(std::move(cells)));
    }
    return out;
  }

  // The baseline's cells, then those of the records.
  std::vector<Column> Columns(const RecordCells& records, bool csv) const {
    std::vector<Column> out;
    for (size_t f = 0; f < baseline.rows.front().size(); ++f) {
      std::vector<std::string> cells;
      for (const auto* rows : {&baseline.rows, &records.rows}) {
        for (const auto& row : *rows) cells.push_back(row[f]);
      }
      const std::string type = f < feature_types.size() ? feature_types[f] : "";
      std::string name =
          f < feature_headers.size() ? feature_headers[f] : fmt::format("feature{}", f);
      if (type != "text" && !baseline.is_text[f] && !records.is_text[f]) {
        Column typed = TypedColumn(name, cells);
        // A code is sent as it came: 007 is no 7.
        const auto same = [&](size_t r) { return cells[r].empty() || typed.Text(r) == cells[r]; };
        bool keep = true;
        for (size_t r = 0; csv && type == "categorical" && r < cells.size(); ++r) {
          keep = keep && same(r);
        }
        if (keep) {
          out.push_back(std::move(typed));
          continue;
        }
      }
      Column column{.name = std::move(name), .type = Column::Type::kText};
      // A free text may be empty.
      for (const std::string& cell : cells) {
        if (type != "text") column.missing.push_back(cell.empty());
      }
      column.texts = std::move(cells);
      out.push_back(std::move(column));
    }
    return out;
  }

  // Whether each record is to be explained, by the model's answer to it.
  Result<std::vector<bool>> Enabled(std::string_view expression, const std::string& accept,
                                    const OnlineReply& reply, size_t count) const {
    if (expression.empty()) expression = enable_text;
    if (expression == "`true`") return std::vector<bool>(count, true);
    std::optional<Jmespath> own;
    if (expression != enable_text) {
      auto compiled = Jmespath::Compile(expression);
      if (!compiled) return BadRequest("EnableExplanations: " + compiled.error().message);
      own = *std::move(compiled);
    }
    CLARY_TRY(const std::vector<json> answers, RecordsOf(accept, reply, count));
    std::vector<bool> out;
    for (const json& answer : answers) {
      const auto found = (own ? *own : *enable).Search(answer);
      if (!found) return BadRequest("EnableExplanations: " + found.error().message);
      if (!found->is_boolean()) {
        return BadRequest(fmt::format(
            "EnableExplanations: '{}' finds {} in the model's answer for record {}, expected true "
            "or false: {}",
            Printable(expression, 64), found->type_name(), out.size() + 1,
            Printable(answer.dump(-1, ' ', false, json::error_handler_t::replace), kShownRecord)));
      }
      out.push_back(found->get<bool>());
    }
    return out;
  }

  // The model's answer to each record: of csv a list, of JSON lines what stands there.
  static Result<std::vector<json>> RecordsOf(const std::string& accept, const OnlineReply& reply,
                                             size_t count) {
    std::vector<json> out;
    if (accept == kCsvType) {
      auto lines = CsvLines(reply.body);
      if (lines.size() == 1 && count > 1 && lines[0].size() == count) {
        std::vector<std::vector<std::string>> each;
        for (std::string& cell : lines[0]) each.push_back({std::move(cell)});
        lines = std::move(each);
      }
      for (const auto& cells : lines) {
        json& list = out.emplace_back(json::array());
        for (const std::string& cell : cells) list.push_back(AnswerCell(cell));
      }
    } else {
      for (const std::string_view line : Split(reply.body, '\n')) {
        if (Trim(line).empty()) continue;
        auto document = ParseJson(line);
        if (!document) {
          return BadRequest("EnableExplanations: the model's answer is no JSON: " +
                            Printable(line, kShownRecord));
        }
        out.push_back(*std::move(document));
      }
    }
    if (out.size() == count) return out;
    return BadRequest(fmt::format("the model answered {} records for {}: {}", out.size(), count,
                                  Printable(reply.body, kShownRecord)));
  }

  PredictorConfig Predictor(const std::string& content_type, const std::string& accept) const {
    PredictorConfig out;
    out.content_type = content_type;
    out.accept_type = accept;
    out.content_template = content_template;
    const bool csv = accept == kCsvType;
    out.label = csv ? label_index : label_path;
    out.probability = csv ? probability_index : probability_path;
    out.label_headers = label_headers;
    return out;
  }

  // Which features play by their units of text.
  std::vector<size_t> Texts(const FeatureSpace& space) const {
    std::vector<size_t> out;
    for (size_t f = 0; text && f < space.size(); ++f) {
      if (feature_types.empty() ? space.is_text(f) : feature_types[f] == "text") out.push_back(f);
    }
    return out;
  }

  reports::Json OfRecord(const Explanation& row, size_t outputs, const FeatureSpace& space,
                         std::span<const double> values, TextPlay& texts) const {
    const auto list = [](std::span<const double> some) {
      reports::Json out = reports::Json::array();
      for (const double v : some) out.push_back(v);
      return out;
    };
    reports::Json out = reports::Json::array();
    for (size_t f = 0; f < space.size(); ++f) {
      reports::Json one = reports::Json::object();
      if (!feature_headers.empty()) one["feature_header"] = feature_headers[f];
      if (!feature_types.empty()) one["feature_type"] = feature_types[f];
      reports::Json& attributions = one["attributions"] = reports::Json::array();
      const auto parts = std::ranges::find(row.parts, f, &PartValues::feature);
      if (parts == row.parts.end()) {
        attributions.push_back(
            {{"attribution", list(std::span(row.values).subspan(f * outputs, outputs))}});
      } else {
        const auto& units = texts.Units(f, values[f]);
        for (size_t u = 0; u < units.size(); ++u) {
          attributions.push_back(
              {{"attribution", list(std::span(parts->values).subspan(u * outputs, outputs))},
               {"description",
                {{"partial_text", texts.UnitText(f, values[f], units[u])},
                 {"start_idx", units[u].start}}}});
        }
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  // Of each record null or its features.
  Result<reports::Json> Explained(const RecordCells& records, const std::vector<bool>& enabled,
                                  const std::string& content_type, const std::string& accept,
                                  const OnlineModel& model) const {
    const auto columns = Columns(records, content_type == kCsvType);
    std::vector<const Column*> pointers;
    for (const Column& c : columns) pointers.push_back(&c);
    FeatureSpace space(pointers);
    const size_t width = space.size();
    const std::vector<double> all = space.Rows(pointers);
    const auto base = std::span(all).first(baseline.rows.size() * width);
    std::vector<double> asked;
    for (size_t r = 0; r < enabled.size(); ++r) {
      if (!enabled[r]) continue;
      const auto row = std::span(all).subspan(base.size() + r * width, width);
      asked.insert(asked.end(), row.begin(), row.end());
    }
    const int threads = asked.size() > kFewRecords * width ? model.threads : 1;
    const PredictorConfig predictor = Predictor(content_type, accept);
    ModelOptions options{
        .invoke = [&](const std::string& body) -> Result<std::string> {
          CLARY_TRY(OnlineReply reply, model.invoke(content_type, accept, body));
          return std::move(reply.body);
        },
        .trees = model.trees,
        .threads = threads,
        .max_rows = max_records,
        .max_bytes = max_bytes,
        .label_key = accept == kCsvType ? "LabelIndex" : "LabelAttribute",
        .probability_key = accept == kCsvType ? "ProbabilityIndex" : "ProbabilityAttribute"};
    CLARY_TRY(const auto access, ModelAccess::Make(predictor, space, std::move(options)));
    TextPlay texts(space, Texts(space), text.value_or(FreeTextConfig()));
    CLARY_TRY(const ShapValues values, Explain(*access, asked, base, width,
                                               {.logit = logit,
                                                .samples = static_cast<size_t>(samples.value_or(0)),
                                                .seed = static_cast<uint64_t>(seed.value_or(0)),
                                                .may_play = {},
                                                .parts = &texts,
                                                .threads = threads,
                                                .on_progress = nullptr}));
    reports::Json out = reports::Json::array();
    size_t next = 0;
    for (size_t r = 0; r < enabled.size(); ++r) {
      if (!enabled[r]) {
        out.push_back(nullptr);
        continue;
      }
      const Explanation& row = values.explanations.rows[next];
      if (!std::ranges::all_of(row.values, [](double v) { return std::isfinite(v); })) {
        return BadRequest(fmt::format(
            "record {} has no finite attributions{}", r + 1,
            logit ? ": UseLogit needs scores between 0 and 1, and not these ends" : ""));
      }
      out.push_back(OfRecord(row, values.explanations.outputs, space,
                             std::span(asked).subspan(next * width, width), texts));
      ++next;
    }
    return out;
  }
};

OnlineExplainer::OnlineExplainer(std::unique_ptr<State> state) : state_(std::move(state)) {}
OnlineExplainer::~OnlineExplainer() = default;

Result<std::unique_ptr<OnlineExplainer>> OnlineExplainer::Make(std::string_view config,
                                                               std::string_view baseline) {
  const auto parsed = ParseJson(config);
  if (!parsed || !parsed->is_object()) return BadExplainer("its configuration is no JSON object");
  auto state = std::make_unique<State>();
  CLARY_CHECK_OK(state->Read(*parsed, baseline));
  return std::unique_ptr<OnlineExplainer>(new OnlineExplainer(std::move(state)));
}

Result<std::string> OnlineExplainer::Answer(const OnlineRequest& request,
                                            const OnlineModel& model) const {
  const State& s = *state_;
  const std::string type = PlainType(request.content_type);
  std::string accept = PlainType(request.accept);
  if (accept.empty() || accept == "*/*") accept = type;
  for (const auto& [name, given] : {std::pair("ContentType", &std::as_const(type)),
                                    std::pair("Accept", &std::as_const(accept))}) {
    if (*given == kCsvType || *given == kLinesType) continue;
    return BadRequest(fmt::format("an endpoint with an explainer takes {} {} or {}, not '{}'", name,
                                  kCsvType, kLinesType, Printable(*given, 60)));
  }
  CLARY_TRY(const RecordCells records, s.Parse(type, request.body, "record"));
  if (records.rows.empty()) return BadRequest("the request has no record");
  const size_t width = s.baseline.rows.front().size();
  if (records.rows.front().size() != width) {
    return BadRequest(fmt::format("the records have {} features, the explainer's baseline has {}",
                                  records.rows.front().size(), width));
  }
  CLARY_TRY(const OnlineReply reply, model.invoke(type, accept, request.body));
  CLARY_TRY(const std::vector<bool> enabled,
            s.Enabled(request.enable, accept, reply, records.rows.size()));
  reports::Json out = {
      {"version", "1.0"},
      {"predictions", {{"content_type", reply.content_type}, {"data", reply.body}}}};
  if (!s.label_headers.empty()) out["label_headers"] = s.label_headers;
  out["explanations"] = reports::Json::object();
  if (std::ranges::find(enabled, true) != enabled.end()) {
    CLARY_TRY(out["explanations"]["kernel_shap"],
              s.Explained(records, enabled, type, accept, model));
  }
  return reports::DumpJson(out);
}

}  // namespace clary::clarify
