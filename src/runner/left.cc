#include "runner/internal/left.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/rule_spec.h"
#include "runner/follow.h"
#include "runner/job_log.h"
#include "runner/tree.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kFullDisk = 256 << 10;  // bytes that are left to a program

}  // namespace

std::string ReadLeft(const fs::path& work, const std::string& relative, size_t size) {
  const auto fd = OpenBeneath(work, relative, O_RDONLY);
  struct stat st{};
  if (!fd || ::fstat(fd->get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  std::string text(size, '\0');
  const ssize_t n = ::read(fd->get(), text.data(), text.size());
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  if (text.size() == size) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) {
      text.pop_back();
    }
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  }
  return text;
}

std::string FailureLeft(const fs::path& work) {
  std::string text = api::CutText(CleanLine(ReadLeft(work, "output/failure", kMaxFailureText * 4)),
                                  kMaxFailureText);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::string> MessageLeft(const fs::path& work, std::string_view file) {
  std::string text = ReadLeft(work, std::string(file), kMaxFailureText);
  if (CleanLine(text) == text) return text;
  return Fail(Code::kInvalidArgument, "NotText",
              "/opt/ml/" + std::string(file) + " is not text in UTF-8");
}

std::string DiskFailure(const fs::path& work) {
  if (FreeDisk(work) >= kFullDisk) return {};
  return "the disk of the job's directory is full; free some space and try again";
}

std::string NoSandboxWarning(const std::string& why) {
  return CleanLine(
      "[clary] WARNING: this job runs without a sandbox: " + why +
      ". The program is a plain process with limits: it can read the files of this machine that "
      "the service's user can read, and network isolation is not enforced. It finds its "
      "directories by SAGEMAKER_BASE_DIR.");
}

}  // namespace clary::runner
