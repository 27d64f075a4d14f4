// The object store that a location names, for the service and for every process it starts.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::objects {

// "s3://host[:port][?tls=off][&region=name]"
bool IsS3Location(std::string_view location);

// "http://host:port" of an S3 location. kInvalidArgument "BadLocation".
Result<std::string> EndpointOf(std::string_view location);

// A directory is opened as a FileStore. An S3 location is the endpoint of an S3 service, whose
// buckets are the store's; over TLS unless it says tls=off; keys are those of the environment:
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Keeps `clock`. kInvalidArgument
// "BadLocation", "NoCredentials".
//
// `patience`: how long a request is made again while an S3 service is away or busy (503). Somebody
// waits for the answers of a service; a job has what may be hours of work behind it.
inline constexpr Duration kServicePatience{700};
inline constexpr Duration kJobPatience{5 * 60'000};
Result<std::unique_ptr<ObjectStore>> OpenStore(const std::string& location,
                                               Clock& clock = Clock::System(),
                                               Duration patience = kServicePatience);
// The same for what runs a job.
inline Result<std::unique_ptr<ObjectStore>> OpenStoreForJob(const std::string& location,
                                                            Clock& clock = Clock::System()) {
  return OpenStore(location, clock, kJobPatience);
}

}  // namespace clary::objects
