#include "exec/internal/launch_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace clary::exec {
namespace fs = std::filesystem;
using nlohmann::json;

Status CheckKey(const std::string& key) {
  const bool ok = !key.empty() && key.size() <= 200 && key[0] != '.' &&
                  key.find_first_not_of(
                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789._-") == std::string::npos;
  if (ok) return {};
  return Fail(Code::kInvalidArgument, "BadKey",
              "launch key \"" + key + "\": 1 to 200 of A-Z a-z 0-9 . _ - and no dot in front");
}

std::string SpecToJson(const StoredSpec& stored) {
  const LaunchSpec& s = stored.spec;
  json doc = {{"version", 1},
              {"key", s.key},
              {"argv", s.argv},
              {"env", s.env},
              {"directory", s.directory},
              {"output", s.output},
              {"boot_id", stored.boot_id}};
  if (!s.hosts.empty()) {
    json& hosts = doc["hosts"] = json::array();
    for (const HostNeed& need : s.hosts) {
      hosts.push_back({{"type", need.type}, {"cpus", need.cpus}, {"count", need.count}});
    }
  }
  // Command lines may hold any bytes; those that are no UTF-8 would make dump() throw.
  return doc.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<StoredSpec> SpecFromJson(std::string_view text) {
  const json doc = json::parse(text, nullptr, false);
  const auto bad = [](const char* what) {
    return Fail(Code::kDataLoss, "BadLaunchSpec", std::string("spec.json: ") + what);
  };
  if (!doc.is_object()) return bad("not a JSON object");
  StoredSpec out;
  const auto text_of = [&](const char* name, std::string& to) {
    const auto it = doc.find(name);
    if (it == doc.end() || !it->is_string()) return false;
    to = it->get_ref<const std::string&>();
    return true;
  };
  const auto list_of = [&](const char* name, std::vector<std::string>& to) {
    const auto it = doc.find(name);
    if (it == doc.end() || !it->is_array()) return false;
    for (const json& e : *it) {
      if (!e.is_string()) return false;
      to.push_back(e.get_ref<const std::string&>());
    }
    return true;
  };
  if (!text_of("key", out.spec.key) || !list_of("argv", out.spec.argv) ||
      !list_of("env", out.spec.env) || !text_of("directory", out.spec.directory) ||
      !text_of("output", out.spec.output) || !text_of("boot_id", out.boot_id)) {
    return bad("a member is missing or of the wrong type");
  }
  if (out.spec.argv.empty()) return bad("argv is empty");
  const auto hosts = doc.find("hosts");
  for (const json& need : hosts == doc.end() ? json::array() : *hosts) {
    const auto number = [&](const char* name) {
      const auto it = need.find(name);
      return it != need.end() && it->is_number_integer() ? it->get<int>() : 0;
    };
    const auto type = need.is_object() ? need.find("type") : need.end();
    if (!need.is_object() || type == need.end() || !type->is_string() || number("cpus") < 1 ||
        number("count") < 1) {
      return bad("hosts: a member is missing or of the wrong type");
    }
    out.spec.hosts.push_back({*type, number("cpus"), number("count")});
  }
  return out;
}

Result<bool> TryLock(int fd) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return std::unexpected(ErrnoError(errno, "locking a launch"));
}

Result<bool> IsLocked(const fs::path& lock_file) {
  auto fd = OpenFile(lock_file, O_RDWR);
  if (!fd) {
    if (fd.error().code == Code::kNotFound) return false;
    return std::unexpected(std::move(fd).error());
  }
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd->get(), F_OFD_GETLK, &lock) != 0) {
    return std::unexpected(ErrnoError(errno, lock_file.string()));
  }
  return lock.l_type != F_UNLCK;
}

std::optional<int64_t> ReadNumber(const fs::path& file) {
  const auto text = ReadFile(file, 64);
  if (!text || !text->ends_with('\n')) return std::nullopt;
  return ParseInt(Trim(*text));
}

Status WriteNumber(const fs::path& file, int64_t value) {
  const fs::path temp = file.string() + ".tmp";
  CLARY_TRY(const Fd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  CLARY_CHECK_OK(WriteAll(fd.get(), std::to_string(value) + "\n"));
  if (::rename(temp.c_str(), file.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, "rename to " + file.string()));
  }
  return {};
}

int64_t BootMillis() {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace clary::exec
