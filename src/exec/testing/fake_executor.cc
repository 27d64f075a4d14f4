#include "exec/testing/fake_executor.h"

#include <algorithm>
#include <cstdlib>

namespace clary::exec {

Status FakeExecutor::Launch(const LaunchSpec& spec) {
  MutexLock lock(mu_);
  if (spec.key.empty() || spec.key.find('/') != std::string::npos) {
    return Fail(Code::kInvalidArgument, "BadKey", "launch key \"" + spec.key + "\"");
  }
  if (spec.argv.empty()) return Fail(Code::kInvalidArgument, "NoCommand", "argv is empty");
  if (failures_ > 0) {
    --failures_;
    return Fail(Code::kUnavailable, "Fake", "told to fail");
  }
  if (entries_.try_emplace(spec.key).second) launches_.push_back(spec);
  return {};
}

Result<std::optional<LaunchState>> FakeExecutor::Find(const std::string& key) {
  MutexLock lock(mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::nullopt;
  return it->second.state;
}

Status FakeExecutor::Stop(const std::string& key, std::chrono::milliseconds grace) {
  MutexLock lock(mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return Fail(Code::kNotFound, "NoSuchLaunch", "launch " + key);
  auto& stop = it->second.stop;
  stop = stop ? std::min(*stop, grace) : grace;
  return {};
}

Status FakeExecutor::Forget(const std::string& key) {
  MutexLock lock(mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return {};
  if (it->second.state.phase == LaunchPhase::kRunning) {
    return Fail(Code::kFailedPrecondition, "Running", "launch " + key + " is still running");
  }
  entries_.erase(it);
  return {};
}

void FakeExecutor::OnExit(std::function<void()> wake) {
  MutexLock lock(mu_);
  wake_ = std::move(wake);
}

void FakeExecutor::End(const std::string& key, LaunchState state) {
  std::function<void()> wake;
  {
    MutexLock lock(mu_);
    const auto it = entries_.find(key);
    if (it == entries_.end() || it->second.state.phase != LaunchPhase::kRunning) std::abort();
    it->second.state = state;
    wake = wake_;
  }
  if (wake) wake();
}

void FakeExecutor::Exit(const std::string& key, int code) {
  End(key, {LaunchPhase::kExited, code});
}
void FakeExecutor::Lose(const std::string& key, const std::string& why) {
  End(key, {LaunchPhase::kLost, 0, why});
}
void FakeExecutor::Refuse(const std::string& key, const std::string& why) {
  End(key, {LaunchPhase::kRefused, 0, why});
}

void FakeExecutor::ExitAll(int code) {
  std::vector<std::string> keys;
  {
    MutexLock lock(mu_);
    for (const auto& [key, entry] : entries_) {
      if (entry.state.phase == LaunchPhase::kRunning) keys.push_back(key);
    }
  }
  for (const std::string& key : keys) Exit(key, code);
}

std::vector<LaunchSpec> FakeExecutor::launches() const {
  MutexLock lock(mu_);
  return launches_;
}

bool FakeExecutor::IsRunning(const std::string& key) const {
  MutexLock lock(mu_);
  const auto it = entries_.find(key);
  return it != entries_.end() && it->second.state.phase == LaunchPhase::kRunning;
}

std::optional<std::chrono::milliseconds> FakeExecutor::stop_grace(const std::string& key) const {
  MutexLock lock(mu_);
  const auto it = entries_.find(key);
  return it == entries_.end() ? std::nullopt : it->second.stop;
}

void FakeExecutor::FailLaunches(int n) {
  MutexLock lock(mu_);
  failures_ = n;
}

}  // namespace clary::exec
