// The aws-chunked content coding of S3 uploads:
//   body    = *chunk last [*trailer]  CRLF
//   chunk   = hex-size [";chunk-signature=" hex64] CRLF data CRLF
//   last    = "0" [";chunk-signature=" hex64] CRLF
//   trailer = name ":" value CRLF       the last one may be x-amz-trailer-signature
// Each signature covers the one before it, starting with the request's.
#include <algorithm>
#include <cstring>

#include "net/internal/signing.h"

namespace clary::net::internal {
namespace {

constexpr size_t kMaxLine = 8192;
constexpr size_t kMaxTrailers = 32;
constexpr size_t kBlock = 64 * 1024;

class AwsChunkedSource final : public ByteSource {
 public:
  AwsChunkedSource(std::unique_ptr<ByteSource> source, const VerifiedIdentity& identity,
                   uint64_t decoded_length, std::vector<std::string> announced,
                   std::shared_ptr<Headers> trailers)
      : source_(std::move(source)),
        identity_(identity),
        previous_(identity.signature),
        left_(decoded_length),
        announced_(std::move(announced)),
        trailers_(std::move(trailers)) {}

  Result<size_t> Read(std::span<char> buffer) override {
    if (error_) return std::unexpected(*error_);
    auto n = Next(buffer);
    if (!n) error_ = n.error();
    return n;
  }

 private:
  bool is_signed() const { return identity_.payload != PayloadKind::kUnsignedTrailer; }

  static std::unexpected<Error> Bad(std::string_view what) {
    return Fail(Code::kInvalidArgument, "BadChunk",
                "malformed aws-chunked body: " + std::string(what));
  }
  static std::unexpected<Error> Incomplete() {
    return Fail(Code::kInvalidArgument, "IncompleteBody",
                "the body does not have the number of bytes of x-amz-decoded-content-length");
  }
  static std::unexpected<Error> Mismatch(std::string_view what) {
    return Fail(Code::kPermissionDenied, "SignatureDoesNotMatch",
                std::string(what) + " does not match the signature provided");
  }

  Result<size_t> Next(std::span<char> buffer) {
    if (ended_) return 0;
    if (chunk_left_ == 0) {
      CLARY_CHECK_OK(BeginChunk());
      if (ended_) return 0;
    }
    size_t n = std::min<uint64_t>(buffer.size(), chunk_left_);
    if (at_ < in_.size()) {
      n = std::min(n, in_.size() - at_);
      std::memcpy(buffer.data(), in_.data() + at_, n);
      at_ += n;
    } else {
      CLARY_TRY(n, source_->Read(buffer.first(n)));
      if (n == 0) return Bad("it ends within a chunk");
    }
    if (is_signed()) hasher_.Update({buffer.data(), n});
    chunk_left_ -= n;
    left_ -= n;
    if (chunk_left_ == 0) {
      CLARY_CHECK_OK(EndChunk());
      // Whoever reads exactly the announced length must learn of a bad end, too.
      if (left_ == 0) CLARY_CHECK_OK(BeginChunk());
    }
    return n;
  }

  Status BeginChunk() {
    CLARY_TRY(const std::string line, ReadLine());
    const size_t semicolon = line.find(';');
    const std::string_view digits = std::string_view(line).substr(0, semicolon);
    uint64_t size = 0;
    if (digits.empty() || digits.size() > 15) return Bad("a chunk's size is missing or too large");
    for (const char c : digits) {
      const auto value = HexDecode(std::string("0") + c);
      if (!value) return Bad("a chunk's size is not hexadecimal");
      size = size * 16 + static_cast<unsigned char>((*value)[0]);
    }
    signature_.clear();
    if (is_signed()) {
      constexpr std::string_view kExtension = ";chunk-signature=";
      const std::string_view rest = std::string_view(line).substr(digits.size());
      if (!rest.starts_with(kExtension)) return Bad("a chunk has no signature");
      signature_ = rest.substr(kExtension.size());
      hasher_ = Hasher(HashKind::kSha256);
    }
    if (size > left_) return Incomplete();
    chunk_left_ = size;
    if (size > 0) return {};
    if (left_ != 0) return Incomplete();
    if (is_signed()) CLARY_CHECK_OK(CheckSignature());
    return ReadTrailers();
  }

  Status EndChunk() {
    CLARY_TRY(const std::string line, ReadLine());
    if (!line.empty()) return Bad("a chunk is longer than its size");
    if (is_signed()) return CheckSignature();
    return {};
  }

  // Of the chunk whose bytes hasher_ has seen.
  Status CheckSignature() {
    const std::string to_sign = "AWS4-HMAC-SHA256-PAYLOAD\n" + identity_.amz_date + "\n" +
                                identity_.scope + "\n" + previous_ + "\n" + HexSha256("") + "\n" +
                                HexEncode(hasher_.Finish());
    if (!ConstantTimeEqual(HexHmac(identity_.signing_key, to_sign), signature_)) {
      return Mismatch("a chunk");
    }
    previous_ = signature_;
    return {};
  }

  Status ReadTrailers() {
    std::string canonical;
    std::string signature;
    Headers found;
    for (size_t count = 0;; ++count) {
      CLARY_TRY(const std::string line, ReadLine());
      if (line.empty()) break;
      const size_t colon = line.find(':');
      if (colon == std::string::npos || colon == 0 || count >= kMaxTrailers) {
        return Fail(Code::kInvalidArgument, "MalformedTrailerError",
                    "the trailing headers of the body are malformed");
      }
      const std::string name = ToLower(Trim(std::string_view(line).substr(0, colon)));
      const std::string_view value = Trim(std::string_view(line).substr(colon + 1));
      if (name == "x-amz-trailer-signature") {
        signature = value;
        continue;
      }
      // What follows a body is checked because it was announced, or not at all.
      if (std::ranges::find(announced_, name) == announced_.end() || found.Find(name)) {
        return Fail(Code::kInvalidArgument, "MalformedTrailerError",
                    "the trailing header '" + name.substr(0, 64) +
                        "' is given twice or was not announced in x-amz-trailer");
      }
      canonical.append(name).append(":").append(value).append("\n");
      found.Add(name, std::string(value));
    }
    if (identity_.payload == PayloadKind::kSignedTrailer) {
      const std::string to_sign = "AWS4-HMAC-SHA256-TRAILER\n" + identity_.amz_date + "\n" +
                                  identity_.scope + "\n" + previous_ + "\n" + HexSha256(canonical);
      if (!ConstantTimeEqual(HexHmac(identity_.signing_key, to_sign), signature)) {
        return Mismatch("the trailing headers");
      }
    } else if (identity_.payload == PayloadKind::kSignedChunks && !found.all().empty()) {
      return Fail(Code::kInvalidArgument, "MalformedTrailerError",
                  "trailing headers, but x-amz-content-sha256 announces none");
    }
    char byte[1];
    if (at_ < in_.size()) return Bad("bytes follow its end");
    CLARY_TRY(const size_t n, source_->Read(byte));
    if (n != 0) return Bad("bytes follow its end");
    *trailers_ = std::move(found);
    ended_ = true;
    return {};
  }

  // Without its CRLF.
  Result<std::string> ReadLine() {
    std::string line;
    for (;;) {
      if (at_ == in_.size()) {
        in_.resize(kBlock);
        at_ = 0;
        auto n = source_->Read(in_);
        in_.resize(n ? *n : 0);
        if (!n) return std::unexpected(std::move(n).error());
        if (*n == 0) return Bad("it ends too early");
      }
      const size_t end = in_.find('\n', at_);
      const size_t stop = end == std::string::npos ? in_.size() : end + 1;
      if (line.size() + (stop - at_) > kMaxLine) return Bad("a line is too long");
      line.append(in_, at_, stop - at_);
      at_ = stop;
      if (end == std::string::npos) continue;
      if (!line.ends_with("\r\n")) return Bad("a line does not end in CR LF");
      line.resize(line.size() - 2);
      return line;
    }
  }

  const std::unique_ptr<ByteSource> source_;
  const VerifiedIdentity identity_;
  std::string in_;  // read from source_, used up to at_
  size_t at_ = 0;
  Hasher hasher_{HashKind::kSha256};
  std::string signature_;  // of the chunk at hand
  std::string previous_;   // the one before
  uint64_t chunk_left_ = 0;
  uint64_t left_;                             // decoded bytes still to come
  const std::vector<std::string> announced_;  // names of trailers, in lower case
  bool ended_ = false;
  std::optional<Error> error_;
  const std::shared_ptr<Headers> trailers_;
};

}  // namespace

std::unique_ptr<ByteSource> NewAwsChunkedSource(std::unique_ptr<ByteSource> source,
                                                const VerifiedIdentity& identity,
                                                uint64_t decoded_length,
                                                std::vector<std::string> announced,
                                                std::shared_ptr<Headers> trailers) {
  return std::make_unique<AwsChunkedSource>(std::move(source), identity, decoded_length,
                                            std::move(announced), std::move(trailers));
}

}  // namespace clary::net::internal
