// Regions of AWS: who holds the images there, and under which domain its services answer.
#pragma once

#include <string_view>

namespace clary::client {

struct RegionEntry {
  std::string_view region;
  std::string_view xgboost_account;   // registry of sagemaker-xgboost and -scikit-learn
  std::string_view debugger_account;  // registry of sagemaker-debugger-rules; empty: none there
};

inline constexpr RegionEntry kRegions[] = {
    {"af-south-1", "510948584623", "314341159256"},
    {"ap-east-1", "651117190479", "199566480951"},
    {"ap-northeast-1", "354813040037", "430734990657"},
    {"ap-northeast-2", "366743142698", "578805364391"},
    {"ap-northeast-3", "867004704886", "479947661362"},
    {"ap-south-1", "720646828776", "904829902805"},
    {"ap-south-2", "628508329040", ""},
    {"ap-southeast-1", "121021644041", "972752614525"},
    {"ap-southeast-2", "783357654285", "184798709955"},
    {"ap-southeast-3", "951798379941", ""},
    {"ap-southeast-4", "106583098589", ""},
    {"ca-central-1", "341280168497", "519511493484"},
    {"ca-west-1", "190319476487", ""},
    {"cn-north-1", "450853457545", "618459771430"},
    {"cn-northwest-1", "451049120500", "658757709296"},
    {"eu-central-1", "492215442770", "482524230118"},
    {"eu-central-2", "680994064768", ""},
    {"eu-north-1", "662702820516", "314864569078"},
    {"eu-south-1", "978288397137", "563282790590"},
    {"eu-south-2", "104374241257", ""},
    {"eu-west-1", "141502667606", "929884845733"},
    {"eu-west-2", "764974769150", "250201462417"},
    {"eu-west-3", "659782779980", "447278800020"},
    {"il-central-1", "898809789911", ""},
    {"me-central-1", "272398656194", ""},
    {"me-south-1", "801668240914", "986000313247"},
    {"sa-east-1", "737474898029", "818342061345"},
    {"us-east-1", "683313688378", "503895931360"},
    {"us-east-2", "257758044811", "915447279597"},
    {"us-gov-east-1", "237065988967", ""},
    {"us-gov-west-1", "414596584902", "515509971035"},
    {"us-iso-east-1", "833128469047", ""},
    {"us-isob-east-1", "281123927165", ""},
    {"us-isof-east-1", "108575199400", ""},
    {"us-isof-south-1", "124985052026", ""},
    {"us-west-1", "746614075791", "685455198987"},
    {"us-west-2", "246618743249", "895741380848"},
};

const RegionEntry* FindRegion(std::string_view region);  // nullptr: not known
std::string_view DomainOf(std::string_view region);      // "amazonaws.com", ...

}  // namespace clary::client
