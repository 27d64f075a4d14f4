// A container that a test plays, on the socket of an instance's directory.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "api/server_spec.h"
#include "base/file.h"
#include "net/server.h"

namespace clary::server {

inline std::unique_ptr<net::Server> Container(const std::filesystem::path& directory, size_t index,
                                              net::Handler handler, size_t threads = 4) {
  EXPECT_TRUE(MakeDirectories(directory));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = api::SocketOf(directory, index).string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 1024), 0);
  return *net::Server::Start({.listener = std::move(fd), .handler_threads = threads},
                             std::move(handler));
}

inline net::Response Text(int status, std::string body, std::string type = "text/csv") {
  net::Response r{.status = status, .body = std::move(body)};
  r.headers.Set("Content-Type", std::move(type));
  return r;
}

}  // namespace clary::server
