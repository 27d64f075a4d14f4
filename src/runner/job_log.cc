#include "runner/job_log.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"

namespace clary::runner {
namespace {

constexpr size_t kMaxLine = 256 << 10;

}  // namespace

std::string CleanLine(std::string_view text) {
  // Nearly all text is plain ASCII, which is taken as it is.
  const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '\t'; };
  if (std::ranges::all_of(text, plain)) return std::string(text);
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const size_t n = Utf8Length(text);
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

void JobLog::Write(std::vector<std::string> lines) {
  if (lines.empty()) return;
  const int64_t now = ToMillis(clock_.Now());
  std::vector<meta::LogEventRecord> events;
  events.reserve(lines.size());
  for (std::string& line : lines) events.push_back({now, std::move(line)});
  MutexLock lock(mu_);
  if (const Status done = writer_.Append(events); !done && !failed_) {
    failed_ = true;
    LOG(kError, "job log cannot be written", {"error", done.error().message});
  }
}

void JobLog::WriteOutput(std::vector<std::string> lines) {
  {
    MutexLock lock(mu_);
    const Time now = clock_.Now();
    if (!begin_ || now - *begin_ >= every_) {
      begin_ = now;
      output_ = 0;
    }
    if (output_ > limit_) return;
    size_t keep = 0;
    while (keep < lines.size() && output_ <= limit_) output_ += lines[keep++].size() + 1;
    lines.resize(keep);
    if (output_ > limit_) {
      lines.push_back("[clary] WARNING: the program has printed more than " +
                      std::to_string(limit_) + " bytes" +
                      (every_ == Duration::max() ? "; " : " in a short time; for a while ") +
                      "what follows of its output is not kept");
    }
  }
  Write(std::move(lines));
}

bool JobLog::failed() const {
  MutexLock lock(mu_);
  return failed_;
}

}  // namespace clary::runner
