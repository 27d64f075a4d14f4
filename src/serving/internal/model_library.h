// The host side of a multi-model container: the models below a prefix of the object store, brought
// to the container as it asks for them. The container sees neither the store nor the network, only
// a socket and a folder that it cannot write to.
//
// On the socket, HTTP, with the model's name in X-Amzn-SageMaker-Target-Model:
//   GET /model          200 {"etag": E}: the model as it is now. 404: there is none, the text is
//   for
//                       the client. 400: no model can have that name.
//   POST /model         200 {"etag": E, "id": N, "path": FOLDER}: its files are there. 404 and 400
//   as
//                       above; 422: it is no model.tar.gz.
//   DELETE /model/N     200: they are gone, or were.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "objects/object_store.h"

namespace clary::serving {

class ModelLibrary {
 public:
  struct Options {
    std::string prefix_uri;           // "s3://bucket/prefix/"; a missing last '/' is added
    std::filesystem::path directory;  // an empty folder that only this process writes to
    std::filesystem::path inside;     // the same folder as the container sees it
    Fd listener;                      // a Unix stream socket
  };
  // Makes threads: after the last fork. `store` must outlive it.
  static Result<std::unique_ptr<ModelLibrary>> Start(objects::ObjectStore& store, Options options);
  ~ModelLibrary();

 private:
  struct State;
  explicit ModelLibrary(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace clary::serving
