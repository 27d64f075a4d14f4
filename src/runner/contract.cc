#include "runner/internal/contract.h"

#include <fcntl.h>

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr const Contract* kContracts[] = {&kTrainingContract, &kProcessingContract};

}  // namespace

Result<const Contract*> FindContract(std::string_view name) {
  for (const Contract* contract : kContracts) {
    if (contract->name == name) return contract;
  }
  return Fail(Code::kInvalidArgument, "BadContract",
              "job.json: there is no contract '" + std::string(name) + "'");
}

Result<std::string> BelowOptMl(const std::string& path, const char* what) {
  std::string clean = fs::path(path).lexically_normal().string();
  constexpr std::string_view kBase = "/opt/ml/";
  if (!clean.starts_with(kBase) || clean.size() == kBase.size()) {
    return Fail(Code::kInvalidArgument, "BadLocalPath",
                std::string(what) + " \"" + path + "\" is not below /opt/ml");
  }
  clean.erase(0, kBase.size());
  while (clean.ends_with('/')) clean.pop_back();
  return clean;
}

void TellSkipped(const UploadContext& context, const std::vector<std::string>& skipped) {
  for (const std::string& path : skipped) {
    context.log.Write(CleanLine("[clary] WARNING: " + path +
                                " is not uploaded: it is a link or no plain file, or its name is "
                                "no UTF-8"));
  }
}

Status WriteConfig(const fs::path& directory, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    CLARY_TRY(const Fd fd, OpenFile(directory / name, O_WRONLY | O_CREAT | O_TRUNC));
    CLARY_CHECK_OK(WriteAll(fd.get(), text));
  }
  return {};
}

}  // namespace clary::runner
