// The frame of both reports: one HTML page around a model in JSON, and a notebook.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

}  // namespace clary::debugger
