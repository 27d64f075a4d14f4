#include "runner/internal/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/strings.h"
#include "runner/usage.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxSampled = 4096;
constexpr size_t kMaxProcFile = 1 << 18;

}  // namespace

std::string ReadProc(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::string text;
  char buffer[4096];
  ssize_t n = 0;
  while (text.size() < kMaxProcFile && (n = ::read(fd.get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

std::vector<pid_t> Numbers(const fs::path& dir) {
  std::vector<pid_t> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> d(::opendir(dir.c_str()), &::closedir);
  if (!d) return out;
  while (const dirent* entry = ::readdir(d.get())) {
    if (const auto n = ParseInt(entry->d_name)) out.push_back(static_cast<pid_t>(*n));
  }
  return out;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t begin = 0; (begin = text.find_first_not_of(" \t\n", begin)) != text.npos;) {
    const size_t end = std::min(text.find_first_of(" \t\n", begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

uint64_t Uint(std::string_view text) { return ParseUint(text).value_or(0); }

uint64_t After(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  const auto words = Words(text.substr(at + key.size(), 40));
  return words.empty() ? 0 : Uint(words[0]);
}

std::vector<std::string_view> StatFields(std::string_view stat) {
  const size_t end = stat.rfind(')');
  return end == std::string_view::npos ? std::vector<std::string_view>()
                                       : Words(stat.substr(end + 1));
}

std::vector<pid_t> ProcessesBelow(pid_t root, const fs::path& proc) {
  std::vector<pid_t> out = {root};
  for (size_t i = 0; i < out.size() && out.size() < kMaxSampled; ++i) {
    const fs::path tasks = proc / std::to_string(out[i]) / "task";
    for (const pid_t tid : Numbers(tasks)) {
      const std::string children = ReadProc(tasks / std::to_string(tid) / "children");
      for (const std::string_view word : Words(children)) {
        out.push_back(static_cast<pid_t>(Uint(word)));
      }
    }
  }
  return out;
}

Usage UsageBelow(pid_t root, const fs::path& proc) {
  constexpr size_t kUser = 11;  // fields 14 to 17 of proc(5): user and system, own and of children
  const double tick = 1.0 / static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  Usage out;
  for (const pid_t pid : ProcessesBelow(root, proc)) {
    const fs::path folder = proc / std::to_string(pid);
    const std::string stat = ReadProc(folder / "stat");
    const auto fields = StatFields(stat);
    if (fields.size() < kUser + 4) continue;
    for (size_t i = kUser; i < kUser + 4; ++i) {
      out.cpu_seconds += tick * static_cast<double>(Uint(fields[i]));
    }
    const std::string statm = ReadProc(folder / "statm");
    const auto words = Words(statm);
    if (words.size() > 1) {
      out.resident_bytes += Uint(words[1]) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    }
  }
  return out;
}

}  // namespace clary::runner
