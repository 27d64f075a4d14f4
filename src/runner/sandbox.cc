#include "runner/internal/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runner/internal/network.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

// What of the host a program may see, read-only. Nothing of /home, /root, /var or our own state,
// and of /etc only what the C library, TLS and Python read.
constexpr const char* kSystem[] = {"/usr",
                                   "/etc/ld.so.cache",
                                   "/etc/alternatives",
                                   "/etc/ssl",
                                   "/etc/ca-certificates",
                                   "/etc/localtime",
                                   "/etc/mime.types",
                                   "/sys/devices/system/cpu"};
constexpr const char* kRoots[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64"};
// Of /proc, what would change the host if a program of its root could write it.
constexpr const char* kHostsProc[] = {"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs",
                                      "/proc/acpi"};

void Append(std::vector<std::string>& to, std::initializer_list<std::string> what) {
  to.insert(to.end(), what);
}

std::string HostsFile(const ProgramSpec& spec) {
  std::string own;
  if (spec.network == Network::kHost) {
    own = ReadFile("/etc/hosts", 1 << 20).value_or("127.0.0.1 localhost\n");
    if (!own.ends_with('\n')) own += '\n';
    if (spec.hosts.empty()) return own + "127.0.0.1 " + spec.host + "\n";
    for (const HostAddress& host : spec.hosts) own += host.address + " " + host.name + "\n";
    return own;
  }
  own = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  if (spec.hosts.empty()) own += AddressOfHost() + " " + spec.host + "\n";
  for (const HostAddress& host : spec.hosts) own += host.address + " " + host.name + "\n";
  for (size_t i = 0; i < spec.reach.size(); ++i) {
    const std::string& host = spec.reach[i].host;
    const auto first = std::ranges::find(spec.reach, host, &Reach::host) - spec.reach.begin();
    if (IsThisMachine(host) || IsAddress(host) || static_cast<size_t>(first) != i) continue;
    own += AddressOfReach(spec.reach, i) + " " + host + "\n";
  }
  return own;
}

// ---- overlays ----

// A path as overlayfs' options take it.
std::string Escaped(const fs::path& path) {
  std::string out;
  for (const char c : path.string()) {
    if (c == '\\' || c == ',' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

Status Lay(const Overlay& o) {
  const std::string options = "userxattr,lowerdir=" + Escaped(o.lower) +
                              ",upperdir=" + Escaped(o.upper) + ",workdir=" + Escaped(o.scratch);
  if (::mount("overlay", o.at.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return NoNamespaces("overlay", errno);
  }
  return {};
}

Status LayAll(const std::vector<Overlay>& overlays) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return NoNamespaces("mount", errno);
  }
  for (const Overlay& o : overlays) CLARY_CHECK_OK(Lay(o));
  return {};
}

}  // namespace

std::vector<std::string> SandboxArguments(Network network, const fs::path& root,
                                          const std::string& host) {
  std::vector<std::string> out = {"--unshare-user",
                                  "--uid",
                                  "0",
                                  "--gid",
                                  "0",
                                  "--unshare-pid",
                                  "--unshare-ipc",
                                  "--unshare-uts",
                                  "--hostname",
                                  host,
                                  "--unshare-cgroup-try",
                                  "--die-with-parent",
                                  "--new-session",
                                  "--cap-drop",
                                  "ALL"};
  if (!root.empty()) {
    Append(out, {"--bind", root.string(), "/"});
  } else {
    for (const char* path : kSystem) Append(out, {"--ro-bind-try", path, path});
    for (const char* folder : kRoots) {
      std::error_code ec;
      if (fs::is_symlink(folder, ec)) {
        Append(out, {"--symlink", fs::read_symlink(folder, ec).string(), folder});
      } else {
        Append(out, {"--ro-bind-try", folder, folder});
      }
    }
  }
  if (network == Network::kHost) {
    Append(out, {"--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"});
  }
  Append(out, {"--proc", "/proc", "--dev", "/dev"});
  for (const char* path : kHostsProc) Append(out, {"--ro-bind-try", path, path});
  return out;
}

std::vector<PrivateFile> PrivateFiles(const ProgramSpec& spec) {
  if (!spec.root.empty()) return {{"/etc/hosts", HostsFile(spec)}};
  const std::string home = spec.home.empty() ? "/tmp" : "/root";
  return {{"/etc/hosts", HostsFile(spec)},
          {"/etc/passwd", "root:x:0:0:root:" + home +
                              ":/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
          {"/etc/group", "root:x:0:\nnogroup:x:65534:\n"},
          {"/etc/environment", ""},
          {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"}};
}

bool HasNamespaces(const ProgramSpec& spec) {
  return spec.network != Network::kHost || !spec.overlays.empty();
}

Result<std::vector<Fd>> EnterNamespaces(const ProgramSpec& spec) {
  const bool own_network = spec.network != Network::kHost;
  const int mounts = spec.overlays.empty() ? 0 : CLONE_NEWNS;
  if (own_network && spec.joined.user >= 0) {
    if (::setns(spec.joined.user, CLONE_NEWUSER) != 0 ||
        ::setns(spec.joined.network, CLONE_NEWNET) != 0) {
      return NoNamespaces("setns", errno);
    }
    if (mounts != 0 && ::unshare(mounts) != 0) return NoNamespaces("unshare", errno);
  } else {
    CLARY_CHECK_OK(EnterUserNamespace((own_network ? CLONE_NEWNET : 0) | mounts));
  }
  if (!spec.overlays.empty()) CLARY_CHECK_OK(LayAll(spec.overlays));
  if (!own_network) return std::vector<Fd>();
  return SetUpNetwork(spec);
}

bool CanOverlay(const fs::path& dir) {
  const Overlay o{dir / "at", dir / "lower", dir / "upper", dir / "scratch"};
  bool works = true;
  for (const fs::path& p : {o.at, o.lower, o.upper, o.scratch}) {
    works = works && MakeDirectories(p).has_value();
  }
  const pid_t pid = works ? ::fork() : -1;
  if (pid == 0) {
    const bool laid = EnterUserNamespace(CLONE_NEWNS).has_value() && LayAll({o}).has_value();
    ::_exit(laid ? 0 : 1);
  }
  int status = -1;
  while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  (void)RemoveTree(dir);
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace clary::runner
