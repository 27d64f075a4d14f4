#include <algorithm>
#include <utility>

#include "base/page_token.h"
#include "base/strings.h"
#include "objects/internal/error_details.h"
#include "objects/internal/s3_answer.h"
#include "objects/internal/s3_call.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {

using net::FindParam;
using net::Response;

namespace {

// Where AWS has buckets, as location constraints name them. us-east-1 is no constraint.
constexpr std::string_view kRegions[] = {
    "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1",   "ca-west-1",      "cn-north-1",     "cn-northwest-1", "eu-central-1",
    "eu-central-2",   "eu-north-1",     "eu-south-1",     "eu-south-2",     "eu-west-1",
    "eu-west-2",      "eu-west-3",      "il-central-1",   "me-central-1",   "me-south-1",
    "mx-central-1",   "sa-east-1",      "us-east-2",      "us-gov-east-1",  "us-gov-west-1",
    "us-west-1",      "us-west-2",
};

// Where a bucket goes that is asked for at the endpoint of region `here`.
Result<std::string> RegionOf(std::string wanted, const std::string& here) {
  if (wanted == "EU") wanted = "eu-west-1";
  const auto known = [](std::string_view region) {
    return std::ranges::find(kRegions, region) != std::end(kRegions);
  };
  if (!wanted.empty() && !known(wanted) && (wanted != here || wanted == "us-east-1")) {
    return FailWith(Code::kInvalidArgument, "InvalidLocationConstraint",
                    "The specified location-constraint is not valid",
                    {{"LocationConstraint", wanted}});
  }
  // The endpoint of us-east-1 makes buckets everywhere, the others in their own region.
  if (known(here) && wanted != here) {
    return FailWith(Code::kInvalidArgument, "IllegalLocationConstraintException",
                    "The " + (wanted.empty() ? "unspecified" : wanted) +
                        " location constraint is incompatible for the region specific endpoint "
                        "this request was sent to.",
                    {});
  }
  return wanted.empty() ? here : wanted;
}

}  // namespace

Result<Response> Call::ListBuckets() {
  CLARY_TRY(const auto buckets, store_.ListBuckets());
  const std::string prefix = Param(r_, "prefix");
  const std::string region = Param(r_, "bucket-region");
  const std::string list = ListName({"ListBuckets", prefix, region});
  CLARY_TRY(const auto token, ContinuationToken(list));
  const std::string after = token.value_or("");
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-buckets", 10'000, 10'000));
  XmlWriter xml("ListAllMyBucketsResult");
  AddOwner(xml, "Owner", caller_);
  xml.Open("Buckets");
  uint64_t n = 0;
  std::string last;
  bool truncated = false;
  for (const BucketInfo& b : buckets) {
    if (!b.name.starts_with(prefix) || b.name <= after) continue;
    if (!region.empty() && b.region != region) continue;
    if (n == most) {
      truncated = true;
      break;
    }
    xml.Open("Bucket")
        .Element("Name", b.name)
        .Element("CreationDate", FormatIso8601(b.created))
        .Element("BucketRegion", b.region)
        .Close();
    last = b.name;
    ++n;
  }
  xml.Close();
  if (!prefix.empty()) xml.Element("Prefix", prefix);
  if (truncated) xml.Element("ContinuationToken", MakePageToken(list, last));
  return Xml(xml.Finish());
}

Result<Response> Call::CreateBucket() {
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const BucketRequest request, ParseCreateBucket(body));
  if (request.directory) {
    return Fail(Code::kUnimplemented, "NotImplemented",
                "This service does not have directory buckets");
  }
  CLARY_TRY(const Tags tags, TagsOf(request.tags, kMaxBucketTags));
  CLARY_TRY(const std::string region, RegionOf(request.location, caller_.region));
  const Status made = store_.CreateBucket(t_.bucket, region);
  // us-east-1 answers the owner's second creation with 200, other regions do not.
  const bool again =
      !made && made.error().reason == "BucketAlreadyOwnedByYou" && region == "us-east-1";
  if (!made && !again) return std::unexpected(made.error());
  if (made && !tags.empty()) {
    CLARY_CHECK_OK(store_.SetSetting(t_.bucket, "tagging", FormatTagging(tags)));
  }
  Response out = Empty();
  out.headers.Add("Location", "/" + t_.bucket);
  return out;
}

Result<Response> Call::HeadBucket() {
  CLARY_TRY(const BucketInfo bucket, store_.HeadBucket(t_.bucket));
  Response out = Empty();
  out.headers.Add("x-amz-bucket-region", bucket.region);
  out.headers.Add("x-amz-access-point-alias", "false");
  out.headers.Add("Content-Type", "application/xml");
  return out;
}

Result<Response> Call::DeleteBucket() {
  CLARY_CHECK_OK(store_.DeleteBucket(t_.bucket));
  return Empty(204);
}

Result<Response> Call::GetLocation() {
  CLARY_TRY(const BucketInfo bucket, store_.HeadBucket(t_.bucket));
  // The root element holds the region; us-east-1 is none.
  return Xml(XmlWriter("LocationConstraint")
                 .Text(bucket.region == "us-east-1" ? "" : bucket.region)
                 .Finish());
}

}  // namespace clary::objects
