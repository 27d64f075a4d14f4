#include "clary/s3.h"

#include <cstdio>
#include <nlohmann/json.hpp>

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
  auto access = Connect(context);
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

Status Upload(const Context& context, const S3& s3, const S3Options& options) {
  CLARY_TRY(const auto to, S3Uri::parse(options.to));
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
  auto access = Connect(context);
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
  auto access = Connect(context);
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
      {"clary s3 cp train.csv s3://bucket/data/", "clary s3 cp s3://bucket/output/ . --recursive"},
      [&context, options] { return Copy(context, *options); });
  cp->add_option("from", options->from, "File, directory or s3:// URI")->required();
  cp->add_option("to", options->to, "File, directory or s3:// URI")->required();
  recursive(cp);

  auto* rm = AddCommand(*s3, context, "rm", "Delete an object, or all below a prefix",
                        {"clary s3 rm s3://bucket/old/ --recursive"},
                        [&context, options] { return Remove(context, *options); });
  rm->add_option("uri", options->from, "s3://bucket/key")->required();
  recursive(rm);

  auto* mb = AddCommand(*s3, context, "mb", "Make a bucket", {"clary s3 mb s3://my-bucket"},
                        [&context, options] { return MakeBucket(context, *options); });
  mb->add_option("bucket", options->from, "s3://bucket")->required();
}

}  // namespace clary::cli
