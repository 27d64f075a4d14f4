#include "toolkit/internal/tool.h"

#include <string_view>

#include "base/file.h"

namespace clary::toolkit {

std::vector<std::string> ToolEnvironment() {
  std::vector<std::string> out = OwnEnvironment();
  std::erase_if(out, [](std::string_view text) {
    return text.starts_with("PYTHON") || text.starts_with("VIRTUAL_ENV=") ||
           text.starts_with("PIP_REQUIRE_VIRTUALENV=") || text.starts_with("PIP_TARGET=") ||
           text.starts_with("PIP_USER=") || text.starts_with("PIP_PREFIX=");
  });
  out.emplace_back("PIP_DISABLE_PIP_VERSION_CHECK=1");
  return out;
}

Scaffold::~Scaffold() {
  if (!kept_) (void)RemoveTree(dir_);
}

}  // namespace clary::toolkit
