#include "clarify/model_access.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/quote.h"
#include "base/strings.h"
#include "clarify/bias.h"
#include "clarify/dataset.h"
#include "clarify/internal/csv_text.h"
#include "clarify/internal/json_text.h"
#include "clarify/jmespath.h"

namespace clary::clarify {
namespace {

using nlohmann::json;

constexpr size_t kMaxRequestBytes = 5'000'000;
constexpr size_t kMaxRequestRows = 10'000;
constexpr size_t kShownAnswer = 120;
constexpr size_t kRowsTogether = 1000;  // are asked at once, whatever the model takes

std::unexpected<Error> BadModel(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

std::optional<double> NumberIn(std::string_view text) {
  text = Trim(text);
  double value = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "['cat','dog']" or "[0.1, 0.9]", as Python prints a list; anything else is a list of itself.
std::vector<std::string> CellList(const std::string& cell) {
  if (!cell.starts_with('[') || !cell.ends_with(']')) return {cell};
  std::vector<std::string> out;
  std::string item;
  char quote = 0;
  bool any = false;
  for (const char c : std::string_view(cell).substr(1, cell.size() - 2)) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        item += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      item = "";
      any = true;
    } else if (c == ',') {
      out.emplace_back(Trim(item));
      item.clear();
    } else {
      item += c;
      any = true;
    }
  }
  if (any) out.emplace_back(Trim(item));
  return out;
}

std::string ScalarText(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_float()) return RealText(value.get<double>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A value or a list of values, as texts; nullopt for anything else.
std::optional<std::vector<std::string>> Texts(const json& value) {
  std::vector<std::string> out;
  if (!value.is_array()) {
    if (value.is_null() || value.is_object()) return std::nullopt;
    return std::vector<std::string>{ScalarText(value)};
  }
  for (const json& one : value) {
    if (one.is_structured() || one.is_null()) return std::nullopt;
    out.push_back(ScalarText(one));
  }
  return out;
}

// One row's answer as it came.
struct RawAnswer {
  std::vector<std::string> label;  // empty: `label` is not given
  std::vector<std::string> scores;
};

}  // namespace

struct ModelAccess::State {
  PredictorConfig config;
  const FeatureSpace& features;
  ModelOptions options;
  std::optional<Jmespath> label, probability;
  std::optional<size_t> label_at, probability_at;
  size_t asked = 0;  // requests
  std::optional<bool> trees_agree;
  size_t trees_outputs = 0;

  size_t max_rows() const { return options.max_rows > 0 ? options.max_rows : kMaxRequestRows; }
  size_t max_bytes() const { return options.max_bytes > 0 ? options.max_bytes : kMaxRequestBytes; }
  bool one_a_request() const {
    return config.content_type == "application/json" &&
           config.content_template.find("$records") == std::string::npos;
  }

  // --- Requests.

  void AppendFeatures(const double* row, std::string& out) const {
    out += '[';
    for (size_t f = 0; f < features.size(); ++f) {
      if (f > 0) out += ',';
      features.AppendJson(f, row[f], out);
    }
    out += ']';
  }

  // The template with its placeholders filled in; "${Name}" stands with its quotes.
  void AppendRecord(std::string_view text, const double* row, std::string& out) const {
    size_t i = 0;
    while (i < text.size()) {
      const std::string_view rest = text.substr(i);
      if (rest.starts_with("\"${")) {
        const size_t end = rest.find("}\"");
        const std::string_view name = end == std::string_view::npos ? "" : rest.substr(3, end - 3);
        size_t f = 0;
        while (f < features.size() && features.name(f) != name) ++f;
        if (f < features.size()) {
          features.AppendJson(f, row[f], out);
          i += end + 2;
          continue;
        }
      }
      if (rest.starts_with("$features_kvp")) {
        out += '{';
        for (size_t f = 0; f < features.size(); ++f) {
          if (f > 0) out += ',';
          out += JsonQuote(features.name(f)) + ":";
          features.AppendJson(f, row[f], out);
        }
        out += '}';
        i += std::string_view("$features_kvp").size();
      } else if (rest.starts_with("$feature_names")) {
        out += '[';
        for (size_t f = 0; f < features.size(); ++f) {
          out += (f > 0 ? "," : "") + JsonQuote(features.name(f));
        }
        out += ']';
        i += std::string_view("$feature_names").size();
      } else if (rest.starts_with("$features")) {
        AppendFeatures(row, out);
        i += std::string_view("$features").size();
      } else {
        out += text[i++];
      }
    }
  }

  // As many of `rows` as fit one request; `count` says how many.
  std::string Body(std::span<const double> rows, size_t limit, size_t* count) const {
    const size_t width = features.size();
    const size_t all = std::min({rows.size() / width, limit, max_rows()});
    std::string body;
    *count = 0;
    std::string records;
    for (size_t r = 0; r < all; ++r) {
      const double* row = &rows[r * width];
      std::string& out = config.content_type == "application/json" ? records : body;
      const size_t before = out.size();
      if (config.content_type == "text/csv") {
        for (size_t f = 0; f < width; ++f) {
          if (f > 0) out += ',';
          features.AppendCsv(f, row[f], out);
        }
        out += '\n';
      } else if (config.content_type == "application/jsonlines") {
        AppendRecord(config.content_template, row, out);
        out += '\n';
      } else {
        if (r > 0) out += ',';
        AppendRecord(config.record_template, row, out);
      }
      if (out.size() > max_bytes() && r > 0) {
        out.resize(before);
        break;
      }
      ++*count;
      if (one_a_request()) break;
    }
    if (config.content_type != "application/json") return body;
    const std::string& text = config.content_template;
    size_t at = text.find("$records");
    if (at != std::string::npos) {
      return text.substr(0, at) + "[" + records + "]" + text.substr(at + 8);
    }
    at = text.find("$record");
    return text.substr(0, at) + records + text.substr(at + 7);
  }

  // --- Answers.

  Result<std::vector<RawAnswer>> ParseCsv(std::string_view body, size_t rows) const {
    auto records = CsvLines(body);
    if (records.size() == 1 && rows > 1 && records[0].size() == rows) {
      std::vector<std::vector<std::string>> each;
      for (std::string& cell : records[0]) each.push_back({std::move(cell)});
      records = std::move(each);
    }
    if (records.size() != rows) {
      return BadModel(fmt::format("the model answered {} line{} for {} row{}: {}", records.size(),
                                  records.size() == 1 ? "" : "s", rows, rows == 1 ? "" : "s",
                                  Printable(body, kShownAnswer)));
    }
    std::vector<RawAnswer> out;
    for (const auto& cells : records) {
      RawAnswer& answer = out.emplace_back();
      const auto pick = [&](std::string_view key, size_t at) -> Result<std::vector<std::string>> {
        if (at < cells.size()) return CellList(cells[at]);
        return BadModel(fmt::format("{} is {}, but the model's line has {} value{}: {}", key, at,
                                    cells.size(), cells.size() == 1 ? "" : "s",
                                    Printable(body.substr(0, body.find('\n')), kShownAnswer)));
      };
      if (label_at) {
        CLARY_TRY(answer.label, pick(options.label_key, *label_at));
      }
      if (probability_at) {
        CLARY_TRY(answer.scores, pick(options.probability_key, *probability_at));
      } else if (label_at) {
        answer.scores = answer.label;
      } else if (cells.size() == 1) {
        answer.scores = CellList(cells[0]);
      } else {
        answer.scores = cells;
      }
    }
    return out;
  }

  std::string NotGiven() const { return std::string(options.probability_key) + " (not given)"; }

  Result<json> Found(const Jmespath& path, std::string_view key, const json& in) const {
    auto found = path.Search(in);
    if (!found) return BadModel(fmt::format("{}: {}", key, found.error().message));
    if (!found->is_null()) return found;
    return BadModel(fmt::format(
        "{} '{}' finds nothing in the model's answer: {}", key, path.text(),
        Printable(in.dump(-1, ' ', false, json::error_handler_t::replace), kShownAnswer)));
  }

  Result<std::vector<RawAnswer>> ParseLines(std::string_view body, size_t rows) const {
    std::vector<RawAnswer> out;
    for (std::string_view line : Split(body, '\n')) {
      line = Trim(line);
      if (line.empty()) continue;
      const auto document = ParseJson(line);
      if (!document) {
        return BadModel("the model's answer has a line that is no JSON: " +
                        Printable(line, kShownAnswer));
      }
      CLARY_CHECK_OK(AddDocument(*document, out));
    }
    if (out.size() == rows) return out;
    return BadModel(fmt::format("the model answered {} lines for {} rows", out.size(), rows));
  }

  Status AddDocument(const json& document, std::vector<RawAnswer>& out) const {
    RawAnswer& answer = out.emplace_back();
    const auto texts = [&](std::string_view key,
                           const json& value) -> Result<std::vector<std::string>> {
      if (auto list = Texts(value)) return *std::move(list);
      return BadModel(fmt::format(
          "{} finds {} in the model's answer, expected a value or a list: {}", key,
          value.type_name(),
          Printable(value.dump(-1, ' ', false, json::error_handler_t::replace), kShownAnswer)));
    };
    if (label) {
      CLARY_TRY(const json value, Found(*label, options.label_key, document));
      CLARY_TRY(answer.label, texts(options.label_key, value));
    }
    if (probability) {
      CLARY_TRY(const json value, Found(*probability, options.probability_key, document));
      CLARY_TRY(answer.scores, texts(options.probability_key, value));
    } else if (label) {
      answer.scores = answer.label;
    } else {
      CLARY_TRY(answer.scores, texts(NotGiven(), document));
    }
    return {};
  }

  // On the document: a list with an element a row (or, of one row, its value).
  Result<std::vector<RawAnswer>> ParseDocument(std::string_view body, size_t rows) const {
    const auto document = ParseJson(body);
    if (!document)
      return BadModel("the model's answer is no JSON: " + Printable(body, kShownAnswer));
    std::vector<RawAnswer> out(rows);
    const auto fill = [&](std::string_view key, const json& found,
                          std::vector<std::string> RawAnswer::* member) -> Status {
      if (rows == 1) {
        if (auto one = Texts(found)) {
          out[0].*member = *std::move(one);
          return {};
        }
      }
      if (!found.is_array() || found.size() != rows) {
        return BadModel(fmt::format(
            "{} finds {} in the model's answer for {} rows", key,
            found.is_array() ? fmt::format("{} values", found.size()) : found.type_name(), rows));
      }
      for (size_t r = 0; r < rows; ++r) {
        auto one = Texts(found[r]);
        if (!one) {
          return BadModel(fmt::format("{} finds {} for a row, expected a value or a list", key,
                                      found[r].type_name()));
        }
        out[r].*member = *std::move(one);
      }
      return {};
    };
    if (label) {
      CLARY_TRY(const json found, Found(*label, options.label_key, *document));
      CLARY_CHECK_OK(fill(options.label_key, found, &RawAnswer::label));
    }
    if (probability) {
      CLARY_TRY(const json found, Found(*probability, options.probability_key, *document));
      CLARY_CHECK_OK(fill(options.probability_key, found, &RawAnswer::scores));
    } else if (label) {
      for (RawAnswer& answer : out) answer.scores = answer.label;
    } else {
      CLARY_CHECK_OK(fill(NotGiven(), *document, &RawAnswer::scores));
    }
    return out;
  }

  Result<std::vector<RawAnswer>> Parse(std::string_view body, size_t rows) const {
    if (config.accept_type == "text/csv") return ParseCsv(body, rows);
    if (config.accept_type == "application/jsonlines") return ParseLines(body, rows);
    return ParseDocument(body, rows);
  }

  // All of `rows`, `limit` at a time. `first`: the place of the first one, for messages.
  Status AskRange(std::span<const double> rows, size_t first, size_t limit,
                  std::vector<RawAnswer>& out, size_t& requests) const {
    const size_t width = features.size();
    while (!rows.empty()) {
      size_t count = 0;
      const std::string body = Body(rows, limit, &count);
      ++requests;
      auto answer = options.invoke(body);
      auto parsed = answer ? Parse(*answer, count)
                           : Result<std::vector<RawAnswer>>(std::unexpected(answer.error()));
      if (parsed) {
        std::ranges::move(*parsed, std::back_inserter(out));
      } else if (count == 1) {
        return BadModel(fmt::format("row {} of what the model was asked: {}; the request was: {}",
                                    first + 1, parsed.error().message,
                                    Printable(body, kShownAnswer)));
      } else {
        CLARY_CHECK_OK(AskRange(rows.first(count * width), first, (count + 1) / 2, out, requests));
      }
      rows = rows.subspan(count * width);
      first += count;
    }
    return {};
  }

  // All of `rows`, several requests at a time if the model takes them. The first error in order.
  Status AskAll(std::span<const double> rows, std::vector<RawAnswer>& out) {
    const size_t width = features.size();
    const size_t count = width > 0 ? rows.size() / width : 0;
    const auto at_once = static_cast<size_t>(std::max(1, options.requests_at_once));
    if (at_once == 1 || count < 2 * kRowsTogether) return AskRange(rows, 0, max_rows(), out, asked);
    struct Part {
      std::vector<RawAnswer> answers;
      size_t requests = 0;
      Status done;
    };
    const size_t size = std::min(max_rows(), (count + at_once - 1) / at_once);
    std::vector<Part> parts((count + size - 1) / size);
    std::atomic<size_t> next{0};
    {
      std::vector<std::jthread> threads;
      for (size_t t = 0; t < std::min(at_once, parts.size()); ++t) {
        threads.emplace_back([&] {
          for (size_t i; (i = next.fetch_add(1)) < parts.size();) {
            const size_t first = i * size, n = std::min(size, count - first);
            parts[i].done = AskRange(rows.subspan(first * width, n * width), first, max_rows(),
                                     parts[i].answers, parts[i].requests);
            if (!parts[i].done) next = parts.size();  // the rest is not worth asking
          }
        });
      }
    }
    for (Part& part : parts) {
      asked += part.requests;
      CLARY_CHECK_OK(part.done);
      std::ranges::move(part.answers, std::back_inserter(out));
    }
    return {};
  }

  Answers Join(std::vector<RawAnswer> raw) const {
    Answers out{.rows = raw.size()};
    bool numbers = !raw.empty();
    for (const RawAnswer& answer : raw) {
      if (answer.scores.size() != raw[0].scores.size() || answer.scores.empty()) {
        out.no_scores = "the model's answers have not all as many scores";
        numbers = false;
        break;
      }
      for (const std::string& text : answer.scores) {
        const auto number = NumberIn(text);
        if (!number || !std::isfinite(*number)) {
          out.no_scores = "the model's answer '" + Printable(text, kShownAnswer) +
                          "' is no number; say by " + std::string(options.probability_key) +
                          " where the scores are";
          numbers = false;
          break;
        }
        out.scores.push_back(*number);
      }
      if (!numbers) break;
    }
    if (numbers) {
      out.outputs = raw[0].scores.size();
    } else {
      out.scores.clear();
    }
    if (label || label_at || !numbers) {
      for (RawAnswer& answer : raw) {
        out.labels.push_back(label || label_at ? std::move(answer.label)
                                               : std::move(answer.scores));
      }
    }
    return out;
  }

  // What the trees say directly.
  Result<std::vector<double>> OfTrees(std::span<const double> rows) const {
    const size_t width = features.size();
    std::vector<float> values(rows.begin(), rows.end());
    CLARY_TRY(const auto data, gbdt::Dataset::FromDense(std::move(values), rows.size() / width,
                                                        static_cast<uint32_t>(width)));
    CLARY_TRY(const auto predicted, options.trees->Predict(data, {.threads = options.threads}));
    return std::vector<double>(predicted.begin(), predicted.end());
  }
};

ModelAccess::ModelAccess(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModelAccess::~ModelAccess() = default;

Result<std::unique_ptr<ModelAccess>> ModelAccess::Make(const PredictorConfig& config,
                                                       const FeatureSpace& features,
                                                       ModelOptions options) {
  auto state = std::make_unique<State>(
      State{.config = config, .features = features, .options = std::move(options)});
  const bool csv = config.accept_type == "text/csv";
  const auto read = [&](const std::optional<ColumnRef>& ref, std::optional<size_t>& at,
                        std::optional<Jmespath>& path) -> Status {
    if (!ref) return {};
    if (csv) {
      at = ParseUint(RefText(*ref)).value_or(0);
      return {};
    }
    CLARY_TRY(path, Jmespath::Compile(RefText(*ref)));
    return {};
  };
  CLARY_CHECK_OK(read(config.label, state->label_at, state->label));
  CLARY_CHECK_OK(read(config.probability, state->probability_at, state->probability));
  for (const std::string* text : {&config.content_template, &config.record_template}) {
    for (size_t at = text->find("\"${"); at != std::string::npos; at = text->find("\"${", at + 3)) {
      const size_t end = text->find("}\"", at);
      const std::string name = text->substr(at + 3, end == std::string::npos ? 0 : end - at - 3);
      const auto names = features.names();
      if (std::ranges::find(names, name) != names.end()) continue;
      return BadModel(
          fmt::format("the predictor's template names the feature '{}', which is not "
                      "there; the features are {}",
                      Printable(name, 60), Printable(clary::Join(names, ", "), 600)));
    }
  }
  return std::unique_ptr<ModelAccess>(new ModelAccess(std::move(state)));
}

Result<Answers> ModelAccess::Ask(std::span<const double> rows) {
  std::vector<RawAnswer> raw;
  CLARY_CHECK_OK(state_->AskAll(rows, raw));
  return state_->Join(std::move(raw));
}

Result<const gbdt::Model*> ModelAccess::Trees(std::span<const double> rows) {
  State& s = *state_;
  if (s.options.trees == nullptr) return nullptr;
  if (!s.trees_agree) {
    constexpr size_t kProbe = 16;
    const size_t width = s.features.size();
    const auto some = rows.first(std::min(rows.size(), kProbe * width));
    bool numbers = true;
    for (size_t f = 0; f < width; ++f) numbers = numbers && !s.features.is_text(f);
    s.trees_agree = false;
    const auto direct = numbers ? s.OfTrees(some) : std::vector<double>();
    if (direct && !direct->empty()) {
      CLARY_TRY(const Answers answers, Ask(some));
      s.trees_agree = answers.scores.size() == direct->size() &&
                      std::ranges::equal(answers.scores, *direct, [](double a, double b) {
                        return std::abs(a - b) <= 1e-6 * std::max(1.0, std::abs(b));
                      });
      s.trees_outputs = answers.outputs;
    }
  }
  return *s.trees_agree ? s.options.trees : nullptr;
}

Result<std::vector<double>> ModelAccess::Scores(std::span<const double> rows) {
  CLARY_TRY(const gbdt::Model* trees, Trees(rows));
  if (trees != nullptr) return state_->OfTrees(rows);
  CLARY_TRY(Answers answers, Ask(rows));
  if (answers.outputs == 0) return BadModel(answers.no_scores);
  return std::move(answers.scores);
}

std::vector<std::string> ModelAccess::ScoreNames(size_t outputs) const {
  if (state_->config.label_headers.size() == outputs) return state_->config.label_headers;
  std::vector<std::string> out;
  for (size_t k = 0; k < outputs; ++k) out.push_back(fmt::format("label{}", k));
  return out;
}

size_t ModelAccess::requests() const { return state_->asked; }

// --- Predicted labels.

namespace {

bool AllIntegers(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double v) { return v == std::floor(v); });
}

// The label that a text column, or its values, would take `text` for, if that loses nothing. Real
// predictions of a whole label that is compared with a threshold (`continuous`) stay as they are.
Result<Column> AsLabels(const Column& label, std::vector<std::string> texts, bool continuous) {
  Column typed = TypedColumn("predicted label", std::move(texts));
  using Type = Column::Type;
  if (typed.type == label.type) return typed;
  if (label.type == Type::kText) {
    Column out{.name = typed.name, .type = Type::kText};
    for (size_t r = 0; r < typed.rows(); ++r) out.texts.push_back(typed.Text(r));
    // Numbers are no classes that are texts.
    for (const std::string& text : out.texts) {
      if (std::ranges::find(label.texts, text) != label.texts.end()) return out;
    }
  } else if (typed.type != Type::kText) {
    const bool whole = std::ranges::all_of(
        typed.numbers, [](double v) { return std::isnan(v) || v == std::floor(v); });
    const bool bits = std::ranges::all_of(typed.numbers, [](double v) { return v == 0 || v == 1; });
    if (continuous && !whole && label.type == Type::kInteger) return typed;
    if (label.type == Type::kReal || (label.type == Type::kInteger && whole) ||
        (label.type == Type::kBoolean && bits)) {
      typed.type = label.type;
      return typed;
    }
  }
  constexpr size_t kNamed = 60;
  std::string first = typed.rows() > 0 ? Printable(typed.Text(0), kNamed) : "";
  return BadModel(fmt::format(
      "Predicted Label Column series datatype is not the same as Label Column series: the model's "
      "label '{}' is none of column '{}', whose first value is '{}'; say by predictor.label, "
      "predictor.label_headers and probability_threshold what the answers mean",
      first, label.name, label.rows() > 0 ? Printable(label.Text(0), kNamed) : ""));
}

}  // namespace

Result<Predictions> PredictedLabels(const AnalysisConfig& config, const Column& label,
                                    const Answers& answers) {
  const PredictorConfig& p = *config.predictor;
  const size_t k = answers.outputs;
  const auto best = [&](size_t row) {
    const auto begin = answers.scores.begin() + static_cast<std::ptrdiff_t>(row * k);
    return static_cast<size_t>(std::max_element(begin, begin + static_cast<std::ptrdiff_t>(k)) -
                               begin);
  };
  const bool continuous = KindOf(label, config.label_values.size()) == DataKind::kContinuous;
  std::vector<std::string> texts;
  std::vector<std::string> names;  // of the scores
  const bool lists = !answers.labels.empty() && answers.labels[0].size() > 1;
  const bool many_headers = p.label_headers.size() > 1 && p.label_headers.size() == k;
  if (lists && p.probability && k == answers.labels[0].size()) {
    for (size_t r = 0; r < answers.rows; ++r) {
      const size_t at = best(r);
      texts.push_back(at < answers.labels[r].size() ? answers.labels[r][at] : "");
    }
    names = answers.labels[0];
  } else if (many_headers && (answers.labels.empty() || p.probability)) {
    for (size_t r = 0; r < answers.rows; ++r) texts.push_back(p.label_headers[best(r)]);
    names = p.label_headers;
  } else if (p.label && p.probability && !answers.labels.empty() && !lists) {
    for (const auto& one : answers.labels) texts.push_back(one.empty() ? "" : one[0]);
  } else if (k == 1 && !AllIntegers(answers.scores) && !continuous) {
    const std::string yes =
        p.label_headers.size() == 1 && label.type == Column::Type::kText ? p.label_headers[0] : "1";
    const std::string no = yes == "1" ? "0" : "not " + yes;
    for (const double score : answers.scores) {
      texts.push_back(score > config.probability_threshold ? yes : no);
    }
  } else if (!answers.labels.empty() && !lists) {
    for (const auto& one : answers.labels) texts.push_back(one.empty() ? "" : one[0]);
  } else if (k == 1) {
    for (const double score : answers.scores) texts.push_back(RealText(score));
  } else {
    return BadModel(
        fmt::format("the model answers {} scores a row; name them by "
                    "predictor.label_headers to tell which label each is of",
                    k));
  }
  Predictions out;
  CLARY_TRY(out.labels, AsLabels(label, std::move(texts), continuous));
  // The score of the positive outcome, where there is one.
  const auto in_unit = [](double v) { return v >= 0 && v <= 1; };
  size_t positive = SIZE_MAX;
  if (k == 1 && !AllIntegers(answers.scores)) positive = 0;
  if (k > 1 && config.label_values.size() == 1) {
    const auto at = std::ranges::find(names, ValueText(config.label_values[0]));
    if (at != names.end()) positive = static_cast<size_t>(at - names.begin());
  }
  if (positive != SIZE_MAX && std::ranges::all_of(answers.scores, in_unit) && !continuous) {
    for (size_t r = 0; r < answers.rows; ++r)
      out.scores.push_back(answers.scores[r * k + positive]);
  }
  return out;
}

}  // namespace clary::clarify
