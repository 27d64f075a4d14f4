// ListTrainingJobs, Search and tags.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Names(const Result<json>& page) {
  std::vector<std::string> out;
  EXPECT_TRUE(page) << page.error().message;
  if (!page) return out;
  for (const json& s : page->at("TrainingJobSummaries")) out.push_back(s.at("TrainingJobName"));
  return out;
}

std::vector<std::string> Found(const Result<json>& page) {
  std::vector<std::string> out;
  EXPECT_TRUE(page) << page.error().message;
  if (!page) return out;
  for (const json& r : page->at("Results"))
    out.push_back(r.at("TrainingJob").at("TrainingJobName"));
  return out;
}

json Filter(const std::string& name, const std::string& op, const std::string& value) {
  json filter = {{"Name", name}, {"Operator", op}};
  if (!value.empty()) filter["Value"] = value;
  return {{"Resource", "TrainingJob"},
          {"SortBy", "TrainingJobName"},
          {"SortOrder", "Ascending"},
          {"SearchExpression", {{"Filters", {filter}}}}};
}

// Three jobs a second apart: alpha is Completed, beta is Stopped, gamma waits.
class Queries : public testing::Test {
 protected:
  Queries() {
    for (const char* name : {"alpha", "beta", "gamma"}) {
      json request = World::Request(name);
      request["HyperParameters"]["eta"] = std::string("0.") + name[0];
      if (name[0] == 'a') {
        request["HyperParameters"]["eta"] = "0.25";
        request["Tags"] = {{{"Key", "team"}, {"Value", "one"}}};
      }
      w.Create(request);
      w.clock.Advance(seconds(1));
      if (name[0] == 'a') {
        w.service->Reconcile();
        w.Log("alpha", {"[0]\ttrain-auc:0.5\tvalidation-auc:0.9"});
        w.RunToEnd("alpha");
      }
      if (name[0] == 'b') {
        (void)w.Stop("beta");
        w.service->Reconcile();
      }
    }
  }
  Result<json> List(const json& input = json::object()) {
    return w.Call("ListTrainingJobs", input);
  }
  Result<json> Search(const json& input) { return w.Call("Search", input); }
  std::string Arn(const std::string& name) { return w.Describe(name)["TrainingJobArn"]; }
  World w;
};

TEST_F(Queries, ListsByCreationByDefault) {
  const auto page = List();
  EXPECT_THAT(Names(page), ElementsAre("alpha", "beta", "gamma"));
  EXPECT_FALSE(page->contains("NextToken"));
  const json& first = (*page)["TrainingJobSummaries"][0];
  EXPECT_EQ(first["TrainingJobStatus"], "Completed");
  EXPECT_EQ(first["TrainingJobArn"], Arn("alpha"));
  EXPECT_TRUE(first.contains("TrainingEndTime"));
  EXPECT_FALSE((*page)["TrainingJobSummaries"][2].contains("TrainingEndTime"));
}

TEST_F(Queries, ListFiltersAndSorts) {
  EXPECT_THAT(Names(List({{"SortOrder", "Descending"}})), ElementsAre("gamma", "beta", "alpha"));
  EXPECT_THAT(Names(List({{"SortBy", "Name"}, {"SortOrder", "Descending"}})),
              ElementsAre("gamma", "beta", "alpha"));
  EXPECT_THAT(Names(List({{"SortBy", "Status"}})), ElementsAre("alpha", "gamma", "beta"));
  EXPECT_THAT(Names(List({{"SortBy", "Status"}, {"SortOrder", "Descending"}})),
              ElementsAre("beta", "gamma", "alpha"));
  EXPECT_THAT(Names(List({{"StatusEquals", "Stopped"}})), ElementsAre("beta"));
  EXPECT_THAT(Names(List({{"NameContains", "am"}})), ElementsAre("gamma"));
  EXPECT_THAT(Names(List({{"WarmPoolStatusEquals", "InUse"}})), ElementsAre());
  const double beta = w.Describe("beta")["CreationTime"];
  EXPECT_THAT(Names(List({{"CreationTimeAfter", beta}})), ElementsAre("gamma"));
  EXPECT_THAT(Names(List({{"CreationTimeBefore", beta}})), ElementsAre("alpha"));
  EXPECT_THAT(Names(List({{"LastModifiedTimeAfter", 9e9}})), ElementsAre());
  EXPECT_THAT(Names(List({{"LastModifiedTimeBefore", 9e9}, {"CreationTimeAfter", -9e9}})),
              ElementsAre("alpha", "beta", "gamma"));
}

TEST_F(Queries, PagesAreStableWhileJobsAreCreated) {
  for (const char* sort_by : {"CreationTime", "Name", "Status"}) {
    for (const char* order : {"Ascending", "Descending"}) {
      json input = {{"SortBy", sort_by}, {"SortOrder", order}, {"MaxResults", 1}};
      std::vector<std::string> seen;
      std::set<std::string> before;
      for (const auto& name : w.service->JobNames()) before.insert(name);
      for (int i = 0; i < 100; ++i) {
        const auto page = List(input);
        for (const auto& name : Names(page)) seen.push_back(name);
        if (!page || !page->contains("NextToken")) break;
        input["NextToken"] = page->at("NextToken");
        if (i == 1) w.Create((std::string("new-") + sort_by + order).c_str());
      }
      EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), seen.size()) << sort_by << order;
      for (const auto& name : before) EXPECT_THAT(seen, testing::Contains(name));
    }
  }
}

TEST_F(Queries, ATokenOfAnotherListIsRefused) {
  const auto page = List({{"MaxResults", 1}});
  const json token = page->at("NextToken");
  EXPECT_THAT(w.Refusal("ListTrainingJobs", {{"NextToken", token}, {"NameContains", "a"}}),
              HasSubstr("NextToken"));
  EXPECT_THAT(w.Refusal("ListProcessingJobs", {{"NextToken", token}}), HasSubstr("NextToken"));
  EXPECT_THAT(w.Refusal("Search", {{"Resource", "TrainingJob"}, {"NextToken", token}}),
              HasSubstr("NextToken"));
  EXPECT_THAT(w.Refusal("Search", {{"Resource", "Pipeline"}, {"NextToken", token}}),
              HasSubstr("NextToken"));
  EXPECT_THAT(Names(List({{"MaxResults", 2}, {"NextToken", token}})), ElementsAre("beta", "gamma"));
  for (const json& input : {json{{"NextToken", "rubbish!"}}, json{{"NextToken", "W10="}},
                            json{{"NextToken", token}, {"SortBy", "Name"}},
                            json{{"NextToken", token}, {"SortOrder", "Descending"}}}) {
    EXPECT_THAT(w.Refusal("ListTrainingJobs", input), HasSubstr("NextToken")) << input;
  }
  EXPECT_THAT(w.Refusal("ListTrainingJobs", {{"MaxResults", 101}}),
              HasSubstr("at 'maxResults' failed to satisfy constraint: Member must have value less "
                        "than or equal to 100"));
}

TEST_F(Queries, TagsBelongToAnArn) {
  const std::string arn = Arn("alpha");
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", arn}})->at("Tags"),
            json::parse(R"([{"Key":"team","Value":"one"}])"));
  const auto added = w.Call(
      "AddTags", {{"ResourceArn", arn},
                  {"Tags", {{{"Key", "team"}, {"Value", "two"}}, {{"Key", "x"}, {"Value", ""}}}}});
  EXPECT_EQ(added->at("Tags").size(), 2u);
  w.Restart();
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", arn}})->at("Tags"), added->at("Tags"));
  EXPECT_EQ(*w.Call("DeleteTags", {{"ResourceArn", arn}, {"TagKeys", {"team", "none"}}}),
            json::object());
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", arn}})->at("Tags").size(), 1u);
  json many = json::array();
  for (int i = 0; i < 50; ++i) many.push_back({{"Key", std::to_string(i)}, {"Value", "v"}});
  EXPECT_TRUE(w.Call("AddTags", {{"ResourceArn", Arn("beta")}, {"Tags", many}}));
  EXPECT_THAT(w.Refusal("AddTags", {{"ResourceArn", arn}, {"Tags", many}}),
              HasSubstr("at most 50 tags"));
}

TEST_F(Queries, TagsThatNobodyMayGiveAreRefused) {
  const std::string arn = Arn("alpha");
  const auto tag = [](const char* key) { return json{{"Key", key}, {"Value", "v"}}; };
  const json twice = {tag("a"), tag("a")};
  for (const char* key : {"aws:x", "AWS:x", "aws:"}) {
    EXPECT_THAT(w.Refusal("AddTags", {{"ResourceArn", arn}, {"Tags", {tag(key)}}}),
                HasSubstr("ValidationException: aws: prefixed tag key names are not allowed"));
    EXPECT_THAT(w.Refusal("CreateExperiment", {{"ExperimentName", "e"}, {"Tags", {tag(key)}}}),
                HasSubstr("ValidationException: aws: prefixed tag key names are not allowed"));
  }
  EXPECT_THAT(w.Refusal("AddTags", {{"ResourceArn", arn}, {"Tags", twice}}),
              HasSubstr("Duplicate tag keys"));
  EXPECT_THAT(w.Refusal("CreateExperiment", {{"ExperimentName", "e"}, {"Tags", twice}}),
              HasSubstr("Duplicate tag keys"));
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", arn}})->at("Tags").size(), 1u);
  EXPECT_THAT(w.Refusal("ListTags", {{"ResourceArn", arn}, {"NextToken", "abc"}}),
              HasSubstr("NextToken"));
}

TEST_F(Queries, TagsOfWhatIsNotThereAreRefused) {
  const std::string arn = Arn("alpha");
  for (const std::string& other :
       {std::string("arn:aws:sagemaker:us-east-1:123456789012:training-job/none"),
        std::string("arn:aws:sagemaker:us-east-1:123456789012:notebook-instance/none"),
        "arn:aws:sagemaker:eu-west-1" + arn.substr(arn.find(":123456789012"))}) {
    const json tags = {{{"Key", "k"}, {"Value", "v"}}};
    EXPECT_THAT(w.Refusal("ListTags", {{"ResourceArn", other}}), HasSubstr("ValidationException"));
    EXPECT_THAT(w.Refusal("AddTags", {{"ResourceArn", other}, {"Tags", tags}}),
                HasSubstr("ValidationException"));
    EXPECT_THAT(w.Refusal("DeleteTags", {{"ResourceArn", other}, {"TagKeys", {"k"}}}),
                HasSubstr("ValidationException"));
  }
}

TEST_F(Queries, SearchKnowsAllOperators) {
  EXPECT_THAT(Found(Search(Filter("TrainingJobName", "Equals", "beta"))), ElementsAre("beta"));
  EXPECT_THAT(Found(Search(Filter("TrainingJobName", "NotEquals", "beta"))),
              ElementsAre("alpha", "gamma"));
  EXPECT_THAT(Found(Search(Filter("TrainingJobName", "Contains", "a"))),
              ElementsAre("alpha", "beta", "gamma"));
  EXPECT_THAT(Found(Search(Filter("TrainingJobName", "In", "gamma, alpha,none"))),
              ElementsAre("alpha", "gamma"));
  EXPECT_THAT(Found(Search(Filter("TrainingEndTime", "Exists", ""))), ElementsAre("alpha", "beta"));
  EXPECT_THAT(Found(Search(Filter("TrainingEndTime", "NotExists", ""))), ElementsAre("gamma"));
  EXPECT_THAT(Found(Search(Filter("Metrics.validation:auc", "GreaterThan", "0.8"))),
              ElementsAre("alpha"));
  EXPECT_THAT(Found(Search(Filter("Metrics.validation:auc", "LessThanOrEqualTo", "0.8"))),
              ElementsAre());
  EXPECT_THAT(Found(Search(Filter("HyperParameters.eta", "GreaterThanOrEqualTo", "0.25"))),
              testing::Contains("alpha"));
  EXPECT_THAT(Found(Search(Filter("Tags.team", "Equals", "one"))), ElementsAre("alpha"));
  EXPECT_THAT(Found(Search(Filter("ResourceConfig.InstanceCount", "Equals", "1"))),
              ElementsAre("alpha", "beta", "gamma"));
  EXPECT_THAT(Found(Search(Filter("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains",
                                  "train.csv"))),
              ElementsAre("alpha", "beta", "gamma"));
  EXPECT_THAT(Found(Search(Filter("ModelArtifacts.S3ModelArtifacts", "Equals",
                                  "s3://bkt/out/alpha/output/model.tar.gz"))),
              ElementsAre("alpha"));
  EXPECT_THAT(Found(Search(Filter("CreationTime", "LessThan", "2100-01-01T00:00:00Z"))),
              ElementsAre("alpha", "beta", "gamma"));
  EXPECT_THAT(Found(Search(Filter("CreationTime", "LessThan", "2001-01-01T00:00:00Z"))),
              ElementsAre());
}

TEST_F(Queries, SearchCombinesExpressions) {
  json input = Filter("TrainingJobName", "Equals", "alpha");
  json& expression = input["SearchExpression"];
  expression["SubExpressions"] = {
      {{"Filters",
        {{{"Name", "TrainingJobStatus"}, {"Operator", "Equals"}, {"Value", "Stopped"}}}}}};
  EXPECT_THAT(Found(Search(input)), ElementsAre());
  expression["Operator"] = "Or";
  EXPECT_THAT(Found(Search(input)), ElementsAre("alpha", "beta"));
  input["SearchExpression"] = {
      {"NestedFilters",
       {{{"NestedPropertyName", "InputDataConfig"},
         {"Filters",
          {{{"Name", "InputDataConfig.ChannelName"}, {"Operator", "Equals"}, {"Value", "train"}},
           {{"Name", "InputDataConfig.DataSource.S3DataSource.S3Uri"},
            {"Operator", "Contains"},
            {"Value", "bkt"}}}}}}}};
  EXPECT_THAT(Found(Search(input)), ElementsAre("alpha", "beta", "gamma"));
  input["SearchExpression"]["NestedFilters"][0]["Filters"][0]["Value"] = "validation";
  EXPECT_THAT(Found(Search(input)), ElementsAre());
}

TEST_F(Queries, SearchRefusesWhatItDoesNotUnderstand) {
  const auto refused = [&](const char* name, const char* op, const char* value) {
    return w.Refusal("Search", Filter(name, op, value));
  };
  for (const char* name : {"TrainingJobNam", "ResourceConfig.Size", "HyperParameters.", "Tags.",
                           "TrainingJobName.x", ".", "Metrics"}) {
    EXPECT_THAT(refused(name, "Equals", "1"), HasSubstr("ValidationException: Search: '")) << name;
    EXPECT_THAT(w.Refusal("Search", {{"Resource", "TrainingJob"}, {"SortBy", name}}),
                HasSubstr("ValidationException: Search: '"))
        << name;
  }
  EXPECT_THAT(refused("TrainingJobNam", "Exists", ""), HasSubstr("Did you mean TrainingJobName?"));
  EXPECT_THAT(w.Refusal("Search", {{"Resource", "TrainingJob"}, {"SortBy", "ResourceConfig"}}),
              HasSubstr("a group of other properties"));
  EXPECT_THAT(refused("CreationTime", "LessThan", "yesterday"), HasSubstr("is no time"));
  EXPECT_THAT(refused("CreationTime", "Equals", "2026-13-40T00:00:00Z"), HasSubstr("is no time"));
  EXPECT_THAT(refused("ResourceConfig.InstanceCount", "Equals", "one"), HasSubstr("is no number"));
  EXPECT_THAT(refused("Metrics.validation:auc", "GreaterThan", "nan"), HasSubstr("is no number"));
  EXPECT_THAT(refused("HyperParameters.eta", "GreaterThan", "x"), HasSubstr("is no number"));
  EXPECT_THAT(refused("EnableNetworkIsolation", "Equals", "1"), HasSubstr("neither true nor"));
  for (const auto& [name, op] :
       {std::pair("TrainingJobName", "GreaterThan"), std::pair("CreationTime", "Contains"),
        std::pair("ResourceConfig.InstanceCount", "In"), std::pair("ResourceConfig", "Equals"),
        std::pair("EnableNetworkIsolation", "LessThan"), std::pair("Tags.team", "GreaterThan")}) {
    EXPECT_THAT(refused(name, op, "1"), HasSubstr("does not fit the property")) << name;
  }
  EXPECT_THAT(refused("TrainingJobName", "Equals", ""), HasSubstr("needs a Value"));
  // Of a resource that this release has none of, too.
  EXPECT_THAT(w.Refusal("Search", {{"Resource", "Pipeline"}, {"SortBy", "Nonsense"}}),
              HasSubstr("ValidationException"));
  json nested = {
      {"Resource", "TrainingJob"},
      {"SearchExpression",
       {{"NestedFilters",
         {{{"NestedPropertyName", "ResourceConfig"},
           {"Filters", {{{"Name", "ResourceConfig.InstanceType"}, {"Value", "x"}}}}}}}}}};
  EXPECT_THAT(w.Refusal("Search", nested), HasSubstr("is no list of structures"));
  nested["SearchExpression"]["NestedFilters"][0] = {
      {"NestedPropertyName", "InputDataConfig"},
      {"Filters", {{{"Name", "InputDataConfig.Channel"}, {"Value", "x"}}}}};
  EXPECT_THAT(w.Refusal("Search", nested), HasSubstr("is no property of Channel"));
}

TEST_F(Queries, SearchFindsPropertiesInAnyCaseAndCostlyOnes) {
  EXPECT_THAT(Found(Search(Filter("trainingjobname", "Equals", "beta"))), ElementsAre("beta"));
  EXPECT_THAT(Found(Search(Filter("metrics.validation:auc", "Exists", ""))), ElementsAre("alpha"));
  EXPECT_THAT(Found(Search(Filter("hyperparameters.eta", "Equals", "0.250"))),
              ElementsAre("alpha"));
  EXPECT_THAT(
      Found(Search(Filter("AlgorithmSpecification.MetricDefinitions.Name", "Contains", "auc"))),
      ElementsAre("alpha", "beta", "gamma"));
  json sorted = {{"Resource", "TrainingJob"}, {"SortBy", "Metrics.validation:auc"}};
  EXPECT_THAT(Found(Search(sorted)).front(), "alpha");
}

TEST_F(Queries, SearchPagesInOrderAndCarriesTags) {
  json input = {{"Resource", "TrainingJob"}, {"MaxResults", 1}, {"SortBy", "CreationTime"}};
  std::vector<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    const auto page = Search(input);
    for (const auto& name : Found(page)) seen.push_back(name);
    EXPECT_EQ(page->at("TotalHits").at("Value"), 3);
    if (!page->contains("NextToken")) break;
    input["NextToken"] = page->at("NextToken");
  }
  EXPECT_THAT(seen, ElementsAre("gamma", "beta", "alpha"));
  const auto one = Search(Filter("TrainingJobName", "Equals", "alpha"));
  EXPECT_EQ((*one)["Results"][0]["TrainingJob"]["Tags"][0]["Key"], "team");
  EXPECT_EQ(*Search({{"Resource", "FeatureGroup"}}), (json{{"Results", json::array()}}));
}

}  // namespace
}  // namespace clary::control
