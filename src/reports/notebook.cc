#include "reports/notebook.h"

#include <fmt/format.h>

#include "reports/json.h"

namespace clary::reports {

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

}  // namespace clary::reports
