#include "rules/internal/rule_actions.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"
#include "net/client.h"
#include "net/mail.h"

namespace clary::rules {
namespace {

using nlohmann::json;

constexpr size_t kMaxActions = 20;
constexpr uint64_t kMaxSettings = 1 << 16;
constexpr Duration kSendLimit{15'000};

std::unexpected<Error> Bad(const std::string& what) {
  return Fail(Code::kInvalidArgument, "BadAction", "action_json: " + what);
}

std::string Text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"') continue;
    out.push_back(text[i]);
  }
  return out;
}

Status PostWebhook(const std::string& url, const RuleAction& action, const RuleMessage& message,
                   const std::string& subject, const std::string& body) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "not sent: the webhook of the notification settings is no http(s) URL");
  }
  CLARY_TRY(const auto client, net::HttpClient::Create({.total_timeout = kSendLimit}));
  net::ClientRequest request{.method = "POST", .url = url};
  request.headers.Set("Content-Type", "application/json");
  request.body = json{{"action", action.kind == RuleAction::Kind::kSms ? "sms" : "email"},
                      {"endpoint", action.target},
                      {"rule", message.rule},
                      {"training_job", message.job_name},
                      {"subject", subject},
                      {"message", body},
                      // What chat services show of a webhook.
                      {"text", subject + ": " + body}}
                     .dump(-1, ' ', false, json::error_handler_t::replace);
  const auto answer = client->Send(request);
  // The URL may hold a key: it is in no message.
  if (!answer) {
    return Fail(answer.error().code, answer.error().reason,
                "not sent: the webhook cannot be reached (" + answer.error().reason + ")");
  }
  if (answer->status / 100 == 2) return {};
  return Fail(Code::kUnavailable, "Refused",
              "not sent: the webhook answered with status " + std::to_string(answer->status));
}

}  // namespace

Result<std::vector<RuleAction>> ParseActions(std::string_view action_json) {
  std::vector<RuleAction> actions;
  if (Trim(action_json).empty()) return actions;
  json list = json::parse(action_json, nullptr, false);
  if (list.is_discarded()) list = json::parse(Unescape(action_json), nullptr, false);
  if (list.is_object()) list = json::array({list});
  if (!list.is_array()) return Bad("it is no JSON list of actions");
  if (list.size() > kMaxActions) return Bad("more than 20 actions");
  for (const json& item : list) {
    if (!item.is_object()) return Bad("an action is no JSON object");
    const std::string name = ToLower(Text(item, "name"));
    RuleAction action;
    const char* member = "endpoint";
    if (name == "stoptraining") {
      member = "training_job_prefix";
    } else if (name == "email") {
      action.kind = RuleAction::Kind::kEmail;
    } else if (name == "sms") {
      action.kind = RuleAction::Kind::kSms;
    } else {
      return Bad("there is no action '" + name + "'; there are stoptraining, email and sms");
    }
    action.target = Text(item, member);
    if (action.target.empty()) return Bad("action '" + name + "' needs a '" + member + "'");
    actions.push_back(std::move(action));
  }
  return actions;
}

bool StopsJob(const RuleAction& action, std::string_view job_name) {
  return action.kind == RuleAction::Kind::kStopTraining &&
         ToLower(job_name).starts_with(ToLower(action.target));
}

Status SendNotification(const RuleAction& action, const RuleMessage& message,
                        const std::filesystem::path& settings) {
  const auto text = ReadFile(settings, kMaxSettings);
  if (!text && text.error().code != Code::kNotFound) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "not sent: the notification settings of the service cannot be read");
  }
  const json config = text ? json::parse(*text, nullptr, false) : json::object();
  if (!config.is_object()) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "not sent: the notification settings of the service are no JSON object");
  }
  const std::string subject = "SMDebugRule:" + message.rule + " fired";
  const std::string body = "Rule " + message.rule + " of training job " + message.job_name +
                           " fired. " + message.details;
  if (const std::string url = Text(config, "webhook"); !url.empty()) {
    return PostWebhook(url, action, message, subject, body);
  }
  const json mail = config.value("smtp", json());
  if (action.kind == RuleAction::Kind::kEmail && mail.is_object()) {
    const Status sent = net::SendMail(
        {.url = Text(mail, "url"),
         .user = Text(mail, "user"),
         .password = Text(mail, "password"),
         .timeout = kSendLimit},
        {.from = Text(mail, "from"), .to = action.target, .subject = subject, .body = body});
    if (sent) return {};
    return Fail(sent.error().code, sent.error().reason, "not sent: " + sent.error().message);
  }
  return Fail(Code::kFailedPrecondition, "NotConfigured",
              action.kind == RuleAction::Kind::kSms
                  ? "not sent: this service has no webhook for text messages configured"
                  : "not sent: this service has neither a webhook nor a mail server configured");
}

}  // namespace clary::rules
