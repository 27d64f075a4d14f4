// RecordIO-protobuf: frames of magic, length, payload and padding; the payload is a protobuf
// message Record of SageMaker's algorithms, whose few fields are read here by hand.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "data/internal/byte_stream.h"
#include "data/internal/kernels.h"
#include "data/internal/readers.h"
#include "data/internal/text.h"

namespace clary::data::internal {
namespace {

constexpr uint32_t kMagic = 0xCED7230A;
constexpr uint32_t kMaxRecordBytes = uint32_t{256} << 20;

std::unexpected<Error> BadRecord(std::string_view what) {
  return Fail(Code::kInvalidArgument, "BadData", std::string(what));
}

// One field of a protobuf message.
struct Field {
  uint32_t number = 0;
  uint32_t wire_type = 0;
  uint64_t value = 0;      // wire types 0, 1 and 5
  std::string_view bytes;  // wire type 2
};

class Message {
 public:
  explicit Message(std::string_view bytes) : bytes_(bytes) {}

  // False at the end and when what follows is no field; ok() tells which.
  bool Next(Field& field) {
    if (bytes_.empty()) return false;
    uint64_t tag = 0;
    ok_ = Varint(tag);
    field.number = static_cast<uint32_t>(tag >> 3);
    field.wire_type = static_cast<uint32_t>(tag & 7);
    switch (field.wire_type) {
      case 0:
        ok_ = ok_ && Varint(field.value);
        break;
      case 1:
        ok_ = ok_ && Fixed(8, field.value);
        break;
      case 5:
        ok_ = ok_ && Fixed(4, field.value);
        break;
      case 2: {
        uint64_t size = 0;
        ok_ = ok_ && Varint(size) && size <= bytes_.size();
        if (!ok_) break;
        field.bytes = bytes_.substr(0, static_cast<size_t>(size));
        bytes_.remove_prefix(static_cast<size_t>(size));
        break;
      }
      default:
        ok_ = false;
    }
    return ok_;
  }
  bool ok() const { return ok_; }
  bool empty() const { return bytes_.empty(); }

  bool Varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Fixed(size_t width, uint64_t& value) {
    if (bytes_.size() < width) return false;
    value = 0;
    std::memcpy(&value, bytes_.data(), width);
    bytes_.remove_prefix(width);
    return true;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

struct Tensor {
  std::vector<float> values;
  std::vector<uint64_t> keys;
  std::vector<uint64_t> shape;
  bool found = false;

  void Clear() {  // keeps its memory for the next record
    values.clear();
    keys.clear();
    shape.clear();
    found = false;
  }
};

// Repeated integers, packed or not.
bool AddIntegers(const Field& field, std::vector<uint64_t>& out) {
  if (field.wire_type == 0) {
    out.push_back(field.value);
    return true;
  }
  Message packed(field.bytes);
  while (!packed.empty()) {
    uint64_t v;
    if (field.wire_type != 2 || !packed.Varint(v)) return false;
    out.push_back(v);
  }
  return field.wire_type == 2;
}

// `type`: the field of Value that holds the tensor: 2 float32, 3 float64, 7 int32.
bool AddValues(const Field& field, uint32_t type, std::vector<float>& out) {
  if (type == 7) {
    std::vector<uint64_t> integers;
    if (!AddIntegers(field, integers)) return false;
    for (const uint64_t v : integers) out.push_back(static_cast<float>(static_cast<int32_t>(v)));
    return true;
  }
  const size_t width = type == 2 ? 4 : 8;
  const auto number = [&](uint64_t v) {
    return type == 2 ? std::bit_cast<float>(static_cast<uint32_t>(v))
                     : static_cast<float>(std::bit_cast<double>(v));
  };
  if (field.wire_type == (type == 2 ? 5U : 1U)) {
    out.push_back(number(field.value));
    return true;
  }
  if (field.wire_type != 2 || field.bytes.size() % width != 0) return false;
  if (field.bytes.empty()) return true;  // memcpy() wants no null pointer, whatever the size
  const size_t n = field.bytes.size() / width;
  const size_t at = out.size();
  out.resize(at + n);
  if (type == 2) {
    std::memcpy(out.data() + at, field.bytes.data(), field.bytes.size());
    return true;
  }
  for (size_t i = 0; i < n; ++i) {
    uint64_t v;
    std::memcpy(&v, field.bytes.data() + i * width, width);
    out[at + i] = number(v);
  }
  return true;
}

// The tensor of a map's entry "values"; other entries are left alone. False if it is no message.
bool ReadEntry(std::string_view bytes, Tensor& out) {
  Message entry(bytes);
  std::string_view key;
  std::string_view value;
  for (Field f; entry.Next(f);) {
    if (f.number == 1 && f.wire_type == 2) key = f.bytes;
    if (f.number == 2 && f.wire_type == 2) value = f.bytes;
  }
  if (!entry.ok()) return false;
  if (key != "values") return true;
  Message oneof(value);
  for (Field type; oneof.Next(type);) {
    if ((type.number != 2 && type.number != 3 && type.number != 7) || type.wire_type != 2) continue;
    out.Clear();
    out.found = true;
    Message tensor(type.bytes);
    for (Field f; tensor.Next(f);) {
      if (f.number == 1 && !AddValues(f, type.number, out.values)) return false;
      if (f.number == 2 && !AddIntegers(f, out.keys)) return false;
      if (f.number == 3 && !AddIntegers(f, out.shape)) return false;
    }
    if (!tensor.ok()) return false;
  }
  return oneof.ok();
}

class Reader {
 public:
  // Labels are asked for and kept, or are left alone.
  Reader(Matrix& matrix, bool labels) : m_(matrix), labels_(labels) {}

  // Adds one record as a row.
  Status Add(std::string_view payload, uint32_t file, uint64_t number) {
    Tensor& features = features_;
    Tensor& label = label_;
    features.Clear();
    label.Clear();
    Message record(payload);
    for (Field f; record.Next(f);) {
      if (f.wire_type != 2) continue;
      if (f.number == 1 && !ReadEntry(f.bytes, features))
        return BadRecord("the features are damaged");
      if (labels_ && f.number == 2 && !ReadEntry(f.bytes, label)) {
        return BadRecord("the label is damaged");
      }
    }
    if (!record.ok()) return BadRecord("not a protobuf Record");
    if (!features.found) return {};  // as upstream
    if (labels_ && label.values.size() != 1) {
      return BadRecord(fmt::format("has {} labels; it needs one", label.values.size()));
    }
    if (labels_ && !std::isfinite(label.values[0]))
      return BadRecord("the label is not a finite number");
    for (size_t i = 0; i < features.values.size(); ++i) {
      if (std::isinf(features.values[i])) {
        return BadRecord(
            fmt::format("column {} is infinite or too large for a 32-bit float", i + 1));
      }
    }
    CLARY_CHECK_OK(features.keys.empty() && !IsEmptySparse(features) ? AddDense(features)
                                                                     : AddSparse(features));
    if (labels_) m_.labels.PushBack(label.values[0]);
    if (m_.origins.empty() || m_.origins.back().file != file ||
        number - m_.origins.back().first_line != m_.rows - m_.origins.back().first_row) {
      m_.origins.push_back({.first_row = m_.rows, .file = file, .first_line = number});
    }
    ++m_.rows;
    return {};
  }

 private:
  // A row of zeros and nothing else has a shape but no keys.
  static bool IsEmptySparse(const Tensor& t) { return t.values.empty() && !t.shape.empty(); }

  Status AddDense(const Tensor& t) {
    if (m_.rows > 0 && !m_.sparse && t.values.size() != m_.cols) {
      return BadRecord(
          fmt::format("has {} features; records before it have {}", t.values.size(), m_.cols));
    }
    if (t.values.empty()) return BadRecord("has no features");
    m_.cols = std::max(m_.cols, t.values.size());
    if (m_.sparse) {
      for (size_t i = 0; i < t.values.size(); ++i) m_.column.PushBack(static_cast<uint32_t>(i));
      m_.row_begin.PushBack(m_.values.size() + t.values.size());
    }
    m_.values.Append(t.values);
    return {};
  }

  Status AddSparse(const Tensor& t) {
    if (!m_.sparse) BecomeSparse();
    if (t.keys.size() != t.values.size()) {
      return BadRecord(fmt::format("has {} keys but {} values", t.keys.size(), t.values.size()));
    }
    const uint64_t width = t.shape.empty() ? 0 : t.shape.back();
    entries_.clear();
    for (size_t i = 0; i < t.keys.size(); ++i) {
      if (t.keys[i] > kMaxColumn || (width > 0 && t.keys[i] >= width)) {
        return BadRecord(fmt::format("key {} is too large", t.keys[i]));
      }
      entries_.emplace_back(static_cast<uint32_t>(t.keys[i]), t.values[i]);
    }
    if (width > uint64_t{kMaxColumn} + 1)
      return BadRecord(fmt::format("a width of {} is too large", width));
    std::sort(entries_.begin(), entries_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (i > 0 && entries_[i].first == entries_[i - 1].first) {
        return BadRecord(fmt::format("key {} occurs twice", entries_[i].first));
      }
      m_.column.PushBack(entries_[i].first);
      m_.values.PushBack(entries_[i].second);
    }
    m_.row_begin.PushBack(m_.values.size());
    if (!entries_.empty()) m_.cols = std::max<size_t>(m_.cols, size_t{entries_.back().first} + 1);
    m_.cols = std::max<size_t>(m_.cols, static_cast<size_t>(width));
    return {};
  }

  // Rows so far were dense.
  void BecomeSparse() {
    m_.sparse = true;
    m_.row_begin.PushBack(0);
    for (size_t r = 0; r < m_.rows; ++r) {
      for (size_t c = 0; c < m_.cols; ++c) m_.column.PushBack(static_cast<uint32_t>(c));
      m_.row_begin.PushBack((r + 1) * m_.cols);
    }
  }

  Matrix& m_;
  const bool labels_;
  Tensor features_;
  Tensor label_;
  std::vector<std::pair<uint32_t, float>> entries_;
};

// A window on a stream: what is not consumed yet, in one piece.
class Window {
 public:
  explicit Window(ByteStream& stream) : stream_(stream) {}

  // At least `size` unconsumed bytes, fewer only at the end. Memory grows with what the stream has,
  // not with what is asked for.
  Result<std::string_view> Peek(size_t size) {
    while (end_ - begin_ < size) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      if (buffer_.size() - end_ < kStep) buffer_.resize(end_ + kStep + end_ / 2);
      CLARY_TRY(const size_t got, stream_.Read(buffer_.data() + end_, buffer_.size() - end_));
      if (got == 0) break;
      end_ += got;
    }
    return std::string_view(buffer_.data() + begin_, end_ - begin_);
  }
  void Consume(size_t size) { begin_ += size; }

 private:
  static constexpr size_t kStep = size_t{256} << 10;
  ByteStream& stream_;
  std::vector<char> buffer_ = std::vector<char>(kStep);
  size_t begin_ = 0;
  size_t end_ = 0;
};

// The size of the record that begins `bytes` with its frame, which may lack its padding at the end;
// `payload` is what it holds. `peek(n)` gives at least n bytes, or all there are.
template <typename Peek>
Result<size_t> NextRecord(Peek&& peek, std::string_view* payload) {
  uint32_t header[2];
  static_assert(std::endian::native == std::endian::little);
  CLARY_TRY(std::string_view bytes, peek(sizeof header));
  if (bytes.empty()) return 0;
  if (bytes.size() < sizeof header) return BadRecord("the file ends too early");
  std::memcpy(header, bytes.data(), sizeof header);
  if (header[0] != kMagic) return BadRecord("this is not RecordIO");
  if (header[1] > kMaxRecordBytes) return BadRecord("the record is too large");
  const size_t size = header[1];
  const size_t framed = sizeof header + (size + 3) / 4 * 4;
  CLARY_TRY(bytes, peek(framed));
  if (bytes.size() < sizeof header + size) return BadRecord("the file ends too early");
  *payload = bytes.substr(sizeof header, size);
  return std::min(framed, bytes.size());
}

Status ReadRecords(const std::filesystem::path& path, uint32_t file, const std::string& name,
                   Reader& reader) {
  auto stream = ByteStream::Open(path);
  if (!stream) return std::unexpected(std::move(stream).error().With(name));
  Window window(**stream);
  for (uint64_t number = 1;; ++number) {
    std::string_view payload;
    auto size = NextRecord([&](size_t n) { return window.Peek(n); }, &payload);
    Status added;
    if (size && *size == 0) return {};
    added = size ? reader.Add(payload, file, number) : std::unexpected(size.error());
    if (!added) {
      return std::unexpected(
          std::move(added).error().With(fmt::format("{}, record {}", name, number)));
    }
    window.Consume(*size);
  }
}

}  // namespace

Result<Matrix> ReadRecordIo(const std::vector<std::filesystem::path>& files, const ReadOptions&) {
  Matrix m;
  m.files = DisplayNames(files);
  Reader reader(m, true);
  for (size_t f = 0; f < files.size(); ++f) {
    CLARY_CHECK_OK(ReadRecords(files[f], static_cast<uint32_t>(f), m.files[f], reader));
  }
  if (m.rows == 0) {
    return Fail(Code::kInvalidArgument, "NoData", "No records found in RecordIO-Protobuf data");
  }
  return m;
}

Result<Matrix> ReadRecordIoPayload(std::string_view bytes) {
  Matrix m;
  Reader reader(m, false);
  for (uint64_t number = 1;; ++number) {
    std::string_view payload;
    const auto size =
        NextRecord([&](size_t) -> Result<std::string_view> { return bytes; }, &payload);
    if (size && *size == 0) return m;
    const Status added = size ? reader.Add(payload, 0, number) : std::unexpected(size.error());
    if (!added) {
      return std::unexpected(Error(added.error()).With(fmt::format("record {}", number)));
    }
    bytes.remove_prefix(*size);
  }
}

}  // namespace clary::data::internal
