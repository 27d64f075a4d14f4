// One object through a model: in parts, several at once, answers in order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/stream.h"
#include "net/client.h"
#include "serving/internal/data_filter.h"
#include "serving/internal/records.h"

namespace clary::serving {

// What is the same for all objects of a job.
struct TransformPlan {
  SplitType split = SplitType::kNone;
  bool multi_record = true;  // many records a request; else one
  bool assemble_lines = false;
  uint64_t payload_bytes = uint64_t{6} << 20;  // the most a request carries
  size_t concurrency = 1;
  int64_t retries = 3;
  std::string content_type;  // empty: none is sent
  std::string accept;
  // Of DataProcessing; without, records go and answers come as they are.
  std::optional<DataFilter> input_filter;
  std::optional<DataFilter> output_filter;
  bool join = false;
  RecordKind kind = RecordKind::kCsv;

  bool processes() const { return input_filter || output_filter || join; }
};

// Sends one request to the model and gives its answer. Any thread.
using Ask = std::function<Result<net::Response>(const net::ClientRequest&)>;

// The assembled answers to the records of `input`, read while they are asked for. Errors, which are
// those of its Read(): kInvalidArgument for what is wrong with the data (reason "ClientError: 415",
// and the container's words as the message), kUnavailable "NoAnswer", kInternal with the status as
// reason ("Bad HTTP status received from algorithm: 500"), kCancelled.
std::unique_ptr<ByteSource> NewTransformSource(std::unique_ptr<ByteSource> input,
                                               const TransformPlan& plan, Ask ask);

}  // namespace clary::serving
