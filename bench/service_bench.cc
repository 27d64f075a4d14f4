// Requests a second of one API call over kept connections: what a polling client costs the service.
//
//   service_bench ENDPOINT HOME OPERATION BODY [CONNECTIONS=32] [SECONDS=5] [RATE=0] [NAMES=1]
//   service_bench http://127.0.0.1:8460 ~/.clary DescribeTrainingJob '{"TrainingJobName":"job"}'
//   service_bench http://127.0.0.1:8460 ~/.clary /endpoints/e/invocations "$(cat row.csv)" 16 10
//   1000
//
// An OPERATION that begins with / is a path, and BODY rows of CSV. With a RATE (requests a second
// of all connections) latencies count from when a request was due, so that a stall is not left out.
// With NAMES, "{n}" in the body is one of so many numbers of six digits, another in each request.
// A request is signed once (a signature is good for 15 minutes); each connection sends it again
// as soon as it has the answer, so the numbers are those of the service, signature check included.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/strings.h"
#include "net/sigv4.h"
#include "server/identity.h"

namespace {

using SteadyClock = std::chrono::steady_clock;

int Connect(const std::string& host, uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(host == "127.0.0.1" || host == "localhost" ? INADDR_LOOPBACK : 0);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return -1;
  return fd;
}

// One answer with Content-Length; its status, or 0 when the connection broke.
int ReadAnswer(int fd, std::string& buffer) {
  buffer.clear();
  char chunk[16384];
  size_t want = SIZE_MAX;
  while (buffer.size() < want) {
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n <= 0) return 0;
    buffer.append(chunk, static_cast<size_t>(n));
    if (want != SIZE_MAX) continue;
    const size_t end = buffer.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::string head = clary::ToLower(buffer.substr(0, end));
    const size_t at = head.find("content-length: ");
    want =
        end + 4 + (at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10));
  }
  return std::atoi(buffer.c_str() + 9);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr,
                 "usage: %s ENDPOINT HOME OPERATION BODY [CONNECTIONS] [SECONDS] [RATE] "
                 "[NAMES]\n",
                 argv[0]);
    return 2;
  }
  const std::string authority = std::string(argv[1]).substr(std::strlen("http://"));
  const auto port = static_cast<uint16_t>(std::atoi(authority.c_str() + authority.find(':') + 1));
  const std::string host = authority.substr(0, authority.find(':'));
  const std::string pattern = argv[4];
  const int connections = argc > 5 ? std::atoi(argv[5]) : 32;
  const std::chrono::seconds seconds(argc > 6 ? std::atoi(argv[6]) : 5);
  const double rate = argc > 7 ? std::atof(argv[7]) : 0;
  const int names = argc > 8 ? std::max(1, std::atoi(argv[8])) : 1;
  const bool rest = argv[3][0] == '/';
  const std::string path = rest ? argv[3] : "/";
  const auto account = clary::server::LoadOrCreateAccount(argv[2]);
  if (!account) {
    std::fprintf(stderr, "%s\n", account.error().message.c_str());
    return 1;
  }

  std::vector<std::string> requests;
  for (int n = 0; n < names; ++n) {
    std::string body = pattern;
    if (const size_t at = body.find("{n}"); names > 1 && at != std::string::npos) {
      const std::string number = std::to_string(n);
      body.replace(at, 3, std::string(6 - std::min<size_t>(6, number.size()), '0') + number);
    }
    clary::net::Headers headers;
    headers.Set("Host", authority);
    headers.Set("Content-Type", rest ? "text/csv" : "application/x-amz-json-1.1");
    if (!rest) headers.Set("X-Amz-Target", std::string("SageMaker.") + argv[3]);
    const auto signature = clary::net::SignHeaders(
        {.access_key = account->access_key_id,
         .secret_key = account->secret_access_key,
         .region = account->region,
         .service = "sagemaker"},
        {.method = "POST", .path = path, .raw_query = "", .headers = &headers},
        clary::HexEncode(clary::Sha256(body)), clary::Clock::System().Now());
    std::string request = "POST " + path + " HTTP/1.1\r\n";
    for (const auto& [name, value] : signature.all()) headers.Set(name, value);
    for (const auto& [name, value] : headers.all()) request += name + ": " + value + "\r\n";
    requests.push_back(request + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                       body);
  }

  std::atomic<bool> stop = false;
  std::atomic<int> failures = 0;
  std::vector<std::vector<double>> latencies(static_cast<size_t>(connections));
  std::vector<std::jthread> threads;
  const auto began = SteadyClock::now();
  for (auto& mine : latencies) {
    const auto place = static_cast<double>(&mine - latencies.data());
    threads.emplace_back([&, place] {
      const int fd = Connect(host, port);
      std::string answer;
      for (double n = 0; !stop; ++n) {
        auto sent = SteadyClock::now();
        if (rate > 0) {
          const std::chrono::duration<double> due((place + n * connections) / rate);
          sent = began + std::chrono::duration_cast<SteadyClock::duration>(due);
          std::this_thread::sleep_until(sent);
        }
        // Steps of a prime visit all names in an order that no cache knows.
        const std::string& request =
            requests[static_cast<size_t>(place * 7919 + n * 7907) % requests.size()];
        if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
                static_cast<ssize_t>(request.size()) ||
            ReadAnswer(fd, answer) != 200) {
          ++failures;
          break;
        }
        mine.push_back(
            std::chrono::duration<double, std::milli>(SteadyClock::now() - sent).count());
      }
      ::close(fd);
    });
  }
  std::this_thread::sleep_for(seconds);
  stop = true;
  threads.clear();
  const double took = std::chrono::duration<double>(SteadyClock::now() - began).count();
  std::vector<double> all;
  for (const auto& mine : latencies) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  const auto at = [&](double q) {
    return all.empty() ? 0.0 : all[static_cast<size_t>(q * static_cast<double>(all.size() - 1))];
  };
  std::printf(
      "%d connections, %.1f s: %.0f requests/s; ms: p50 %.2f p99 %.2f max %.2f; failures %d\n",
      connections, took, static_cast<double>(all.size()) / took, at(0.5), at(0.99), at(1.0),
      failures.load());
  return failures == 0 ? 0 : 1;
}
