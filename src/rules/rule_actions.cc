#include "rules/internal/rule_actions.h"

#include <nlohmann/json.hpp>

#include "api/notify_settings.h"
#include "base/strings.h"
#include "net/mail.h"
#include "net/webhook.h"

namespace clary::rules {
namespace {

using nlohmann::json;

constexpr size_t kMaxActions = 20;

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

// An error of sending, for people.
Status NotSent(const Error& error) {
  return Fail(error.code, error.reason, "not sent: " + error.message);
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
  const auto config = api::ReadNotifySettings(settings);
  if (!config) return NotSent(config.error());
  const std::string subject = "SMDebugRule:" + message.rule + " fired";
  const std::string body = "Rule " + message.rule + " of training job " + message.job_name +
                           " fired. " + message.details;
  if (!config->webhook.empty()) {
    const json document = {{"action", action.kind == RuleAction::Kind::kSms ? "sms" : "email"},
                           {"endpoint", action.target},
                           {"rule", message.rule},
                           {"training_job", message.job_name},
                           {"subject", subject},
                           {"message", body},
                           // What chat services show of a webhook.
                           {"text", subject + ": " + body}};
    const Status sent = net::PostWebhook(
        config->webhook, document.dump(-1, ' ', false, json::error_handler_t::replace));
    return sent ? sent : NotSent(sent.error());
  }
  if (action.kind == RuleAction::Kind::kEmail && config->smtp) {
    const Status sent = net::SendMail(
        {.url = config->smtp->url, .user = config->smtp->user, .password = config->smtp->password},
        {.from = config->smtp->from, .to = action.target, .subject = subject, .body = body});
    return sent ? sent : NotSent(sent.error());
  }
  return Fail(Code::kFailedPrecondition, "NotConfigured",
              action.kind == RuleAction::Kind::kSms
                  ? "not sent: this service has no webhook for text messages configured"
                  : "not sent: this service has neither a webhook nor a mail server configured");
}

}  // namespace clary::rules
