#include "base/message_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace clary {
namespace {

constexpr size_t kMaxText = 4096;
constexpr size_t kMaxFds = 16;

std::unexpected<Error> Gone() {
  return Fail(Code::kUnavailable, "Gone", "the process at the other end of the socket is gone");
}

}  // namespace

Result<MessagePair> MakeMessagePair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return std::unexpected(ErrnoError(errno, "socketpair"));
  }
  return MessagePair{Fd(ends[0]), Fd(ends[1])};
}

Status SendMessage(int socket, std::string_view text, const std::vector<Fd>& fds) {
  iovec data{const_cast<char*>(text.data()), text.size()};
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (size_t i = 0; i < fds.size(); ++i) {
      const int fd = fds[i].get();
      std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno == EPIPE || errno == ECONNRESET) return Gone();
    if (errno != EINTR) return std::unexpected(ErrnoError(errno, "sending a message"));
  }
  return {};
}

Result<Message> ReceiveMessage(int socket) {
  Message out;
  out.text.resize(kMaxText);
  std::vector<char> control(CMSG_SPACE(kMaxFds * sizeof(int)));
  iovec data{out.text.data(), out.text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t n = 0;
  while ((n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
  if (n == 0 || (n < 0 && errno == ECONNRESET)) return Gone();
  if (n < 0) return std::unexpected(ErrnoError(errno, "receiving a message"));
  out.text.resize(static_cast<size_t>(n));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      out.fds.emplace_back(fd);
    }
  }
  return out;
}

}  // namespace clary
