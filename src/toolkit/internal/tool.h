// Other people's programs that build environments: pip, container engines, tar.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace clary::toolkit {

struct ToolOutcome {
  int code = 0;  // as a shell tells it
  std::string output;
};

inline constexpr int kToolOutput = -1;  // keep standard output
inline constexpr int kToolBoth = -2;    // and standard error with it

// Runs `argv` in a process group of its own, which dies with this thread, until it ends or `stop`
// is requested (kCancelled). Its output is kept (kToolOutput, kToolBoth), 4 MiB of it, or goes to
// the descriptor `output`.
Result<ToolOutcome> RunTool(const std::vector<std::string>& argv,
                            const std::vector<std::string>& env, int output,
                            const std::stop_token& stop);

// This process's variables without those that would bend a Python.
std::vector<std::string> ToolEnvironment();

// A folder while it is built: gone again unless it is kept.
class Scaffold {
 public:
  explicit Scaffold(std::filesystem::path dir) : dir_(std::move(dir)) {}
  Scaffold(const Scaffold&) = delete;
  Scaffold& operator=(const Scaffold&) = delete;
  ~Scaffold();
  void Keep() { kept_ = true; }

 private:
  std::filesystem::path dir_;
  bool kept_ = false;
};

}  // namespace clary::toolkit
