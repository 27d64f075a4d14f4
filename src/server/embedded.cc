#include "clary/embedded.h"

#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"
#include "server/service.h"

namespace clary {
namespace {

namespace fs = std::filesystem;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<fs::path> FindExecutable() {
  if (const std::string set = Variable("CLARY_EXECUTABLE"); !set.empty()) return fs::path(set);
  std::error_code ec;
  std::vector<fs::path> candidates = {fs::read_symlink("/proc/self/exe", ec).parent_path()};
  const std::string path = Variable("PATH");
  for (const std::string_view directory : Split(path, ':')) candidates.emplace_back(directory);
  for (const fs::path& directory : candidates) {
    const fs::path file = directory / "clary";
    if (fs::is_regular_file(file, ec) && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return Fail(Code::kFailedPrecondition, "NoExecutable",
              "the program `clary`, which runs the jobs, was not found: set CLARY_EXECUTABLE or "
              "Options.executable to it");
}

}  // namespace

struct EmbeddedService::Impl {
  std::unique_ptr<server::Service> service;
};

EmbeddedService::EmbeddedService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedService::EmbeddedService(EmbeddedService&&) noexcept = default;
EmbeddedService& EmbeddedService::operator=(EmbeddedService&&) noexcept = default;
EmbeddedService::~EmbeddedService() = default;

std::string EmbeddedService::endpoint() const { return impl_->service->endpoint(); }

Result<EmbeddedService> EmbeddedService::start(Options options) {
  fs::path home = options.home;
  if (home.empty()) home = Variable("CLARY_HOME");
  if (home.empty()) home = fs::path(Variable("HOME")) / ".clary";
  if (options.executable.empty()) {
    CLARY_TRY(options.executable, FindExecutable());
  }
  CLARY_TRY(auto service, server::Service::Start({.home = std::move(home),
                                                  .port = 0,
                                                  .capacity_cpus = options.capacity_cpus,
                                                  .executable = std::move(options.executable)}));
  return EmbeddedService(std::make_unique<Impl>(Impl{std::move(service)}));
}

}  // namespace clary
