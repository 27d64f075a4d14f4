// Outbound mail over SMTP.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace clary::net {

struct MailServer {
  std::string url;   // "smtp://host:587" (TLS when the server offers it), "smtps://host"
  std::string user;  // empty: no authentication
  std::string password;
  Duration timeout{15'000};  // of the whole exchange
};

struct Mail {
  std::string from;  // addresses only, "a@b.c"
  std::string to;
  std::string subject;
  std::string body;  // UTF-8 text
};

// Hands one mail to the server, with a Date header of now. Blocks. kFailedPrecondition
// "NotConfigured" for a URL that is not SMTP, kInvalidArgument "BadAddress"; kUnavailable
// "MailFailed" with what the server or the network said. No message holds the password.
Status SendMail(const MailServer& server, const Mail& mail);

}  // namespace clary::net
