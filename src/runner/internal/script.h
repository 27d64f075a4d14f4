// Script mode: a user's entry point run as the container of its framework runs it. What that makes
// of the request is toolkit's; here is what it does to the job's files.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "api/job_spec.h"
#include "base/error.h"
#include "objects/object_store.h"
#include "toolkit/toolkit.h"

namespace clary::runner {

// The command of the script whose job is laid out in `work`, as far as its code is already there.
// kInvalidArgument "ClientError": the request names no usable entry point.
Result<toolkit::Command> PlanScript(const api::JobSpec& spec, const std::filesystem::path& work,
                                    int cpus);

// Brings the code to work/code, from where the command says: an archive of the object store or one
// of the job's inputs. Its members are files and folders inside, no links, no devices, bounded.
// kInvalidArgument "BadCode", kNotFound, kCancelled. No program has run in `work` yet.
Status FetchCode(const api::JobSpec& spec, const toolkit::Command& command,
                 objects::ObjectStore& store, const std::filesystem::path& work,
                 const std::function<bool()>& stopped);

// How scripts of this job's framework fail.
toolkit::Failure FailureOf(const api::JobSpec& spec);

// Leaves work/<relative> with `text`, unless the program has left something there.
void LeaveFile(const std::filesystem::path& work, const std::filesystem::path& relative,
               std::string_view text);

}  // namespace clary::runner
