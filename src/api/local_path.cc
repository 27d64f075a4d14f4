#include "api/local_path.h"

#include <filesystem>
#include <string_view>

namespace clary::api {

Result<LocalPlace> PlaceLocalPath(const std::string& path, const char* what) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  const auto bad = [&](const std::string& why) {
    return Fail(Code::kInvalidArgument, "BadLocalPath",
                std::string(what) + " \"" + path + "\" " + why);
  };
  if (!clean.starts_with('/') || clean.find('\0') != std::string::npos) {
    return bad("is not the absolute path of a folder");
  }
  constexpr std::string_view kBase = "/opt/ml/";
  if (clean.starts_with(kBase)) {
    for (const std::string_view own : {"/opt/ml/code", "/opt/ml/input/config"}) {
      if (clean == own) return bad("would hide what the program needs there");
    }
    return LocalPlace{clean.substr(kBase.size()), false};
  }
  const auto within = [](std::string_view inner, std::string_view outer) {
    return inner == outer || (inner.starts_with(outer) && inner[outer.size()] == '/');
  };
  // Whole folders that the sandbox is made of, and what lies in some of them.
  for (const std::string_view own : {"/opt/ml", "/opt/clary", "/tmp", "/root", "/etc"}) {
    if (clean == "/" || within(own, clean)) return bad("would hide what the program needs there");
  }
  for (const std::string_view system : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
                                        "/proc", "/sys", "/dev", "/run", "/etc", "/opt/clary"}) {
    if (within(clean, system)) return bad("would hide what the program needs there");
  }
  return LocalPlace{clean.substr(1), true};
}

}  // namespace clary::api
