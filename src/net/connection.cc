#include "net/internal/connection.h"

#include <algorithm>
#include <cstring>

namespace clary::net::internal {

std::span<char> ThreadBuffer() {
  thread_local const std::unique_ptr<char[]> buffer(new char[kBufferBytes]);
  return {buffer.get(), kBufferBytes};
}

BodyReader::BodyReader(Connection& c, Duration budget)
    : c_(c),
      waiter_(*c.transport, budget),
      left_(c.head.request.content_length.value_or(0)),
      expect_(c.head.expect_continue) {}

Result<size_t> BodyReader::Read(std::span<char> out) {
  if (error_) return std::unexpected(*error_);
  auto n = Next(out);
  if (!n) error_ = n.error();
  return n;
}

void BodyReader::SkipArrived() {
  while (!done() && !error_ && !expect_) {
    if (c_.in.empty()) {
      const auto buffer = ThreadBuffer();
      const IoResult r = c_.transport->Read(buffer);
      if (r.state != IoResult::State::kOk) return;
      c_.in.Append({buffer.data(), r.bytes});
    }
    char sink[4096];
    size_t used = c_.in.view().size();
    if (c_.head.chunked) {
      const auto step = c_.parser->PutBody(c_.in.view(), sink);
      if (!step || step->consumed == 0) return;
      used = step->consumed;
    } else {
      used = std::min<uint64_t>(used, left_);
      left_ -= used;
    }
    c_.in.Consume(used);
  }
}

bool BodyReader::Drain(Duration budget) {
  waiter_.set_budget(budget);
  char sink[16384];
  while (!done()) {
    if (!Read(sink)) return false;
  }
  return true;
}

Result<size_t> BodyReader::Next(std::span<char> out) {
  if (done()) return 0;
  if (expect_) {
    expect_ = false;
    CLARY_CHECK_OK(waiter_.Write("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  if (!c_.head.chunked) {
    const size_t want = std::min<uint64_t>(out.size(), left_);
    size_t n = std::min(want, c_.in.view().size());
    if (n > 0) {
      std::memcpy(out.data(), c_.in.view().data(), n);
      c_.in.Consume(n);
    } else {
      CLARY_TRY(n, Receive(out.first(want)));
    }
    left_ -= n;
    return n;
  }
  for (;;) {
    CLARY_TRY(const auto step, c_.parser->PutBody(c_.in.view(), out));
    c_.in.Consume(step.consumed);
    if (step.produced > 0) return step.produced;
    if (done()) return 0;
    if (step.consumed > 0 && !c_.in.empty()) continue;
    if (c_.in.view().size() > kBufferBytes) {
      return Fail(Code::kInvalidArgument, "BadChunk", "a chunk's header is too long");
    }
    const auto buffer = ThreadBuffer();
    CLARY_TRY(const size_t n, Receive(buffer));
    c_.in.Append({buffer.data(), n});
  }
}

Result<size_t> BodyReader::Receive(std::span<char> out) {
  auto n = waiter_.Read(out);
  if ((n && *n == 0) || (!n && n.error().code == Code::kUnavailable)) {
    return Fail(Code::kDataLoss, "IncompleteBody",
                "the client closed the connection before it had sent the whole body");
  }
  return n;
}

}  // namespace clary::net::internal
