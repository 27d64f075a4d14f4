#include "debugger/tensor_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "debugger/event_record.h"
#include "reports/publish.h"

namespace clary::debugger {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json SaveConfigJson(const SaveConfig& save) {
  const json one = {{"save_interval", save.save_interval},
                    {"save_steps", save.save_steps},
                    {"start_step", save.start_step},
                    {"end_step", save.end_step ? json(*save.end_step) : json()}};
  return {{"TRAIN", one}, {"EVAL", one}, {"PREDICT", one}, {"GLOBAL", one}};
}

}  // namespace

std::string ReductionName(std::string_view reduction, std::string_view tensor) {
  return fmt::format("smdebug/reductions/{}/{}", reduction, tensor);
}

double Reduce(std::string_view reduction, const std::vector<double>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const bool absolute = reduction.starts_with("abs_");
  if (absolute) reduction.remove_prefix(4);
  double sum = 0;
  double squares = 0;
  double product = 1;
  double magnitude = 0;
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (double x : values) {
    if (absolute) x = std::abs(x);
    sum += x;
    squares += x * x;
    product *= x;
    magnitude += std::abs(x);
    least = std::min(least, x);
    most = std::max(most, x);
  }
  const auto n = static_cast<double>(values.size());
  const double mean = sum / n;
  if (reduction == "min") return least;
  if (reduction == "max") return most;
  if (reduction == "mean") return mean;
  if (reduction == "prod") return product;
  if (reduction == "sum") return sum;
  if (reduction == "l1") return magnitude;
  if (reduction == "l2") return std::sqrt(squares);
  double spread = 0;  // second pass: no cancellation
  for (double x : values) {
    if (absolute) x = std::abs(x);
    spread += (x - mean) * (x - mean);
  }
  return reduction == "variance" ? spread / n : std::sqrt(spread / n);
}

TensorWriter::TensorWriter(fs::path directory, HookConfig config, Clock& clock, int worker,
                           int workers)
    : directory_(std::move(directory)),
      config_(std::move(config)),
      clock_(clock),
      worker_(fmt::format("worker_{}", worker)),
      workers_(workers) {}

Result<std::unique_ptr<TensorWriter>> TensorWriter::Open(fs::path directory, HookConfig config,
                                                         Clock& clock, int worker, int workers) {
  std::unique_ptr<TensorWriter> writer(
      new TensorWriter(std::move(directory), std::move(config), clock, worker, workers));
  CLARY_CHECK_OK(writer->WriteCollections());
  return writer;
}

bool TensorWriter::Saves(std::string_view collection, int64_t step, bool last) const {
  const Collection* c = config_.Find(collection);
  return c != nullptr && (last || c->save.Saves(step));
}

void TensorWriter::Add(std::string_view collection, Tensor tensor) {
  if (tensor.size() == 0) return;
  const Collection* c = config_.Find(collection);
  if (c == nullptr) return;
  std::vector<std::string> names = std::exchange(tensor.aliases, {});
  names.insert(names.begin(), std::move(tensor.name));
  for (const std::string& name : names) names_changed_ |= names_[c->name].insert(name).second;
  if (!c->reductions.empty()) {
    const std::vector<double> values = tensor.AsDoubles();
    for (const std::string& r : c->reductions) {
      if (values.empty()) break;
      const double reduced = Reduce(r, values);
      for (const std::string& name : names) {
        std::string reduction = ReductionName(r, name);
        if (in_step_.insert(reduction).second) {
          step_.push_back(Scalar(std::move(reduction), reduced));
        }
      }
    }
  }
  if (!c->save_raw_tensor) return;
  std::erase_if(names, [&](const std::string& name) { return !in_step_.insert(name).second; });
  if (names.empty()) return;
  tensor.name = std::move(names.front());
  names.erase(names.begin());
  tensor.aliases = std::move(names);
  step_.push_back(std::move(tensor));
}

Status TensorWriter::FinishStep(int64_t step) {
  if (names_changed_) CLARY_CHECK_OK(WriteCollections());
  if (step_.empty()) return {};
  const std::string name = fmt::format("{:012}_{}", step, worker_);
  const std::string event_file = fmt::format("events/{:012}/{}.tfevents", step, name);
  std::string events;
  std::string payload;
  for (Tensor& t : step_) {
    const size_t start = events.size();
    EventRecord event{.step = step, .mode_step = step, .wall_time = clock_.Now(), .tensor = {}};
    event.tensor = std::move(t);
    AppendEventRecord(event, events);
    const auto place = [&](const std::string& name_of) {
      fmt::format_to(std::back_inserter(payload),
                     R"({}{{"length":{},"start_idx":{},"tensorname":{}}})",
                     payload.empty() ? "" : ",", events.size() - start, start, JsonQuote(name_of));
    };
    place(event.tensor.name);
    for (const std::string& alias : event.tensor.aliases) place(alias);
  }
  step_.clear();
  in_step_.clear();
  CLARY_CHECK_OK(reports::PublishFile(directory_ / event_file, events));
  // By hand: a document for each tensor of each step would take longer than all the rest.
  const std::string index = fmt::format(
      R"({{"meta":{{"event_file_name":{},"mode":"GLOBAL","mode_step":{}}},"shape_payload":[],)"
      R"("tensor_payload":[{}]}})",
      JsonQuote(event_file), step, payload);
  return reports::PublishFile(directory_ / fmt::format("index/{:09}/{}.json", step / 1000, name),
                              index);
}

Status TensorWriter::Close() {
  return reports::PublishFile(directory_ / "training_job_end.ts", "");
}

Status TensorWriter::WriteCollections() {
  json collections = json::object();
  for (const Collection& c : config_.collections) {
    const auto names = names_.find(c.name);
    collections[c.name] = {
        {"name", c.name},
        {"include_regex", c.include_regex},
        {"tensor_names", names == names_.end() ? json::array() : json(names->second)},
        {"reduction_config",
         {{"save_raw_tensor", c.save_raw_tensor},
          {"reductions", fmt::format("{}", fmt::join(c.reductions, ","))},
          {"save_shape", false}}},
        {"save_config", SaveConfigJson(c.save)},
        {"save_histogram", false}};
  }
  const json doc = {{"collections", collections}, {"_meta", {{"num_workers", workers_}}}};
  CLARY_CHECK_OK(reports::PublishFile(
      directory_ / fmt::format("collections/000000000/{}_collections.json", worker_),
      doc.dump(-1, ' ', false, json::error_handler_t::replace)));
  names_changed_ = false;
  return {};
}

}  // namespace clary::debugger
