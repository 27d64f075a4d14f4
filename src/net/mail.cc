#include "net/mail.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/strings.h"

namespace clary::net {
namespace {

struct Cleanup {
  void operator()(CURL* c) const { curl_easy_cleanup(c); }
  void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

// What may stand in an SMTP command and in a header: no line end, no space, no bracket.
bool IsAddress(std::string_view text) {
  return !text.empty() && text.size() <= 320 && text.contains('@') &&
         std::ranges::all_of(text, [](unsigned char c) {
           return c > ' ' && c != '<' && c != '>' && c != ',' && c != 0x7F;
         });
}

size_t ReadBody(char* to, size_t size, size_t count, void* rest) {
  auto& text = *static_cast<std::string_view*>(rest);
  const size_t n = std::min(size * count, text.size());
  std::memcpy(to, text.data(), n);
  text.remove_prefix(n);
  return n;
}

// RFC 2047; lets any text stand in a header.
std::string EncodedWord(std::string_view text) {
  return "=?utf-8?B?" + Base64Encode(text.substr(0, 200)) + "?=";
}

// RFC 2045, section 6.8: lines of at most 76 characters.
std::string Base64Lines(std::string_view text) {
  const std::string all = Base64Encode(text);
  std::string out;
  for (size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
  return out;
}

}  // namespace

Status SendMail(const MailServer& server, const Mail& mail) {
  if (!server.url.starts_with("smtp://") && !server.url.starts_with("smtps://")) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "the mail server's URL does not begin with smtp:// or smtps://");
  }
  for (const std::string& address : {mail.from, mail.to}) {
    if (!IsAddress(address)) {
      return Fail(Code::kInvalidArgument, "BadAddress",
                  "'" + address + "' is no address that mail can go to or come from");
    }
  }
  std::string date = FormatRfc1123(Clock::System().Now());
  if (date.ends_with("GMT")) date.replace(date.size() - 3, 3, "+0000");  // RFC 5322, section 3.3
  const std::string message = "Date: " + date + "\r\nFrom: <" + mail.from + ">\r\nTo: <" + mail.to +
                              ">\r\nSubject: " + EncodedWord(mail.subject) +
                              "\r\nMIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: base64\r\n\r\n" +
                              Base64Lines(mail.body);
  const std::unique_ptr<CURL, Cleanup> curl(curl_easy_init());
  const std::unique_ptr<curl_slist, Cleanup> to(
      curl_slist_append(nullptr, ("<" + mail.to + ">").c_str()));
  std::string_view rest = message;
  char detail[CURL_ERROR_SIZE] = "";
  const auto set = [&](CURLoption option, auto value) {
    curl_easy_setopt(curl.get(), option, value);
  };
  set(CURLOPT_URL, server.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_USE_SSL, static_cast<long>(server.user.empty() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  if (!server.user.empty()) {  // the password never goes over a plain connection
    set(CURLOPT_USERNAME, server.user.c_str());
    set(CURLOPT_PASSWORD, server.password.c_str());
  }
  set(CURLOPT_MAIL_FROM, ("<" + mail.from + ">").c_str());
  set(CURLOPT_MAIL_RCPT, to.get());
  set(CURLOPT_READFUNCTION, &ReadBody);
  set(CURLOPT_READDATA, static_cast<void*>(&rest));
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout.count()));
  set(CURLOPT_ERRORBUFFER, detail);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return {};
  long answer = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer);
  std::string why = *detail != '\0' ? detail : curl_easy_strerror(code);
  if (answer >= 400) why += " (the server answered " + std::to_string(answer) + ")";
  return Fail(Code::kUnavailable, "MailFailed", "the mail server did not take it: " + why);
}

}  // namespace clary::net
