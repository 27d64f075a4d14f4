#include "clary/image_uris.h"

#include <array>

#include "base/suggest.h"
#include "client/internal/regions.h"

namespace clary {
namespace {

constexpr std::array<std::string_view, 9> kXgboostVersions = {
    "0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5"};

}  // namespace

namespace client {

const RegionEntry* FindRegion(std::string_view region) {
  for (const auto& entry : kRegions) {
    if (entry.region == region) return &entry;
  }
  return nullptr;
}

std::string_view DomainOf(std::string_view region) {
  return region.starts_with("cn-")        ? "amazonaws.com.cn"
         : region.starts_with("us-iso-")  ? "c2s.ic.gov"
         : region.starts_with("us-isob-") ? "sc2s.sgov.gov"
         : region.starts_with("us-isof-") ? "csp.hci.ic.gov"
                                          : "amazonaws.com";
}

}  // namespace client

namespace image_uris {

Result<std::string> retrieve(std::string_view framework, std::string_view region,
                             std::string_view version) {
  if (framework != "xgboost") {
    return Fail(Code::kInvalidArgument, "UnknownImage",
                "no image for framework '" + std::string(framework) + "'; there is: xgboost");
  }
  bool known = false;
  std::string all;
  for (const auto v : kXgboostVersions) {
    known = known || v == version;
    all.append(all.empty() ? "" : ", ").append(v);
  }
  if (!known) {
    return Fail(Code::kInvalidArgument, "UnknownImage",
                "no xgboost image of version '" + std::string(version) + "'." +
                    DidYouMean(version, kXgboostVersions) + " There are: " + all);
  }
  const auto* entry = client::FindRegion(region);
  if (entry == nullptr) {
    return Fail(Code::kInvalidArgument, "UnknownRegion",
                "no image registry is known for region '" + std::string(region) + "'");
  }
  return std::string(entry->xgboost_account)
      .append(".dkr.ecr.")
      .append(region)
      .append(".")
      .append(client::DomainOf(region))
      .append("/sagemaker-xgboost:")
      .append(version);
}

}  // namespace image_uris
}  // namespace clary
