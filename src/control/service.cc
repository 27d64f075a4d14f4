#include "control/service.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "base/file.h"
#include "base/strings.h"
#include "control/internal/create.h"
#include "control/internal/metrics.h"
#include "control/internal/paging.h"
#include "control/internal/search.h"
#include "control/internal/state.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kPoll{10};  // while a job has not ended
constexpr int kMaxConflicts = 100;
constexpr size_t kMaxTags = 50;
constexpr size_t kDefaultSearchPage = 100;

Error NotFound() {
  return {Code::kNotFound, "ValidationException", "Requested resource not found."};
}

std::unexpected<Error> Rejected(const std::string& status) {
  return Invalid("The request was rejected because the training job is in status " + status + ".");
}

// A tag on a job that is not there would show up on a later job of that name.
Status CheckTaggable(const Records& records, const std::string& arn) {
  constexpr std::string_view kKind = ":training-job/";
  const size_t at = arn.find(kKind);
  if (at == std::string::npos) return {};
  const SnapshotPtr job = records.Find(std::string_view(arn).substr(at + kKind.size()));
  if (job && job->record.arn == arn) return {};
  return std::unexpected(NotFound());
}

}  // namespace

Service::State::State(const Environment& environment, Options given)
    : env(environment),
      options(std::move(given)),
      capacity(options.capacity_cpus > 0
                   ? options.capacity_cpus
                   : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
      records(env.records),
      reconciler(env, options, capacity, records, *bell) {}

void Service::State::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const size_t active = reconciler.Pass();
    bell->Wait(stop, active > 0 ? std::optional(kPoll) : std::nullopt);
  }
}

Result<SnapshotPtr> Service::State::Named(const json& input) const {
  SnapshotPtr job = records.Find(input.at("TrainingJobName").get_ref<const std::string&>());
  if (!job) return std::unexpected(NotFound());
  return job;
}

Result<json> Service::State::Create(const json& input) {
  const std::string name = input.at("TrainingJobName");
  const auto in_use = [](const std::string& arn) {
    return Fail(Code::kAlreadyExists, "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a "
                "training job with this name already exists (" +
                    arn + ")");
  };
  if (const SnapshotPtr old = records.Find(name)) return in_use(old->record.arn);
  CLARY_CHECK_OK(CheckCreate(input, env, options));
  JobRecord record = NewRecord(input, options, env.clock.Now(), capacity);
  const std::string arn = record.arn;
  const auto tags = input.find("Tags");
  std::string tags_json;
  if (tags != input.end() && !tags->empty()) {
    const TagMap map = TagsFromJson(*tags);
    if (map.size() != tags->size()) {
      return Invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    }
    tags_json = TagsToJson(map).dump();
  }
  const Status created = records.Create(std::move(record), tags_json);
  if (!created && created.error().code == Code::kAlreadyExists) return in_use(arn);
  if (!created) return std::unexpected(created.error());
  bell->Ring(false);
  return json{{"TrainingJobArn", arn}};
}

Result<json> Service::State::Describe(const json& input) {
  CLARY_TRY(const SnapshotPtr job, Named(input));
  json view = BareView(job->record);
  AddMetricDefinitions(view);
  return view;
}

Result<SnapshotPtr> Service::State::Write(const json& input,
                                          const std::function<Status(JobRecord& record)>& change) {
  for (int i = 0; i < kMaxConflicts; ++i) {
    CLARY_TRY(const SnapshotPtr job, Named(input));
    JobRecord record = job->record;
    CLARY_CHECK_OK(change(record));
    auto written = records.Update(job, std::move(record));
    if (written) {
      bell->Ring(false);
      return written;
    }
    if (written.error().code != Code::kConflict) return written;
  }
  return Fail(Code::kUnavailable, "ThrottlingException", "Rate exceeded");
}

Result<json> Service::State::Stop(const json& input) {
  CLARY_CHECK_OK(Write(input, [&](JobRecord& record) -> Status {
    if (record.status != "InProgress") return Rejected(record.status);
    record.stop_requested_ms = ToMillis(env.clock.Now());
    return {};
  }));
  return json::object();
}

// What a job was told at its launch it keeps: an update shows in Describe from now on.
Result<json> Service::State::Update(const json& input) {
  if (!input.value("ProfilerRuleConfigurations", json::array()).empty()) {
    return Invalid(
        "ProfilerRuleConfigurations cannot be added to a training job by this release; give them "
        "to CreateTrainingJob");
  }
  CLARY_TRY(const SnapshotPtr job, Write(input, [&](JobRecord& record) -> Status {
              if (record.status != "InProgress") return Rejected(record.status);
              json request = json::parse(record.request, nullptr, false);
              for (const char* member : {"ProfilerConfig", "ResourceConfig", "RemoteDebugConfig"}) {
                const auto given = input.find(member);
                if (given != input.end()) request[member].update(*given);
              }
              record.request = request.dump();
              record.modified_ms = std::max(record.modified_ms, ToMillis(env.clock.Now()));
              return {};
            }));
  return json{{"TrainingJobArn", job->record.arn}};
}

// The name is free again when Describe no longer knows the job.
Result<json> Service::State::Delete(const json& input) {
  CLARY_CHECK_OK(Write(input, [&](JobRecord& record) -> Status {
    if (record.delete_requested_ms > 0) return {};
    if (!record.terminal()) {
      return Fail(Code::kFailedPrecondition, "ResourceInUse",
                  "The training job is in status " + record.status +
                      ". Only jobs that are Completed, Failed or Stopped can be deleted.");
    }
    for (const auto* rules : {&record.debug_rules, &record.profiler_rules}) {
      for (const RuleStatus& rule : *rules) {
        if (rule.status != "InProgress" && rule.status != "Stopping") continue;
        return Fail(Code::kFailedPrecondition, "ResourceInUse",
                    "The rule " + rule.name + " of the training job is still being evaluated.");
      }
    }
    record.delete_requested_ms = ToMillis(env.clock.Now());
    return {};
  }));
  return json::object();
}

Result<json> Service::State::List(const json& input) {
  const std::string sort_by = input.value("SortBy", "CreationTime");
  const bool ascending = input.value("SortOrder", "Ascending") == "Ascending";
  const std::string order = sort_by + (ascending ? "+" : "-");
  const size_t limit = PageSize(input, kDefaultPage);
  const ListFilter wanted(input);
  std::vector<SnapshotPtr> page;  // one more than the page holds, to know whether there is more
  const auto take = [&](const SnapshotPtr& job) {
    const JobRecord& r = job->record;
    if (wanted(r.name, r.status, r.created_ms, r.modified_ms)) page.push_back(job);
    return page.size() <= limit;
  };

  if (sort_by == "Name") {
    CLARY_TRY(const json token, ReadToken(input, order, 2));
    std::optional<std::string> after;
    if (!token.is_null()) {
      if (!token[1].is_string()) return Invalid("The provided NextToken is not valid.");
      after = token[1].get<std::string>();
    }
    records.ByName(ascending, after, take);
  } else {
    CLARY_TRY(const json token, ReadToken(input, order, 4));
    std::optional<Records::TimeKey> after;
    std::string after_status;
    if (!token.is_null()) {
      if (!token[1].is_string() || !token[2].is_number_integer() || !token[3].is_string()) {
        return Invalid("The provided NextToken is not valid.");
      }
      after_status = token[1];
      after = {token[2].get<int64_t>(), token[3].get<std::string>()};
    }
    if (sort_by == "CreationTime") {
      records.ByCreation(ascending, after, take);
    } else {
      // By status, then by creation.
      records.ByCreation(ascending, std::nullopt, [&](const SnapshotPtr& job) {
        const JobRecord& r = job->record;
        const auto key = std::tie(r.status, r.created_ms, r.name);
        const bool behind =
            !after || (ascending ? key > std::tie(after_status, after->first, after->second)
                                 : key < std::tie(after_status, after->first, after->second));
        if (behind && wanted(r.name, r.status, r.created_ms, r.modified_ms)) page.push_back(job);
        return true;
      });
      std::stable_sort(page.begin(), page.end(), [&](const SnapshotPtr& a, const SnapshotPtr& b) {
        return ascending ? a->record.status < b->record.status
                         : b->record.status < a->record.status;
      });
    }
  }

  json out = {{"TrainingJobSummaries", json::array()}};
  if (page.size() > limit) {
    page.resize(limit);
    const JobRecord& last = page.back()->record;
    out["NextToken"] = sort_by == "Name"
                           ? MakeToken({order, last.name})
                           : MakeToken({order, last.status, last.created_ms, last.name});
  }
  for (const SnapshotPtr& job : page) {
    out["TrainingJobSummaries"].push_back(SummaryView(job->record));
  }
  return out;
}

Result<json> Service::State::AddTags(const json& input) {
  const TagMap added = TagsFromJson(input.at("Tags"));
  CLARY_TRY(const TagMap tags,
            records.ChangeTags(input.at("ResourceArn"), [&](TagMap& now) -> Status {
              CLARY_CHECK_OK(CheckTaggable(records, input.at("ResourceArn")));
              for (const auto& [key, value] : added) now[key] = value;
              if (now.size() <= kMaxTags) return {};
              return Invalid("A resource may have at most " + std::to_string(kMaxTags) + " tags.");
            }));
  return json{{"Tags", TagsToJson(tags)}};
}

Result<json> Service::State::ListTags(const json& input) {
  return json{{"Tags", TagsToJson(records.Tags(input.at("ResourceArn")))}};
}

Result<json> Service::State::DeleteTags(const json& input) {
  CLARY_CHECK_OK(records.ChangeTags(input.at("ResourceArn"), [&](TagMap& now) {
    for (const json& key : input.at("TagKeys")) now.erase(key.get<std::string>());
    return Status();
  }));
  return json::object();
}

Result<json> Service::State::Search(const json& input) {
  json out = {{"Results", json::array()}};
  if (input.at("Resource") != "TrainingJob") return out;  // this release has no others
  const std::string sort_by = input.value("SortBy", "LastModifiedTime");
  const bool ascending = input.value("SortOrder", "Descending") == "Ascending";
  const size_t limit = PageSize(input, kDefaultSearchPage);
  const std::string order = sort_by + (ascending ? "+" : "-");
  CLARY_TRY(const json token, ReadToken(input, order, 3));
  const json expression = input.value("SearchExpression", json::object());

  std::vector<SnapshotPtr> jobs;
  records.ByCreation(true, std::nullopt, [&](const SnapshotPtr& job) {
    jobs.push_back(job);
    return true;
  });
  struct Hit {
    json key;
    std::string name;
    json view;
  };
  // Values of different kinds compare by kind; json's operator< says how.
  const auto before = [&](const json& key_a, const std::string& a, const json& key_b,
                          const std::string& b) {
    if (key_a != key_b) return ascending ? key_a < key_b : key_b < key_a;
    return ascending ? a < b : b < a;
  };
  std::vector<Hit> hits;
  size_t total = 0;
  for (const SnapshotPtr& job : jobs) {
    json view = BareView(job->record);
    view["Tags"] = TagsToJson(records.Tags(job->record.arn));
    if (!Matches(view, expression)) continue;
    ++total;
    json key = PropertyOf(view, sort_by);
    if (!token.is_null() && !before(token[1], token[2], key, job->record.name)) continue;
    hits.push_back({.key = std::move(key), .name = job->record.name, .view = std::move(view)});
    if (hits.size() <= 2 * limit + 1) continue;
    // Keep the best so far only: memory stays that of two pages.
    std::ranges::sort(
        hits, [&](const Hit& a, const Hit& b) { return before(a.key, a.name, b.key, b.name); });
    hits.resize(limit + 1);
  }
  std::ranges::sort(
      hits, [&](const Hit& a, const Hit& b) { return before(a.key, a.name, b.key, b.name); });
  if (hits.size() > limit) {
    hits.resize(limit);
    out["NextToken"] = MakeToken({order, hits.back().key, hits.back().name});
  }
  out["TotalHits"] = {{"Value", total}, {"Relation", "EqualTo"}};
  for (Hit& hit : hits) {
    AddMetricDefinitions(hit.view);
    out["Results"].push_back({{"TrainingJob", std::move(hit.view)}});
  }
  return out;
}

Service::Service(std::unique_ptr<State> state) : state_(std::move(state)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::Start(const Environment& environment, Options options) {
  if (options.runner_command.empty() || options.rule_command.empty() ||
      options.jobs_directory.empty()) {
    return Fail(Code::kInvalidArgument, "BadOptions",
                "the service needs commands for runners and rules and a directory for jobs");
  }
  CLARY_CHECK_OK(MakeDirectories(options.jobs_directory));
  const bool start = options.start_reconciler;
  std::unique_ptr<Service> service(
      new Service(std::make_unique<State>(environment, std::move(options))));
  State& state = *service->state_;
  CLARY_CHECK_OK(state.records.Load());
  state.env.executor.OnExit([bell = state.bell] { bell->Ring(true); });
  if (start) state.thread = std::jthread([&state](const std::stop_token& s) { state.Run(s); });
  return service;
}

Result<json> Service::Handle(std::string_view operation, const json& input) {
  struct Entry {
    std::string_view name;
    Result<json> (State::*run)(const json& input);
  };
  static constexpr Entry kTable[] = {
      {"AddTags", &State::AddTags},
      {"CreateTrainingJob", &State::Create},
      {"DeleteTags", &State::DeleteTags},
      {"DeleteTrainingJob", &State::Delete},
      {"DescribeTrainingJob", &State::Describe},
      {"ListTags", &State::ListTags},
      {"ListTrainingJobs", &State::List},
      {"Search", &State::Search},
      {"StopTrainingJob", &State::Stop},
      {"UpdateTrainingJob", &State::Update},
      {"DescribeProcessingJob", &State::DescribeProcessing},
      {"ListProcessingJobs", &State::ListProcessing},
      {"StopProcessingJob", &State::StopProcessing},
  };
  const auto* entry = std::ranges::find(kTable, operation, &Entry::name);
  if (entry == std::end(kTable)) {
    return Fail(Code::kInvalidArgument, "UnknownOperationException",
                "The requested operation '" + std::string(operation) +
                    "' is not supported by this service.");
  }
  CLARY_CHECK_OK(api::Validate(operation, input));
  return (state_.get()->*entry->run)(input);
}

Result<std::string> Service::Call(std::string_view operation, std::string_view body) {
  CLARY_TRY(const json input, api::Decode(operation, body));
  if (operation == "DescribeTrainingJob") {
    CLARY_CHECK_OK(api::Validate(operation, input));
    CLARY_TRY(const SnapshotPtr job, state_->Named(input));
    return *state_->records.DescribeText(job);
  }
  CLARY_TRY(const json output, Handle(operation, input));
  return output.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<MetricSeries>> Service::Metrics(const std::string& job, std::string_view name) {
  const SnapshotPtr found = state_->records.Find(job);
  if (!found) {
    return Fail(Code::kNotFound, "ResourceNotFound", "there is no training job '" + job + "'");
  }
  const json request = json::parse(found->record.request, nullptr, false);
  auto definitions = MetricDefinitions(request);
  if (!name.empty()) std::erase_if(definitions, [&](const auto& d) { return d.name != name; });
  return ScanMetrics(state_->env.logs, found->record.log_stream, definitions);
}

std::vector<std::string> Service::JobNames(size_t limit) const {
  std::vector<std::string> names;
  state_->records.ByCreation(false, std::nullopt, [&](const SnapshotPtr& job) {
    if (names.size() < limit) names.push_back(job->record.name);
    return names.size() < limit;
  });
  return names;
}

meta::LogStore& Service::Logs() const { return state_->env.logs; }

size_t Service::Reconcile() { return state_->reconciler.Pass(); }

}  // namespace clary::control
