// What building environments needs around pip, container engines and tar.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/tool.h"

namespace clary::toolkit {

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
