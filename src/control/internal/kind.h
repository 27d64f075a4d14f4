// A kind of resource as a row: what it is called, how it reads, and the functions that make it what
// it is. Everything else (records, launches, List, Search, tags, Stop, Delete) is written once over
// the rows. CONTRIBUTING.md has the recipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "control/internal/record.h"

namespace clary::control {

struct Context;
class Plan;
class Steps;

// Operations that a kind has, by name of its stem: Create<Stem>, ..., List<Stem>s.
enum Verb : unsigned { kCreate = 1, kDescribe = 2, kList = 4, kStop = 8, kDelete = 16 };

// An answer of AWS's; "{name}" and "{arn}" stand for those of the resource.
struct Words {
  Code code;
  std::string_view reason;  // AWS's error code
  std::string_view text;
};

// What a view is for.
enum class Show {
  kMatch,     // Search's expressions and order, without what is costly
  kSearch,    // an element of Search's answer
  kDescribe,  // the answer to Describe
};

// An operation of a kind beside the verbs.
struct Extra {
  std::string_view operation;
  Result<nlohmann::json> (*run)(Context& context, const nlohmann::json& input);
};

struct Kind {
  std::string_view stem;         // "TrainingJob"
  std::string_view name_member;  // "TrainingJobName"
  std::string_view arn_member;   // "TrainingJobArn"
  std::string_view segment;      // of its ARN: "training-job"
  const char* table;             // its records' in the metadata store
  std::string_view noun;         // "training job", in messages
  unsigned verbs = 0;
  std::span<const Extra> extras = {};
  bool fold_case = false;  // names are unique whatever their case; the key is in lower case

  std::span<const std::string_view> ends = {};  // statuses that nothing follows
  bool serves = false;              // its launches run on: neither queued nor counted as rules
  std::string_view log_group = {};  // of its launches
  std::chrono::milliseconds stop_grace{0};  // of a launch, between SIGTERM and SIGKILL

  std::string_view summaries;                     // member of List's answer
  std::string_view sort_by = "CreationTime";      // of List, if the request does not say
  std::string_view sort_order = "Descending";     // of List, if the request does not say
  std::string_view search_resource = {};          // Search's Resource; empty: not searched
  std::span<const std::string_view> costly = {};  // paths of the view that Show::kMatch leaves out
  bool delete_tells_arn = false;                  // in Delete's answer
  bool stop_again = false;  // of what is being stopped, Stop does nothing; else it is refused

  Words not_found;
  Words exists;

  // Checks what the shape allows but the state or this release does not, and fills in the record:
  // request, status, launches, facts. `record` has its names, times and owner; the names of one
  // that its kind numbers (a version of a model package) are set here. What must come to be in the
  // same write goes into `plan`.
  Status (*create)(Context& context, nlohmann::json request, Record& record, Plan& plan) = nullptr;
  // Moves a record that is not terminal on by what can be done now. Null for kinds that only are.
  Status (*step)(Steps& steps, const SnapshotPtr& record) = nullptr;
  nlohmann::json (*view)(const Context& context, const Record& record, Show show) = nullptr;
  nlohmann::json (*summary)(const Context& context, const Record& record) = nullptr;

  // Optional; null for kinds that need none of it.
  FactsPtr (*facts)(const nlohmann::json& json) = nullptr;  // throws what nlohmann throws
  void (*on_stop)(Record& record) = nullptr;  // a stop is seen first, status is "Stopping" already
  // Whether it may be deleted now; the error is the answer.
  Status (*may_delete)(const Context& context, const Record& record) = nullptr;
  // What goes with a record of it, beside what it owns and binds.
  std::vector<SnapshotPtr> (*along)(const Context& context, const Record& record) = nullptr;
  // List's conditions beside names, times and status; the error is the answer.
  Result<std::function<bool(const Record& record)>> (*filter)(
      const Context& context, const nlohmann::json& input) = nullptr;
  // Its record, and those that were part of it, of a row of an older schema. kDataLoss "BadRecord".
  Result<std::vector<Record>> (*upgrade)(const nlohmann::json& old) = nullptr;
};

// All kinds. A kind that owns another comes before it.
std::span<const Kind* const> Kinds();
size_t IndexOf(const Kind& kind);

extern const Kind kTuningJob;
extern const Kind kTrainingJob;
extern const Kind kProcessingJob;
extern const Kind kExperiment;
extern const Kind kTrial;
extern const Kind kTrialComponent;
extern const Kind kModel;
extern const Kind kEndpointConfig;
extern const Kind kModelPackageGroup;
extern const Kind kModelPackage;
extern const Kind kArtifact;
extern const Kind kAssociation;
extern const Kind kEndpoint;
extern const Kind kInferenceComponent;
extern const Kind kRetiredFleet;
extern const Kind kTransformJob;

// The kind and the key in a resource's ARN; no kind: it is of none.
struct ArnParts {
  const Kind* kind = nullptr;
  std::string_view key;
};
ArnParts ParseArn(std::string_view arn);

// The error that `words` say of a resource.
Error Say(const Words& words, std::string_view name, std::string_view arn = "");

inline std::unexpected<Error> Invalid(std::string message) {
  return Fail(Code::kInvalidArgument, "ValidationException", std::move(message));
}

}  // namespace clary::control
