// One tensor as one record of a Debugger event file: docs/formats/debug-output.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "debugger/tensor.h"

namespace clary::debugger {

// The modes of a step; XGBoost has only kGlobal.
enum class Mode { kTrain = 1, kEval = 2, kPredict = 3, kGlobal = 4 };

std::string_view ModeName(Mode mode);  // "TRAIN", "EVAL", "PREDICT", "GLOBAL"

struct EventRecord {
  int64_t step = 0;
  Mode mode = Mode::kGlobal;
  int64_t mode_step = 0;
  Time wall_time{};
  Tensor tensor;
};

// Appends the whole record (12-byte header, payload, 4-byte footer) to `out`.
void AppendEventRecord(const EventRecord& event, std::string& out);

// Decodes exactly one record. kDataLoss "BadEvent" with what is wrong: lengths, header checksum,
// footer, protobuf, element count against shape, or an element type that no hook writes.
Result<EventRecord> ParseEventRecord(std::string_view record);

}  // namespace clary::debugger
