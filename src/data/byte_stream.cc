#include "data/internal/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace clary::data::internal {
namespace {

constexpr size_t kCompressedBytes = size_t{128} << 10;

}  // namespace

Result<std::unique_ptr<ByteStream>> ByteStream::Open(const std::filesystem::path& path) {
  std::unique_ptr<ByteStream> stream(new ByteStream);
  CLARY_TRY(stream->fd_, OpenFile(path, O_RDONLY));
  struct stat st = {};
  if (::fstat(stream->fd_.get(), &st) != 0) return std::unexpected(ErrnoError(errno, "fstat"));
  if (!S_ISREG(st.st_mode)) return stream;
  stream->size_ = static_cast<uint64_t>(st.st_size);
  char magic[4] = {};
  CLARY_TRY(const size_t got, stream->ReadAt(magic, sizeof magic, 0));
  const std::string_view front(magic, got);
  if (front.starts_with("\x1f\x8b")) {
    stream->gzip_ = ::inflateInit2(&stream->zlib_, 15 + 16) == Z_OK;
    if (!stream->gzip_) return Fail(Code::kInternal, "Zlib", "cannot start zlib");
  } else if (front == "\x28\xb5\x2f\xfd") {
    stream->zstd_ = ::ZSTD_createDCtx();
    if (stream->zstd_ == nullptr) return Fail(Code::kInternal, "Zstd", "cannot start zstd");
  } else {
    stream->plain_ = true;
  }
  return stream;
}

ByteStream::~ByteStream() {
  if (gzip_) ::inflateEnd(&zlib_);
  ::ZSTD_freeDCtx(zstd_);  // nullptr is fine
}

Result<size_t> ByteStream::ReadFile(void* to, size_t size) {
  for (;;) {
    const ssize_t n = ::read(fd_.get(), to, size);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return std::unexpected(ErrnoError(errno, "reading"));
  }
}

Result<size_t> ByteStream::Read(char* to, size_t size) {
  if (end_ || size == 0) return 0;
  if (gzip_) return ReadGzip(to, size);
  return zstd_ != nullptr ? ReadZstd(to, size) : ReadFile(to, size);
}

Result<size_t> ByteStream::ReadGzip(char* to, size_t size) {
  zlib_.next_out = reinterpret_cast<Bytef*>(to);
  zlib_.avail_out = static_cast<uInt>(size);
  while (zlib_.avail_out == size) {
    if (zlib_.avail_in == 0) {
      compressed_.resize(kCompressedBytes);
      CLARY_TRY(const size_t n, ReadFile(compressed_.data(), compressed_.size()));
      if (n == 0) {
        if (!member_done_) return Fail(Code::kDataLoss, "BadGzip", "the gzip data ends too early");
        end_ = true;
        return 0;
      }
      zlib_.next_in = compressed_.data();
      zlib_.avail_in = static_cast<uInt>(n);
    }
    if (member_done_) {
      ::inflateReset(&zlib_);
      member_done_ = false;
    }
    const int rc = ::inflate(&zlib_, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) {
      member_done_ = true;
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
      return Fail(Code::kDataLoss, "BadGzip", "the gzip data is damaged");
    }
  }
  return size - zlib_.avail_out;
}

Result<size_t> ByteStream::ReadZstd(char* to, size_t size) {
  ZSTD_outBuffer out = {to, size, 0};
  while (out.pos == 0) {
    if (zstd_in_.pos == zstd_in_.size) {
      compressed_.resize(kCompressedBytes);
      CLARY_TRY(const size_t n, ReadFile(compressed_.data(), compressed_.size()));
      zstd_in_ = {compressed_.data(), n, 0};
      if (n == 0) {
        if (!member_done_) return Fail(Code::kDataLoss, "BadZstd", "the zstd data ends too early");
        end_ = true;
        return 0;
      }
    }
    const size_t rc = ::ZSTD_decompressStream(zstd_, &out, &zstd_in_);
    if (::ZSTD_isError(rc) != 0) {
      return Fail(Code::kDataLoss, "BadZstd", "the zstd data is damaged");
    }
    member_done_ = rc == 0;  // the end of a frame
  }
  return out.pos;
}

Result<size_t> ByteStream::ReadFully(char* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    CLARY_TRY(const size_t n, Read(to + done, size - done));
    if (n == 0) break;
    done += n;
  }
  return done;
}

Result<size_t> ByteStream::ReadAt(char* to, size_t size, uint64_t offset) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd_.get(), to + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(ErrnoError(errno, "reading"));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

}  // namespace clary::data::internal
