#include "serving/internal/records.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <vector>

namespace clary::serving {
namespace {

constexpr size_t kStep = size_t{256} << 10;
constexpr uint32_t kRecordIoMagic = 0xCED7230A;
constexpr size_t kRecordIoHead = 8;
constexpr size_t kTfHead = 12;
constexpr size_t kTfTail = 4;

static_assert(std::endian::native == std::endian::little);
template <typename T>
T LittleEndian(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class GunzipSource final : public ByteSource {
 public:
  explicit GunzipSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
    ok_ = ::inflateInit2(&zlib_, 15 + 16) == Z_OK;
  }
  ~GunzipSource() override { ::inflateEnd(&zlib_); }

  Result<size_t> Read(std::span<char> buffer) override {
    zlib_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    zlib_.avail_out = static_cast<uInt>(std::min<size_t>(buffer.size(), 1U << 30));
    const uInt room = zlib_.avail_out;
    while (ok_ && zlib_.avail_out == room) {
      if (zlib_.avail_in == 0) {
        CLARY_TRY(const size_t got, source_->Read(in_));
        if (got == 0 && (member_done_ || !any_)) return 0;
        if (got == 0) return Broken("the object ends early");
        any_ = true;
        zlib_.next_in = reinterpret_cast<Bytef*>(in_.data());
        zlib_.avail_in = static_cast<uInt>(got);
      }
      if (member_done_) {
        ::inflateReset(&zlib_);
        member_done_ = false;
      }
      const int code = ::inflate(&zlib_, Z_NO_FLUSH);
      member_done_ = code == Z_STREAM_END;
      if (code != Z_OK && code != Z_STREAM_END) return Broken("CompressionType is Gzip");
    }
    if (!ok_) return Broken("out of memory");
    return room - zlib_.avail_out;
  }

 private:
  std::unexpected<Error> Broken(std::string_view why) {
    ok_ = false;
    return Fail(Code::kDataLoss, "BadGzip",
                fmt::format("the object is not gzip, or damaged ({})", why));
  }
  const std::unique_ptr<ByteSource> source_;
  std::vector<char> in_ = std::vector<char>(64 << 10);
  z_stream zlib_ = {};
  bool ok_ = false;
  bool any_ = false;
  bool member_done_ = false;
};

}  // namespace

std::optional<SplitType> SplitOf(std::string_view name) {
  if (name == "None" || name.empty()) return SplitType::kNone;
  if (name == "Line") return SplitType::kLine;
  if (name == "RecordIO") return SplitType::kRecordIo;
  if (name == "TFRecord") return SplitType::kTfRecord;
  return std::nullopt;
}

RecordReader::RecordReader(std::unique_ptr<ByteSource> source, SplitType split, uint64_t limit)
    : source_(std::move(source)), split_(split), limit_(limit) {}

std::unexpected<Error> RecordReader::TooLarge() const {
  return Fail(
      Code::kResourceExhausted, "RecordTooLarge",
      split_ == SplitType::kNone
          ? fmt::format("the object has more than {} bytes, the payload limit; give a "
                        "SplitType or a larger MaxPayloadInMB",
                        limit_)
          : fmt::format("record {} has more than {} bytes, the payload limit", number_, limit_));
}

std::unexpected<Error> RecordReader::Bad(std::string_view what) const {
  return Fail(Code::kInvalidArgument, "BadRecord", fmt::format("record {} {}", number_, what));
}

// At least `size` bytes that were not taken yet, fewer only at the end.
Result<std::string_view> RecordReader::Peek(size_t size) {
  while (end_ - begin_ < size && !source_ended_) {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    // Grows with what there is, not with what a frame claims.
    if (buffer_.size() - end_ < kStep) buffer_.resize(end_ + kStep + end_ / 2);
    CLARY_TRY(const size_t got,
              source_->Read(std::span<char>(buffer_.data() + end_, buffer_.size() - end_)));
    source_ended_ = got == 0;
    end_ += got;
  }
  return std::string_view(buffer_).substr(begin_, end_ - begin_);
}

Result<std::optional<Record>> RecordReader::Line() {
  size_t searched = 0;
  for (size_t want = 1;; want = searched + 1) {
    CLARY_TRY(const std::string_view bytes, Peek(want));
    if (bytes.empty()) return std::nullopt;
    const size_t lf = bytes.find('\n', searched);
    const size_t size = lf == std::string_view::npos ? bytes.size() : lf + 1;
    if (size > limit_) return TooLarge();
    if (lf == std::string_view::npos && bytes.size() >= want) {
      searched = bytes.size();
      continue;
    }
    Record record{.framed = bytes.substr(0, size), .payload = bytes.substr(0, size)};
    if (record.payload.ends_with('\n')) record.payload.remove_suffix(1);
    if (record.payload.ends_with('\r')) record.payload.remove_suffix(1);
    begin_ += size;
    return record;
  }
}

Result<std::optional<Record>> RecordReader::Whole() {
  if (number_ > 1) return std::nullopt;
  for (size_t want = 1;; want = end_ - begin_ + 1) {
    CLARY_TRY(const std::string_view bytes, Peek(want));
    if (bytes.size() > limit_) return TooLarge();
    if (bytes.size() < want) return Record{.framed = bytes, .payload = bytes};
  }
}

Result<std::optional<Record>> RecordReader::Framed() {
  const bool tf = split_ == SplitType::kTfRecord;
  const size_t head = tf ? kTfHead : kRecordIoHead;
  CLARY_TRY(std::string_view bytes, Peek(head));
  if (bytes.empty()) return std::nullopt;
  if (bytes.size() < head) return Bad("ends early");
  if (!tf && LittleEndian<uint32_t>(bytes, 0) != kRecordIoMagic) return Bad("is not RecordIO");
  const uint64_t size = tf ? LittleEndian<uint64_t>(bytes, 0) : LittleEndian<uint32_t>(bytes, 4);
  if (size > limit_) return TooLarge();
  const size_t framed = tf ? head + size + kTfTail : head + (size + 3) / 4 * 4;
  if (framed > limit_) return TooLarge();
  CLARY_TRY(bytes, Peek(framed));
  // The last one may lack its padding.
  if (bytes.size() < (tf ? framed : head + size)) return Bad("ends early");
  bytes = bytes.substr(0, framed);
  begin_ += bytes.size();
  return Record{.framed = bytes, .payload = bytes.substr(head, size)};
}

Result<std::optional<Record>> RecordReader::Next() {
  ++number_;
  switch (split_) {
    case SplitType::kNone:
      return Whole();
    case SplitType::kLine:
      return Line();
    case SplitType::kRecordIo:
    case SplitType::kTfRecord:
      break;
  }
  return Framed();
}

std::unique_ptr<ByteSource> NewGunzipSource(std::unique_ptr<ByteSource> source) {
  return std::make_unique<GunzipSource>(std::move(source));
}

}  // namespace clary::serving
