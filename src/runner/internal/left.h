// What a program has left in its tree when it has ended, as far as it tells how that went.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace clary::runner {

// The first `size` bytes of a file below `work` that the program may have left, or put anything in
// its place; cut between two characters. Empty if there is no such file.
std::string ReadLeft(const std::filesystem::path& work, const std::string& relative, size_t size);
inline constexpr size_t kMaxFailureText = 1024;  // FailureReason's own limit

// The failure file's beginning; empty if there is none.
std::string FailureLeft(const std::filesystem::path& work);

// What its file `file` says, the beginning of it. kInvalidArgument "NotText" if that is no UTF-8.
Result<std::string> MessageLeft(const std::filesystem::path& work, std::string_view file);

// Why a program could not even say why it failed; empty: not for want of room.
std::string DiskFailure(const std::filesystem::path& work);

// For the log of a job of ours that has no sandbox.
std::string NoSandboxWarning(const std::string& why);

}  // namespace clary::runner
