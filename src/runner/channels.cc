#include "runner/channels.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/strings.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxManifestBytes = 64 << 20;
constexpr uint64_t kCopyAtOnce = 256 << 20;  // between two looks at whether to stop

struct Location {
  std::string bucket;
  std::string prefix;  // may be empty: the whole bucket
};

Result<Location> ParseLocation(std::string_view uri) {
  constexpr std::string_view kScheme = "s3://";
  if (!uri.starts_with(kScheme)) {
    return Fail(Code::kInvalidArgument, "BadUri", std::string(uri) + " is not an s3:// URI");
  }
  uri.remove_prefix(kScheme.size());
  const size_t slash = uri.find('/');
  Location out{std::string(uri.substr(0, slash)), ""};
  if (slash != std::string_view::npos) out.prefix = uri.substr(slash + 1);
  if (out.bucket.empty()) return Fail(Code::kInvalidArgument, "BadUri", "no bucket in the S3 URI");
  return out;
}

Status Cancelled() { return Fail(Code::kCancelled, "Stopped", "the job was stopped"); }

// Copies what is a whole file of the store inside the kernel: by reference where the file system
// can (btrfs, XFS), else byte by byte. False: it cannot, and nothing was written.
Result<bool> CopyFile(ByteSource& body, int to, const std::function<bool()>& stopped) {
  const auto file = body.AsFile();
  if (!file) return false;
  struct stat st{};
  const bool whole = file->offset == 0 && ::fstat(file->fd, &st) == 0 &&
                     static_cast<uint64_t>(st.st_size) == file->length;
  if (whole && ::ioctl(to, FICLONE, file->fd) == 0) return true;
  auto offset = static_cast<off_t>(file->offset);
  uint64_t left = file->length;
  while (left > 0) {
    if (stopped && stopped()) return std::unexpected(Cancelled().error());
    const ssize_t n =
        ::copy_file_range(file->fd, &offset, to, nullptr, std::min(left, kCopyAtOnce), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && left == file->length && errno != ENOSPC && errno != EDQUOT) return false;
    if (n < 0) return std::unexpected(ErrnoError(errno, "copying"));
    if (n == 0) return Fail(Code::kDataLoss, "Shrunk", "the object's file ended early");
    left -= static_cast<uint64_t>(n);
  }
  return true;
}

Status CopyBody(ByteSource& body, const fs::path& to, const std::function<bool()>& stopped) {
  CLARY_TRY(const Fd fd, OpenFile(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  CLARY_TRY(const bool copied, CopyFile(body, fd.get(), stopped));
  if (copied) return {};
  std::vector<char> buffer(1 << 18);
  for (;;) {
    if (stopped && stopped()) return Cancelled();
    CLARY_TRY(const size_t n, body.Read(buffer));
    if (n == 0) return {};
    CLARY_CHECK_OK(WriteAll(fd.get(), {buffer.data(), n}));
  }
}

// True if `to` is now another name of the store's own file.
bool LinkBody(ByteSource& body, uint64_t length, const fs::path& to) {
  const auto file = body.AsFile();
  struct stat st{};
  if (!file || file->offset != 0 || file->length != length || ::fstat(file->fd, &st) != 0 ||
      static_cast<uint64_t>(st.st_size) != length) {
    return false;
  }
  const std::string from = "/proc/self/fd/" + std::to_string(file->fd);
  return ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

Status Clash(const std::string& place) {
  return Fail(Code::kInvalidArgument, "KeyClash",
              "\"" + place +
                  "\" would be both a file and a folder, or two files: two keys of the "
                  "prefix end up at one path");
}

// Brings one object to dir/place.
Status Fetch(const objects::ObjectRef& ref, const std::string& place, objects::ObjectStore& store,
             const fs::path& dir, const DownloadOptions& options) {
  if (options.stopped && options.stopped()) return Cancelled();
  const fs::path to = dir / place;
  if (place.ends_with('/')) {
    if (!MakeDirectories(to.parent_path())) return Clash(place);
    return {};
  }
  std::error_code ec;
  const fs::file_status there = fs::symlink_status(to, ec);
  if (fs::exists(there)) return Clash(place);
  if (Status made = MakeDirectories(to.parent_path()); !made) {
    if (made.error().reason == "DiskFull") return made;
    return Clash(place);
  }
  CLARY_TRY(auto got, store.Get(ref));
  if (options.link && LinkBody(*got.body, got.info.size, to)) return {};
  Status copied = CopyBody(*got.body, to, options.stopped);
  if (!copied && copied.error().code != Code::kCancelled) {
    return std::unexpected(std::move(copied).error().With(ref.Uri()));
  }
  return copied;
}

// Files are given to the program as they are, which may look into them or not: what its channel
// says of them must be true.
Status CheckGzip(const fs::path& file, const objects::ObjectRef& ref) {
  std::ifstream in(file, std::ios::binary);
  char magic[2] = {};
  in.read(magic, sizeof magic);
  if (in && magic[0] == '\x1F' && magic[1] == '\x8B') return {};
  return Fail(Code::kInvalidArgument, "NotGzip",
              ref.Uri() +
                  ": the object is not gzip data, as the channel's CompressionType says; "
                  "leave that out, or compress the object");
}

Result<std::vector<std::string>> ListKeys(const Location& at, objects::ObjectStore& store) {
  std::vector<std::string> keys;
  objects::ListOptions options{.prefix = at.prefix};
  for (;;) {
    CLARY_TRY(const objects::ListPage page, store.List(at.bucket, options));
    for (const objects::ObjectInfo& o : page.objects) keys.push_back(o.key);
    if (!page.truncated) return keys;
    options.start_after = page.next;
  }
}

struct Item {
  std::string key;
  std::string place;
};

Result<std::vector<Item>> ItemsOf(const api::ChannelSpec& channel, objects::ObjectStore& store,
                                  std::string& bucket) {
  CLARY_TRY(const Location at, ParseLocation(channel.s3_uri));
  std::vector<Item> items;
  if (channel.s3_data_type == "ManifestFile") {
    CLARY_TRY(auto got, store.Get({at.bucket, at.prefix}));
    CLARY_TRY(const std::string text, ReadAll(*got.body, kMaxManifestBytes));
    CLARY_TRY(Manifest manifest, ParseManifest(text));
    bucket = manifest.bucket;
    for (const std::string& name : manifest.names) {
      CLARY_TRY(std::string place, PlaceOf(name, ""));
      items.push_back({manifest.prefix + name, std::move(place)});
    }
    std::ranges::sort(items, {}, &Item::key);
  } else {
    bucket = at.bucket;
    CLARY_TRY(const auto keys, ListKeys(at, store));
    if (keys.empty()) {
      return Fail(Code::kNotFound, "NoObjects",
                  "no S3 objects found under \"" + channel.s3_uri + "\"");
    }
    for (const std::string& key : keys) {
      // The folder marker of the prefix itself is the channel's own directory.
      if (key.ends_with('/') && (at.prefix.starts_with(key) || key == at.prefix + '/')) continue;
      CLARY_TRY(std::string place, PlaceOf(key, at.prefix));
      items.push_back({key, std::move(place)});
    }
  }
  return items;
}

Status CheckDataType(const api::ChannelSpec& channel) {
  if (channel.s3_data_type == "S3Prefix" || channel.s3_data_type == "ManifestFile") return {};
  return Fail(Code::kUnimplemented, "DataType",
              "S3DataType " + channel.s3_data_type + " is not supported by this version");
}

// SplitMix64: the order of a shuffled channel must not depend on a library's generator.
uint64_t NextRandom(uint64_t& state) {
  state += 0x9E3779B97F4A7C15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

template <typename T>
std::vector<T> PartOfHost(std::vector<T> all, const api::ChannelSpec& channel, const Share& share,
                          uint64_t epoch) {
  if (channel.shuffle) {
    auto state = static_cast<uint64_t>(channel.shuffle_seed);
    state = NextRandom(state) + epoch;
    for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[NextRandom(state) % i]);
  }
  if (channel.distribution != "ShardedByS3Key" || share.hosts == 1) return all;
  std::vector<T> mine;
  for (size_t i = share.host; i < all.size(); i += share.hosts) mine.push_back(std::move(all[i]));
  return mine;
}

Status DownloadItems(const api::ChannelSpec& channel, const Share& share,
                     objects::ObjectStore& store, const fs::path& dir,
                     const DownloadOptions& options) {
  CLARY_CHECK_OK(CheckDataType(channel));
  std::string bucket;
  CLARY_TRY(auto all, ItemsOf(channel, store, bucket));
  // Markers of folders are nobody's part: every host has the folders.
  const auto objects = std::stable_partition(all.begin(), all.end(),
                                             [](const Item& i) { return i.key.ends_with('/'); });
  std::vector<Item> items(std::make_move_iterator(all.begin()), std::make_move_iterator(objects));
  all.erase(all.begin(), objects);
  for (Item& item : PartOfHost(std::move(all), channel, share, 0)) items.push_back(std::move(item));
  for (const Item& item : items) {
    const objects::ObjectRef ref{bucket, item.key};
    CLARY_CHECK_OK(Fetch(ref, item.place, store, dir, options));
    if (channel.compression == "Gzip" && !item.place.ends_with('/')) {
      CLARY_CHECK_OK(CheckGzip(dir / item.place, ref));
    }
  }
  return {};
}

}  // namespace

Result<std::string> PlaceOf(std::string_view key, std::string_view prefix) {
  const size_t slash = prefix.rfind('/');
  std::string_view rest = key;
  if (key.size() > prefix.size() && key.starts_with(prefix) && key[prefix.size()] == '/') {
    rest.remove_prefix(prefix.size() + 1);
  } else if (slash != std::string_view::npos) {
    rest.remove_prefix(slash + 1);
  }
  const bool folder = rest.ends_with('/');
  std::string out;
  for (const std::string_view part : Split(rest, '/')) {
    if (part.empty()) continue;
    if (part == "." || part == ".." || part.size() > 255 ||
        part.find('\0') != std::string_view::npos) {
      return Fail(Code::kInvalidArgument, "BadKey",
                  "the key \"" + std::string(key) + "\" cannot be a file name");
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  if (out.empty()) {
    return Fail(Code::kInvalidArgument, "BadKey",
                "nothing of the key \"" + std::string(key) + "\" is left for a file name");
  }
  if (folder) out += '/';
  return out;
}

Result<Manifest> ParseManifest(std::string_view text) {
  const auto bad = [](const std::string& what) {
    return Fail(Code::kInvalidArgument, "BadManifest", "manifest file: " + what);
  };
  const nlohmann::json doc = nlohmann::json::parse(text, nullptr, false);
  if (!doc.is_array() || doc.empty()) return bad("not a JSON list");
  const auto& head = doc[0];
  if (!head.is_object() || !head.contains("prefix") || !head["prefix"].is_string()) {
    return bad("entry 1 is not {\"prefix\": \"s3://bucket/folder/\"}");
  }
  auto at = ParseLocation(head["prefix"].get_ref<const std::string&>());
  if (!at) return bad("entry 1: " + at.error().message);
  Manifest out{at->bucket, at->prefix, {}};
  for (size_t i = 1; i < doc.size(); ++i) {
    if (!doc[i].is_string()) return bad("entry " + std::to_string(i + 1) + " is not a string");
    out.names.push_back(doc[i].get<std::string>());
  }
  if (out.names.empty()) return bad("it names no object");
  return out;
}

Share ShareOf(const api::JobSpec& spec, const api::ChannelSpec& channel) {
  std::vector<std::string> hosts;
  for (const api::HostGroup& group : spec.host_groups()) {
    if (!channel.groups.empty() &&
        std::ranges::find(channel.groups, group.name) == channel.groups.end()) {
      continue;
    }
    hosts.insert(hosts.end(), group.hosts.begin(), group.hosts.end());
  }
  std::ranges::sort(hosts);
  const auto me = std::ranges::find(hosts, spec.current_host());
  if (me == hosts.end()) return {};
  return {.host = static_cast<size_t>(me - hosts.begin()), .hosts = hosts.size()};
}

Status DownloadInput(const Input& input, const Share& share, objects::ObjectStore& store,
                     const fs::path& to, const DownloadOptions& options) {
  Status done = DownloadItems(input.channel, share, store, to, options);
  if (done) return {};
  Error error = std::move(done).error();
  if (error.code == Code::kCancelled) return std::unexpected(std::move(error));
  error.reason = "DownloadFailed";
  return std::unexpected(std::move(error).With("Data download failed: " + input.what));
}

Result<uint64_t> InputSize(const Input& input, objects::ObjectStore& store, uint64_t enough) {
  uint64_t bytes = 0;
  if (input.channel.s3_data_type != "S3Prefix") return bytes;
  CLARY_TRY(const Location at, ParseLocation(input.channel.s3_uri));
  objects::ListOptions options{.prefix = at.prefix};
  for (;;) {
    CLARY_TRY(const objects::ListPage page, store.List(at.bucket, options));
    for (const objects::ObjectInfo& o : page.objects) bytes += o.size;
    if (!page.truncated || bytes >= enough) return bytes;
    options.start_after = page.next;
  }
}

Result<std::vector<objects::ObjectRef>> ChannelObjects(const api::ChannelSpec& channel,
                                                       objects::ObjectStore& store) {
  CLARY_CHECK_OK(CheckDataType(channel));
  std::string bucket;
  CLARY_TRY(const auto items, ItemsOf(channel, store, bucket));
  std::vector<objects::ObjectRef> refs;
  for (const Item& item : items) {
    if (!item.key.ends_with('/')) refs.push_back({bucket, item.key});
  }
  return refs;
}

std::vector<objects::ObjectRef> ObjectsOfHost(std::vector<objects::ObjectRef> objects,
                                              const api::ChannelSpec& channel, const Share& share,
                                              uint64_t epoch) {
  return PartOfHost(std::move(objects), channel, share, epoch);
}

Status DownloadFolder(const std::string& uri, objects::ObjectStore& store,
                      const fs::path& directory, const DownloadOptions& options) {
  CLARY_TRY(Location at, ParseLocation(uri));
  if (!at.prefix.empty() && !at.prefix.ends_with('/')) at.prefix += '/';
  CLARY_TRY(const auto keys, ListKeys(at, store));
  DownloadOptions copying = options;
  copying.link = false;  // the program writes here
  for (const std::string& key : keys) {
    if (key == at.prefix) continue;
    CLARY_TRY(const std::string place, PlaceOf(key, at.prefix));
    CLARY_CHECK_OK(Fetch({at.bucket, key}, place, store, directory, copying));
  }
  return {};
}

}  // namespace clary::runner
