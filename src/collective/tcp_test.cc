#include "collective/tcp.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "base/file.h"
#include "collective/collective.h"

namespace clary::collective {
namespace {

using testing::HasSubstr;

uint16_t FreePort() {
  const Fd fd(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t length = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

TcpOptions Options(size_t size, size_t rank, uint16_t port) {
  return {.hosts = std::vector<std::string>(size, "127.0.0.1"),
          .rank = static_cast<int>(rank),
          .port = port,
          .secret = "job",
          .meet = std::chrono::seconds(30)};
}

TEST(Tcp, HostsMeetAndPassWhatIsLargerThanTheirBuffers) {
  for (const size_t size : {1U, 2U, 5U}) {
    const uint16_t port = FreePort();
    std::vector<std::jthread> threads;
    for (size_t rank = 0; rank < size; ++rank) {
      threads.emplace_back([=] {
        auto end = MeetOverTcp(Options(size, rank, port));
        ASSERT_TRUE(end) << end.error().message;
        Collective hosts(*std::move(end));
        std::vector<uint64_t> sums(1'500'000, rank + 1);
        hosts.Sum(sums);
        EXPECT_EQ(sums.front(), size * (size + 1) / 2);
        EXPECT_EQ(sums.back(), size * (size + 1) / 2);
        std::vector<std::string> to;
        for (size_t k = 0; k < size; ++k) to.emplace_back(k * 1'000'003, static_cast<char>(rank));
        const auto from = hosts.Exchange(to);
        for (size_t k = 0; k < size; ++k) {
          EXPECT_EQ(from[k], std::string(rank * 1'000'003, static_cast<char>(k)));
        }
        EXPECT_TRUE(hosts.status());
      });
    }
  }
}

TEST(Tcp, AHostThatGoesEndsTheOthers) {
  const uint16_t port = FreePort();
  std::vector<std::jthread> threads;
  for (size_t rank = 0; rank < 3; ++rank) {
    threads.emplace_back([=] {
      auto end = MeetOverTcp(Options(3, rank, port));
      ASSERT_TRUE(end) << end.error().message;
      Collective hosts(*std::move(end));
      EXPECT_EQ(hosts.GatherEach(rank).size(), 3U);
      if (rank == 1) return;
      for (int i = 0; i < 3; ++i) hosts.GatherEach(rank);
      ASSERT_FALSE(hosts.status());
      EXPECT_EQ(hosts.status().error().reason, "HostLost");
    });
  }
}

TEST(Tcp, StrangersAreTurnedAway) {
  const uint16_t port = FreePort();
  std::jthread stranger([=] {
    TcpOptions options = Options(2, 1, port);
    options.secret = "another job";
    options.meet = std::chrono::seconds(2);
    EXPECT_FALSE(MeetOverTcp(options));
  });
  std::jthread friendly([=] { EXPECT_TRUE(MeetOverTcp(Options(2, 1, port))); });
  EXPECT_TRUE(MeetOverTcp(Options(2, 0, port)));
}

TEST(Tcp, WhoDoesNotComeIsNamed) {
  TcpOptions options = Options(2, 0, FreePort());
  options.hosts = {"127.0.0.1", "late-host"};
  options.meet = std::chrono::seconds(0);
  const auto met = MeetOverTcp(options);
  ASSERT_FALSE(met);
  EXPECT_THAT(met.error().message, HasSubstr("late-host"));
  options.rank = 1;
  const auto reached = MeetOverTcp(options);
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().reason, "HostLost");
  options.rank = 2;
  EXPECT_EQ(MeetOverTcp(options).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace clary::collective
