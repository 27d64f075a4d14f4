#include "clarify/analysis_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/quote.h"
#include "base/strings.h"
#include "base/suggest.h"
#include "clarify/bias.h"
#include "clarify/internal/json_text.h"
#include "clarify/jmespath.h"

namespace clary::clarify {
namespace {

using nlohmann::json;

constexpr size_t kMaxConfig = size_t{64} << 20;  // a baseline may be in it
constexpr size_t kMaxShown = 80;
constexpr size_t kMaxErrors = 20;
constexpr int64_t kMaxGrid = 1000;
constexpr int64_t kMaxSamples = 1'000'000;
constexpr int64_t kMaxClusters = 10'000;
constexpr size_t kMaxPrefix = 23;
constexpr int64_t kMaxTopTokens = 1'000'000;

constexpr std::pair<std::string_view, std::string_view> kLanguages[] = {
    {"afrikaans", "af"},  {"albanian", "sq"},
    {"arabic", "ar"},     {"armenian", "hy"},
    {"basque", "eu"},     {"bengali", "bn"},
    {"bulgarian", "bg"},  {"catalan", "ca"},
    {"chinese", "zh"},    {"croatian", "hr"},
    {"czech", "cs"},      {"danish", "da"},
    {"dutch", "nl"},      {"english", "en"},
    {"estonian", "et"},   {"finnish", "fi"},
    {"french", "fr"},     {"german", "de"},
    {"greek", "el"},      {"gujarati", "gu"},
    {"hebrew", "he"},     {"hindi", "hi"},
    {"hungarian", "hu"},  {"icelandic", "is"},
    {"indonesian", "id"}, {"irish", "ga"},
    {"italian", "it"},    {"japanese", "ja"},
    {"kannada", "kn"},    {"kyrgyz", "ky"},
    {"latvian", "lv"},    {"ligurian", "lij"},
    {"lithuanian", "lt"}, {"luxembourgish", "lb"},
    {"macedonian", "mk"}, {"malayalam", "ml"},
    {"marathi", "mr"},    {"multi-language", "xx"},
    {"nepali", "ne"},     {"norwegian bokmål", "nb"},
    {"persian", "fa"},    {"polish", "pl"},
    {"portuguese", "pt"}, {"romanian", "ro"},
    {"russian", "ru"},    {"sanskrit", "sa"},
    {"serbian", "sr"},    {"setswana", "tn"},
    {"sinhala", "si"},    {"slovak", "sk"},
    {"slovenian", "sl"},  {"spanish", "es"},
    {"swedish", "sv"},    {"tagalog", "tl"},
    {"tamil", "ta"},      {"tatar", "tt"},
    {"telugu", "te"},     {"thai", "th"},
    {"turkish", "tr"},    {"ukrainian", "uk"},
    {"urdu", "ur"},       {"vietnamese", "vi"},
    {"yoruba", "yo"}};

std::string Shown(const json& value) {
  return Printable(value.dump(-1, ' ', false, json::error_handler_t::replace), kMaxShown);
}

Value ValueOf(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number()) return value.get<double>();
  return value.get<std::string>();
}

bool IsScalar(const json& value) {
  return value.is_boolean() || value.is_number() || value.is_string();
}

// Everything that is wrong, in order of looking.
struct Faults {
  std::vector<std::string> all;
  void Add(std::string fault) {
    if (all.size() < kMaxErrors) all.push_back(std::move(fault));
  }
};

// The members of one object, each asked for once; what nobody asked for is unknown.
class Members {
 public:
  Members(const json& object, std::string path, Faults& faults)
      : object_(object), path_(std::move(path)), faults_(faults) {}

  bool Has(const char* name) const { return object_.contains(name) && !object_[name].is_null(); }
  std::string PathOf(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  const json* Get(const char* name) {
    known_.emplace_back(name);
    return Has(name) ? &object_[name] : nullptr;
  }
  void Wrong(const char* name, const json& found, std::string_view allowed) {
    faults_.Add(fmt::format("{}: found {}, expected {}", PathOf(name), Shown(found), allowed));
  }
  void Require(const char* name) {
    if (!Has(name)) faults_.Add(PathOf(name) + " is required");
  }

  void Text(const char* name, std::string& out) {
    const json* value = Get(name);
    if (value == nullptr) return;
    if (!value->is_string()) return Wrong(name, *value, "a text");
    out = value->get<std::string>();
  }
  void Flag(const char* name, bool& out) {
    const json* value = Get(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return Wrong(name, *value, "true or false");
    out = value->get<bool>();
  }
  std::optional<int64_t> Integer(const char* name, int64_t low, int64_t high) {
    const json* value = Get(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_integer() && value->get<int64_t>() >= low &&
        value->get<int64_t>() <= high) {
      return value->get<int64_t>();
    }
    Wrong(name, *value, fmt::format("an integer from {} to {}", low, high));
    return std::nullopt;
  }
  // One of `allowed`, in letters of any case.
  std::string OneOf(const char* name, std::span<const std::string_view> allowed) {
    const json* value = Get(name);
    if (value == nullptr) return "";
    const std::string text = value->is_string() ? ToLower(value->get<std::string>()) : "";
    if (std::ranges::find(allowed, text) != allowed.end() && !text.empty()) return text;
    std::string list;
    for (const std::string_view a : allowed)
      list += (list.empty() ? "'" : ", '") + std::string(a) + "'";
    Wrong(name, *value, "one of " + list);
    return "";
  }
  std::optional<ColumnRef> Ref(const char* name) {
    const json* value = Get(name);
    if (value == nullptr) return std::nullopt;
    return RefOf(name, *value);
  }
  std::vector<ColumnRef> Refs(const char* name) {
    std::vector<ColumnRef> out;
    for (const json& element : Elements(name)) {
      if (const auto ref = RefOf(name, element)) out.push_back(*ref);
    }
    return out;
  }
  std::vector<std::string> Texts(const char* name) {
    std::vector<std::string> out;
    for (const json& element : Elements(name)) {
      if (element.is_string()) {
        out.push_back(element.get<std::string>());
      } else {
        Wrong(name, element, "a list of texts");
        break;
      }
    }
    return out;
  }
  std::vector<Value> Values(const char* name) {
    std::vector<Value> out;
    for (const json& element : Elements(name)) {
      if (IsScalar(element)) {
        out.push_back(ValueOf(element));
      } else {
        Wrong(name, element, "a list of numbers and texts");
        break;
      }
    }
    return out;
  }
  const json& Elements(const char* name) {
    static const json kNone = json::array();
    const json* value = Get(name);
    if (value == nullptr) return kNone;
    if (value->is_array()) return *value;
    Wrong(name, *value, "a list");
    return kNone;
  }
  const json* Object(const char* name) {
    const json* value = Get(name);
    if (value == nullptr || value->is_object()) return value;
    Wrong(name, *value, "an object");
    return nullptr;
  }

  // After everything was asked for.
  void Finish() {
    for (const auto& [name, value] : object_.items()) {
      if (std::ranges::find(known_, name) != known_.end()) continue;
      faults_.Add(fmt::format("{}: unknown key.{}", PathOf(Printable(name, kMaxShown)),
                              DidYouMean(name, known_)));
    }
  }

 private:
  std::optional<ColumnRef> RefOf(const char* name, const json& value) {
    if (value.is_number_integer() && value.get<int64_t>() >= 0) return value.get<int64_t>();
    if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
      return value.get<std::string>();
    }
    Wrong(name, value, "a column's name or its place from 0");
    return std::nullopt;
  }

  const json& object_;
  std::string path_;
  Faults& faults_;
  std::vector<std::string_view> known_;
};

void ReadFacets(Members& top, Faults& faults, AnalysisConfig& out) {
  size_t i = 0;
  for (const json& element : top.Elements("facet")) {
    const std::string path = fmt::format("facet[{}]", i++);
    if (!element.is_object()) {
      faults.Add(fmt::format("{}: found {}, expected an object", path, Shown(element)));
      continue;
    }
    Members facet(element, path, faults);
    facet.Require("name_or_index");
    const auto column = facet.Ref("name_or_index");
    auto values = facet.Values("value_or_threshold");
    facet.Finish();
    if (column) out.facets.push_back({*column, std::move(values)});
  }
}

void ReadSegments(Members& top, Faults& faults, AnalysisConfig& out) {
  size_t i = 0;
  for (const json& element : top.Elements("segment_config")) {
    const std::string path = fmt::format("segment_config[{}]", i++);
    if (!element.is_object()) {
      faults.Add(fmt::format("{}: found {}, expected an object", path, Shown(element)));
      continue;
    }
    Members segment(element, path, faults);
    SegmentConfig s;
    segment.Require("name_or_index");
    segment.Require("segments");
    const auto column = segment.Ref("name_or_index");
    for (const json& values : segment.Elements("segments")) {
      auto& list = s.segments.emplace_back();
      if (!values.is_array() || values.empty() || !std::ranges::all_of(values, IsScalar)) {
        segment.Wrong("segments", values, "lists of values or intervals");
        continue;
      }
      for (const json& value : values) list.push_back(ValueOf(value));
    }
    segment.Text("config_name", s.name);
    s.aliases = segment.Texts("display_aliases");
    segment.Finish();
    if (!s.aliases.empty() && s.aliases.size() != s.segments.size() &&
        s.aliases.size() != s.segments.size() + 1) {
      faults.Add(
          fmt::format("{}.display_aliases: found {} names, expected {} or {}: one for each "
                      "segment, and one for the rest",
                      path, s.aliases.size(), s.segments.size(), s.segments.size() + 1));
    }
    if (!column) continue;
    s.column = *column;
    if (s.name.empty()) s.name = RefText(s.column);
    out.segments.push_back(std::move(s));
  }
}

constexpr std::string_view kContentTypes[] = {"text/csv",         "application/jsonlines",
                                              "application/json", "image/jpeg",
                                              "image/png",        "application/x-npy"};
constexpr std::string_view kAcceptTypes[] = {"text/csv", "application/jsonlines",
                                             "application/json"};

void ReadPredictor(const json& object, Faults& faults, AnalysisConfig& out) {
  Members p(object, "predictor", faults);
  PredictorConfig& predictor = out.predictor.emplace();
  p.Text("model_name", predictor.model_name);
  p.Text("instance_type", predictor.instance_type);
  if (const auto count = p.Integer("initial_instance_count", 1, 1000)) {
    predictor.initial_instance_count = static_cast<int>(*count);
  }
  p.Text("endpoint_name", predictor.endpoint_name);
  p.Text("endpoint_name_prefix", predictor.endpoint_name_prefix);
  p.Text("target_model", predictor.target_model);
  p.Text("custom_attributes", predictor.custom_attributes);
  (void)p.Get("accelerator_type");  // no machine has it any more
  predictor.content_type = p.OneOf("content_type", kContentTypes);
  predictor.accept_type = p.OneOf("accept_type", kAcceptTypes);
  p.Text("content_template", predictor.content_template);
  p.Text("record_template", predictor.record_template);
  predictor.label = p.Ref("label");
  predictor.probability = p.Ref("probability");
  predictor.label_headers = p.Texts("label_headers");
  if (const json* series = p.Object("time_series_predictor_config"); series != nullptr) {
    faults.Add("predictor.time_series_predictor_config: time series are not supported yet");
  }
  p.Finish();
  if (predictor.endpoint_name.empty()) {
    if (predictor.model_name.empty()) {
      faults.Add("predictor: model_name or endpoint_name is required");
    }
    if (!predictor.model_name.empty() && predictor.instance_type.empty()) {
      faults.Add("predictor.instance_type is required with model_name");
    }
  }
  if (predictor.endpoint_name_prefix.size() > kMaxPrefix) {
    faults.Add(
        fmt::format("predictor.endpoint_name_prefix: found {} characters, expected at most {}",
                    predictor.endpoint_name_prefix.size(), kMaxPrefix));
  }
  if (predictor.content_type.starts_with("image/") ||
      predictor.content_type == "application/x-npy") {
    faults.Add("predictor.content_type: '" + predictor.content_type +
               "' is for images, which are not supported yet");
  }
}

void ReadText(const json& object, Faults& faults, ShapConfig& shap) {
  Members t(object, "methods.shap.text_config", faults);
  FreeTextConfig& text = shap.text.emplace();
  static constexpr std::string_view kUnits[] = {"token", "sentence", "paragraph"};
  t.Require("granularity");
  const std::string unit = t.OneOf("granularity", kUnits);
  if (unit == "sentence") text.granularity = TextGranularity::kSentence;
  if (unit == "paragraph") text.granularity = TextGranularity::kParagraph;
  t.Require("language");
  if (const json* language = t.Get("language"); language != nullptr) {
    text.language = LanguageCode(language->is_string() ? language->get<std::string>() : "");
    if (text.language.empty()) {
      t.Wrong("language", *language, "a language as 'english' or its ISO code as 'en'");
    }
  }
  text.max_top_tokens = t.Integer("max_top_tokens", 1, kMaxTopTokens).value_or(text.max_top_tokens);
  t.Finish();
}

void ReadShap(const json& object, Faults& faults, AnalysisConfig& out) {
  Members s(object, "methods.shap", faults);
  ShapConfig& shap = out.shap.emplace();
  if (const json* baseline = s.Get("baseline"); baseline != nullptr) {
    if (baseline->is_string()) {
      shap.baseline_uri = baseline->get<std::string>();
      if (!shap.baseline_uri.starts_with("s3://"))
        s.Wrong("baseline", *baseline, "an S3 URI or rows");
    } else if (baseline->is_structured() && !baseline->empty()) {
      shap.baseline_json = baseline->dump(-1, ' ', false, json::error_handler_t::replace);
    } else {
      s.Wrong("baseline", *baseline, "an S3 URI, rows or an object");
    }
  }
  shap.num_clusters = s.Integer("num_clusters", 1, kMaxClusters);
  shap.num_samples = s.Integer("num_samples", 1, kMaxSamples);
  static constexpr std::string_view kHow[] = {"mean_abs", "median", "mean_sq"};
  const std::string how = s.OneOf("agg_method", kHow);
  if (how == "median") shap.agg_method = AggregationMethod::kMedian;
  if (how == "mean_sq") shap.agg_method = AggregationMethod::kMeanSquare;
  s.Flag("use_logit", shap.use_logit);
  s.Flag("save_local_shap_values", shap.save_local_shap_values);
  shap.seed = s.Integer("seed", INT64_MIN, INT64_MAX);
  shap.features_to_explain = s.Refs("features_to_explain");
  if (const json* text = s.Object("text_config")) ReadText(*text, faults, shap);
  if (s.Object("image_config") != nullptr) {
    faults.Add("methods.shap.image_config: explaining images is not supported yet");
  }
  for (const char* key : {"text_config", "image_config"}) {
    if (!s.Has(key) || shap.features_to_explain.empty()) continue;
    faults.Add(fmt::format("methods.shap: features_to_explain and {} exclude each other", key));
  }
  s.Finish();
  if ((!shap.baseline_uri.empty() || !shap.baseline_json.empty()) && shap.num_clusters) {
    faults.Add("methods.shap: Baseline and num_clusters cannot be provided together.");
  }
}

std::optional<std::vector<std::string>> ReadBiasMethods(Members& methods, const char* name,
                                                        BiasStage stage, Faults& faults) {
  const json* object = methods.Object(name);
  if (object == nullptr) return std::nullopt;
  Members bias(*object, std::string("methods.") + name, faults);
  bias.Require("methods");
  std::vector<std::string> out;
  const json* given = bias.Get("methods");
  if (given != nullptr && given->is_string() && ToLower(given->get<std::string>()) == "all") {
    bias.Finish();
    return out;
  }
  const auto known = MetricNames(stage);
  if (given != nullptr && (!given->is_array() || given->empty())) {
    bias.Wrong("methods", *given, "\"all\" or a list of metrics");
  } else if (given != nullptr) {
    for (const json& element : *given) {
      const std::string text = element.is_string() ? element.get<std::string>() : "";
      if (std::ranges::find(known, text) != known.end()) {
        out.push_back(text);
        continue;
      }
      std::vector<std::string> names(known.begin(), known.end());
      bias.Wrong("methods", element, "names of " + Join(names, ", "));
    }
  }
  bias.Finish();
  return out;
}

void ReadMethods(const json& object, Faults& faults, AnalysisConfig& out) {
  Members m(object, "methods", faults);
  out.pre_training_bias = ReadBiasMethods(m, "pre_training_bias", BiasStage::kPreTraining, faults);
  out.post_training_bias =
      ReadBiasMethods(m, "post_training_bias", BiasStage::kPostTraining, faults);
  if (const json* shap = m.Object("shap")) ReadShap(*shap, faults, out);
  if (const json* given = m.Object("pdp")) {
    Members p(*given, "methods.pdp", faults);
    PdpConfig& pdp = out.pdp.emplace();
    p.Require("grid_resolution");
    pdp.grid_resolution = p.Integer("grid_resolution", 1, kMaxGrid).value_or(pdp.grid_resolution);
    pdp.features = p.Refs("features");
    pdp.top_k_features = p.Integer("top_k_features", 1, INT32_MAX).value_or(pdp.top_k_features);
    p.Finish();
    if (pdp.features.empty() && !out.shap) {
      faults.Add("methods.pdp: PDP features must be provided when ShapConfig is not provided");
    }
  }
  if (const json* given = m.Object("report")) {
    Members r(*given, "methods.report", faults);
    ReportConfig& report = out.report.emplace();
    r.Require("name");
    r.Text("name", report.name);
    r.Text("title", report.title);
    r.Finish();
    if (report.name.empty() || report.name.find_first_of("/\\") != std::string::npos ||
        report.name.starts_with('.') || report.name.find('\0') != std::string::npos) {
      faults.Add("methods.report.name: expected a file name without an ending");
    }
  }
  if (m.Object("asymmetric_shapley_value") != nullptr) {
    faults.Add(
        "methods.asymmetric_shapley_value: it is for time series, which are not supported yet; "
        "shap "
        "explains rows of a table");
  }
  m.Finish();
  if (!out.asks_bias() && !out.shap && !out.pdp && faults.all.empty()) {
    faults.Add(
        "methods: expected at least one of pre_training_bias, post_training_bias, shap, pdp");
  }
}

void CheckPath(std::string_view key, const std::string& path, Faults& faults) {
  if (const auto compiled = Jmespath::Compile(path); !compiled) {
    faults.Add(fmt::format("{}: {}", key, compiled.error().message));
  }
}

// The rules across keys (1.2).
void CheckTogether(const AnalysisConfig& c, Faults& faults) {
  const bool csv = c.dataset_type == DatasetType::kCsv;
  const bool is_json =
      c.dataset_type == DatasetType::kJson || c.dataset_type == DatasetType::kJsonLines;
  const auto csv_only = [&](bool given, std::string_view names) {
    if (!given || csv) return;
    faults.Add(fmt::format("The parameters {} are not supported for dataset_type '{}'", names,
                           DatasetTypeName(c.dataset_type)));
  };
  csv_only(!c.facet_dataset_uri.empty() || !c.facet_headers.empty(),
           "'facet_dataset_uri' and 'facet_headers'");
  csv_only(!c.predicted_label_dataset_uri.empty() || !c.predicted_label_headers.empty(),
           "'predicted_label_dataset_uri' and 'predicted_label_headers'");
  csv_only(!c.excluded_columns.empty() && is_json, "'excluded_columns'");
  if (is_json && c.features.empty()) {
    faults.Add(fmt::format("features is required for dataset_type '{}': a JMESPath",
                           DatasetTypeName(c.dataset_type)));
  }
  if (!is_json && !c.features.empty()) {
    faults.Add("features is for JSON data only; the columns of other data are given by headers");
  }
  if (is_json) {
    CheckPath("features", c.features.empty() ? "@" : c.features, faults);
    if (c.label) CheckPath("label", RefText(*c.label), faults);
    if (c.predicted_label) CheckPath("predicted_label", RefText(*c.predicted_label), faults);
    if (c.joinsource) CheckPath("joinsource_name_or_index", RefText(*c.joinsource), faults);
  }
  if (!c.facet_dataset_uri.empty() && c.facet_headers.empty()) {
    faults.Add("facet_headers is required with facet_dataset_uri");
  }
  if (c.asks_bias()) {
    if (!c.label) faults.Add("label is required for bias metrics");
    if (c.label_values.empty()) {
      faults.Add("label_values_or_threshold is required for bias metrics");
    }
    if (c.facets.empty()) faults.Add("facet is required for bias metrics");
  }
  const bool asks_labels =
      c.post_training_bias && !c.predicted_label && c.predicted_label_dataset_uri.empty();
  if ((c.shap || c.pdp || asks_labels) && !c.predictor) {
    faults.Add(asks_labels && !c.shap && !c.pdp
                   ? "post_training_bias needs predicted_label, or a predictor to ask"
                   : "predictor is required for shap and pdp");
  }
  if (!c.predictor) return;
  const PredictorConfig& p = *c.predictor;
  if (p.content_type == "application/jsonlines" &&
      p.content_template.find("$features") == std::string::npos) {
    faults.Add(
        "predictor.content_template: expected a template with $features for content_type "
        "'application/jsonlines'");
  }
  if (p.content_type == "application/json") {
    if (p.record_template.empty()) {
      faults.Add("predictor.record_template is required for content_type 'application/json'");
    }
    if (p.content_template.find("$record") == std::string::npos) {
      faults.Add(
          "predictor.content_template: expected a template with $record or $records for "
          "content_type 'application/json'");
    }
  }
  if (p.accept_type != "text/csv") {
    if (p.label) CheckPath("predictor.label", RefText(*p.label), faults);
    if (p.probability) CheckPath("predictor.probability", RefText(*p.probability), faults);
  } else {
    for (const auto* ref : {&p.label, &p.probability}) {
      if (*ref && !std::holds_alternative<int64_t>(**ref) && !ParseUint(RefText(**ref))) {
        faults.Add(
            fmt::format("predictor.{}: found '{}', expected a place from 0 in the answer's "
                        "line, since accept_type is text/csv",
                        ref == &p.label ? "label" : "probability", RefText(**ref)));
      }
    }
  }
}

void ReadTop(const json& object, Faults& faults, AnalysisConfig& out) {
  Members top(object, "", faults);
  if (const json* version = top.Get("version");
      version != nullptr && *version != "1.0" && *version != 1.0) {
    top.Wrong("version", *version, "\"1.0\"");
  }
  static constexpr std::string_view kTypes[] = {"text/csv",
                                                "application/jsonlines",
                                                "application/json",
                                                "application/x-parquet",
                                                "application/x-image",
                                                "application/sagemakercapturejson"};
  top.Require("dataset_type");
  const std::string type = top.OneOf("dataset_type", kTypes);
  if (type == "application/jsonlines") out.dataset_type = DatasetType::kJsonLines;
  if (type == "application/json") out.dataset_type = DatasetType::kJson;
  if (type == "application/x-parquet") out.dataset_type = DatasetType::kParquet;
  if (type == "application/x-image") faults.Add("dataset_type: images are not supported yet");
  if (type == "application/sagemakercapturejson") {
    faults.Add("dataset_type: captured data is for monitoring schedules, not for a job like this");
  }
  top.Text("dataset_uri", out.dataset_uri);
  out.headers = top.Texts("headers");
  out.label = top.Ref("label");
  top.Text("features", out.features);
  out.predicted_label = top.Ref("predicted_label");
  top.Text("predicted_label_dataset_uri", out.predicted_label_dataset_uri);
  out.predicted_label_headers = top.Texts("predicted_label_headers");
  if (!out.predicted_label_dataset_uri.empty() && !out.predicted_label) {
    out.predicted_label = "predicted_label";
  }
  top.Text("facet_dataset_uri", out.facet_dataset_uri);
  out.facet_headers = top.Texts("facet_headers");
  out.joinsource = top.Ref("joinsource_name_or_index");
  out.excluded_columns = top.Refs("excluded_columns");
  out.label_values = top.Values("label_values_or_threshold");
  ReadFacets(top, faults, out);
  out.group_variable = top.Ref("group_variable");
  if (const json* threshold = top.Get("probability_threshold"); threshold != nullptr) {
    if (threshold->is_number()) {
      out.probability_threshold = threshold->get<double>();
    } else {
      top.Wrong("probability_threshold", *threshold, "a number");
    }
  }
  ReadSegments(top, faults, out);
  if (top.Object("time_series_data_config") != nullptr) {
    faults.Add("time_series_data_config: time series are not supported yet");
  }
  if (const json* predictor = top.Object("predictor")) ReadPredictor(*predictor, faults, out);
  top.Require("methods");
  if (const json* methods = top.Object("methods")) ReadMethods(*methods, faults, out);
  top.Finish();

  if (out.predictor) {
    PredictorConfig& p = *out.predictor;
    if (p.content_type.empty()) {
      if (out.dataset_type == DatasetType::kParquet) {
        faults.Add("predictor.content_type is required for dataset_type 'application/x-parquet'");
      }
      p.content_type = DatasetTypeName(out.dataset_type);
    }
    if (p.accept_type.empty()) p.accept_type = p.content_type;
  }
}

std::unexpected<Error> BadConfig(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

}  // namespace

std::string RefText(const ColumnRef& ref) {
  if (const auto* place = std::get_if<int64_t>(&ref)) return std::to_string(*place);
  return std::get<std::string>(ref);
}

std::string_view LanguageCode(std::string_view language) {
  const std::string lower = ToLower(language);
  for (const auto& [name, code] : kLanguages) {
    if (lower == name || lower == code) return code;
  }
  return "";
}

std::string_view DatasetTypeName(DatasetType type) {
  switch (type) {
    case DatasetType::kCsv:
      return "text/csv";
    case DatasetType::kJsonLines:
      return "application/jsonlines";
    case DatasetType::kJson:
      return "application/json";
    case DatasetType::kParquet:
      return "application/x-parquet";
  }
  return "";
}

Result<AnalysisConfig> ParseAnalysisConfig(std::string_view text) {
  constexpr std::string_view kNoJson = "Unable to load analysis configuration as JSON.";
  if (text.size() > kMaxConfig) {
    return BadConfig(fmt::format("{} It has {} bytes; put the baseline into a file of its own.",
                                 kNoJson, text.size()));
  }
  const auto parsed = ParseJson(text);
  if (!parsed) return BadConfig(fmt::format("{} {}", kNoJson, parsed.error().message));
  const json& document = *parsed;
  constexpr std::string_view kSchema = "Analysis configuration schema validation error.";
  if (!document.is_object()) {
    return BadConfig(fmt::format("{} Found {}, expected an object", kSchema, Shown(document)));
  }
  Faults faults;
  AnalysisConfig out;
  ReadTop(document, faults, out);
  if (faults.all.empty()) CheckTogether(out, faults);
  if (faults.all.empty()) return out;
  return BadConfig(fmt::format("{} {}", kSchema, Join(faults.all, "; ")));
}

}  // namespace clary::clarify
