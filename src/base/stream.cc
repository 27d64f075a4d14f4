#include "base/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace clary {
namespace {

class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> Read(std::span<char> buffer) override {
    const size_t n = std::min(buffer.size(), bytes_.size() - at_);
    std::memcpy(buffer.data(), bytes_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  const std::string bytes_;
  size_t at_ = 0;
};

class FileSource final : public ByteSource {
 public:
  FileSource(Fd fd, uint64_t offset, uint64_t length)
      : fd_(std::move(fd)), offset_(offset), left_(length) {}
  Result<size_t> Read(std::span<char> buffer) override {
    const size_t want = std::min<uint64_t>(buffer.size(), left_);
    if (want == 0) return 0;
    for (;;) {
      const ssize_t n = ::pread(fd_.get(), buffer.data(), want, static_cast<off_t>(offset_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::unexpected(ErrnoError(errno, "read"));
      if (n == 0)
        return Fail(Code::kDataLoss, "ShortFile", "a stored file is shorter than recorded");
      offset_ += static_cast<uint64_t>(n);
      left_ -= static_cast<uint64_t>(n);
      return static_cast<size_t>(n);
    }
  }
  std::optional<FileRange> AsFile() override { return FileRange{fd_.get(), offset_, left_}; }

 private:
  Fd fd_;
  uint64_t offset_;
  uint64_t left_;
};

}  // namespace

std::unique_ptr<ByteSource> NewStringSource(std::string bytes) {
  return std::make_unique<StringSource>(std::move(bytes));
}

std::unique_ptr<ByteSource> NewFileSource(Fd fd, uint64_t offset, uint64_t length) {
  return std::make_unique<FileSource>(std::move(fd), offset, length);
}

Result<std::string> ReadAll(ByteSource& source, uint64_t max_bytes) {
  std::string out;
  char buffer[65536];
  for (;;) {
    CLARY_TRY(const size_t n, source.Read(buffer));
    if (n == 0) return out;
    if (out.size() + n > max_bytes) {
      return Fail(Code::kResourceExhausted, "TooLarge",
                  "more than " + std::to_string(max_bytes) + " bytes");
    }
    out.append(buffer, n);
  }
}

}  // namespace clary
