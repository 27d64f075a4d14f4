// A user's code on its way to a job: sourcedir.tar.gz, as the Python SDK lays it out.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "clary/session.h"

namespace clary::client {

struct SourceCode {
  std::string entry_point;                // below source_dir; without one, the path of a file
  std::string source_dir;                 // empty: the entry point alone
  std::vector<std::string> dependencies;  // files and folders, under their last names
};

// Writes the archive to `to`: the content of the source directory, or the entry point, and each
// dependency, at its top. Links to files count as files. kNotFound "NoSuchFile" (what is missing),
// kInvalidArgument "BadSource" (two members of one name).
Status PackSourceCode(const SourceCode& code, const std::filesystem::path& to);

// The s3:// URI of the archive, which `store` puts at s3://<default bucket>/<name>/source/; without
// it, only what is wrong with the code is told. A source_dir that is one already is taken as it is.
Result<std::string> StoreSourceCode(const Session& session, const SourceCode& code,
                                    const std::string& name, bool store);

// The name by which the job knows the entry point.
std::string ProgramOf(const SourceCode& code);

}  // namespace clary::client
