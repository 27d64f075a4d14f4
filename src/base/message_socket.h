// Messages between two processes of one program over a SOCK_SEQPACKET socket: a short text, and
// open descriptors with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace clary {

struct Message {
  std::string text;
  std::vector<Fd> fds;
};

// Both ends, close-on-exec.
struct MessagePair {
  Fd ours;
  Fd theirs;
};
Result<MessagePair> MakeMessagePair();

// kUnavailable "Gone" if nobody holds the other end.
Status SendMessage(int socket, std::string_view text, const std::vector<Fd>& fds = {});

// Waits for the next message; what exceeds 4 KiB of text or 16 descriptors is dropped. kUnavailable
// "Gone" if none will follow.
Result<Message> ReceiveMessage(int socket);

}  // namespace clary
