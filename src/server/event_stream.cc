#include "server/event_stream.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/strings.h"

namespace clary::server {
namespace {

constexpr size_t kPartBytes = 64 * 1024;
constexpr char kText = 7;  // the type of a header's value

void AppendBig(std::string& out, uint32_t v, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>((v >> shift) & 0xff);
  }
}

uint32_t Crc(std::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

class PayloadParts final : public ByteSource {
 public:
  explicit PayloadParts(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  Result<size_t> Read(std::span<char> buffer) override {
    if (at_ == pending_.size() && !NextMessage()) return 0;
    const size_t n = std::min(buffer.size(), pending_.size() - at_);
    std::memcpy(buffer.data(), pending_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  bool NextMessage() {
    if (ended_) return false;
    at_ = 0;
    const auto got = source_->Read(part_);
    if (got && *got > 0) {
      pending_ = EventMessage({{":message-type", "event"},
                               {":event-type", "PayloadPart"},
                               {":content-type", "application/octet-stream"}},
                              std::string_view(part_.data(), *got));
      return true;
    }
    ended_ = true;
    if (got) return false;
    const bool late = got.error().code == Code::kDeadlineExceeded;
    pending_ = EventMessage({{":message-type", "exception"},
                             {":exception-type", "ModelStreamError"},
                             {":content-type", "application/json"}},
                            "{\"Message\":" + JsonQuote(got.error().message) + ",\"ErrorCode\":\"" +
                                (late ? "ModelInvocationTimeExceeded" : "StreamBroken") + "\"}");
    return true;
  }

  std::unique_ptr<ByteSource> source_;
  std::vector<char> part_ = std::vector<char>(kPartBytes);
  std::string pending_;
  size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace

std::string EventMessage(const std::vector<std::pair<std::string, std::string>>& headers,
                         std::string_view payload) {
  std::string head;
  for (const auto& [name, value] : headers) {
    AppendBig(head, static_cast<uint32_t>(name.size()), 1);
    head += name;
    head += kText;
    AppendBig(head, static_cast<uint32_t>(value.size()), 2);
    head += value;
  }
  std::string out;
  AppendBig(out, static_cast<uint32_t>(16 + head.size() + payload.size()), 4);
  AppendBig(out, static_cast<uint32_t>(head.size()), 4);
  AppendBig(out, Crc(out), 4);
  out += head;
  out += payload;
  AppendBig(out, Crc(out), 4);
  return out;
}

std::unique_ptr<ByteSource> NewPayloadParts(std::unique_ptr<ByteSource> source) {
  return std::make_unique<PayloadParts>(std::move(source));
}

}  // namespace clary::server
