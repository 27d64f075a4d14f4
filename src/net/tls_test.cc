#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "net/ca.h"
#include "net/client.h"
#include "net/server.h"

namespace clary::net {
namespace {

using namespace std::chrono_literals;

// libcurl's word for this version as the lowest and, shifted by 16, as the highest.
constexpr long kOnlyTls11 = long{CURL_SSLVERSION_TLSv1_1} * 0x10001;

struct Answer {
  CURLcode code = CURLE_OK;
  long status = 0;   // of the request
  long connect = 0;  // of CONNECT
  std::string body;
};

struct Fetch {
  std::string url;
  std::string proxy = {};
  std::string ca_file = {};
  long min_tls = CURL_SSLVERSION_DEFAULT;
  std::string upload = {};
};

size_t Append(char* data, size_t, size_t n, void* out) {
  static_cast<std::string*>(out)->append(data, n);
  return n;
}

// libcurl is a client that we did not write.
Answer Get(const Fetch& f) {
  CURL* curl = curl_easy_init();
  Answer a;
  curl_easy_setopt(curl, CURLOPT_URL, f.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, f.proxy.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
  curl_easy_setopt(curl, CURLOPT_CAINFO, f.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, f.min_tls);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a.body);
  if (!f.upload.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(f.upload.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, f.upload.data());
  }
  a.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
  curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &a.connect);
  curl_easy_cleanup(curl);
  return a;
}

// What one server read, in one string.
std::string Exchange(uint16_t port, const std::string& bytes) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in addr{};
  addr.sin_family = AF_INET;
  addr.sin_port = htons(port);
  addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&addr), sizeof addr) != 0) return "";
  if (!WriteAll(fd.get(), bytes)) return "";
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
    out.append(buffer, static_cast<size_t>(n));
  }
  return out;
}

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Make();
    ASSERT_TRUE(dir);
    dir_.emplace(*std::move(dir));
    auto ca = CertificateAuthority::OpenOrCreate(dir_->path() / "ca", Clock::System());
    ASSERT_TRUE(ca) << ca.error().message;
    ca_ = *std::move(ca);
    server_ = Start({.ca = ca_});
  }

  std::unique_ptr<Server> Start(ConnectFront front, ServerOptions options = {}) {
    options.front = std::move(front);
    auto server = Server::Start(std::move(options), [](Request& r) {
      Response out;
      out.body = std::string(r.tls ? "tls " : "plain ") + r.method + " " + r.host + " " + r.path +
                 " " + ReadAll(*r.body, 64 << 20).value_or("?");
      return out;
    });
    EXPECT_TRUE(server) << server.error().message;
    return *std::move(server);
  }

  std::string Url(std::string_view scheme, std::string_view host = "127.0.0.1") const {
    return std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(server_->port());
  }
  std::string ca_file() const { return ca_->certificate_path(); }

  std::optional<TempDir> dir_;
  std::shared_ptr<CertificateAuthority> ca_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsTest, AnswersForAmazonThroughConnect) {
  for (const char* host : {"sts.us-east-1.amazonaws.com",
                           "a-very-long-bucket-name-of-more-than-"
                           "sixty-four-characters-in-all.s3.us-"
                           "east-1.amazonaws.com"}) {
    const Answer a = Get({.url = std::string("https://") + host + "/x?y=1",
                          .proxy = Url("http"),
                          .ca_file = ca_file(),
                          .upload = "body"});
    ASSERT_EQ(a.code, CURLE_OK) << curl_easy_strerror(a.code);
    EXPECT_EQ(a.connect, 200);
    EXPECT_EQ(a.body, std::string("tls POST ") + host + " /x body");
  }
}

TEST_F(TlsTest, ServesTlsOnTheSamePort) {
  for (const std::string& url : {Url("https"), Url("https", "localhost")}) {
    const Answer a = Get({.url = url + "/p", .ca_file = ca_file()});
    ASSERT_EQ(a.code, CURLE_OK) << url << " " << curl_easy_strerror(a.code);
    EXPECT_TRUE(a.body.starts_with("tls GET ")) << a.body;
  }
  EXPECT_TRUE(Get({.url = Url("http")}).body.starts_with("plain GET 127.0.0.1 /"));
  const Answer old = Get({.url = Url("https"), .ca_file = ca_file(), .min_tls = kOnlyTls11});
  EXPECT_NE(old.code, CURLE_OK);
}

TEST_F(TlsTest, BigBodiesBothWays) {
  const std::string big(5'000'000, 'z');
  const Answer a = Get({.url = Url("https") + "/", .ca_file = ca_file(), .upload = big});
  ASSERT_EQ(a.code, CURLE_OK) << curl_easy_strerror(a.code);
  EXPECT_EQ(a.body.size(), std::string("tls POST 127.0.0.1 / ").size() + big.size());
}

TEST_F(TlsTest, AStrangerIsNotTrusted) {
  const auto other = CertificateAuthority::OpenOrCreate(dir_->path() / "other", Clock::System());
  ASSERT_TRUE(other);
  const Answer a = Get({.url = "https://sts.amazonaws.com/",
                        .proxy = Url("http"),
                        .ca_file = (*other)->certificate_path()});
  EXPECT_EQ(a.code, CURLE_PEER_FAILED_VERIFICATION);
}

TEST_F(TlsTest, RefusesOtherHosts) {
  const Answer a = Get({.url = "https://example.org/", .proxy = Url("http"), .ca_file = ca_file()});
  EXPECT_EQ(a.connect, 403);
  const std::string text = Exchange(
      server_->port(), "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 403")) << text;
  EXPECT_NE(text.find("example.org"), std::string::npos);
  for (const char* host : {"evilamazonaws.com", "amazonaws.com.evil.org"}) {
    EXPECT_TRUE(Exchange(server_->port(),
                         std::string("CONNECT ") + host + ":443 HTTP/1.1\r\nHost: a\r\n\r\n")
                    .starts_with("HTTP/1.1 403"))
        << host;
  }
  EXPECT_TRUE(Exchange(server_->port(), "CONNECT sts.amazonaws.com HTTP/1.1\r\nHost: a\r\n\r\n")
                  .starts_with("HTTP/1.1 400"));
}

TEST_F(TlsTest, AnswersAbsoluteFormAsOrigin) {
  const Answer a = Get({.url = "http://s3.amazonaws.com/b/k", .proxy = Url("http")});
  EXPECT_EQ(a.body, "plain GET s3.amazonaws.com /b/k ");
  EXPECT_EQ(Get({.url = "http://example.org/", .proxy = Url("http")}).status, 403);
}

TEST_F(TlsTest, TunnelsWhenAllowed) {
  auto front = Start({.ca = ca_, .tunnel_others = true});
  const std::string proxy = "http://127.0.0.1:" + std::to_string(front->port());
  // server_ is the other host.
  const Answer a = Get({.url = Url("https", "localhost") + "/far",
                        .proxy = proxy,
                        .ca_file = ca_file(),
                        .upload = std::string(1'000'000, 'u')});
  ASSERT_EQ(a.code, CURLE_OK) << curl_easy_strerror(a.code);
  EXPECT_EQ(a.connect, 200);
  EXPECT_TRUE(a.body.starts_with("tls POST localhost /far uuu"));
  const Answer dead = Get({.url = "https://127.0.0.1:1/", .proxy = proxy});
  EXPECT_EQ(dead.connect, 502);
  front->Stop();
}

TEST_F(TlsTest, HalfAHandshakeTimesOut) {
  auto server = Start({.ca = ca_}, {.handler_threads = 1, .head_timeout = 100ms});
  EXPECT_EQ(Exchange(server->port(), std::string("\x16\x03\x01\x02\x00", 5)), "");
  EXPECT_TRUE(Exchange(server->port(), "CONNECT a.amazonaws.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
                  .starts_with("HTTP/1.1 200"));
}

TEST_F(TlsTest, OurOwnClientTrustsTheBundle) {
  const auto client = *HttpClient::Create({.ca_bundle = ca_->bundle_path()});
  const auto a = client->Send({.url = Url("https") + "/"});
  ASSERT_TRUE(a) << a.error().message;
  const auto strict = *HttpClient::Create();
  EXPECT_EQ(strict->Send({.url = Url("https") + "/"}).error().reason, "TlsVerification");
}

TEST(CertificateAuthority, KeepsItsFiles) {
  const auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const auto path = dir->path() / "ca";
  ManualClock clock;
  const auto read = [&](const char* name) { return ReadFile(path / name, 10 << 20).value_or(""); };
  ASSERT_TRUE(CertificateAuthority::OpenOrCreate(path, clock));
  const std::string first = read("ca.pem");
  struct stat info{};
  ASSERT_EQ(::stat((path / "ca-key.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(read("bundle.pem").starts_with(first));
  ASSERT_TRUE(CertificateAuthority::OpenOrCreate(path, clock));
  EXPECT_EQ(read("ca.pem"), first);

  // A crash left a key without its certificate, or somebody broke a file: a new pair.
  ASSERT_TRUE(WriteFileAtomic(path / "ca-key.pem", "-----BEGIN", 0600));
  ASSERT_TRUE(CertificateAuthority::OpenOrCreate(path, clock));
  const std::string second = read("ca.pem");
  EXPECT_NE(second, first);
  ASSERT_TRUE(WriteFileAtomic(path / "ca.pem", first));
  ASSERT_TRUE(CertificateAuthority::OpenOrCreate(path, clock));
  EXPECT_NE(read("ca.pem"), first);
  EXPECT_TRUE(read("bundle.pem").starts_with(read("ca.pem")));

  const std::string third = read("ca.pem");
  clock.Advance(std::chrono::hours(24 * 3640));
  ASSERT_TRUE(CertificateAuthority::OpenOrCreate(path, clock));
  EXPECT_NE(read("ca.pem"), third) << "it ends soon, so it should be renewed";
}

}  // namespace
}  // namespace clary::net
