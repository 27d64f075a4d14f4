// Messages to SNS topics that requests name. There is no SNS here: the operator's webhook gets them
// (docs/operations.md, "Notifications"), in the form of SNS's own HTTP notifications.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"

namespace clary::server {

// Sends on a thread of its own, in the order of Tell(). At most 1000 messages wait; what does not
// fit, and what waits when it goes, is not sent. Any thread.
class Topics {
 public:
  Topics(std::filesystem::path settings, Clock& clock);
  ~Topics();
  // `message` is JSON. `done` is told how it went, on another thread or before this returns;
  // kFailedPrecondition "NotConfigured" if there is no webhook; kResourceExhausted "TooMany".
  void Tell(std::string topic, std::string message, std::function<void(const Status&)> done)
      EXCLUDES(mu_);

 private:
  struct Message {
    std::string topic;
    std::string text;
    std::function<void(const Status&)> done;
  };
  void Run(const std::stop_token& stop) EXCLUDES(mu_);
  Status Send(const Message& message, const std::stop_token& stop);

  const std::filesystem::path settings_;
  Clock& clock_;
  Mutex mu_;
  std::condition_variable_any changed_;
  std::deque<Message> waiting_ GUARDED_BY(mu_);
  std::jthread thread_ GUARDED_BY(mu_);  // started by the first message
};

}  // namespace clary::server
