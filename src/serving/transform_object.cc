#include "serving/internal/transform_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <span>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/strings.h"

namespace clary::serving {
namespace {

constexpr size_t kMaxQuoted = 4096;

// Lines of an answer; the last may lack its end.
std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t lf = text.find('\n');
    std::string_view line = text.substr(0, lf);
    text.remove_prefix(lf == std::string_view::npos ? text.size() : lf + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

// Some records on their way to the model and back.
struct Part {
  std::string body;                  // of the request
  std::vector<std::string> records;  // as they came, if they are joined with their results
  size_t count = 0;
  Result<std::string> output = std::string();
  bool done = false;
};

class TransformSource final : public ByteSource {
 public:
  TransformSource(std::unique_ptr<ByteSource> input, const TransformPlan& plan, Ask ask)
      : plan_(plan),
        ask_(std::move(ask)),
        reader_(std::move(input), plan.split, plan.payload_bytes) {
    for (size_t i = 0; i < std::max<size_t>(plan.concurrency, 1); ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
    }
  }
  ~TransformSource() override {
    for (std::jthread& t : threads_) t.request_stop();
  }

  Result<size_t> Read(std::span<char> buffer) override {
    while (at_ == ready_.size()) {
      CLARY_CHECK_OK(Fill());
      if (parts_.empty()) return 0;
      std::unique_ptr<Part> part;
      {
        MutexLock lock(mu_);
        changed_.wait(lock, [this] { return parts_.front()->done; });
        part = std::move(parts_.front());
        parts_.pop_front();
      }
      if (!part->output) return std::unexpected(std::move(part->output).error());
      ready_ = *std::move(part->output);
      at_ = 0;
    }
    const size_t n = std::min(buffer.size(), ready_.size() - at_);
    std::memcpy(buffer.data(), ready_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  // Keeps every thread busy and one part ready for the next that ends.
  Status Fill() {
    while (!input_ended_ && parts_.size() <= threads_.size()) {
      CLARY_TRY(auto part, NextPart());
      if (part == nullptr) break;
      MutexLock lock(mu_);
      waiting_.push_back(part.get());
      parts_.push_back(std::move(part));
      changed_.notify_all();
    }
    return {};
  }

  // The records of the next request; nullptr at the end.
  Result<std::unique_ptr<Part>> NextPart() {
    auto part = std::make_unique<Part>();
    while (!input_ended_) {
      if (!held_) CLARY_CHECK_OK(NextRecord());
      if (!held_) break;
      if (part->count > 0 && part->body.size() + held_->size() > plan_.payload_bytes) return part;
      part->body += *held_;
      held_.reset();
      if (plan_.join) part->records.push_back(std::move(held_record_));
      ++part->count;
      if (!plan_.multi_record) return part;
    }
    if (part->count == 0) part.reset();
    return part;
  }

  // What the next record sends, into held_.
  Status NextRecord() {
    for (;;) {
      CLARY_TRY(const auto record, reader_.Next());
      if (!record) {
        input_ended_ = true;
        return {};
      }
      if (plan_.split == SplitType::kLine && record->payload.empty()) continue;
      if (plan_.join) held_record_ = std::string(Trim(record->payload));
      if (plan_.input_filter && !plan_.input_filter->everything()) {
        CLARY_TRY(std::string filtered, plan_.input_filter->Apply(Trim(record->payload)));
        if (plan_.split == SplitType::kLine) filtered += '\n';
        held_ = std::move(filtered);
        return {};
      }
      const bool bare = plan_.split == SplitType::kRecordIo || plan_.split == SplitType::kTfRecord;
      held_ = std::string(bare && !plan_.multi_record ? record->payload : record->framed);
      return {};
    }
  }

  void Work(const std::stop_token& stop) {
    for (;;) {
      Part* part = nullptr;
      {
        MutexLock lock(mu_);
        if (!changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
        part = waiting_.front();
        waiting_.pop_front();
      }
      Result<std::string> output = Transform(*part, stop);
      const MutexLock lock(mu_);
      part->output = std::move(output);
      part->done = true;
      changed_.notify_all();
    }
  }

  Result<std::string> Transform(Part& part, const std::stop_token& stop) const {
    net::ClientRequest request{.method = "POST", .url = "http://model.aws.local/invocations"};
    if (!plan_.content_type.empty()) request.headers.Set("Content-Type", plan_.content_type);
    if (!plan_.accept.empty()) request.headers.Set("Accept", plan_.accept);
    request.body = std::move(part.body);
    for (int64_t tried = 0;; ++tried) {
      if (stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
      auto answer = ask_(request);
      if (answer && answer->status >= 200 && answer->status < 300) {
        return Assemble(part, std::move(answer->body));
      }
      if (answer && answer->status >= 400 && answer->status < 500) {
        return Fail(Code::kInvalidArgument, fmt::format("ClientError: {}", answer->status),
                    answer->body.substr(0, kMaxQuoted));
      }
      if (tried < plan_.retries) continue;
      if (!answer) {
        return Fail(Code::kUnavailable, "Unable to get response from algorithm",
                    answer.error().message);
      }
      return Fail(Code::kInternal,
                  fmt::format("Bad HTTP status received from algorithm: {}", answer->status),
                  answer->body.substr(0, kMaxQuoted));
    }
  }

  Result<std::string> Assemble(const Part& part, std::string answer) const {
    if (!plan_.join && !plan_.output_filter) {
      if (plan_.assemble_lines && !answer.ends_with('\n')) answer += '\n';
      return answer;
    }
    auto results = part.count == 1 && plan_.kind == RecordKind::kJson
                       ? std::vector<std::string_view>{Trim(answer)}
                       : Lines(answer);
    if (results.size() != part.count) {
      return Fail(Code::kInvalidArgument, "ClientError: results do not match records",
                  fmt::format("the model answered {} records with {} lines; DataProcessing needs a "
                              "line for each",
                              part.count, results.size()));
    }
    std::string out;
    for (size_t i = 0; i < results.size(); ++i) {
      std::string result(results[i]);
      if (plan_.join) {
        CLARY_TRY(result, JoinRecord(plan_.kind, part.records[i], result));
      }
      if (plan_.output_filter) {
        CLARY_TRY(result, plan_.output_filter->Apply(result));
      }
      out += result;
      out += '\n';
    }
    return out;
  }

  const TransformPlan& plan_;
  const Ask ask_;
  RecordReader reader_;
  // Of the thread that reads.
  bool input_ended_ = false;
  std::optional<std::string> held_;  // what the next record sends, if it was read already
  std::string held_record_;
  std::deque<std::unique_ptr<Part>> parts_;  // in order; their output is the workers' until done
  std::string ready_;
  size_t at_ = 0;

  Mutex mu_;
  std::condition_variable_any changed_;
  std::deque<Part*> waiting_ GUARDED_BY(mu_);
  std::vector<std::jthread> threads_;  // last: joined before what they use goes
};

}  // namespace

std::unique_ptr<ByteSource> NewTransformSource(std::unique_ptr<ByteSource> input,
                                               const TransformPlan& plan, Ask ask) {
  return std::make_unique<TransformSource>(std::move(input), plan, std::move(ask));
}

}  // namespace clary::serving
