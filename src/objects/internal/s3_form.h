// Uploads by HTML form: a POST of multipart/form-data to a bucket, allowed by a signed policy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/stream.h"
#include "net/http.h"

namespace clary::objects {

inline constexpr size_t kMaxFormBytes = 20 << 10;  // of all fields before the file, as S3 has it

// Reads multipart/form-data in one pass; memory: the fields, and one buffer.
class FormReader {
 public:
  // `content_type` has the boundary. Keeps `body`. "MalformedPOSTRequest".
  static Result<std::unique_ptr<FormReader>> Create(std::string_view content_type,
                                                    ByteSource& body);

  // The fields up to the one named "file", names in lower case. Once.
  // "MaxPostPreDataLengthExceededError", "MalformedPOSTRequest", "IncompleteBody";
  // "InvalidArgument" if there is no file, or a field comes twice.
  Result<net::Query> ReadFields();
  // Of the file, without directories; after ReadFields().
  const std::string& filename() const { return filename_; }
  // The bytes of the file; what follows it in the body is not read. Borrows this.
  ByteSource& file() { return file_; }

 private:
  class File final : public ByteSource {
   public:
    explicit File(FormReader& reader) : reader_(reader) {}
    Result<size_t> Read(std::span<char> buffer) override { return reader_.ReadFile(buffer); }

   private:
    FormReader& reader_;
  };

  FormReader(std::string boundary, ByteSource& body)
      : delimiter_("\r\n--" + std::move(boundary)), body_(body) {}
  // Adds to the buffer; false at the end of the body.
  Result<bool> Fill();
  // Everything before `end`, which is taken off too.
  Result<std::string> TakeUntil(std::string_view end);
  Result<size_t> ReadFile(std::span<char> buffer);

  const std::string delimiter_;
  ByteSource& body_;
  std::string buffer_ = "\r\n";  // so that the first delimiter looks like the others
  size_t taken_ = 0;             // bytes of fields
  std::string filename_;
  bool file_done_ = false;
  File file_{*this};
};

// What a form's policy demands. S3's rules: every field but policy, signature, file and x-ignore-*
// has a condition, and every condition holds.
class PostPolicy {
 public:
  // "InvalidPolicyDocument".
  static Result<PostPolicy> Parse(std::string_view base64);
  // `fields` as ReadFields gives them, with "bucket" among them. "AccessDenied" with S3's words.
  Status Check(const net::Query& fields, Time now) const;
  uint64_t min_bytes() const { return min_bytes_; }
  uint64_t max_bytes() const { return max_bytes_; }

 private:
  struct Condition {
    bool prefix = false;  // else equal
    std::string field;
    std::string value;
    std::string text;  // as S3 shows it
  };
  Status Add(bool prefix, std::string_view field, const std::string& value);

  Time expiration_{};
  std::vector<Condition> conditions_;
  uint64_t min_bytes_ = 0;
  uint64_t max_bytes_ = UINT64_MAX;
};

}  // namespace clary::objects
