// The frame of both reports: one HTML page around a model in JSON, and a notebook.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "debugger/report_context.h"

namespace clary::debugger {

// The page (web/, built and embedded) with `model_json` inside, escaped so that no text in it can
// end its script element or be read as HTML. `model_json` must be valid JSON in UTF-8. What web/
// expects of it is in web/src/model.ts.
std::string RenderPage(std::string_view title, std::string_view model_json);

struct NotebookCell {
  enum Kind { kMarkdown, kCode } kind = kMarkdown;
  std::string source;
};
// nbformat 4.5 without outputs, for a Python 3 kernel.
std::string RenderNotebook(const std::vector<NotebookCell>& cells);

// The job as the head of each page shows it; a JSON object. Text that is no UTF-8 is repaired.
std::string JobJson(const ReportContext& context);

}  // namespace clary::debugger
