#include "meta/metadata_store.h"

#include <utility>

namespace clary::meta {
namespace {

thread_local const Write* this_threads_fence = nullptr;

}  // namespace

Fence::Fence(std::string table, std::string key, int64_t version)
    : check_{.table = std::move(table),
             .key = std::move(key),
             .body = std::nullopt,
             .expected_version = version,
             .check = true} {
  this_threads_fence = &check_;
}

Fence::~Fence() { this_threads_fence = nullptr; }

Result<std::vector<int64_t>> MetadataStore::Apply(const std::vector<Write>& writes) {
  if (this_threads_fence == nullptr) return ApplyAll(writes);
  std::vector<Write> all = {*this_threads_fence};
  all.insert(all.end(), writes.begin(), writes.end());
  CLARY_TRY(auto versions, ApplyAll(all));
  versions.erase(versions.begin());
  return versions;
}

Status CheckVersion(const Write& write, int64_t current) {
  if (!write.expected_version || *write.expected_version == current) return {};
  const std::string name = "record '" + write.key + "' of " + write.table;
  if (write.check) {
    return Fail(Code::kConflict, "Fenced",
                name + " is at version " + std::to_string(current) + ", not at " +
                    std::to_string(*write.expected_version) + ": another has taken over");
  }
  if (*write.expected_version == 0) {
    return Fail(Code::kAlreadyExists, "Exists", name + " exists already");
  }
  return Fail(Code::kConflict, "Version",
              name + " is at version " + std::to_string(current) + ", expected " +
                  std::to_string(*write.expected_version) + "; read it again");
}

}  // namespace clary::meta
