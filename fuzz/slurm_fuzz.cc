// What Slurm's tools print, and the operator's table of instance types.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exec/internal/slurm_cli.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::exec;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& [comment, job] : ParseQueue(text)) {
    if (job.id == 0 || job.comment != comment || Describe(job).empty()) std::abort();
    if (IsHopeless(job) && HasEnded(job)) std::abort();
  }
  for (const int code : {0, 1, 137}) {
    const Submission got = ParseSubmission(code, text);
    if (got.id > 0 && (code != 0 || got.refused)) std::abort();
    if (got.id == 0 && got.why.empty()) std::abort();
    if (got.refused && got.passing) std::abort();
  }
  if (const auto table = SlurmTable::Parse(text)) {
    for (const char* type : {"ml.m5.large", "", "ml.p3.2xlarge"}) {
      const auto options = ResourceOptions({{type, 2, 1}}, *table, {});
      if (!options) std::abort();
      for (const auto& option : *options) {
        if (!option.starts_with("--")) std::abort();
      }
    }
  }
  return 0;
}
