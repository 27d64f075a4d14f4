#include "objects/rules.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/strings.h"
#include "objects/internal/error_details.h"

namespace clary::objects {
namespace {

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

Status BadBucketName(std::string_view why) {
  return Fail(Code::kInvalidArgument, "InvalidBucketName",
              "The specified bucket is not valid: " + std::string(why));
}

// "a, b" or "*": does the list of an If-(None-)Match header name this ETag?
bool Names(std::string_view list, std::string_view etag) {
  for (std::string_view item : Split(list, ',')) {
    item = Trim(item);
    if (item == "*") return true;
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item.size() >= 2 && item.front() == '"' && item.back() == '"') {
      item = item.substr(1, item.size() - 2);
    }
    if (item == etag) return true;
  }
  return false;
}

Time Seconds(Time t) { return std::chrono::floor<std::chrono::seconds>(t); }

Status ConditionFailed(std::string_view which) {
  return FailWith(Code::kFailedPrecondition, "PreconditionFailed",
                  "At least one of the pre-conditions you specified did not hold",
                  {{"Condition", std::string(which)}});
}

Status NoSuchKeyNow() {
  return Fail(Code::kNotFound, "NoSuchKey", "The specified key does not exist.");
}

Status BadDigest(std::string_view what, const ErrorDetails& details = {}) {
  return FailWith(Code::kInvalidArgument, "BadDigest",
                  "The " + std::string(what) + " you specified did not match " +
                      (what == "Content-MD5" ? "what we received." : "the calculated checksum."),
                  details);
}

}  // namespace

Result<ObjectRef> ObjectRef::ParseUri(std::string_view uri) {
  constexpr std::string_view kScheme = "s3://";
  const auto bad = [&] {
    return Fail(Code::kInvalidArgument, "InvalidUri",
                "'" + std::string(uri) + "' is not of the form s3://bucket/key");
  };
  if (!uri.starts_with(kScheme)) return bad();
  std::string_view rest = uri.substr(kScheme.size());
  const size_t slash = rest.find('/');
  ObjectRef ref;
  ref.bucket = std::string(rest.substr(0, slash));
  if (ref.bucket.empty()) return bad();
  if (slash != std::string_view::npos) ref.key = std::string(rest.substr(slash + 1));
  return ref;
}

Result<std::vector<Status>> ObjectStore::DeleteMany(const std::string& bucket,
                                                    const std::vector<KeyToDelete>& keys) {
  CLARY_CHECK_OK(HeadBucket(bucket));
  std::vector<Status> out;
  out.reserve(keys.size());
  for (const KeyToDelete& k : keys) out.push_back(Delete({bucket, k.key}, k.conditions));
  return out;
}

Result<Settings> ObjectStore::GetSettings(const std::string& bucket) {
  CLARY_CHECK_OK(HeadBucket(bucket));
  return Fail(Code::kUnimplemented, "NotImplemented", "this store keeps no settings of buckets");
}

Status ObjectStore::SetSetting(const std::string& bucket, const std::string& /*name*/,
                               const std::optional<std::string>& /*value*/) {
  CLARY_TRY(const Settings none, GetSettings(bucket));
  return {};
}

Result<std::vector<PartInfo>> ObjectStore::GetParts(const ObjectRef& ref) {
  CLARY_TRY(const ObjectInfo info, Head(ref));
  return PartsOf(info, {});
}

const ChecksumName& NameOf(HashKind kind) {
  return *std::ranges::find(kChecksumNames, kind, &ChecksumName::kind);
}

const ChecksumName* FindChecksumName(std::string_view name) {
  const auto* it = std::ranges::find_if(
      kChecksumNames, [&](const ChecksumName& c) { return EqualsIgnoreCase(c.name, name); });
  return it == std::end(kChecksumNames) ? nullptr : it;
}

std::string ChecksumList() {
  std::string out;
  for (const ChecksumName& c : kChecksumNames) {
    if (!out.empty()) out += &c == &std::end(kChecksumNames)[-1] ? " or " : ", ";
    out += c.name;
  }
  return out;
}

std::optional<Time> ParseS3Time(std::string_view text) {
  if (const auto t = ParseRfc1123(text)) return *t;
  if (const auto t = ParseIso8601(text)) return *t;
  return std::nullopt;
}

Status CheckBucketName(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return BadBucketName("a name has 3 to 63 characters");
  for (const char c : name) {
    if (!IsLowerOrDigit(c) && c != '-' && c != '.') {
      return BadBucketName("only a-z, 0-9, '-' and '.' are allowed");
    }
  }
  if (!IsLowerOrDigit(name.front()) || !IsLowerOrDigit(name.back())) {
    return BadBucketName("it must begin and end with a letter or digit");
  }
  if (name.find("..") != std::string_view::npos) return BadBucketName("two dots in a row");
  const auto parts = Split(name, '.');
  const bool ip = parts.size() == 4 && std::ranges::all_of(parts, [](std::string_view p) {
                    return !p.empty() && p.size() <= 3 &&
                           p.find_first_not_of("0123456789") == std::string_view::npos;
                  });
  if (ip) return BadBucketName("it looks like an IP address");
  if (name.starts_with("xn--") || name.starts_with("sthree-") || name.ends_with("-s3alias") ||
      name.ends_with("--ol-s3")) {
    return BadBucketName("that prefix or suffix is reserved");
  }
  return {};
}

Status CheckKey(std::string_view key) {
  if (key.empty()) return Fail(Code::kInvalidArgument, "InvalidArgument", "The key is empty");
  if (key.size() > kMaxKeyBytes) {
    return FailWith(
        Code::kInvalidArgument, "KeyTooLongError", "Your key is too long",
        {{"Size", std::to_string(key.size())}, {"MaxSizeAllowed", std::to_string(kMaxKeyBytes)}});
  }
  return {};
}

Status CheckTags(const Tags& tags, size_t most) {
  const auto invalid = [](std::string message, const auto& tag) {
    return FailWith(Code::kInvalidArgument, "InvalidTag", std::move(message),
                    {{"TagKey", tag.first}, {"TagValue", tag.second}});
  };
  // Characters of `text`; nullopt if one of them may not be in a tag.
  const auto length = [](std::string_view text) -> std::optional<size_t> {
    size_t count = 0;
    for (; !text.empty(); ++count) {
      const size_t n = Utf8Length(text);
      const char c = text[0];
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') ||
                         std::string_view(" _.:/=+-@").find(c) != std::string_view::npos;
      if (n == 0 || (n == 1 && !plain)) return std::nullopt;
      text.remove_prefix(n);
    }
    return count;
  };
  if (tags.size() > most) {
    return Fail(Code::kInvalidArgument, "BadRequest",
                std::string(most == kMaxTags ? "Object tags" : "Bucket tag count") +
                    " cannot be greater than " + std::to_string(most));
  }
  for (const auto& tag : tags) {
    const auto& [key, value] = tag;
    const auto key_length = length(key);
    const auto value_length = length(value);
    if (!key_length || *key_length < 1 || *key_length > kMaxTagKey) {
      return invalid("The TagKey you have provided is invalid", tag);
    }
    if (!value_length || *value_length > kMaxTagValue) {
      return invalid("The TagValue you have provided is invalid", tag);
    }
    if (ToLower(key.substr(0, 4)) == "aws:") {
      return invalid("System tags cannot be added/updated by requester", tag);
    }
  }
  return {};
}

Result<Tags> TagsOf(const std::vector<std::pair<std::string, std::string>>& listed, size_t most) {
  Tags tags;
  for (const auto& [key, value] : listed) {
    if (!tags.emplace(key, value).second) {
      return FailWith(Code::kInvalidArgument, "InvalidTag",
                      "Cannot provide multiple Tags with the same key", {{"TagKey", key}});
    }
  }
  CLARY_CHECK_OK(CheckTags(tags, most));
  return tags;
}

Result<Tags> ParseTagging(std::string_view header, size_t most) {
  Tags tags;
  for (const std::string_view pair : Split(header, '&')) {
    if (pair.empty()) continue;
    const size_t eq = pair.find('=');
    const auto key = UriDecode(pair.substr(0, eq), /*plus_is_space=*/true);
    const auto value = UriDecode(eq == std::string_view::npos ? "" : pair.substr(eq + 1),
                                 /*plus_is_space=*/true);
    if (!key || !value || !tags.emplace(*key, *value).second) {
      return Fail(Code::kInvalidArgument, "InvalidArgument",
                  "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                  "parameters without tag name duplicates.");
    }
  }
  CLARY_CHECK_OK(CheckTags(tags, most));
  return tags;
}

std::string FormatTagging(const Tags& tags) {
  std::string out;
  for (const auto& [key, value] : tags) {
    if (!out.empty()) out += '&';
    out += UriEncode(key) + "=" + UriEncode(value);
  }
  return out;
}

Status CheckForRead(const Conditions& c, const ObjectInfo& now) {
  if (!c.if_match.empty()) {
    if (!Names(c.if_match, now.etag)) return ConditionFailed("If-Match");
  } else if (c.if_unmodified_since && Seconds(now.last_modified) > *c.if_unmodified_since) {
    return ConditionFailed("If-Unmodified-Since");
  }
  const bool unchanged =
      !c.if_none_match.empty()
          ? Names(c.if_none_match, now.etag)
          : c.if_modified_since && Seconds(now.last_modified) <= *c.if_modified_since;
  if (unchanged) return Fail(Code::kFailedPrecondition, "NotModified", "Not Modified");
  return {};
}

Status CheckForWrite(const Conditions& c, const ObjectInfo* now) {
  if (!c.if_match.empty()) {
    if (now == nullptr) return NoSuchKeyNow();
    if (!Names(c.if_match, now->etag)) return ConditionFailed("If-Match");
  }
  if (!c.if_none_match.empty() && now != nullptr && Names(c.if_none_match, now->etag)) {
    return ConditionFailed("If-None-Match");
  }
  if (c.if_unmodified_since && now != nullptr &&
      Seconds(now->last_modified) > *c.if_unmodified_since) {
    return ConditionFailed("If-Unmodified-Since");
  }
  if (c.if_modified_since && now != nullptr &&
      Seconds(now->last_modified) <= *c.if_modified_since) {
    return ConditionFailed("If-Modified-Since");
  }
  return {};
}

Status CheckForDelete(const Conditions& c, const ObjectInfo* now) {
  if (c.if_match.empty() && !c.if_match_size && !c.if_match_modified) return {};
  if (now == nullptr) return NoSuchKeyNow();
  if (!c.if_match.empty() && !Names(c.if_match, now->etag)) return ConditionFailed("If-Match");
  if (c.if_match_size && *c.if_match_size != now->size) {
    return ConditionFailed("x-amz-if-match-size");
  }
  if (c.if_match_modified && Seconds(*c.if_match_modified) != Seconds(now->last_modified)) {
    return ConditionFailed("x-amz-if-match-last-modified-time");
  }
  return {};
}

Result<Extent> ResolveRange(const std::optional<ByteRange>& range, uint64_t size) {
  if (!range) return Extent{0, size};
  if (range->suffix) {
    const uint64_t n = std::min(*range->suffix, size);
    if (n > 0) return Extent{size - n, n};
  } else if (range->first < size) {
    const uint64_t last = std::min(range->last.value_or(size - 1), size - 1);
    if (last >= range->first) return Extent{range->first, last - range->first + 1};
  }
  return Fail(Code::kInvalidArgument, "InvalidRange", "The requested range is not satisfiable");
}

std::optional<std::string> AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

BodyDigest::BodyDigest(const PutOptions& options, std::optional<HashKind> kind)
    : options_(options), md5_(HashKind::kMd5) {
  stored_ = kind                ? kind
            : options_.checksum ? std::optional(options_.checksum->kind)
                                : options_.checksum_kind;
  if (stored_) hashers_.emplace(*stored_, Hasher(*stored_));
  for (const auto& wanted :
       {options_.checksum_kind,
        options_.checksum ? std::optional(options_.checksum->kind) : std::nullopt}) {
    if (wanted && !hashers_.contains(*wanted)) hashers_.emplace(*wanted, Hasher(*wanted));
  }
}

void BodyDigest::Update(std::string_view bytes) {
  md5_.Update(bytes);
  for (auto& [kind, hasher] : hashers_) hasher.Update(bytes);
}

Result<BodyDigest::Digests> BodyDigest::Finish() {
  const std::string md5 = md5_.Finish();
  if (!options_.content_md5.empty()) {
    const auto wanted = Base64Decode(options_.content_md5);
    if (!wanted || wanted->size() != md5.size()) {
      return Fail(Code::kInvalidArgument, "InvalidDigest",
                  "The Content-MD5 you specified is not valid");
    }
    if (*wanted != md5) {
      return std::unexpected(BadDigest("Content-MD5", {{"ExpectedDigest", HexEncode(*wanted)},
                                                       {"CalculatedDigest", HexEncode(md5)}})
                                 .error());
    }
  }
  std::map<HashKind, std::string> values;
  for (auto& [kind, hasher] : hashers_) values[kind] = Base64Encode(hasher.Finish());
  std::optional<Checksum> promised = options_.checksum;
  if (options_.trailing_checksum) {
    CLARY_TRY(promised, options_.trailing_checksum());
  }
  if (promised) {
    const auto it = values.find(promised->kind);
    if (it == values.end() || it->second != promised->value) {
      return std::unexpected(BadDigest(NameOf(promised->kind).name).error());
    }
  }
  Digests out{.etag = HexEncode(md5), .checksum = std::nullopt};
  if (stored_) out.checksum = Checksum{*stored_, values[*stored_]};
  return out;
}

Result<ListPage> ListKeys(KeyCursor& cursor, const ListOptions& options) {
  ListPage page;
  if (options.max_keys == 0) return page;
  const auto end = AfterPrefix(options.prefix);
  // The common prefix that `key` falls into, or nullopt.
  const auto group = [&](const std::string& key) -> std::optional<std::string> {
    if (options.delimiter.empty() || !key.starts_with(options.prefix)) return std::nullopt;
    const size_t at = key.find(options.delimiter, options.prefix.size());
    if (at == std::string::npos) return std::nullopt;
    return key.substr(0, at + options.delimiter.size());
  };
  // Passes over a whole common prefix; false if nothing can follow.
  const auto pass = [&](const std::string& prefix) -> Result<bool> {
    const auto next = AfterPrefix(prefix);
    if (!next) return false;
    CLARY_CHECK_OK(cursor.Seek(*next, /*after=*/false, end));
    return true;
  };
  if (const auto began_in = group(options.start_after)) {
    CLARY_TRY(const bool more, pass(*began_in));
    if (!more) return page;
  } else if (options.start_after >= options.prefix) {
    CLARY_CHECK_OK(cursor.Seek(options.start_after, /*after=*/true, end));
  } else {
    CLARY_CHECK_OK(cursor.Seek(options.prefix, /*after=*/false, end));
  }
  for (;;) {
    CLARY_TRY(auto object, cursor.Next());
    if (!object) return page;
    if (page.objects.size() + page.common_prefixes.size() == options.max_keys) {
      page.truncated = true;
      return page;
    }
    if (auto prefix = group(object->key)) {
      CLARY_TRY(const bool more, pass(*prefix));
      page.next = *prefix;
      page.common_prefixes.push_back(*std::move(prefix));
      if (!more) return page;
    } else {
      page.next = object->key;
      page.objects.push_back(*std::move(object));
    }
  }
}

namespace {

std::string KindName(const std::optional<HashKind>& kind) {
  return kind ? ToLower(NameOf(*kind).name) : "null";
}

Status KindMismatch(const std::optional<HashKind>& expected, HashKind actual) {
  return Fail(Code::kInvalidArgument, "InvalidRequest",
              "Checksum Type mismatch occurred, expected checksum Type: " + KindName(expected) +
                  ", actual checksum Type: " + KindName(actual));
}

// Holds a part that Complete lists against the one that was uploaded.
Status CheckPart(const UploadInfo& upload, const CompletedPart& want, const PartInfo* part) {
  const auto invalid = [&] {
    return FailWith(Code::kInvalidArgument, "InvalidPart",
                    "the part was not uploaded, or its ETag or checksum is another",
                    {{"PartNumber", std::to_string(want.number)}, {"ETag", want.etag}});
  };
  if (part == nullptr || !Names(want.etag, part->etag)) return invalid();
  if (want.checksum) {
    if (!part->checksum || part->checksum->kind != want.checksum->kind) {
      return KindMismatch(part->checksum ? std::optional(part->checksum->kind) : std::nullopt,
                          want.checksum->kind);
    }
    if (want.checksum->value != part->checksum->value) return invalid();
  } else if (upload.checksum_kind && !upload.full_object_checksum) {
    return Fail(Code::kInvalidArgument, "InvalidRequest",
                "The upload was created using a " + KindName(upload.checksum_kind) +
                    " checksum. The complete request must include the checksum for each part. It "
                    "was missing for part " +
                    std::to_string(want.number) + " in the request.");
  }
  return {};
}

}  // namespace

namespace {

// `md5s`: of the parts, one behind the other.
std::string MultipartEtag(const std::string& md5s, size_t parts) {
  return HexEncode(Hash(HashKind::kMd5, md5s)) + "-" + std::to_string(parts);
}

}  // namespace

Result<Assembly> AssembleParts(const UploadInfo& upload, const std::map<int, PartInfo>& stored,
                               const std::vector<CompletedPart>& wanted,
                               const PutOptions& options) {
  if (wanted.empty()) {
    return Fail(Code::kInvalidArgument, "MalformedXML", "You must specify at least one part");
  }
  const auto out_of_order = [](const CompletedPart& a, const CompletedPart& b) {
    return a.number >= b.number;
  };
  if (std::ranges::adjacent_find(wanted, out_of_order) != wanted.end()) {
    return Fail(Code::kInvalidArgument, "InvalidPartOrder",
                "The list of parts was not in ascending order");
  }
  Assembly out;
  std::string md5s;
  std::string checksums;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const CompletedPart& want = wanted[i];
    const auto it = stored.find(want.number);
    CLARY_CHECK_OK(CheckPart(upload, want, it == stored.end() ? nullptr : &it->second));
    const PartInfo& part = it->second;
    if (i + 1 < wanted.size() && part.size < kMinPartBytes) {
      return FailWith(Code::kInvalidArgument, "EntityTooSmall",
                      "Your proposed upload is smaller than the minimum allowed size",
                      {{"ProposedSize", std::to_string(part.size)},
                       {"MinSizeAllowed", std::to_string(kMinPartBytes)},
                       {"PartNumber", std::to_string(part.number)},
                       {"ETag", part.etag}});
    }
    md5s += HexDecode(part.etag).value_or("");
    if (part.checksum) checksums += Base64Decode(part.checksum->value).value_or("");
    out.size += part.size;
    out.parts.push_back(part);
  }
  const std::string count = "-" + std::to_string(wanted.size());
  out.etag = MultipartEtag(md5s, wanted.size());
  const std::optional<HashKind> promised =
      options.checksum ? std::optional(options.checksum->kind) : std::nullopt;
  if (promised && upload.checksum_kind && *promised != *upload.checksum_kind) {
    return std::unexpected(KindMismatch(upload.checksum_kind, *promised).error());
  }
  if (!upload.checksum_kind) {
    // The checksum of the whole is computed when it is promised.
    if (promised && !NameOf(*promised).full) {
      return std::unexpected(KindMismatch(std::nullopt, *promised).error());
    }
    out.full_kind = promised;
  } else if (upload.full_object_checksum) {
    out.full_kind = upload.checksum_kind;
  } else {
    out.checksum = Checksum{*upload.checksum_kind,
                            Base64Encode(Hash(*upload.checksum_kind, checksums)) + count};
    if (promised) {
      std::string value = options.checksum->value;
      if (value.find('-') == std::string::npos) value += count;
      if (value != out.checksum->value) return std::unexpected(BadDigest("checksum").error());
    }
  }
  return out;
}

Status CheckRepeated(const ObjectInfo* now, const std::string& upload,
                     const std::vector<CompletedPart>& wanted) {
  if (now == nullptr || now->upload_id != upload) return std::unexpected(NoSuchUpload(upload));
  std::string md5s;
  for (const CompletedPart& part : wanted) {
    std::string_view etag = part.etag;
    if (etag.size() > 1 && etag.front() == '"' && etag.back() == '"') {
      etag = etag.substr(1, etag.size() - 2);
    }
    md5s += HexDecode(etag).value_or("");
  }
  if (MultipartEtag(md5s, wanted.size()) == now->etag) return {};
  return Fail(Code::kInvalidArgument, "InvalidPart",
              "The upload has been completed with other parts");
}

std::vector<PartInfo> PartsOf(const ObjectInfo& info, const std::vector<std::string>& sums) {
  std::vector<PartInfo> out;
  for (size_t i = 0; i < info.part_sizes.size(); ++i) {
    PartInfo part{.number = static_cast<int>(i) + 1, .size = info.part_sizes[i]};
    if (info.checksum && i < sums.size()) part.checksum = Checksum{info.checksum->kind, sums[i]};
    out.push_back(std::move(part));
  }
  return out;
}

Error NoSuchBucket(std::string_view bucket) {
  return {Code::kNotFound, "NoSuchBucket",
          "The specified bucket does not exist: " + std::string(bucket)};
}
Error NoSuchKey(std::string_view key) {
  return {Code::kNotFound, "NoSuchKey", "The specified key does not exist: " + std::string(key)};
}
Error NoSuchUpload(std::string_view id) {
  return {Code::kNotFound, "NoSuchUpload",
          "The specified upload does not exist; it may have been aborted or completed: " +
              std::string(id)};
}

}  // namespace clary::objects
