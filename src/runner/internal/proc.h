// The kernel's counters of processes, as /proc tells them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace clary::runner {

std::string ReadProc(const std::filesystem::path& path);       // empty if it cannot be read
std::vector<pid_t> Numbers(const std::filesystem::path& dir);  // names of entries that are some
// The words of `text` between spaces, tabs and line ends.
std::vector<std::string_view> Words(std::string_view text);
uint64_t Uint(std::string_view text);                         // 0 for what is no number
uint64_t After(std::string_view text, std::string_view key);  // the number behind it; 0: none
// Fields of /proc/PID/stat from the third on; the second may hold spaces and brackets.
std::vector<std::string_view> StatFields(std::string_view stat);
// A process and its descendants, itself first; at most 4096.
std::vector<pid_t> ProcessesBelow(pid_t root, const std::filesystem::path& proc);

}  // namespace clary::runner
