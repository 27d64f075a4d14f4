// What a service opens first: its records and objects, and, where several services share them, what
// keeps this one in step with the others (ADR 43).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "meta/follower.h"
#include "meta/lease.h"
#include "meta/metadata_store.h"
#include "meta/postgres_store.h"
#include "objects/file_store.h"
#include "objects/object_store.h"

namespace clary::server {

// The lock of a home. Alone: "AlreadyServing" if another service has it. Of a shared state: for the
// time of a start, waits for those of others. "OtherState" if the home's records are not where
// `shared` says.
Result<FileLock> LockHome(const std::filesystem::path& home, bool shared, Clock& clock);

std::string HostName();  // of this machine

// home/service.json: which service `clary` and jobs find.
std::string EndpointIn(const std::filesystem::path& home);  // empty: there is none
bool ContactLives(const std::filesystem::path& home);       // its process, if it is of this machine
Status TellContact(const std::filesystem::path& home, const std::string& endpoint);

struct State {
  std::unique_ptr<meta::MetadataStore> records;
  meta::PostgresStore* postgres = nullptr;  // the records, if they are in PostgreSQL
  std::unique_ptr<objects::ObjectStore> objects;
  objects::FileStore* files = nullptr;       // the objects, if they are files
  std::string objects_location;              // for runners
  std::unique_ptr<meta::Follower> follower;  // these two: of a shared state
  std::unique_ptr<meta::Lease> lease;

  bool shared() const { return lease != nullptr; }
  // What only one of several services does, this one does now.
  bool leads() const { return lease == nullptr || lease->Held(); }
};

// `records`: a URL of PostgreSQL, empty: home/meta.db. `objects`: a location, empty: home/objects.
// "OtherMachine": services of another machine run on the same records.
Result<State> OpenState(const std::filesystem::path& home, const std::string& records,
                        const std::string& objects, Clock& clock);

// Keeps `state` in step until it is destroyed: follows the others, and looks for the lease.
class Membership {
 public:
  // `led` is told, on a thread of this object, whenever this service begins to lead (true) or has
  // ceased to. If the service cannot follow any more it asks its process to end (SIGTERM).
  Membership(State& state, Clock& clock, std::function<void(bool leads)> led);
  ~Membership();  // lets another lead, and follows no more

 private:
  State& state_;
  std::jthread thread_;
};

}  // namespace clary::server
