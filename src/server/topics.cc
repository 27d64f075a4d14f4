#include "server/topics.h"

#include <fmt/format.h>

#include <utility>

#include "api/notify_settings.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/webhook.h"

namespace clary::server {
namespace {

constexpr size_t kMostMessages = 1000;

}  // namespace

Topics::Topics(std::filesystem::path settings, Clock& clock)
    : settings_(std::move(settings)), clock_(clock) {}

Topics::~Topics() {
  std::jthread thread;
  {
    const MutexLock lock(mu_);
    thread = std::move(thread_);
    if (!waiting_.empty()) {
      LOG(kWarn, "messages to topics are not sent: the service ends",
          {"messages", waiting_.size()});
    }
  }
}

void Topics::Tell(std::string topic, std::string message, std::function<void(const Status&)> done) {
  {
    const MutexLock lock(mu_);
    if (waiting_.size() < kMostMessages) {
      if (!thread_.joinable()) {
        thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
      }
      waiting_.push_back({std::move(topic), std::move(message), std::move(done)});
      changed_.notify_one();
      return;
    }
  }
  done(Fail(Code::kResourceExhausted, "TooMany", "too many messages wait for the webhook"));
}

void Topics::Run(const std::stop_token& stop) {
  for (;;) {
    Message message;
    {
      MutexLock lock(mu_);
      const bool any =
          changed_.wait(lock, stop, [this]() REQUIRES(mu_) { return !waiting_.empty(); });
      if (!any || stop.stop_requested()) return;
      message = std::move(waiting_.front());
      waiting_.pop_front();
    }
    message.done(Send(message, stop));
  }
}

Status Topics::Send(const Message& message, const std::stop_token& stop) {
  CLARY_TRY(const auto settings, api::ReadNotifySettings(settings_));
  if (settings.webhook.empty()) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "this service has no webhook for messages to topics configured");
  }
  return net::PostWebhook(
      settings.webhook,
      fmt::format(R"({{"Type":"Notification","MessageId":{},"TopicArn":{},"Message":{},)"
                  R"("Timestamp":"{}","text":{}}})",
                  JsonQuote(RandomId()), JsonQuote(message.topic), JsonQuote(message.text),
                  FormatIso8601(clock_.Now()),
                  // What chat services show of a webhook.
                  JsonQuote(message.topic + ": " + message.text)),
      stop);
}

}  // namespace clary::server
