#include "net/mail.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/file.h"
#include "base/strings.h"

namespace clary::net {
namespace {

// A mail server for one mail: takes everything, or refuses every recipient.
class MailSink {
 public:
  explicit MailSink(bool refuse = false) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    url = "smtp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::jthread([this, refuse] { Serve(refuse); });
  }
  // What the client sent, once it has gone.
  std::string Received() {
    thread_.join();
    return received_;
  }
  std::string url;

 private:
  void Serve(bool refuse) {
    const Fd client(::accept(listener_.get(), nullptr, nullptr));
    const auto say = [&](std::string_view line) {
      (void)WriteAll(client.get(), std::string(line) + "\r\n");
    };
    say("220 sink");
    std::string rest;
    bool data = false;
    char buffer[4096];
    for (ssize_t n; (n = ::read(client.get(), buffer, sizeof buffer)) > 0;) {
      rest.append(buffer, static_cast<size_t>(n));
      for (size_t lf; (lf = rest.find("\r\n")) != std::string::npos; rest.erase(0, lf + 2)) {
        const std::string line = rest.substr(0, lf);
        received_ += line + "\n";
        if (data) {
          if (line != ".") continue;
          data = false;
          say("250 taken");
        } else if (line.starts_with("DATA")) {
          data = true;
          say("354 go on");
        } else if (refuse && line.starts_with("RCPT")) {
          say("550 nobody here");
        } else {
          say(line.starts_with("QUIT") ? "221 bye" : "250 fine");
        }
      }
    }
  }
  const Fd listener_;
  std::string received_;
  std::jthread thread_;
};

Mail Letter() {
  return {.from = "clary@example.org",
          .to = "you@example.org",
          .subject = "Overfit fired \xC3\xA4",
          .body = "What was found."};
}

TEST(SendMail, HandsTheMailOver) {
  MailSink sink;
  const Status sent = SendMail({.url = sink.url}, Letter());
  ASSERT_TRUE(sent) << sent.error().message;
  const std::string said = sink.Received();
  EXPECT_TRUE(said.contains("MAIL FROM:<clary@example.org>")) << said;
  EXPECT_TRUE(said.contains("RCPT TO:<you@example.org>"));
  EXPECT_TRUE(said.contains("To: <you@example.org>"));
  EXPECT_TRUE(said.contains(Base64Encode("What was found.")));
  EXPECT_TRUE(said.contains("=?utf-8?B?" + Base64Encode("Overfit fired \xC3\xA4") + "?="));
}

TEST(SendMail, TellsWhatTheServerSaid) {
  MailSink sink(/*refuse=*/true);
  const Status sent = SendMail({.url = sink.url}, Letter());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, "MailFailed");
  EXPECT_TRUE(sent.error().message.contains("550")) << sent.error().message;
}

TEST(SendMail, NeverSendsAPasswordInTheClear) {
  MailSink sink;
  const Status sent = SendMail({.url = sink.url, .user = "me", .password = "geheim"}, Letter());
  ASSERT_FALSE(sent) << "the server has no TLS";
  EXPECT_FALSE(sent.error().message.contains("geheim"));
  EXPECT_FALSE(sink.Received().contains("AUTH"));
}

TEST(SendMail, RefusesAddressesThatAreNone) {
  for (const char* address : {"", "nobody", "a@b\r\nRCPT TO:<c@d>", "a@b> x", "a@b, c@d"}) {
    Mail letter = Letter();
    letter.to = address;
    EXPECT_EQ(SendMail({.url = "smtp://127.0.0.1:1"}, letter).error().reason, "BadAddress")
        << address;
  }
  EXPECT_EQ(SendMail({.url = "file:///etc/passwd"}, Letter()).error().reason, "NotConfigured");
  EXPECT_EQ(SendMail({.url = ""}, Letter()).error().reason, "NotConfigured");
}

}  // namespace
}  // namespace clary::net
