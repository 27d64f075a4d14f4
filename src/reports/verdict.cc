#include "reports/verdict.h"

#include <array>

namespace clary::reports {

std::string_view LevelName(Level level) {
  constexpr std::array<std::string_view, 4> kNames = {"good", "notice", "warning", "problem"};
  return kNames[static_cast<size_t>(level)];
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

}  // namespace clary::reports
