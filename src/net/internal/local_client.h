// HTTP/1.1 to a server on this machine, over its Unix socket: what HttpClient is for such. Two
// system calls a request in the usual case, on connections that are kept.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "net/client.h"

namespace clary::net::internal {

// Any thread. Errors as HttpClient's. A kept connection that the server has closed meanwhile is not
// used; one that breaks later breaks the request, which may have been acted on.
class LocalClient : public std::enable_shared_from_this<LocalClient> {
 public:
  static Result<std::shared_ptr<LocalClient>> Create(const HttpClientOptions& options);
  Result<Response> Open(const ClientRequest& request);

 private:
  class Link;  // one connection
  class Body;
  LocalClient(const HttpClientOptions& options, Fd directory);
  Result<std::unique_ptr<Link>> Take();
  Result<std::unique_ptr<Link>> Connect() const;
  void Give(std::unique_ptr<Link> link);

  const HttpClientOptions options_;
  const Fd directory_;
  std::string path_;  // for connect(2): the directory is named by its descriptor
  Mutex mu_;
  std::vector<std::unique_ptr<Link>> idle_ GUARDED_BY(mu_);
};

}  // namespace clary::net::internal
