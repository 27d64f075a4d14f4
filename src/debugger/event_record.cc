#include "debugger/event_record.h"

#include <fmt/format.h>

#include <limits>

#include "base/hash.h"
#include "base/strings.h"
#include "debugger/internal/wire.h"

namespace clary::debugger {
namespace {

// Field numbers and element types of TensorFlow's event.proto, summary.proto and tensor.proto, in
// the variant that smdebug reads (repeated PluginData).
enum EventField : uint32_t { kWallTime = 1, kStep = 2, kSummary = 5 };
enum SummaryField : uint32_t { kValue = 1 };
enum ValueField : uint32_t { kTag = 1, kTensor = 8, kMetadata = 9 };
enum PluginField : uint32_t { kPluginData = 1, kPluginName = 1, kPluginContent = 2 };
enum TensorField : uint32_t { kDtype = 1, kShape = 2, kContent = 4, kStringVal = 8 };
enum ShapeField : uint32_t { kDim = 2, kDimSize = 1, kDimName = 2 };
enum Dtype : uint64_t {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt8 = 6,
  kInt64 = 9,
  kBool = 10,
};

// smdebug ends every record with the masked CRC-32C of a fixed text instead of the payload's.
constexpr uint32_t kFooter = 0x062DC0B3;
constexpr uint64_t kMaxPayload = uint64_t{4} << 30;

uint32_t MaskedCrc(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

template <typename T>
std::string_view RawBytes(const T& v) {
  return {reinterpret_cast<const char*>(&v), sizeof v};
}

std::string EncodeShape(const Tensor& t) {
  std::string shape;
  for (const int64_t n : t.shape) {
    std::string dim;
    wire::PutInt(dim, kDimSize, n);
    wire::PutBytes(dim, kDimName, fmt::format("{}_{}", t.name, n));
    wire::PutBytes(shape, kDim, dim);
  }
  return shape;
}

// A tensor's message is `head` and then `content`, which is not copied.
struct EncodedTensor {
  std::string head;
  std::string_view content;
};
EncodedTensor EncodeTensor(const Tensor& t) {
  EncodedTensor out;
  const std::string shape = EncodeShape(t);
  std::visit(
      [&]<typename T>(const std::vector<T>& v) {
        if constexpr (std::is_same_v<T, std::string>) {
          wire::PutBytes(out.head, kShape, shape);
          for (const std::string& s : v) wire::PutBytes(out.head, kStringVal, s);
        } else {
          wire::PutInt(out.head, kDtype,
                       std::is_same_v<T, float>    ? kFloat
                       : std::is_same_v<T, double> ? kDouble
                                                   : kInt64);
          wire::PutBytes(out.head, kShape, shape);
          out.content = {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(T)};
          wire::PutHead(out.head, kContent, out.content.size());
        }
      },
      t.values);
  return out;
}

std::string EncodePlugin(std::string_view name, int64_t value) {
  std::string plugin;
  wire::PutBytes(plugin, kPluginName, name);
  wire::PutBytes(plugin, kPluginContent, std::to_string(value));
  return plugin;
}

std::unexpected<Error> BadRecord(std::string what) {
  return Fail(Code::kDataLoss, "BadEvent", "event record: " + std::move(what));
}

template <typename From, typename To>
std::vector<To> Widen(std::string_view content) {
  std::vector<To> out(content.size() / sizeof(From));
  for (size_t i = 0; i < out.size(); ++i) {
    From x;
    std::memcpy(&x, content.data() + i * sizeof x, sizeof x);
    out[i] = static_cast<To>(x);
  }
  return out;
}

Status ParseShape(std::string_view message, Tensor& t) {
  wire::Reader shape(message);
  while (const auto f = shape.Next()) {
    if (f->number != kDim || f->type != wire::kBytes) continue;
    int64_t size = 0;
    wire::Reader dim(f->bytes);
    while (const auto d = dim.Next()) {
      if (d->number == kDimSize && d->type == wire::kVarint) size = static_cast<int64_t>(d->value);
    }
    if (!dim.ok() || size < 0) return BadRecord("broken dimension");
    t.shape.push_back(size);
  }
  return shape.ok() ? Status() : BadRecord("broken shape");
}

Status ParseTensor(std::string_view message, Tensor& t) {
  uint64_t dtype = 0;
  std::string_view content;
  std::vector<std::string> strings;
  wire::Reader fields(message);
  while (const auto f = fields.Next()) {
    if (f->number == kDtype && f->type == wire::kVarint) dtype = f->value;
    if (f->type != wire::kBytes) continue;
    if (f->number == kShape) CLARY_CHECK_OK(ParseShape(f->bytes, t));
    if (f->number == kContent) content = f->bytes;
    if (f->number == kStringVal) strings.emplace_back(f->bytes);
  }
  if (!fields.ok()) return BadRecord("broken tensor");
  switch (dtype) {
    case 0:
      t.values = std::move(strings);
      break;
    case kFloat:
      t.values = Widen<float, float>(content);
      break;
    case kDouble:
      t.values = Widen<double, double>(content);
      break;
    case kInt32:
      t.values = Widen<int32_t, int64_t>(content);
      break;
    case kUint8:
    case kBool:
      t.values = Widen<uint8_t, int64_t>(content);
      break;
    case kInt8:
      t.values = Widen<int8_t, int64_t>(content);
      break;
    case kInt64:
      t.values = Widen<int64_t, int64_t>(content);
      break;
    default:
      return BadRecord(
          fmt::format("tensor {} has element type {}, which no hook writes", t.name, dtype));
  }
  uint64_t want = 1;
  for (const int64_t n : t.shape) {
    if (n > 0 && want > std::numeric_limits<uint32_t>::max() / static_cast<uint64_t>(n)) {
      return BadRecord("tensor " + t.name + " is too large");
    }
    want *= static_cast<uint64_t>(n);
  }
  if (want != t.size()) {
    return BadRecord(
        fmt::format("tensor {} has {} elements, but its shape wants {}", t.name, t.size(), want));
  }
  return {};
}

Status ParsePlugin(std::string_view message, EventRecord& event) {
  std::string_view name;
  std::string_view content;
  wire::Reader fields(message);
  while (const auto f = fields.Next()) {
    if (f->type != wire::kBytes) continue;
    if (f->number == kPluginName) name = f->bytes;
    if (f->number == kPluginContent) content = f->bytes;
  }
  if (!fields.ok()) return BadRecord("broken metadata");
  const auto number = ParseInt(content);
  if (name == "mode_step") {
    if (!number) return BadRecord("mode_step is not a number");
    event.mode_step = *number;
  } else if (name == "mode") {
    if (!number || *number < 1 || *number > 4) return BadRecord("unknown mode");
    event.mode = static_cast<Mode>(*number);
  }
  return {};
}

Status ParseValue(std::string_view message, EventRecord& event) {
  std::string_view tensor;
  wire::Reader fields(message);
  while (const auto f = fields.Next()) {
    if (f->type != wire::kBytes) continue;
    if (f->number == kTag) event.tensor.name = f->bytes;
    if (f->number == kTensor) tensor = f->bytes;
    if (f->number == kMetadata) {
      wire::Reader plugins(f->bytes);
      while (const auto p = plugins.Next()) {
        if (p->number == kPluginData && p->type == wire::kBytes) {
          CLARY_CHECK_OK(ParsePlugin(p->bytes, event));
        }
      }
      if (!plugins.ok()) return BadRecord("broken metadata");
    }
  }
  if (!fields.ok()) return BadRecord("broken value");
  return ParseTensor(tensor, event.tensor);
}

}  // namespace

std::string_view ModeName(Mode mode) {
  switch (mode) {
    case Mode::kTrain:
      return "TRAIN";
    case Mode::kEval:
      return "EVAL";
    case Mode::kPredict:
      return "PREDICT";
    case Mode::kGlobal:
      return "GLOBAL";
  }
  return "GLOBAL";
}

void AppendEventRecord(const EventRecord& event, std::string& out) {
  // From the inside out: each message's length, and what it has before and after the next one.
  const EncodedTensor tensor = EncodeTensor(event.tensor);
  std::string metadata;
  wire::PutBytes(metadata, kPluginData, EncodePlugin("mode_step", event.mode_step));
  wire::PutBytes(metadata, kPluginData, EncodePlugin("mode", static_cast<int64_t>(event.mode)));
  std::string tail;
  wire::PutBytes(tail, kMetadata, metadata);
  std::string value;
  wire::PutBytes(value, kTag, event.tensor.name);
  wire::PutHead(value, kTensor, tensor.head.size() + tensor.content.size());
  value += tensor.head;
  const size_t value_size = value.size() + tensor.content.size() + tail.size();
  std::string summary;
  wire::PutHead(summary, kValue, value_size);
  std::string payload;
  wire::PutDouble(payload, kWallTime, ToSeconds(event.wall_time));
  wire::PutInt(payload, kStep, event.step);
  wire::PutHead(payload, kSummary, summary.size() + value_size);

  const uint64_t length = payload.size() + summary.size() + value_size;
  out += RawBytes(length);
  out += RawBytes(MaskedCrc(RawBytes(length)));
  out += payload;
  out += summary;
  out += value;
  out += tensor.content;
  out += tail;
  out += RawBytes(kFooter);
}

Result<EventRecord> ParseEventRecord(std::string_view record) {
  constexpr size_t kHead = 12;
  constexpr size_t kTail = 4;
  if (record.size() < kHead + kTail) return BadRecord("shorter than its header");
  uint64_t length = 0;
  uint32_t crc = 0;
  uint32_t footer = 0;
  std::memcpy(&length, record.data(), sizeof length);
  std::memcpy(&crc, record.data() + 8, sizeof crc);
  if (crc != MaskedCrc(record.substr(0, 8))) return BadRecord("wrong header checksum");
  if (length > kMaxPayload || length != record.size() - kHead - kTail) {
    return BadRecord(fmt::format("length {} in a record of {} bytes", length, record.size()));
  }
  std::memcpy(&footer, record.data() + record.size() - kTail, sizeof footer);
  if (footer != kFooter) return BadRecord("wrong footer");

  EventRecord event;
  bool found = false;
  wire::Reader fields(record.substr(kHead, length));
  while (const auto f = fields.Next()) {
    if (f->number == kWallTime && f->type == wire::kFixed64) {
      const double seconds = f->AsDouble();
      if (!(seconds >= 0 && seconds < 1e11)) return BadRecord("wall time out of range");
      event.wall_time = FromMillis(static_cast<int64_t>(seconds * 1000.0 + 0.5));
    } else if (f->number == kStep && f->type == wire::kVarint) {
      event.step = static_cast<int64_t>(f->value);
    } else if (f->number == kSummary && f->type == wire::kBytes) {
      wire::Reader values(f->bytes);
      while (const auto v = values.Next()) {
        if (v->number != kValue || v->type != wire::kBytes) continue;
        if (found) return BadRecord("more than one tensor");
        found = true;
        CLARY_CHECK_OK(ParseValue(v->bytes, event));
      }
      if (!values.ok()) return BadRecord("broken summary");
    }
  }
  if (!fields.ok()) return BadRecord("broken payload");
  if (!found) return BadRecord("no tensor");
  return event;
}

}  // namespace clary::debugger
