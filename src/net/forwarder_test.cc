#include "net/forwarder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

namespace clary::net {

struct Listening {
  Fd fd;
  std::string port;
};

Listening Listen() {
  Listening out{Fd(::socket(AF_INET, SOCK_STREAM, 0)), ""};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  EXPECT_EQ(::bind(out.fd.get(), address, length), 0);
  EXPECT_EQ(::listen(out.fd.get(), 16), 0);
  EXPECT_EQ(::getsockname(out.fd.get(), address, &length), 0);
  out.port = std::to_string(ntohs(at.sin_port));
  return out;
}

Fd ConnectTo(const std::string& port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  return fd;
}

std::string ReadToEnd(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    out.append(buffer, static_cast<size_t>(n));
  }
  return out;
}

TEST(ForwarderTest, CarriesBytesBothWaysAndEnds) {
  const Listening service = Listen();
  Listening door = Listen();
  std::vector<Forwarder::Route> routes;
  routes.push_back({std::move(door.fd), "127.0.0.1", service.port});
  auto forwarder = Forwarder::Start(std::move(routes));
  ASSERT_TRUE(forwarder.has_value());
  const std::string big(3 << 20, 'x');
  // The service answers with what it got, when the client has said all.
  std::jthread server([&] {
    for (int i = 0; i < 2; ++i) {
      const Fd one(::accept(service.fd.get(), nullptr, nullptr));
      const std::string got = ReadToEnd(one.get());
      EXPECT_TRUE(WriteAll(one.get(), got + "!").has_value());
    }
  });
  for (int i = 0; i < 2; ++i) {
    const Fd client = ConnectTo(door.port);
    ASSERT_TRUE(WriteAll(client.get(), big).has_value());
    ::shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(ReadToEnd(client.get()), big + "!");
  }
}

TEST(ForwarderTest, ClosesWhatCannotBeConnectedAndEndsOpenConnectionsItself) {
  std::string gone;
  {
    gone = Listen().port;
  }
  Listening door = Listen();
  std::vector<Forwarder::Route> routes;
  routes.push_back({std::move(door.fd), "127.0.0.1", gone});
  auto forwarder = Forwarder::Start(std::move(routes));
  ASSERT_TRUE(forwarder.has_value());
  EXPECT_EQ(ReadToEnd(ConnectTo(door.port).get()), "");

  const Listening service = Listen();
  Listening other = Listen();
  routes.clear();
  routes.push_back({std::move(other.fd), "127.0.0.1", service.port});
  forwarder = Forwarder::Start(std::move(routes));
  ASSERT_TRUE(forwarder.has_value());
  const Fd client = ConnectTo(other.port);
  const Fd server(::accept(service.fd.get(), nullptr, nullptr));
  forwarder->reset();
  EXPECT_EQ(ReadToEnd(client.get()), "");
  EXPECT_EQ(ReadToEnd(server.get()), "");
}

TEST(ForwarderTest, FollowsAServiceThatMoves) {
  const Listening before = Listen();
  const Listening after = Listen();
  Listening door = Listen();
  std::atomic<bool> moved = false;
  std::vector<Forwarder::Route> routes;
  routes.push_back({std::move(door.fd), "127.0.0.1", before.port,
                    [&](std::string&, std::string& port) { port = moved ? after.port : port; }});
  auto forwarder = Forwarder::Start(std::move(routes));
  ASSERT_TRUE(forwarder.has_value());
  for (const Listening* now : {&before, &after}) {
    const Fd client = ConnectTo(door.port);
    const Fd server(::accept(now->fd.get(), nullptr, nullptr));
    ASSERT_TRUE(WriteAll(server.get(), now->port).has_value());
    ::shutdown(server.get(), SHUT_RDWR);
    EXPECT_EQ(ReadToEnd(client.get()), now->port);
    moved = true;
  }
}

}  // namespace clary::net
