// Jobs with real processes, for tests.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "objects/file_store.h"
#include "runner/internal/host_set.h"
#include "runner/program.h"
#include "runner/runner.h"

namespace clary::runner {

template <typename Condition>
bool WaitFor(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline bool HasSandbox() { return SandboxProbe::Start(Network::kNone).Wait().empty(); }

// A job in a state directory of its own; it runs in a forked process, as `clary runner` does.
class JobWorld {
 protected:
  void MakeWorld() {
    ASSERT_TRUE(MakeDirectories(job_dir()).has_value());
    spec_.job_name = "j";
    spec_.region = "us-east-1";
    spec_.instance_type = "ml.m5.large";
    spec_.output_uri = "s3://bkt/out";
    spec_.store = (home() / "objects").string();
    spec_.log_root = (home() / "logs").string();
    spec_.log_group = "/aws/sagemaker/TrainingJobs";
    spec_.log_stream = "j/algo-1-1";
    spec_.channels = {{.name = "train", .s3_uri = "s3://bkt/in/train.csv", .content_type = "csv"}};
    store_ = *objects::FileStore::Open(home() / "objects");
    ASSERT_TRUE(store_->CreateBucket("bkt", "us-east-1").has_value());
    Put("in/train.csv", "1,2\n0,3\n");
  }
  std::filesystem::path home() const { return temp_.path(); }
  std::filesystem::path job_dir() const { return temp_.path() / "jobs/j"; }
  void Put(const std::string& key, const std::string& text) {
    ASSERT_TRUE(store_->Put({"bkt", key}, *NewStringSource(text)).has_value());
  }
  std::string Object(const std::string& key) {
    auto got = store_->Get({"bkt", key});
    return got ? *ReadAll(*got->body, 1 << 20) : "!" + got.error().reason;
  }
  // Lists "name content" of each file of a tar.gz object.
  std::string Unpack(const std::string& key) {
    std::ofstream(home() / "x.tgz", std::ios::binary) << Object(key);
    const std::string command = "cd " + home().string() +
                                " && rm -rf x && mkdir x && tar xzf x.tgz -C x && cd x && "
                                "find . -type f | LC_ALL=C sort | while read f; do echo \"$f $(cat "
                                "$f)\"; done > ../x.txt";
    if (std::system(command.c_str()) != 0) return "!";
    return ReadFile(home() / "x.txt", 1 << 20).value_or("!");
  }

  pid_t Start(const std::string& script) {
    options_.program = {"/bin/sh", "-c", script};
    return StartProgram();
  }
  pid_t StartProgram() {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    if (before_) before_();
    if (spec_.hosts.size() > 1) {
      const auto all = RunHosts(spec_, job_dir(), Clock::System(), options_);
      ::_exit(all ? *all : 98);
    }
    auto store = objects::FileStore::Open(spec_.store);
    auto log = meta::LogWriter::Open(spec_.log_root, spec_.log_group, spec_.log_stream);
    if (!store || !log) ::_exit(99);
    const auto ended =
        RunJob(spec_, job_dir(), {**store, std::move(*log), Clock::System()}, options_);
    ::_exit(ended ? *ended : 98);
  }
  int Wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  int RunScript(const std::string& script) { return Wait(Start(script)); }

  std::vector<api::JobEvent> Events() {
    uint64_t offset = 0;
    auto events = api::ReadEvents(job_dir() / "events.jsonl", &offset);
    return events ? *events : std::vector<api::JobEvent>();
  }
  std::string Kinds() {
    std::string out;
    for (const api::JobEvent& e : Events()) {
      out += e.kind == api::JobEvent::Kind::kPhase      ? e.phase + " "
             : e.kind == api::JobEvent::Kind::kArtifact ? "artifact "
                                                        : "end";
    }
    return out;
  }
  api::JobEvent End() {
    const auto events = Events();
    return events.empty() ? api::JobEvent{} : events.back();
  }
  std::string Log() { return LogOf(spec_.log_stream); }
  std::string LogOf(const std::string& stream) {
    const auto page = meta::LogStore(spec_.log_root).Read(spec_.log_group, stream, {});
    std::string out;
    if (page) {
      for (const auto& e : page->events) out += e.message + "\n";
    }
    return out;
  }

  // In memory if possible: these tests are about processes, not about how fast a disk syncs.
  TempDir temp_ = *TempDir::Make(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  api::JobSpec spec_;
  RunOptions options_;
  std::function<void()> before_;  // in the process of a job, before it begins
  std::unique_ptr<objects::FileStore> store_;
};

}  // namespace clary::runner
