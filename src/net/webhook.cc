#include "net/webhook.h"

#include <utility>

#include "net/client.h"

namespace clary::net {

Status PostWebhook(const std::string& url, std::string document, std::stop_token stop) {
  constexpr Duration kWebhookLimit{15'000};
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "the webhook of the notification settings is no http(s) URL");
  }
  CLARY_TRY(const auto client, HttpClient::Create({.total_timeout = kWebhookLimit}));
  ClientRequest request{.method = "POST", .url = url, .stop = std::move(stop)};
  request.headers.Set("Content-Type", "application/json");
  request.body = std::move(document);
  const auto answer = client->Send(request);
  if (!answer) {
    return Fail(answer.error().code, answer.error().reason,
                "the webhook cannot be reached (" + answer.error().reason + ")");
  }
  if (answer->status / 100 == 2) return {};
  return Fail(Code::kUnavailable, "Refused",
              "the webhook answered with status " + std::to_string(answer->status));
}

}  // namespace clary::net
