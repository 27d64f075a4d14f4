#include "runner/internal/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/message_socket.h"

namespace clary::runner {
namespace {

constexpr char kEthernet[] = "eth0";
constexpr char kBridge[] = "hosts";
constexpr char kMask[] = "255.255.255.0";
constexpr int kBacklog = 64;

Status WriteProc(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return NoNamespaces(path, errno);
  }
  return {};
}

Fd RouteSocket() { return Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)); }

// A request for a new interface, as NETLINK_ROUTE takes it: a header, then attributes, some of
// which hold others.
class NewLink {
 public:
  NewLink(const char* name, bool up) {
    nlmsghdr header{};
    header.nlmsg_type = RTM_NEWLINK;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
    AddBytes(&header, sizeof header);
    AddLink(up);
    AddText(IFLA_IFNAME, name);
  }
  void AddLink(bool up) {
    ifinfomsg link{};
    if (up) link.ifi_flags = link.ifi_change = IFF_UP;
    AddBytes(&link, sizeof link);
  }
  void Add(int type, const void* data, size_t size) {
    const size_t at = Begin(type);
    AddBytes(data, size);
    End(at);
  }
  void AddNumber(int type, uint32_t value) { Add(type, &value, sizeof value); }
  void AddText(int type, std::string_view text) {
    Add(type, std::string(text).c_str(), text.size() + 1);
  }
  size_t Begin(int type) {
    const size_t at = bytes_.size();
    rtattr attribute{};
    attribute.rta_type = static_cast<uint16_t>(type);
    AddBytes(&attribute, sizeof attribute);
    return at;
  }
  void End(size_t at) {
    // Its length is that without the padding, which AddBytes() has put behind it.
    const auto length = static_cast<uint16_t>(end_ - at);
    std::memcpy(bytes_.data() + at + offsetof(rtattr, rta_len), &length, sizeof length);
  }
  // Whether the kernel has made it.
  bool Send(int socket) {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    if (::send(socket, bytes_.data(), bytes_.size(), 0) < 0) return false;
    char answer[4096];
    const ssize_t n = ::recv(socket, answer, sizeof answer, 0);
    if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return false;
    nlmsghdr header{};
    nlmsgerr error{};
    std::memcpy(&header, answer, sizeof header);
    std::memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
    errno = -error.error;
    return header.nlmsg_type == NLMSG_ERROR && error.error == 0;
  }

 private:
  void AddBytes(const void* data, size_t size) {
    const char* from = static_cast<const char*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    end_ = bytes_.size();
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  std::vector<char> bytes_;
  size_t end_ = 0;  // of what was added last
};

// An interface without anything behind it.
bool MakeLink(const char* name, const char* kind, bool up = false) {
  const Fd socket = RouteSocket();
  if (!socket) return false;
  NewLink link(name, up);
  const size_t info = link.Begin(IFLA_LINKINFO);
  link.Add(IFLA_INFO_KIND, kind, std::strlen(kind));
  link.End(info);
  return link.Send(socket.get());
}

sockaddr_in SocketAddress(const std::string& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &out.sin_addr);
  return out;
}

// Brings an interface up, with an address if it is given one.
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

Fd ConfigurationSocket() { return Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }

Fd OpenNamespace(const char* kind) {
  return Fd(::open((std::string("/proc/self/ns/") + kind).c_str(), O_RDONLY | O_CLOEXEC));
}

// In the bridge's namespace, to which `routes` is a socket: a cable from the bridge to eth0 of the
// namespace `host`.
bool Plug(int routes, size_t index, uint32_t bridge, const Fd& host) {
  NewLink link(("host" + std::to_string(index + 1)).c_str(), true);
  link.AddNumber(IFLA_MASTER, bridge);
  const size_t info = link.Begin(IFLA_LINKINFO);
  link.AddText(IFLA_INFO_KIND, "veth");
  const size_t data = link.Begin(IFLA_INFO_DATA);
  const size_t peer = link.Begin(VETH_INFO_PEER);
  link.AddLink(false);
  link.AddText(IFLA_IFNAME, kEthernet);
  link.AddNumber(IFLA_NET_NS_FD, static_cast<uint32_t>(host.get()));
  link.End(peer);
  link.End(data);
  link.End(info);
  return link.Send(routes);
}

// The child of MakeHostNetworks(): tells of each namespace over `socket`.
Status MakeNetworks(size_t hosts, int socket) {
  CLARY_CHECK_OK(EnterUserNamespace(CLONE_NEWNET));
  const Fd routes = RouteSocket();  // stays in this namespace
  if (!routes || !MakeLink(kBridge, "bridge", true)) return NoNamespaces("a bridge", errno);
  const uint32_t bridge = ::if_nametoindex(kBridge);
  const auto send = [&](Fd fd) {
    std::vector<Fd> fds;
    fds.push_back(std::move(fd));
    return SendMessage(socket, "+", fds);
  };
  CLARY_CHECK_OK(send(OpenNamespace("user")));
  CLARY_CHECK_OK(send(OpenNamespace("net")));
  for (size_t i = 0; i < hosts; ++i) {
    if (::unshare(CLONE_NEWNET) != 0) return NoNamespaces("unshare", errno);
    Fd host = OpenNamespace("net");
    const Fd configuration = ConfigurationSocket();
    if (!host || !Plug(routes.get(), i, bridge, host)) return NoNamespaces("a veth pair", errno);
    if (!configuration || !Configure(configuration.get(), "lo", "", "") ||
        !Configure(configuration.get(), kEthernet, AddressOfHost(i), kMask)) {
      return NoNamespaces(kEthernet, errno);
    }
    // Programs are root without privileges, and servers of theirs want port 22.
    (void)WriteProc("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    CLARY_CHECK_OK(send(std::move(host)));
  }
  return {};
}

}  // namespace

std::unexpected<Error> NoNamespaces(const std::string& what, int err) {
  return Fail(Code::kFailedPrecondition, "NoNamespaces",
              "this kernel does not let its user make a job's namespaces: " + what + ": " +
                  std::strerror(err));
}

Status EnterUserNamespace(int flags) {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | flags) != 0) return NoNamespaces("unshare", errno);
  CLARY_CHECK_OK(WriteProc("/proc/self/setgroups", "deny"));
  CLARY_CHECK_OK(WriteProc("/proc/self/uid_map", "0 " + uid + " 1"));
  return WriteProc("/proc/self/gid_map", "0 " + gid + " 1");
}

std::string AddressOfHost(size_t index) { return "172.31.255." + std::to_string(index + 2); }

bool IsThisMachine(const std::string& host) {
  return host == "localhost" || host == "0.0.0.0" || host == "::" || host == "::1" ||
         host.starts_with("127.");
}

bool IsAddress(const std::string& host) {
  in_addr parsed{};
  return ::inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

std::string AddressOfReach(const std::vector<Reach>& reach, size_t i) {
  const std::string& host = reach[i].host;
  if (IsThisMachine(host)) return "127.0.0.1";
  if (IsAddress(host)) return host;
  const auto first = std::ranges::find(reach, host, &Reach::host);
  return "127.0.1." + std::to_string(first - reach.begin() + 1);
}

Result<std::vector<Fd>> SetUpNetwork(const ProgramSpec& spec) {
  const Fd socket = ConfigurationSocket();
  if (!socket || !Configure(socket.get(), "lo", "", "")) return NoNamespaces("lo", errno);
  if (spec.joined.user < 0) {
    // Kernels have one or the other. None: the host's name is an address all the same.
    const bool made = MakeLink(kEthernet, "dummy") || MakeLink(kEthernet, "bridge");
    if (!Configure(socket.get(), made ? kEthernet : "lo:1", AddressOfHost(), kMask)) {
      return NoNamespaces(kEthernet, errno);
    }
  }
  std::vector<Fd> listeners;
  for (size_t i = 0; i < spec.reach.size(); ++i) {
    const std::string address = AddressOfReach(spec.reach, i);
    if (!address.starts_with("127.") &&
        !Configure(socket.get(), "lo:" + std::to_string(i + 2), address, "255.255.255.255")) {
      return NoNamespaces(address, errno);
    }
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in at = SocketAddress(address, spec.reach[i].port);
    // A joined network may have had listeners of an earlier program.
    const int on = 1;
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(fd.get(), kBacklog) != 0) {
      return NoNamespaces("a listener for " + spec.reach[i].host, errno);
    }
    listeners.push_back(std::move(fd));
  }
  return listeners;
}

Result<HostNetworks> MakeHostNetworks(size_t hosts) {
  if (hosts > kMaxHosts) {
    return Fail(Code::kFailedPrecondition, "NoNamespaces",
                "a job's network has room for " + std::to_string(kMaxHosts) + " hosts");
  }
  CLARY_TRY(MessagePair ends, MakeMessagePair());
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
  if (pid == 0) {
    const Status made = MakeNetworks(hosts, ends.theirs.get());
    if (!made) (void)SendMessage(ends.theirs.get(), made.error().message);
    ::_exit(made ? 0 : 1);
  }
  ends.theirs = Fd();
  HostNetworks out;
  Status heard;
  for (size_t i = 0; i < hosts + 2 && heard; ++i) {
    auto message = ReceiveMessage(ends.ours.get());
    if (!message || message->fds.size() != 1) {
      heard = Fail(Code::kFailedPrecondition, "NoNamespaces",
                   message && message->text.size() > 1
                       ? message->text
                       : std::string("the network of the job's hosts could not be made"));
    } else if (i == 0) {
      out.user = std::move(message->fds[0]);
    } else if (i == 1) {
      out.bridge = std::move(message->fds[0]);
    } else {
      out.hosts.push_back(std::move(message->fds[0]));
    }
  }
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (!heard) return std::unexpected(std::move(heard).error());
  return out;
}

Status CanJoinHosts() {
  CLARY_CHECK_OK(MakeHostNetworks(2));
  return {};
}

}  // namespace clary::runner
