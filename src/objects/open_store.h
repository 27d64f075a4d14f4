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
Result<std::unique_ptr<ObjectStore>> OpenStore(const std::string& location,
                                               Clock& clock = Clock::System());

}  // namespace clary::objects
