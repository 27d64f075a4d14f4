#include "server/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"

namespace clary::server {
namespace {

constexpr size_t kFlushBytes = size_t{4} << 20;
constexpr size_t kMostBytes = size_t{64} << 20;
constexpr Duration kSilence{1'000};
constexpr Duration kMostAge{60'000};
constexpr Duration kLook{250};

std::string Side(const control::CaptureRoute& route, const CaptureSide& side, const char* mode) {
  const std::string_view type = Trim(side.content_type.substr(0, side.content_type.find(';')));
  const auto listed = [&](const std::vector<std::string>& types) {
    return std::ranges::any_of(types,
                               [&](const std::string& t) { return EqualsIgnoreCase(t, type); });
  };
  const char* encoding = listed(route.csv_types)    ? "CSV"
                         : listed(route.json_types) ? "JSON"
                                                    : "BASE64";
  const bool text = encoding != std::string_view("BASE64");
  return fmt::format(R"({{"observedContentType":{},"mode":"{}","data":{},"encoding":"{}"}})",
                     JsonQuote(side.content_type), mode,
                     text ? JsonQuote(side.body) : JsonQuote(Base64Encode(side.body)), encoding);
}

bool Sampled(int percentage) {
  thread_local std::minstd_rand random(std::random_device{}());
  return percentage >= 100 || std::uniform_real_distribution<double>(0, 100)(random) < percentage;
}

}  // namespace

std::string CaptureLine(const control::CaptureRoute& route, const CapturedCall& call,
                        std::string_view event_id, Time when) {
  std::string line = "{\"captureData\":{";
  if (route.input) line += "\"endpointInput\":" + Side(route, call.input, "INPUT");
  if (route.input && route.output) line += ',';
  if (route.output) line += "\"endpointOutput\":" + Side(route, call.output, "OUTPUT");
  line += fmt::format("}},\"eventMetadata\":{{\"eventId\":{}", JsonQuote(event_id));
  if (!call.custom_attributes.empty()) {
    line += fmt::format(",\"customAttributes\":[{}]", JsonQuote(call.custom_attributes));
  }
  if (!call.inference_id.empty()) {
    line += ",\"inferenceId\":" + JsonQuote(call.inference_id);
  }
  const std::string time = FormatIso8601(when);  // with milliseconds, which a record has not
  line +=
      fmt::format(",\"inferenceTime\":\"{}Z\"}},\"eventVersion\":\"0\"}}\n", time.substr(0, 19));
  return line;
}

Capture::Capture(objects::ObjectStore& store, Clock& clock)
    : store_(store), clock_(clock), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Capture::~Capture() {
  thread_ = {};  // requests its stop and joins
  Flush(true);
}

void Capture::Take(const control::CaptureRoute& route, const CapturedCall& call) {
  if (!Sampled(route.percentage)) return;
  const Time now = clock_.Now();
  const std::string line = CaptureLine(route, call, RandomId(), now);
  const std::string prefix =
      fmt::format("{}/{}/{}", route.destination_uri, call.endpoint, call.variant);
  bool first_drop = false;
  {
    const MutexLock lock(mu_);
    first_drop = bytes_ + line.size() > kMostBytes && !std::exchange(dropping_, true);
    if (bytes_ + line.size() <= kMostBytes) {
      dropping_ = false;
      Pending& pending = pending_[prefix];
      if (pending.lines.empty()) pending.first = now;
      pending.last = now;
      pending.lines += line;
      bytes_ += line.size();
    }
  }
  changed_.notify_all();
  if (first_drop) LOG(kWarn, "data capture falls behind and drops records", {"to", prefix});
}

void Capture::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mu_);
      if (!changed_.wait(lock, stop, [this]() REQUIRES(mu_) { return !pending_.empty(); })) return;
    }
    Flush(false);
    clock_.Sleep(kLook, stop);
  }
}

void Capture::Flush(bool all) {
  const Time now = clock_.Now();
  std::vector<std::pair<std::string, Pending>> due;
  {
    const MutexLock lock(mu_);
    for (auto it = pending_.begin(); it != pending_.end();) {
      const Pending& p = it->second;
      if (!all && p.lines.size() < kFlushBytes && now - p.last < kSilence &&
          now - p.first < kMostAge) {
        ++it;
        continue;
      }
      due.emplace_back(it->first, std::move(it->second));
      it = pending_.erase(it);
    }
  }
  for (auto& [prefix, pending] : due) {
    const size_t size = pending.lines.size();
    Store(prefix, std::move(pending));
    const MutexLock lock(mu_);
    bytes_ -= size;
  }
}

void Capture::Store(const std::string& prefix, Pending pending) {
  // 2026-12-01T04:05:06.789Z -> 2026/12/01/04/05-06-789
  const std::string t = FormatIso8601(pending.first);
  const std::string uri = fmt::format(
      "{}/{}/{}/{}/{}/{}-{}-{}-{}.jsonl", prefix, t.substr(0, 4), t.substr(5, 2), t.substr(8, 2),
      t.substr(11, 2), t.substr(14, 2), t.substr(17, 2), t.substr(20, 3), RandomId());
  const auto stored = [&]() -> Status {
    CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
    CLARY_TRY(const auto info, store_.Put(ref, *NewStringSource(std::move(pending.lines))));
    return {};
  }();
  if (!stored) {
    LOG(kWarn, "captured data not stored", {"to", uri}, {"message", stored.error().message});
  }
}

}  // namespace clary::server
