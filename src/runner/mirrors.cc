#include "runner/internal/mirrors.h"

#include <algorithm>

#include "base/clock.h"
#include "base/file.h"

namespace clary::runner {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

constexpr milliseconds kMirrorPeriod(1000);
constexpr int kMirrorShare = 50;  // of the time, one part in this goes to mirroring

}  // namespace

Status Mirrors::Prepare(const DownloadOptions& options) {
  for (const MirrorSpec& m : specs_) {
    const auto& root = m.outside ? folders_.outside : folders_.work;
    CLARY_CHECK_OK(MakeDirectories(root / m.directory));
    Mirror mirror(root, m.directory, m.uri, store_, m.checkpoints);
    if (m.checkpoints) {
      Status done = DownloadFolder(m.uri, store_, root / m.directory, options);
      if (!done && done.error().code != Code::kNotFound) {
        return std::unexpected(std::move(done).error().With("Checkpoint download failed"));
      }
      CLARY_CHECK_OK(mirror.Seed());
    }
    mirrors_.push_back(std::move(mirror));
  }
  if (profiler_) {
    mirrors_.emplace_back(folders_.profile.parent_path(), folders_.profile.filename().string(),
                          profiler_->uri, store_);
  }
  return {};
}

std::vector<Shown> Mirrors::OutsideFolders() const {
  std::vector<Shown> out;
  for (const MirrorSpec& m : specs_) {
    if (m.outside) out.push_back({folders_.outside / m.directory, "/" + m.directory, true});
  }
  return out;
}

void Mirrors::Run(const std::stop_token& stop) {
  bool warned = false;
  milliseconds period = kMirrorPeriod;
  while (!stop.stop_requested()) {
    Clock::System().Sleep(period, stop);
    const auto start = steady_clock::now();
    for (Mirror& mirror : mirrors_) {
      if (stop.stop_requested()) return;
      const auto done = mirror.Sync(false);
      if (!done && !warned) {
        log_.Write(CleanLine("[clary] WARNING: " + done.error().message));
        warned = true;
      }
    }
    // Whoever writes many files makes each pass longer: keep to a small share of one core.
    period = std::max(kMirrorPeriod, kMirrorShare * std::chrono::duration_cast<milliseconds>(
                                                        steady_clock::now() - start));
  }
}

Status Mirrors::Finish() {
  for (Mirror& mirror : mirrors_) CLARY_CHECK_OK(mirror.Sync(true));
  return {};
}

Status Mirrors::Put(const std::string& uri, std::string_view text) {
  CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
  CLARY_CHECK_OK(store_.Put(ref, *NewStringSource(std::string(text))));
  return {};
}

Status Mirrors::CloseOne(const MirrorSpec& m) {
  if (m.tensors) {
    CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(m.uri + "/collections/"));
    CLARY_TRY(const auto page, store_.List(ref.bucket, {.prefix = ref.key, .max_keys = 1}));
    if (page.objects.empty()) {
      CLARY_CHECK_OK(Put(m.uri + "/collections/000000000/worker_0_collections.json",
                         R"({"collections": {}, "_meta": {"num_workers": 1}})"));
    }
  }
  return Put(m.uri + "/" + m.end_marker, "");
}

void Mirrors::AddTimeLine(const std::vector<debugger::TraceEvent>& phases, std::string_view host) {
  if (!profiler_ || phases.empty()) return;
  const debugger::TraceEvent& last = phases.back();
  (void)Put(profiler_->uri + "/" +
                debugger::TraceFileName(last.begin_us + last.duration_us, std::string(host),
                                        "model_timeline"),
            debugger::WriteTrace(phases));
}

void Mirrors::Close() {
  for (const MirrorSpec& m : specs_) {
    if (m.end_marker.empty()) continue;
    if (const Status done = CloseOne(m); !done) {
      log_.Write(CleanLine("[clary] WARNING: " + m.uri + ": " + done.error().message));
    }
  }
}

}  // namespace clary::runner
