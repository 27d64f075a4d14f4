#include "reports/page.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "reports/internal/page_template.h"
#include "reports/json.h"

namespace clary::reports {
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

}  // namespace clary::reports
