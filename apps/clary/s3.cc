#include "clary/s3.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "command.h"
#include "terminal.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

struct S3Options {
  std::string from;
  std::string to;
  bool recursive = false;
};

int List(const Context& context, const S3Options& options) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const S3 s3 = access->session.s3();
  if (options.from.empty()) {
    const auto buckets = s3.list_buckets();
    if (!buckets) return Report(context, buckets.error());
    auto json = nlohmann::json::array();
    for (const auto& b : *buckets) {
      json.push_back({{"bucket", b.name}, {"created_ms", b.created_ms}});
      if (!context.json) {
        std::printf("%s  s3://%s\n", FormatLocalTime(b.created_ms).c_str(), b.name.c_str());
      }
    }
    if (context.json) std::puts(json.dump(2).c_str());
    return kOk;
  }
  const auto uri = S3Uri::parse(options.from);
  if (!uri) return Report(context, uri.error());
  const auto listing = s3.list(*uri, options.recursive);
  if (!listing) return Report(context, listing.error());
  if (context.json) {
    auto json = nlohmann::json::array();
    for (const auto& o : listing->objects) {
      json.push_back({{"key", o.key},
                      {"size", o.size},
                      {"etag", o.etag},
                      {"last_modified_ms", o.last_modified_ms}});
    }
    for (const auto& f : listing->folders) json.push_back({{"folder", f}});
    std::puts(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kOk;
  }
  Table table({"MODIFIED", "SIZE", "KEY"});
  table.AlignRight(1);
  for (const auto& f : listing->folders) table.Add({"", "folder", f});
  for (const auto& o : listing->objects) {
    table.Add({FormatLocalTime(o.last_modified_ms), FormatBytes(o.size), o.key});
  }
  if (!table.empty()) {
    table.Print();
    return kOk;
  }
  // Nothing there is a failure, as it is for ls.
  return Report(context, kFailed, "NoSuchKey", "there is nothing below " + uri->str());
}

constexpr std::string_view kStandard = "-";  // input or output, as a file's name

bool IsS3(std::string_view s) { return s.starts_with("s3://"); }

void Say(const Context& context, const char* verb, const std::string& from, const std::string& to) {
  if (context.json) {
    std::puts(nlohmann::json{{"action", verb}, {"from", from}, {"to", to}}.dump().c_str());
  } else if (to.empty()) {
    std::printf("%s: %s\n", verb, from.c_str());
  } else {
    std::printf("%s: %s to %s\n", verb, from.c_str(), to.c_str());
  }
}

// A target that ends in '/' (or is a bucket, or a directory) takes the source's own name.
S3Uri TargetOf(const S3Uri& to, const std::string& name) {
  return to.key.empty() || to.key.ends_with('/') ? to.join(name) : to;
}

Status CopyAll(int from, int to) {
  std::vector<char> buffer(1 << 16);
  for (;;) {
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n == 0) return {};
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(Code::kInternal, "Errno", std::string("reading: ") + strerror(errno));
    CLARY_CHECK_OK(WriteAll(to, {buffer.data(), static_cast<size_t>(n)}));
  }
}

// Standard input, as it comes, into a file that an upload can read twice.
Status UploadInput(const Context& context, const S3& s3, const S3Uri& to) {
  if (to.key.empty() || to.key.ends_with('/')) {
    return Usage("standard input has no name: name the object, as " + to.join("NAME").str());
  }
  CLARY_TRY(const TempDir dir, TempDir::Make(fs::temp_directory_path()));
  const fs::path file = dir.path() / "input";
  {
    CLARY_TRY(const Fd fd, OpenFile(file, O_WRONLY | O_CREAT | O_EXCL, 0600));
    CLARY_CHECK_OK(CopyAll(STDIN_FILENO, fd.get()));
  }
  CLARY_CHECK_OK(s3.upload_file(file, to));
  Say(context, "upload", "-", to.str());
  return {};
}

Status DownloadToOutput(const S3& s3, const S3Uri& from) {
  CLARY_TRY(const TempDir dir, TempDir::Make(fs::temp_directory_path()));
  const fs::path file = dir.path() / "output";
  CLARY_CHECK_OK(s3.download_file(from, file));
  CLARY_TRY(const Fd fd, OpenFile(file, O_RDONLY));
  EndWithReader();
  return CopyAll(fd.get(), STDOUT_FILENO);
}

Status Upload(const Context& context, const S3& s3, const S3Options& options) {
  CLARY_TRY(const auto to, S3Uri::parse(options.to));
  if (options.from == kStandard) return UploadInput(context, s3, to);
  const fs::path from = options.from;
  std::error_code ec;
  if (!fs::is_directory(from, ec)) {
    const auto target = TargetOf(to, from.filename().string());
    CLARY_CHECK_OK(s3.upload_file(from, target));
    Say(context, "upload", from.string(), target.str());
    return {};
  }
  if (!options.recursive) {
    return Fail(Code::kInvalidArgument, "IsADirectory",
                from.string() + " is a directory: add --recursive");
  }
  for (auto it = fs::recursive_directory_iterator(from, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (!it->is_regular_file(ec)) continue;
    const auto target = to.join(it->path().lexically_relative(from).generic_string());
    CLARY_CHECK_OK(s3.upload_file(it->path(), target));
    Say(context, "upload", it->path().string(), target.str());
  }
  if (ec) return Fail(Code::kInternal, "Errno", from.string() + ": " + ec.message());
  return {};
}

Status Download(const Context& context, const Session& session, const S3Options& options) {
  CLARY_TRY(const auto from, S3Uri::parse(options.from));
  const fs::path to = options.to;
  if (options.recursive) {
    CLARY_TRY(const auto files, session.download_data(to, from.bucket, from.key));
    for (const auto& file : files) Say(context, "download", from.str(), file.string());
    return {};
  }
  if (options.to == kStandard) {
    if (from.key.empty() || from.key.ends_with('/')) {
      return Usage(from.str() + " is no object, and standard output takes one");
    }
    return DownloadToOutput(session.s3(), from);
  }
  std::error_code ec;
  const bool into = fs::is_directory(to, ec) || options.to.ends_with('/');
  const auto name = from.key.substr(from.key.rfind('/') + 1);
  if (name.empty()) {
    return Fail(Code::kInvalidArgument, "IsAFolder", from.str() + " is a folder: add --recursive");
  }
  const auto target = into ? to / name : to;
  CLARY_CHECK_OK(session.s3().download_file(from, target));
  Say(context, "download", from.str(), target.string());
  return {};
}

Status CopyWithin(const Context& context, const S3& s3, const S3Options& options) {
  CLARY_TRY(const auto from, S3Uri::parse(options.from));
  CLARY_TRY(const auto to, S3Uri::parse(options.to));
  if (!options.recursive) {
    const auto target = TargetOf(to, from.key.substr(from.key.rfind('/') + 1));
    CLARY_CHECK_OK(s3.copy(from, target));
    Say(context, "copy", from.str(), target.str());
    return {};
  }
  CLARY_TRY(const auto listing, s3.list(from));
  for (const auto& object : listing.objects) {
    const S3Uri source{.bucket = from.bucket, .key = object.key};
    std::string rest = object.key.substr(from.key.size());
    while (rest.starts_with('/')) rest.erase(0, 1);
    const auto target = to.join(rest);
    CLARY_CHECK_OK(s3.copy(source, target));
    Say(context, "copy", source.str(), target.str());
  }
  return {};
}

int Copy(const Context& context, const S3Options& options) {
  if (!IsS3(options.from) && !IsS3(options.to)) {
    return Report(context, kUsage, "Usage", "one side of `clary s3 cp` must be an s3:// URI");
  }
  if (options.recursive && (options.from == kStandard || options.to == kStandard)) {
    return Report(context, kUsage, "Usage", "'-' is one file: leave --recursive out");
  }
  auto access = Connect(context, IsS3(options.from) ? Home::kMustExist : Home::kMayBeNew);
  if (!access) return Report(context, access.error());
  const auto s3 = access->session.s3();
  const auto done = !IsS3(options.from) ? Upload(context, s3, options)
                    : IsS3(options.to)  ? CopyWithin(context, s3, options)
                                        : Download(context, access->session, options);
  return done ? kOk : Report(context, done.error());
}

Status RemoveAll(const Context& context, const S3& s3, const S3Options& options) {
  CLARY_TRY(const auto uri, S3Uri::parse(options.from));
  if (!options.recursive) {
    if (uri.key.empty()) {
      return Fail(Code::kInvalidArgument, "IsABucket",
                  options.from + " is a bucket: name an object, or add --recursive");
    }
    CLARY_CHECK_OK(s3.remove(uri));
    Say(context, "delete", uri.str(), "");
    return {};
  }
  CLARY_TRY(const auto listing, s3.list(uri));
  for (const auto& object : listing.objects) {
    const S3Uri target{.bucket = uri.bucket, .key = object.key};
    CLARY_CHECK_OK(s3.remove(target));
    Say(context, "delete", target.str(), "");
  }
  return {};
}

int Remove(const Context& context, const S3Options& options) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto done = RemoveAll(context, access->session.s3(), options);
  return done ? kOk : Report(context, done.error());
}

int MakeBucket(const Context& context, const S3Options& options) {
  const auto uri = S3Uri::parse(IsS3(options.from) ? options.from : "s3://" + options.from);
  if (!uri) return Report(context, uri.error());
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  const auto made = access->session.s3().create_bucket(uri->bucket);
  if (!made) return Report(context, made.error());
  Say(context, "make bucket", "s3://" + uri->bucket, "");
  return kOk;
}

Status RemoveBucketOf(const Context& context, const S3& s3, const S3Options& options,
                      const S3Uri& uri) {
  if (!uri.key.empty()) {
    return Usage(uri.str() + " is below a bucket: `clary s3 rm` removes objects");
  }
  if (options.recursive) {
    CLARY_CHECK_OK(RemoveAll(context, s3, {.from = uri.str(), .to = {}, .recursive = true}));
  }
  const auto removed = s3.delete_bucket(uri.bucket);
  if (!removed && removed.error().reason == "BucketNotEmpty") {
    Error error = removed.error();
    error.message += "\n  --force removes what is in it, too";
    return std::unexpected(std::move(error));
  }
  CLARY_CHECK_OK(removed);
  Say(context, "remove bucket", "s3://" + uri.bucket, "");
  return {};
}

int RemoveBucket(const Context& context, const S3Options& options) {
  const auto uri = S3Uri::parse(IsS3(options.from) ? options.from : "s3://" + options.from);
  if (!uri) return Report(context, uri.error());
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto done = RemoveBucketOf(context, access->session.s3(), options, *uri);
  return done ? kOk : Report(context, done.error());
}

}  // namespace

void AddS3(CLI::App& app, Context& context) {
  auto* s3 = AddGroup(app, "s3", "Work with buckets and objects",
                      {"clary s3 mb s3://my-bucket", "clary s3 cp train.csv s3://my-bucket/data/"});
  const auto options = std::make_shared<S3Options>();
  const auto recursive = [&](CLI::App* command) {
    command->add_flag("-r,--recursive", options->recursive, "Everything below the prefix");
  };

  auto* ls = AddCommand(*s3, context, "ls", "List buckets, or the objects below a prefix",
                        {"clary s3 ls", "clary s3 ls s3://bucket/prefix/ --recursive"},
                        [&context, options] { return List(context, *options); });
  ls->add_option("uri", options->from, "s3://bucket/prefix");
  recursive(ls);

  auto* cp = AddCommand(
      *s3, context, "cp", "Copy to, from or within S3",
      {"clary s3 cp train.csv s3://bucket/data/", "clary s3 cp s3://bucket/output/ . --recursive",
       "clary s3 cp s3://bucket/data/train.csv - | head"},
      [&context, options] { return Copy(context, *options); });
  cp->add_option("from", options->from, "File, directory or s3:// URI; -: standard input")
      ->required();
  cp->add_option("to", options->to, "File, directory or s3:// URI; -: standard output")->required();
  recursive(cp);

  auto* rm = AddCommand(*s3, context, "rm", "Delete an object, or all below a prefix",
                        {"clary s3 rm s3://bucket/old/ --recursive"},
                        [&context, options] { return Remove(context, *options); });
  rm->add_option("uri", options->from, "s3://bucket/key")->required();
  recursive(rm);

  auto* mb = AddCommand(*s3, context, "mb", "Make a bucket", {"clary s3 mb s3://my-bucket"},
                        [&context, options] { return MakeBucket(context, *options); });
  mb->add_option("bucket", options->from, "s3://bucket")->required();

  auto* rb = AddCommand(*s3, context, "rb", "Remove a bucket",
                        {"clary s3 rb s3://my-bucket", "clary s3 rb s3://my-bucket --force"},
                        [&context, options] { return RemoveBucket(context, *options); });
  rb->add_option("bucket", options->from, "s3://bucket")->required();
  rb->add_flag("--force", options->recursive, "With everything that is in it");
}

}  // namespace clary::cli
