#include "progress.h"

#include <algorithm>
#include <cstdio>

#include "terminal.h"

namespace clary::cli {
namespace {

constexpr Duration kRedraw{50};

std::string MetricsText(const std::vector<MetricValue>& metrics) {
  std::string text;
  for (const auto& m : metrics) {
    char value[64];
    std::snprintf(value, sizeof value, "%.5f", m.value);
    text += (text.empty() ? "" : "  ") + m.name + " " + value;
  }
  return text;
}

}  // namespace

void Progress::Line(const std::string& text) {
  Finish();
  std::puts(text.c_str());
  std::fflush(stdout);
}

void Progress::Finish() {
  if (!line_open_) return;
  std::fputs("\r\033[K", stdout);
  std::fflush(stdout);
  line_open_ = false;
}

void Progress::on_status(const TrainingJobDescription&, const StatusTransition& t) {
  if (options_.silent) return;
  if (options_.live && !options_.verbose) {
    // The line shows where the job is; its history is of no use once the rounds begin.
    if (done_ == 0 && t.status != "Completed" && t.status != "Failed") {
      Finish();
      std::fputs((Paint(t.status, Style::kCyan) + " " + Paint(t.message, Style::kDim)).c_str(),
                 stdout);
      std::fflush(stdout);
      line_open_ = true;
    }
    return;
  }
  Line(t.status + ": " + t.message);
}

void Progress::on_log(int, const LogEvent& event) {
  auto round = parse_round(event.message);
  if (round) {
    if (done_ == 0) first_round_ = clock_.Now();
    done_ = round->round + 1;
    last_ = std::move(round->metrics);
  }
  if (options_.silent) return;
  if (options_.verbose) return Line(event.message);
  if (const auto memory = parse_memory(event.message)) memory_mb_ = *memory;
  if (!round) {
    const bool important = event.message.find("ERROR") != std::string::npos ||
                           event.message.find("WARNING") != std::string::npos ||
                           event.message.find("Stopping. Best iteration") != std::string::npos;
    if (important) Line(event.message);
    return;
  }
  if (options_.live) return Draw(done_ == options_.rounds);
  const int step = std::max(1, options_.rounds / 10);
  if (done_ == 1 || done_ % step == 0 || done_ == options_.rounds) {
    const auto total = options_.rounds > 0 ? "/" + std::to_string(options_.rounds) : std::string();
    Line("round " + std::to_string(done_) + total + "  " + MetricsText(last_));
  }
}

void Progress::Draw(bool force) {
  const auto now = clock_.Now();
  if (!force && now - drawn_ < kRedraw) return;
  drawn_ = now;
  std::string plain = "round " + std::to_string(done_);
  std::string bar;
  if (options_.rounds > 0) {
    plain += "/" + std::to_string(options_.rounds);
    constexpr int kBar = 20;
    const int full = std::clamp(kBar * done_ / options_.rounds, 0, kBar);
    for (int i = 0; i < kBar; ++i) bar += i < full ? "█" : "░";
    bar = " " + Paint(bar, Style::kGreen);
  }
  std::string rest;
  const auto elapsed = (now - first_round_).count();
  if (elapsed > 200 && done_ > 1) {
    const double per_second = 1000.0 * (done_ - 1) / static_cast<double>(elapsed);
    char speed[32];
    std::snprintf(speed, sizeof speed, per_second < 10 ? "  %.1f/s" : "  %.0f/s", per_second);
    rest += speed;
    if (options_.rounds > done_) {
      rest +=
          "  " +
          FormatDuration(static_cast<int64_t>(1000.0 * (options_.rounds - done_) / per_second)) +
          " left";
    }
  }
  if (memory_mb_ > 0) rest += "  " + std::to_string(memory_mb_) + " MB";
  // What counts comes first: a narrow terminal shows only as much as fits.
  auto metrics = last_;
  std::ranges::stable_partition(metrics,
                                [](const auto& m) { return m.name.starts_with("validation"); });
  rest += "  " + MetricsText(metrics);
  // One row of the terminal, or redrawing would leave pieces behind.
  const auto used = plain.size() + (bar.empty() ? 0 : 21);
  const auto width = static_cast<size_t>(std::max(20, TerminalWidth() - 1));
  if (used + rest.size() > width) rest.resize(width > used ? width - used : 0);
  std::fputs(("\r\033[K" + plain + bar + rest).c_str(), stdout);
  std::fflush(stdout);
  line_open_ = true;
}

}  // namespace clary::cli
