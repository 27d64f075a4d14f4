#include "clary/s3.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/file.h"
#include "base/hash.h"
#include "base/stream.h"
#include "base/strings.h"
#include "client/internal/session_impl.h"

namespace clary {
namespace {

namespace fs = std::filesystem;

objects::ObjectRef Ref(const S3Uri& uri) { return {.bucket = uri.bucket, .key = uri.key}; }

}  // namespace

Result<S3Uri> S3Uri::parse(std::string_view uri) {
  constexpr std::string_view kScheme = "s3://";
  if (!uri.starts_with(kScheme) || uri.size() == kScheme.size() || uri[kScheme.size()] == '/') {
    return Fail(Code::kInvalidArgument, "BadS3Uri",
                "'" + std::string(uri) + "' is not of the form s3://bucket/key");
  }
  uri.remove_prefix(kScheme.size());
  const auto slash = uri.find('/');
  if (slash == std::string_view::npos) return S3Uri{.bucket = std::string(uri), .key = {}};
  return S3Uri{.bucket = std::string(uri.substr(0, slash)),
               .key = std::string(uri.substr(slash + 1))};
}

S3Uri S3Uri::join(std::string_view name) const {
  S3Uri out = *this;
  if (!out.key.empty() && !out.key.ends_with('/')) out.key += '/';
  out.key += name;
  return out;
}

namespace client {

// Keys hold any bytes; a path below the target directory must not leave it.
Result<fs::path> PathBelow(std::string_view key, std::string_view prefix) {
  auto rest = key.starts_with(prefix) ? key.substr(prefix.size()) : key;
  // "p/a" below "p" is "a"; "p/ab" below "p/a" (not at a folder's edge) is its name, "ab".
  const bool at_edge = prefix.empty() || prefix.ends_with('/') || rest.starts_with('/');
  if (!at_edge) {
    const auto slash = prefix.rfind('/');
    rest = key.substr(slash == std::string_view::npos ? 0 : slash + 1);
  }
  if (rest.empty() && !prefix.ends_with('/')) rest = key.substr(key.rfind('/') + 1);  // itself
  while (rest.starts_with('/')) rest.remove_prefix(1);
  bool safe = !rest.empty() && rest.find('\0') == std::string_view::npos;
  for (const auto part : Split(rest, '/')) safe = safe && part != ".." && part != ".";
  if (!safe) {
    return Fail(Code::kInvalidArgument, "UnsafeKey",
                "the key '" + std::string(key) + "' does not make a file name below a directory");
  }
  return fs::path(rest);
}

}  // namespace client

Result<std::vector<S3Bucket>> S3::list_buckets() const {
  CLARY_TRY(const auto buckets, impl_->store->ListBuckets());
  std::vector<S3Bucket> out;
  for (const auto& b : buckets) out.push_back({.name = b.name, .created_ms = ToMillis(b.created)});
  return out;
}

Status S3::create_bucket(const std::string& name) const {
  const auto made = impl_->store->CreateBucket(name, impl_->region);
  if (!made && made.error().reason == "BucketAlreadyOwnedByYou") return {};
  return made;
}

Status S3::delete_bucket(const std::string& name) const { return impl_->store->DeleteBucket(name); }

Result<S3::Listing> S3::list(const S3Uri& uri, bool recursive) const {
  Listing out;
  objects::ListOptions options{
      .prefix = uri.key, .delimiter = recursive ? "" : "/", .start_after = {}, .max_keys = 1000};
  for (;;) {
    CLARY_TRY(auto page, impl_->store->List(uri.bucket, options));
    for (auto& o : page.objects) {
      out.objects.push_back({.key = std::move(o.key),
                             .size = o.size,
                             .etag = std::move(o.etag),
                             .last_modified_ms = ToMillis(o.last_modified)});
    }
    for (auto& p : page.common_prefixes) out.folders.push_back(std::move(p));
    if (!page.truncated) return out;
    options.start_after = page.next;
  }
}

Result<std::string> S3::read(const S3Uri& uri, uint64_t max_bytes) const {
  CLARY_TRY(auto got, impl_->store->Get(Ref(uri)));
  return ReadAll(*got.body, max_bytes);
}

Status S3::write(const S3Uri& uri, std::string body) const {
  const auto source = NewStringSource(std::move(body));
  CLARY_CHECK_OK(impl_->store->Put(Ref(uri), *source));
  return {};
}

Status S3::upload_file(const fs::path& from, const S3Uri& to) const {
  CLARY_TRY(auto fd, OpenFile(from, O_RDONLY));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return std::unexpected(ErrnoError(errno, from.string()));
  if (!S_ISREG(info.st_mode)) {
    return Fail(Code::kInvalidArgument, "NotAFile", from.string() + " is not a regular file");
  }
  const auto source = NewFileSource(std::move(fd), 0, static_cast<uint64_t>(info.st_size));
  CLARY_CHECK_OK(impl_->store->Put(Ref(to), *source));
  return {};
}

Status S3::download_file(const S3Uri& from, const fs::path& to) const {
  CLARY_CHECK_OK(CheckReplaceable(to));
  CLARY_TRY(auto got, impl_->store->Get(Ref(from)));
  if (to.has_parent_path()) CLARY_CHECK_OK(MakeDirectories(to.parent_path()));
  fs::path partial = to;
  partial += "." + RandomId().substr(0, 8) + ".part";
  const auto copy = [&]() -> Status {
    CLARY_TRY(const auto fd, OpenFile(partial, O_WRONLY | O_CREAT | O_EXCL));
    std::array<char, 1 << 16> buffer;
    uint64_t total = 0;
    for (;;) {
      CLARY_TRY(const size_t n, got.body->Read(buffer));
      if (n == 0) break;
      total += n;
      CLARY_CHECK_OK(WriteAll(fd.get(), {buffer.data(), n}));
    }
    if (total != got.length) {
      return Fail(Code::kDataLoss, "ShortBody",
                  from.str() + ": got " + std::to_string(total) + " of " +
                      std::to_string(got.length) + " bytes");
    }
    if (rename(partial.c_str(), to.c_str()) != 0) {
      return std::unexpected(ErrnoError(errno, to.string()));
    }
    return {};
  };
  auto done = copy();
  if (!done) unlink(partial.c_str());
  return done;
}

Status S3::copy(const S3Uri& from, const S3Uri& to) const {
  CLARY_TRY(auto got, impl_->store->Get(Ref(from)));
  CLARY_CHECK_OK(impl_->store->Put(Ref(to), *got.body, {.headers = got.info.headers}));
  return {};
}

Status S3::remove(const S3Uri& uri) const { return impl_->store->Delete(Ref(uri)); }

}  // namespace clary
