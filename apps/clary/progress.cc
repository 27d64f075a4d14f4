#include "progress.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

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
  const std::string_view text = event.message;
  auto round = parse_round(text);
  const bool means = round && std::exchange(means_next_, false);
  if (means) {
    last_ = std::move(round->metrics);
  } else if (round) {
    if (done_ == 0 && model_ <= 1) first_round_ = clock_.Now();
    done_ = round->round + 1;
    last_ = std::move(round->metrics);
  } else if (text.contains("] Train cross validation fold ")) {
    ++model_;
    done_ = 0;
  } else if (model_ > 0 && text.contains("] The ") && text.ends_with(" cross validation")) {
    means_next_ = true;
  } else if (auto kept = parse_kept_rounds(text); kept && model_ == 0) {
    kept_ = std::move(kept);
  }
  if (options_.silent) return;
  if (options_.verbose) return Line(LogLine(event.message));
  if (const auto memory = parse_memory(text)) memory_mb_ = *memory;
  if (!round) {
    const bool important = text.contains("ERROR") || text.contains("WARNING") ||
                           text.contains("] Early stopping kept ");
    if (important) Line(LogLine(event.message));
    return;
  }
  if (means) return Line("mean of the folds  " + MetricsText(last_));
  if (options_.live) return Draw(done_ == options_.rounds);
  const int step = std::max(1, options_.rounds / 10);
  if (done_ == 1 || done_ % step == 0 || done_ == options_.rounds) {
    Line(RoundText() + "  " + MetricsText(last_));
  }
}

std::string Progress::RoundText() const {
  std::string text = model_ == 0 ? "" : "model " + std::to_string(model_);
  if (model_ > 0 && options_.models > 1) text += "/" + std::to_string(options_.models);
  text += (text.empty() ? "round " : ", round ") + std::to_string(done_);
  return options_.rounds > 0 ? text + "/" + std::to_string(options_.rounds) : text;
}

void Progress::Draw(bool force) {
  const auto now = clock_.Now();
  if (!force && now - drawn_ < kRedraw) return;
  drawn_ = now;
  const std::string plain = RoundText();
  // Over all models.
  const int64_t done = int64_t{std::max(model_ - 1, 0)} * options_.rounds + done_;
  const int64_t all = int64_t{options_.models} * options_.rounds;
  std::string bar;
  if (all > 0) {
    constexpr int64_t kBar = 20;
    const int64_t full = std::clamp<int64_t>(kBar * done / all, 0, kBar);
    for (int64_t i = 0; i < kBar; ++i) bar += i < full ? "█" : "░";
    bar = " " + Paint(bar, Style::kGreen);
  }
  std::string rest;
  const auto elapsed = (now - first_round_).count();
  if (elapsed > 200 && done > 1) {
    const double per_second = 1000.0 * static_cast<double>(done - 1) / static_cast<double>(elapsed);
    char speed[32];
    std::snprintf(speed, sizeof speed, per_second < 10 ? "  %.1f/s" : "  %.0f/s", per_second);
    rest += speed;
    if (all > done) {
      rest += "  " +
              FormatDuration(
                  static_cast<int64_t>(1000.0 * static_cast<double>(all - done) / per_second)) +
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

std::string RoundsText(int rounds, int models, const std::optional<KeptRounds>& kept) {
  if (kept) {
    return "best round " + std::to_string(kept->kept) + " of " + std::to_string(kept->trained);
  }
  const std::string of = std::to_string(rounds) + (rounds == 1 ? " round" : " rounds");
  return models > 1 ? std::to_string(models) + " models of " + of : of;
}

void PrintMetrics(const std::vector<MetricValue>& last, const std::optional<KeptRounds>& kept,
                  std::string_view indent) {
  // Log lines say "train-auc", descriptions "train:auc".
  const auto same = [](const std::string& a, const std::string& b) {
    return std::ranges::equal(a, b, [](char x, char y) {
      return x == y || ((x == ':' || x == '-') && (y == ':' || y == '-'));
    });
  };
  Table table(kept ? std::vector<std::string>{"METRIC", "BEST ROUND " + std::to_string(kept->kept),
                                              "LAST ROUND " + std::to_string(kept->trained)}
                   : std::vector<std::string>{"METRIC", "VALUE"});
  table.AlignRight(1);
  table.AlignRight(2);
  for (const auto& m : last) {
    if (!kept) {
      table.Add({m.name, FormatNumber(m.value)});
      continue;
    }
    const auto best = std::ranges::find_if(
        kept->metrics, [&](const MetricValue& k) { return same(k.name, m.name); });
    table.Add({m.name, best == kept->metrics.end() ? "-" : FormatNumber(best->value),
               FormatNumber(m.value)});
  }
  table.Print(indent);
}

}  // namespace clary::cli
