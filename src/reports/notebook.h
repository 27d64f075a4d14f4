// Jupyter notebooks that lie beside the reports.
#pragma once

#include <string>
#include <vector>

namespace clary::reports {

struct NotebookCell {
  enum Kind { kMarkdown, kCode } kind = kMarkdown;
  std::string source;
};
// nbformat 4.5 without outputs, for a Python 3 kernel.
std::string RenderNotebook(const std::vector<NotebookCell>& cells);

}  // namespace clary::reports
