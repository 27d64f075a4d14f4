#include "debugger/tensorboard_writer.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/hash.h"
#include "debugger/internal/wire.h"

namespace clary::debugger {
namespace fs = std::filesystem;
namespace {

void PutCrc(std::string& out, std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  out.append(reinterpret_cast<const char*>(&masked), sizeof masked);
}

}  // namespace

Result<std::unique_ptr<ScalarWriter>> ScalarWriter::Open(const fs::path& directory,
                                                         std::string_view host, Clock& clock) {
  CLARY_CHECK_OK(MakeDirectories(directory));
  const Time now = clock.Now();
  fs::path file = directory / ("events.out.tfevents." + std::to_string(ToMillis(now) / 1000) + "." +
                               std::string(host));
  std::unique_ptr<ScalarWriter> writer(new ScalarWriter(std::move(file), clock));
  std::string event;
  wire::PutDouble(event, 1, ToSeconds(now));
  wire::PutBytes(event, 3, "brain.Event:2");
  writer->Append(event);
  CLARY_CHECK_OK(writer->Flush());
  return writer;
}

void ScalarWriter::Add(std::string_view tag, int64_t step, double value) {
  std::string scalar;
  wire::PutBytes(scalar, 1, tag);
  wire::PutFloat(scalar, 2, static_cast<float>(value));
  std::string summary;
  wire::PutBytes(summary, 1, scalar);
  std::string event;
  wire::PutDouble(event, 1, ToSeconds(clock_.Now()));
  wire::PutInt(event, 2, step);
  wire::PutBytes(event, 5, summary);
  Append(event);
}

void ScalarWriter::Append(std::string_view event) {
  const uint64_t length = event.size();
  const std::string_view head(reinterpret_cast<const char*>(&length), sizeof length);
  pending_ += head;
  PutCrc(pending_, head);
  pending_ += event;
  PutCrc(pending_, event);
}

Status ScalarWriter::Flush() {
  if (pending_.empty()) return {};
  CLARY_TRY(const Fd fd, OpenFile(file_, O_WRONLY | O_CREAT | O_APPEND));
  CLARY_CHECK_OK(WriteAll(fd.get(), pending_));
  pending_.clear();
  return {};
}

}  // namespace clary::debugger
