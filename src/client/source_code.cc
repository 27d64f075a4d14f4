#include "client/internal/source_code.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <memory>

#include "base/file.h"
#include "base/utf8_names.h"

namespace clary::client {
namespace fs = std::filesystem;
namespace {

struct CloseArchive {
  void operator()(archive* a) const { ::archive_write_free(a); }
};
struct CloseMember {
  void operator()(archive_entry* e) const { ::archive_entry_free(e); }
};

using Members = std::map<std::string, fs::path>;  // name in the archive to file

Status AddTree(const fs::path& root, const std::string& under, Members& out) {
  std::error_code ec;
  for (fs::recursive_directory_iterator it(root, ec), end; it != end && !ec; it.increment(ec)) {
    if (it->path().filename() == "__pycache__") {
      it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file(ec)) continue;
    const std::string name = under + it->path().lexically_relative(root).string();
    if (!out.emplace(name, it->path()).second) {
      return Fail(Code::kInvalidArgument, "BadSource",
                  "source directory and dependencies both have a file " + name);
    }
  }
  if (ec) {
    return Fail(Code::kPermissionDenied, "BadSource",
                "cannot read " + root.string() + ": " + ec.message());
  }
  return {};
}

Result<Members> MembersOf(const SourceCode& code) {
  std::error_code ec;
  Members out;
  if (code.source_dir.empty()) {
    if (!fs::is_regular_file(code.entry_point, ec)) {
      return Fail(Code::kNotFound, "NoSuchFile", "there is no entry point " + code.entry_point);
    }
    out.emplace(fs::path(code.entry_point).filename().string(), code.entry_point);
  } else {
    if (!fs::is_directory(code.source_dir, ec)) {
      return Fail(Code::kNotFound, "NoSuchFile", "there is no source directory " + code.source_dir);
    }
    if (!fs::is_regular_file(fs::path(code.source_dir) / code.entry_point, ec)) {
      return Fail(
          Code::kNotFound, "NoSuchFile",
          "the source directory " + code.source_dir + " has no entry point " + code.entry_point);
    }
    CLARY_CHECK_OK(AddTree(code.source_dir, "", out));
  }
  for (const std::string& dependency : code.dependencies) {
    const fs::path path = fs::absolute(dependency, ec).lexically_normal();
    const std::string name =
        path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
    if (fs::is_directory(path, ec)) {
      CLARY_CHECK_OK(AddTree(path, name + "/", out));
    } else if (!fs::is_regular_file(path, ec)) {
      return Fail(Code::kNotFound, "NoSuchFile", "there is no dependency " + dependency);
    } else if (!out.emplace(name, path).second) {
      return Fail(Code::kInvalidArgument, "BadSource",
                  "source directory and dependencies both have a file " + name);
    }
  }
  return out;
}

Status Broken(archive* a, const std::string& what) {
  const char* why = ::archive_error_string(a);
  return Fail(Code::kInternal, "BadSource",
              "packing " + what + ": " + (why != nullptr ? why : "unknown error"));
}

Status AddMember(archive* a, const std::string& name, const fs::path& file) {
  CLARY_TRY(const Fd fd, OpenFile(file, O_RDONLY));
  std::error_code ec;
  auto left = fs::file_size(file, ec);
  if (ec) return Fail(Code::kNotFound, "NoSuchFile", "cannot read " + file.string());
  const std::unique_ptr<archive_entry, CloseMember> member(::archive_entry_new());
  ::archive_entry_set_pathname(member.get(), name.c_str());
  ::archive_entry_set_filetype(member.get(), AE_IFREG);
  const bool program = ::access(file.c_str(), X_OK) == 0;
  ::archive_entry_set_perm(member.get(), program ? 0755 : 0644);
  ::archive_entry_set_size(member.get(), static_cast<la_int64_t>(left));
  // A warning: the name is no UTF-8, and is written byte by byte.
  if (::archive_write_header(a, member.get()) < ARCHIVE_WARN) return Broken(a, name);
  std::vector<char> buffer(1 << 16);
  while (left > 0) {
    const ssize_t n = ::read(fd.get(), buffer.data(), std::min<uint64_t>(left, buffer.size()));
    if (n < 0) return std::unexpected(ErrnoError(errno, "reading " + file.string()));
    if (n == 0) break;  // it has become shorter: the rest is zeros
    if (::archive_write_data(a, buffer.data(), static_cast<size_t>(n)) != n) return Broken(a, name);
    left -= static_cast<uint64_t>(n);
  }
  return {};
}

}  // namespace

Result<std::string> StoreSourceCode(const Session& session, const SourceCode& code,
                                    const std::string& name, bool store) {
  if (code.source_dir.starts_with("s3://")) {
    if (code.dependencies.empty()) return code.source_dir;
    return Fail(Code::kInvalidArgument, "BadSource",
                "dependencies cannot be added to an archive in S3: give source_dir as a folder");
  }
  CLARY_TRY(const TempDir temp, TempDir::Make());
  const auto archive = temp.path() / "sourcedir.tar.gz";
  CLARY_CHECK_OK(PackSourceCode(code, archive));
  CLARY_TRY(const std::string bucket, session.default_bucket());
  const S3Uri uri{.bucket = bucket, .key = name + "/source/sourcedir.tar.gz"};
  if (store) CLARY_CHECK_OK(session.s3().upload_file(archive, uri));
  return uri.str();
}

std::string ProgramOf(const SourceCode& code) {
  return code.source_dir.empty() ? fs::path(code.entry_point).filename().string()
                                 : code.entry_point;
}

Status PackSourceCode(const SourceCode& code, const fs::path& to) {
  CLARY_TRY(const Members members, MembersOf(code));
  const Utf8Names utf8;
  const std::unique_ptr<archive, CloseArchive> a(::archive_write_new());
  ::archive_write_set_format_pax_restricted(a.get());
  ::archive_write_add_filter_gzip(a.get());
  // The same files give the same bytes.
  ::archive_write_set_options(a.get(), "gzip:!timestamp");
  if (::archive_write_open_filename(a.get(), to.c_str()) != ARCHIVE_OK) {
    return Broken(a.get(), to.string());
  }
  for (const auto& [name, file] : members) CLARY_CHECK_OK(AddMember(a.get(), name, file));
  if (::archive_write_close(a.get()) != ARCHIVE_OK) return Broken(a.get(), to.string());
  return {};
}

}  // namespace clary::client
