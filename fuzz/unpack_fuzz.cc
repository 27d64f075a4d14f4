// Archives of models: whatever is in them, files stay below their folder and links are not made.
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "runner/unpack.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fs = std::filesystem;
  const auto dir = clary::TempDir::Make();
  if (!dir || !clary::MakeDirectories(dir->path() / "in")) return 0;
  const auto source =
      clary::NewStringSource(std::string(reinterpret_cast<const char*>(data), size));
  (void)clary::runner::UnpackTar(*source, dir->path() / "in", {.bytes = 1 << 20, .members = 50});
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir->path(), ec)) {
    if (entry.path().filename() != "in") std::abort();
  }
  for (const auto& entry : fs::recursive_directory_iterator(dir->path() / "in", ec)) {
    if (entry.is_symlink()) std::abort();
  }
  return 0;
}
