#include "clary/image_uris.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/suggest.h"
#include "client/internal/regions.h"

namespace clary {
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
namespace {

// A tag as the Python SDK makes it of a version of the framework.
struct Release {
  std::string_view version;
  std::string_view tag;
};
constexpr std::array<Release, 10> kXgboost = {{{"0.90-1", "0.90-1"},
                                               {"0.90-2", "0.90-2"},
                                               {"1.0-1", "1.0-1"},
                                               {"1.2-1", "1.2-1"},
                                               {"1.2-2", "1.2-2"},
                                               {"1.3-1", "1.3-1"},
                                               {"1.5-1", "1.5-1"},
                                               {"1.7-1", "1.7-1"},
                                               {"3.0-5", "3.0-5"},
                                               {"3.2-0", "3.2-0"}}};
constexpr std::array<Release, 5> kSklearn = {{{"0.20.0", "0.20.0-cpu-py3"},
                                              {"0.23-1", "0.23-1-cpu-py3"},
                                              {"1.0-1", "1.0-1-cpu-py3"},
                                              {"1.2-1", "1.2-1-cpu-py3"},
                                              {"1.4-2", "1.4-2-cpu-py3"}}};
constexpr std::array<Release, 8> kPytorch = {{{"1.13.1", "1.13.1-cpu-py39"},
                                              {"2.0.1", "2.0.1-cpu-py310"},
                                              {"2.1.0", "2.1.0-cpu-py310"},
                                              {"2.2.0", "2.2.0-cpu-py310"},
                                              {"2.3.0", "2.3.0-cpu-py311"},
                                              {"2.4.0", "2.4.0-cpu-py311"},
                                              {"2.5.1", "2.5.1-cpu-py311"},
                                              {"2.6.0", "2.6.0-cpu-py312"}}};

struct FrameworkRow {
  std::string_view name;
  std::string_view repository;
  std::span<const Release> releases;
  bool deep_learning = false;  // of the registry of deep learning containers
};
constexpr std::array<FrameworkRow, 3> kFrameworks = {
    {{"xgboost", "sagemaker-xgboost", kXgboost},
     {"sklearn", "sagemaker-scikit-learn", kSklearn},
     {"pytorch", "pytorch-training", kPytorch, true}}};

// The registry of deep learning containers in the regions that AWS opened first.
constexpr std::string_view kDeepLearningAccount = "763104351884";
constexpr std::string_view kDeepLearningRegions[] = {
    "us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",  "ca-central-1",
    "eu-central-1",   "eu-north-1",     "eu-west-1",      "eu-west-2",  "eu-west-3",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2", "sa-east-1"};

std::string Names(const auto& rows, auto member) {
  std::string all;
  for (const auto& row : rows) all.append(all.empty() ? "" : ", ").append(row.*member);
  return all;
}

}  // namespace

Result<std::string> retrieve(std::string_view framework, std::string_view region,
                             std::string_view version) {
  const auto* row = std::ranges::find(kFrameworks, framework, &FrameworkRow::name);
  if (row == kFrameworks.end()) {
    std::vector<std::string_view> names;
    for (const auto& f : kFrameworks) names.push_back(f.name);
    return Fail(Code::kInvalidArgument, "UnknownImage",
                "no image for framework '" + std::string(framework) + "'." +
                    DidYouMean(framework, names) +
                    " There are: " + Names(kFrameworks, &FrameworkRow::name));
  }
  const auto release = std::ranges::find(row->releases, version, &Release::version);
  if (release == row->releases.end()) {
    std::vector<std::string_view> versions;
    for (const auto& r : row->releases) versions.push_back(r.version);
    return Fail(Code::kInvalidArgument, "UnknownImage",
                "no " + std::string(framework) + " image of version '" + std::string(version) +
                    "'." + DidYouMean(version, versions) +
                    " There are: " + Names(row->releases, &Release::version));
  }
  const auto* entry = client::FindRegion(region);
  const bool known =
      entry != nullptr && (!row->deep_learning || std::ranges::find(kDeepLearningRegions, region) !=
                                                      std::end(kDeepLearningRegions));
  if (!known) {
    return Fail(Code::kInvalidArgument, "UnknownRegion",
                "no registry of " + std::string(framework) + " images is known for region '" +
                    std::string(region) + "'");
  }
  return std::string(row->deep_learning ? kDeepLearningAccount : entry->xgboost_account)
      .append(".dkr.ecr.")
      .append(region)
      .append(".")
      .append(client::DomainOf(region))
      .append("/")
      .append(row->repository)
      .append(":")
      .append(release->tag);
}

}  // namespace image_uris
}  // namespace clary
