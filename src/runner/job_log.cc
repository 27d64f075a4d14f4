#include "runner/internal/job_log.h"

#include "base/log.h"

namespace clary::runner {
namespace {

constexpr size_t kMaxLine = 256 << 10;

// Length of the valid UTF-8 character at the front of `s`, or 0. RFC 3629, section 4.
size_t CharacterLength(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || s.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

}  // namespace

std::string CleanLine(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const size_t n = CharacterLength(text);
    if (n == 0) {
      out += "\xEF\xBF\xBD";
    } else if (text.front() == '\t') {
      out += "#011";
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::vector<std::string> LineSplitter::Feed(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const size_t room = kMaxLine - rest_.size();
    const size_t take = std::min(end == std::string_view::npos ? bytes.size() : end, room);
    rest_ += bytes.substr(0, take);
    bytes.remove_prefix(take);
    if (!bytes.empty() && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      if (rest_.ends_with('\r')) rest_.pop_back();
      lines.push_back(CleanLine(rest_));
      rest_.clear();
    } else if (rest_.size() == kMaxLine) {
      // Leave a character that is cut in two to the next piece: at most three bytes.
      size_t cut = kMaxLine;
      while (cut > kMaxLine - 3 && (static_cast<unsigned char>(rest_[cut - 1]) & 0xC0) == 0x80) {
        --cut;
      }
      if (static_cast<unsigned char>(rest_[cut - 1]) >= 0xC0) --cut;
      lines.push_back(CleanLine(std::string_view(rest_).substr(0, cut)));
      rest_.erase(0, cut);
    }
  }
  return lines;
}

std::vector<std::string> LineSplitter::Finish() {
  if (rest_.empty()) return {};
  std::vector<std::string> lines = {CleanLine(rest_)};
  rest_.clear();
  return lines;
}

void JobLog::Write(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const int64_t now = ToMillis(clock_.Now());
  std::vector<meta::LogEventRecord> events;
  events.reserve(lines.size());
  for (const std::string& line : lines) events.push_back({now, line});
  MutexLock lock(mu_);
  if (const Status done = writer_.Append(events); !done && !failed_) {
    failed_ = true;
    LOG(kError, "job log cannot be written", {"error", done.error().message});
  }
}

bool JobLog::failed() const {
  MutexLock lock(mu_);
  return failed_;
}

}  // namespace clary::runner
