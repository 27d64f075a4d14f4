#include "debugger/report_page.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "debugger/internal/page_template.h"
#include "debugger/internal/report_json.h"

namespace clary::debugger {
namespace {
// JSON inside <script>: these characters occur only in its strings, where \u is the same text.
std::string EscapeJsonForHtml(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 64);
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (json.substr(i, 3) == "\xe2\x80\xa8" || json.substr(i, 3) == "\xe2\x80\xa9") {
      out += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

Json TimeJson(const std::optional<Time>& t) { return t ? Json(FormatIso8601(*t)) : Json(); }

}  // namespace

std::string RenderPage(std::string_view title, std::string_view model_json) {
  // The template holds each mark once; the build checks it (web/vite.config.ts).
  constexpr std::string_view kTitle = "CLARY_REPORT_TITLE", kModel = "\"CLARY_REPORT_MODEL\"";
  const std::string_view page = PageTemplate();
  const size_t title_at = page.find(kTitle), model_at = page.find(kModel);
  std::string out;
  out.reserve(page.size() + model_json.size() + model_json.size() / 32);
  out += page.substr(0, title_at);
  out += XmlEscape(Json::parse(DumpJson(Json(title)), nullptr, false).get<std::string>());
  out += page.substr(title_at + kTitle.size(), model_at - title_at - kTitle.size());
  out += EscapeJsonForHtml(model_json);
  out += page.substr(model_at + kModel.size());
  return out;
}

std::string RenderNotebook(const std::vector<NotebookCell>& cells) {
  Json list = Json::array();
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool code = cells[i].kind == NotebookCell::kCode;
    Json cell = {{"cell_type", code ? "code" : "markdown"},
                 {"id", fmt::format("cell-{}", i)},
                 {"metadata", Json::object()},
                 {"source", cells[i].source}};
    if (code) {
      cell["execution_count"] = nullptr;
      cell["outputs"] = Json::array();
    }
    list.push_back(std::move(cell));
  }
  const Json notebook = {
      {"cells", std::move(list)},
      {"metadata",
       {{"kernelspec", {{"display_name", "Python 3"}, {"language", "python"}, {"name", "python3"}}},
        {"language_info", {{"name", "python"}}}}},
      {"nbformat", 4},
      {"nbformat_minor", 5}};
  return DumpJson(notebook, 1) + "\n";
}

Json JobJson(const ReportContext& context) {
  Json channels = Json::array();
  for (const ReportChannel& c : context.channels) {
    channels.push_back({{"name", c.name}, {"source", c.source}, {"contentType", c.content_type}});
  }
  Json rules = Json::array();
  for (const RuleResult& r : context.rules) {
    rules.push_back(
        {{"name", r.name}, {"rule", r.rule}, {"status", r.status}, {"details", r.details}});
  }
  Json hyperparameters = Json::object();
  for (const auto& [name, value] : context.hyperparameters) hyperparameters[name] = value;
  return {{"name", context.job_name},
          {"base", context.base_job_name},
          {"status", context.status},
          {"failureReason", context.failure_reason},
          {"image", context.image},
          {"instance", context.instance},
          {"created", TimeJson(context.created)},
          {"started", TimeJson(context.started)},
          {"ended", TimeJson(context.ended)},
          {"written", FormatIso8601(context.written)},
          {"version", CLARY_VERSION},
          {"channels", std::move(channels)},
          {"rules", std::move(rules)},
          {"hyperparameters", std::move(hyperparameters)}};
}

Json VerdictJson(const Verdict& verdict) {
  Json findings = Json::array();
  for (const Finding& f : verdict.findings) {
    findings.push_back({{"level", LevelName(f.level)},
                        {"id", f.id},
                        {"title", f.title},
                        {"detail", f.detail},
                        {"advice", f.advice},
                        {"section", f.section}});
  }
  return {{"level", LevelName(verdict.level)},
          {"headline", verdict.headline},
          {"summary", verdict.summary},
          {"findings", std::move(findings)}};
}

std::string DumpJson(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace clary::debugger
