// Follows the log streams of one job; remembers how far it has read.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "clary/training_job.h"
#include "client/internal/aws_client.h"

namespace clary::client {

class LogTail {
 public:
  using Tell = std::function<void(int host, const LogEvent& event)>;

  LogTail(AwsClient& aws, std::string group, std::string job)
      : aws_(aws), group_(std::move(group)), job_(std::move(job)) {}

  // Hands out every line that has come since the last call. A group or stream that is not there
  // yet has no lines. Returns whether there was any.
  Result<bool> Drain(size_t hosts, const Tell& tell);

 private:
  struct Stream {
    std::string name;
    int host = 1;
    std::string token;
  };

  Status FindStreams();
  Result<bool> DrainStream(Stream& stream, const Tell& tell);

  AwsClient& aws_;
  std::string group_;
  std::string job_;
  std::vector<Stream> streams_;
};

}  // namespace clary::client
