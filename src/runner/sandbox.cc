#include "runner/internal/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

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

constexpr char kHostName[] = "algo-1";
constexpr char kEthernet[] = "eth0";
constexpr char kAddress[] = "172.31.255.2";
constexpr char kMask[] = "255.255.255.0";
constexpr int kBacklog = 64;

void Append(std::vector<std::string>& to, std::initializer_list<std::string> what) {
  to.insert(to.end(), what);
}

bool IsThisMachine(const std::string& host) {
  return host == "localhost" || host == "0.0.0.0" || host == "::" || host == "::1" ||
         host.starts_with("127.");
}

bool IsAddress(const std::string& host) {
  in_addr parsed{};
  return ::inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

// The address that stands for reach[i] inside.
std::string AddressOf(const std::vector<Reach>& reach, size_t i) {
  const std::string& host = reach[i].host;
  if (IsThisMachine(host)) return "127.0.0.1";
  if (IsAddress(host)) return host;
  const auto first = std::ranges::find(reach, host, &Reach::host);
  return "127.0.1." + std::to_string(first - reach.begin() + 1);
}

std::string HostsFile(const ProgramSpec& spec) {
  std::string own;
  if (spec.network == Network::kHost) {
    own = ReadFile("/etc/hosts", 1 << 20).value_or("127.0.0.1 localhost\n");
    if (!own.ends_with('\n')) own += '\n';
    return own + "127.0.0.1 " + kHostName + "\n";
  }
  own = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" + std::string(kAddress) +
        " " + kHostName + "\n";
  for (size_t i = 0; i < spec.reach.size(); ++i) {
    const std::string& host = spec.reach[i].host;
    const auto first = std::ranges::find(spec.reach, host, &Reach::host) - spec.reach.begin();
    if (IsThisMachine(host) || IsAddress(host) || static_cast<size_t>(first) != i) continue;
    own += AddressOf(spec.reach, i) + " " + host + "\n";
  }
  return own;
}

std::unexpected<Error> NoNamespaces(const std::string& what, int err) {
  return Fail(Code::kFailedPrecondition, "NoNamespaces",
              "this kernel does not let its user make a job's namespaces: " + what + ": " +
                  std::strerror(err));
}

Status WriteProc(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return NoNamespaces(path, errno);
  }
  return {};
}

Status Unshare(int flags) {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | flags) != 0) return NoNamespaces("unshare", errno);
  CLARY_CHECK_OK(WriteProc("/proc/self/setgroups", "deny"));
  CLARY_CHECK_OK(WriteProc("/proc/self/uid_map", "0 " + uid + " 1"));
  return WriteProc("/proc/self/gid_map", "0 " + gid + " 1");
}

// ---- network ----

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
  char attributes[128];
};

void AddAttribute(LinkRequest& r, uint16_t type, const void* data, size_t size) {
  auto* a =
      reinterpret_cast<rtattr*>(reinterpret_cast<char*>(&r) + NLMSG_ALIGN(r.header.nlmsg_len));
  a->rta_type = type;
  a->rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
  std::memcpy(RTA_DATA(a), data, size);
  r.header.nlmsg_len =
      static_cast<uint32_t>(NLMSG_ALIGN(r.header.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

// An interface without anything behind it.
bool MakeLink(const char* name, const char* kind) {
  const Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return false;
  LinkRequest r{};
  r.header.nlmsg_len = NLMSG_LENGTH(sizeof r.link);
  r.header.nlmsg_type = RTM_NEWLINK;
  r.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
  AddAttribute(r, IFLA_IFNAME, name, std::strlen(name) + 1);
  char nested[64];
  auto* info = reinterpret_cast<rtattr*>(nested);
  info->rta_type = IFLA_INFO_KIND;
  info->rta_len = static_cast<uint16_t>(RTA_LENGTH(std::strlen(kind)));
  std::memcpy(RTA_DATA(info), kind, std::strlen(kind));
  AddAttribute(r, IFLA_LINKINFO, nested, RTA_ALIGN(info->rta_len));
  if (::send(fd.get(), &r, r.header.nlmsg_len, 0) < 0) return false;
  char answer[1024];
  const ssize_t n = ::recv(fd.get(), answer, sizeof answer, 0);
  if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return false;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  return header->nlmsg_type == NLMSG_ERROR &&
         static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error == 0;
}

sockaddr_in SocketAddress(const std::string& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &out.sin_addr);
  return out;
}

bool Configure(int socket, const std::string& name, const std::string& address,
               const std::string& mask) {
  ifreq r{};
  std::memcpy(r.ifr_name, name.c_str(), std::min<size_t>(name.size(), IFNAMSIZ - 1));
  const auto set = [&](unsigned long what, const std::string& value) {
    const sockaddr_in at = SocketAddress(value, 0);
    std::memcpy(&r.ifr_addr, &at, sizeof at);
    return ::ioctl(socket, what, &r) == 0;
  };
  if (!address.empty() && (!set(SIOCSIFADDR, address) || !set(SIOCSIFNETMASK, mask))) return false;
  r.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket, SIOCSIFFLAGS, &r) == 0;
}

Result<std::vector<Fd>> SetUpNetwork(const ProgramSpec& spec) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || !Configure(socket.get(), "lo", "", "")) return NoNamespaces("lo", errno);
  // Kernels have one or the other. None: the host's name is an address all the same.
  const bool made = MakeLink(kEthernet, "dummy") || MakeLink(kEthernet, "bridge");
  if (!Configure(socket.get(), made ? kEthernet : "lo:1", kAddress, kMask)) {
    return NoNamespaces(kEthernet, errno);
  }
  std::vector<Fd> listeners;
  for (size_t i = 0; i < spec.reach.size(); ++i) {
    const std::string address = AddressOf(spec.reach, i);
    if (!address.starts_with("127.") &&
        !Configure(socket.get(), "lo:" + std::to_string(i + 2), address, "255.255.255.255")) {
      return NoNamespaces(address, errno);
    }
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in at = SocketAddress(address, spec.reach[i].port);
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(fd.get(), kBacklog) != 0) {
      return NoNamespaces("a listener for " + spec.reach[i].host, errno);
    }
    listeners.push_back(std::move(fd));
  }
  return listeners;
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

std::vector<std::string> SandboxArguments(Network network, const fs::path& root) {
  std::vector<std::string> out = {"--unshare-user",
                                  "--uid",
                                  "0",
                                  "--gid",
                                  "0",
                                  "--unshare-pid",
                                  "--unshare-ipc",
                                  "--unshare-uts",
                                  "--hostname",
                                  kHostName,
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
  CLARY_CHECK_OK(
      Unshare((own_network ? CLONE_NEWNET : 0) | (spec.overlays.empty() ? 0 : CLONE_NEWNS)));
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
    const bool laid = Unshare(CLONE_NEWNS).has_value() && LayAll({o}).has_value();
    ::_exit(laid ? 0 : 1);
  }
  int status = -1;
  while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  (void)RemoveTree(dir);
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace clary::runner
