// Experiments, trials and trial components, and the component that a training job makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Experiments : public testing::Test {
 protected:
  Experiments() {
    Ok("CreateExperiment", {{"ExperimentName", "Census"}, {"Description", "who earns what"}});
    Ok("CreateTrial", {{"TrialName", "Group-Census"}, {"ExperimentName", "census"}});
    Ok("CreateTrialComponent",
       {{"TrialComponentName", "census-run1"}, {"Parameters", {{"eta", {{"NumberValue", 0.3}}}}}});
  }
  json Ok(const std::string& operation, const json& input) {
    const auto out = w.Call(operation, input);
    EXPECT_TRUE(out) << operation << " " << out.error().message;
    return out ? *out : json();
  }
  void Associate(const std::string& component, const std::string& trial) {
    Ok("AssociateTrialComponent", {{"TrialComponentName", component}, {"TrialName", trial}});
  }
  json Component(const std::string& name) {
    return Ok("DescribeTrialComponent", {{"TrialComponentName", name}});
  }
  std::vector<std::string> Components(const json& input) {
    std::vector<std::string> out;
    const json page = Ok("ListTrialComponents", input);
    for (const json& s : page["TrialComponentSummaries"]) out.push_back(s["TrialComponentName"]);
    return out;
  }
  json SearchComponent(const std::string& property, const std::string& value) {
    return Ok("Search",
              {{"Resource", "ExperimentTrialComponent"},
               {"SearchExpression",
                {{"Filters",
                  {{{"Name", property}, {"Operator", "Equals"}, {"Value", value}}}}}}})["Results"];
  }
  World w;
};

TEST_F(Experiments, AreMadeOnceWhateverTheirCase) {
  EXPECT_EQ(
      w.Refusal("CreateExperiment", {{"ExperimentName", "CENSUS"}}),
      "ValidationException: Experiment names must be unique within an AWS account and region. "
      "Experiment with name (CENSUS) already exists.");
  EXPECT_THAT(
      w.Refusal("CreateTrial", {{"TrialName", "group-census"}, {"ExperimentName", "Census"}}),
      HasSubstr("already exists"));
  EXPECT_EQ(w.Refusal("CreateTrial", {{"TrialName", "t"}, {"ExperimentName", "none"}}),
            "ResourceNotFound: Experiment 'none' does not exist.");
  const json d = Ok("DescribeExperiment", {{"ExperimentName", "census"}});
  EXPECT_EQ(d["ExperimentName"], "Census");
  EXPECT_EQ(d["DisplayName"], "Census");
  EXPECT_EQ(d["Description"], "who earns what");
  EXPECT_EQ(d["ExperimentArn"], "arn:aws:sagemaker:us-east-1:123456789012:experiment/census");
  EXPECT_EQ(Ok("DescribeTrial", {{"TrialName", "Group-Census"}})["ExperimentName"], "census");
  w.Restart();
  EXPECT_EQ(Ok("DescribeExperiment", {{"ExperimentName", "census"}}), d);
}

TEST_F(Experiments, UpdatesMergeAndRemove) {
  w.clock.Advance(seconds(1));
  Ok("UpdateExperiment", {{"ExperimentName", "census"}, {"DisplayName", "Shown"}});
  const json e = Ok("DescribeExperiment", {{"ExperimentName", "census"}});
  EXPECT_EQ(e["DisplayName"], "Shown");
  EXPECT_EQ(e["Description"], "who earns what");
  EXPECT_GT(e["LastModifiedTime"], e["CreationTime"]);
  Ok("UpdateTrialComponent",
     {{"TrialComponentName", "census-run1"},
      {"Status", {{"PrimaryStatus", "InProgress"}, {"Message", "Within a run context"}}},
      {"StartTime", 1700000000},
      {"Parameters", {{"depth", {{"NumberValue", 6}}}, {"note", {{"StringValue", "x"}}}}}});
  Ok("UpdateTrialComponent",
     {{"TrialComponentName", "census-run1"}, {"ParametersToRemove", {"note", "none"}}});
  const json c = Component("census-run1");
  EXPECT_EQ(c["Parameters"],
            (json{{"eta", {{"NumberValue", 0.3}}}, {"depth", {{"NumberValue", 6}}}}));
  EXPECT_EQ(c["Status"]["PrimaryStatus"], "InProgress");
  EXPECT_EQ(c["StartTime"], 1700000000);
  json many = json::object();
  for (int i = 0; i < 299; ++i) many["p" + std::to_string(i)] = {{"NumberValue", i}};
  EXPECT_THAT(w.Refusal("UpdateTrialComponent",
                        {{"TrialComponentName", "census-run1"}, {"Parameters", many}}),
              HasSubstr("at most 300"));
  EXPECT_EQ(Component("census-run1"), c);
}

TEST_F(Experiments, ComponentsAreFoundByTrialAndExperiment) {
  Ok("CreateTrialComponent", {{"TrialComponentName", "other"}});
  Associate("census-run1", "Group-Census");
  Associate("Census-Run1", "group-census");  // again is no error
  EXPECT_THAT(Components({{"TrialName", "group-census"}}), ElementsAre("census-run1"));
  EXPECT_THAT(Components({{"ExperimentName", "Census"}}), ElementsAre("census-run1"));
  EXPECT_THAT(Components(json::object()), UnorderedElementsAre("other", "census-run1"));
  EXPECT_THAT(w.Refusal("ListTrialComponents", {{"TrialName", "none"}}),
              HasSubstr("ResourceNotFound: Trial 'none'"));
  const json trials = Ok("ListTrials", {{"TrialComponentName", "census-run1"}});
  ASSERT_EQ(trials["TrialSummaries"].size(), 1u);
  EXPECT_EQ(trials["TrialSummaries"][0]["TrialName"], "Group-Census");
  EXPECT_EQ(Ok("ListTrials", {{"TrialComponentName", "other"}})["TrialSummaries"].size(), 0u);
  const json found = SearchComponent("Parents.TrialName", "Group-Census");
  ASSERT_EQ(found.size(), 1u);
  const json component = found[0]["TrialComponent"];
  EXPECT_EQ(component["TrialComponentName"], "census-run1");
  EXPECT_EQ(component["Parents"],
            json::parse(R"([{"TrialName":"Group-Census","ExperimentName":"Census"}])"));
  w.Restart();
  EXPECT_THAT(Components({{"ExperimentName", "Census"}}), ElementsAre("census-run1"));
}

TEST_F(Experiments, AreDeletedFromTheLeavesUp) {
  Associate("census-run1", "group-census");
  EXPECT_THAT(w.Refusal("DeleteExperiment", {{"ExperimentName", "census"}}), HasSubstr("trials"));
  EXPECT_THAT(w.Refusal("DeleteTrial", {{"TrialName", "group-census"}}), HasSubstr("components"));
  EXPECT_THAT(w.Refusal("DeleteTrialComponent", {{"TrialComponentName", "census-run1"}}),
              HasSubstr("associated"));
  Ok("DisassociateTrialComponent",
     {{"TrialComponentName", "census-run1"}, {"TrialName", "group-census"}});
  EXPECT_EQ(
      Ok("DeleteTrialComponent", {{"TrialComponentName", "census-run1"}})["TrialComponentArn"],
      "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/census-run1");
  EXPECT_EQ(Ok("DeleteTrial", {{"TrialName", "group-census"}})["TrialArn"],
            "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial/group-census");
  Ok("DeleteExperiment", {{"ExperimentName", "census"}});
  w.Restart();
  EXPECT_EQ(w.Refusal("DescribeExperiment", {{"ExperimentName", "census"}}),
            "ResourceNotFound: Experiment 'census' does not exist.");
  EXPECT_EQ(w.service->Reconcile(), 0u);
}

TEST_F(Experiments, MetricsAreSummedUp) {
  const auto put = [&](const json& points) {
    return Ok("BatchPutMetrics", {{"TrialComponentName", "census-run1"}, {"MetricData", points}});
  };
  EXPECT_EQ(put({{{"MetricName", "auc"}, {"Timestamp", 1700000000}, {"Step", 0}, {"Value", 1.0}},
                 {{"MetricName", "auc"}, {"Timestamp", 1700000002}, {"Step", 1}, {"Value", 3.0}},
                 {{"MetricName", "loss"}, {"Timestamp", 1700000002}, {"Value", -1}}}),
            json::object());
  put({{{"MetricName", "auc"}, {"Timestamp", 1700000001}, {"Value", 2.0}}});  // late
  w.Restart();
  const json metrics = Component("census-run1")["Metrics"];
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_EQ(metrics[0]["MetricName"], "auc");
  EXPECT_EQ(metrics[0]["Count"], 3);
  EXPECT_EQ(metrics[0]["Min"], 1.0);
  EXPECT_EQ(metrics[0]["Max"], 3.0);
  EXPECT_EQ(metrics[0]["Last"], 3.0);
  EXPECT_EQ(metrics[0]["Avg"], 2.0);
  EXPECT_NEAR(metrics[0]["StdDev"].get<double>(), 0.8164965809, 1e-9);
  EXPECT_EQ(metrics[0]["TimeStamp"], 1700000002);
  EXPECT_THAT(
      w.Refusal("BatchPutMetrics",
                {{"TrialComponentName", "none"},
                 {"MetricData", {{{"MetricName", "a"}, {"Timestamp", 1700000000}, {"Value", 1}}}}}),
      HasSubstr("ResourceNotFound"));
}

TEST_F(Experiments, ComponentsAreWhole) {
  for (const json& value : {json::object(), json{{"NumberValue", 1}, {"StringValue", "1"}}}) {
    const json parameters = {{"eta", value}};
    EXPECT_THAT(w.Refusal("CreateTrialComponent",
                          {{"TrialComponentName", "x"}, {"Parameters", parameters}}),
                HasSubstr("ValidationException: Parameters: 'eta' must have exactly one"));
    EXPECT_THAT(w.Refusal("UpdateTrialComponent",
                          {{"TrialComponentName", "census-run1"}, {"Parameters", parameters}}),
                HasSubstr("exactly one of StringValue and NumberValue"));
  }
  EXPECT_THAT(w.Refusal("CreateTrialComponent",
                        {{"TrialComponentName", "x"}, {"StartTime", 20}, {"EndTime", 10}}),
              HasSubstr("must not be before its StartTime"));
  Ok("UpdateTrialComponent", {{"TrialComponentName", "census-run1"}, {"StartTime", 20}});
  EXPECT_THAT(
      w.Refusal("UpdateTrialComponent", {{"TrialComponentName", "census-run1"}, {"EndTime", 10}}),
      HasSubstr("must not be before its StartTime"));
  Ok("UpdateTrialComponent", {{"TrialComponentName", "census-run1"}, {"EndTime", 20}});
}

TEST_F(Experiments, SearchKnowsParametersAndMetricsOfComponents) {
  Ok("UpdateTrialComponent", {{"TrialComponentName", "census-run1"},
                              {"Parameters", {{"kind.of", {{"StringValue", "tree"}}}}}});
  Ok("BatchPutMetrics", {{"TrialComponentName", "census-run1"},
                         {"MetricData",
                          {{{"MetricName", "a.b"}, {"Timestamp", 1700000000}, {"Value", 3}},
                           {{"MetricName", "a.b"}, {"Timestamp", 1700000001}, {"Value", 1}}}}});
  for (const auto& [property, value] :
       {std::pair("Parameters.eta", "0.3"), std::pair("Parameters.eta.NumberValue", "0.30"),
        std::pair("Parameters.kind.of", "tree"),
        std::pair("parameters.kind.of.StringValue", "tree"), std::pair("Metrics.a.b.Max", "3"),
        std::pair("metrics.a.b.min", "1"), std::pair("Metrics.a.b", "1"),
        std::pair("Metrics.MetricName", "a.b")}) {
    EXPECT_EQ(SearchComponent(property, value).size(), 1u) << property;
    EXPECT_EQ(SearchComponent(property, "7").size(), 0u) << property;
  }
  EXPECT_EQ(Ok("Search", {{"Resource", "ExperimentTrialComponent"}, {"SortBy", "metrics.a.b.Max"}})
                .at("Results")
                .size(),
            1u);
  EXPECT_THAT(w.Refusal("Search", {{"Resource", "ExperimentTrial"}, {"SortBy", "Parameters.eta"}}),
              HasSubstr("is no property of Trial"));
}

// Source and destination of each association.
std::vector<std::string> Edges(const json& page) {
  std::vector<std::string> out;
  for (const json& s : page.at("AssociationSummaries")) {
    out.push_back(s.value("SourceName", "") + ">" + s.value("DestinationName", ""));
  }
  return out;
}

TEST_F(Experiments, LineageOfArtifacts) {
  const json source = {{"SourceUri", "s3://bkt/roc.json"},
                       {"SourceTypes", {{{"SourceIdType", "S3ETag"}, {"Value", "e1"}}}}};
  const json request = {{"ArtifactName", "roc"},
                        {"ArtifactType", "ROCCurve"},
                        {"Source", source},
                        {"Properties", {{"a", "1"}}}};
  const std::string roc = Ok("CreateArtifact", request)["ArtifactArn"];
  EXPECT_THAT(roc, HasSubstr(":artifact/"));
  // The SDK skips what exists by this code and these words.
  EXPECT_THAT(w.Refusal("CreateArtifact", request),
              testing::MatchesRegex("ValidationException: .*already exists.*"));
  w.clock.Advance(seconds(1));
  const std::string data =
      Ok("CreateArtifact", {{"ArtifactName", "data"},
                            {"ArtifactType", "DataSet"},
                            {"Source", {{"SourceUri", "s3://bkt/in"}}}})["ArtifactArn"];
  Ok("UpdateArtifact",
     {{"ArtifactArn", roc}, {"Properties", {{"b", "2"}}}, {"PropertiesToRemove", {"a"}}});
  w.Restart();
  const json d = Ok("DescribeArtifact", {{"ArtifactArn", roc}});
  EXPECT_EQ(d["Source"], source);
  EXPECT_EQ(d["Properties"], (json{{"b", "2"}}));
  EXPECT_EQ(d["ArtifactName"], "roc");
  EXPECT_EQ(Ok("ListArtifacts", json::object())["ArtifactSummaries"][0]["ArtifactName"], "data");
  EXPECT_EQ(Ok("ListArtifacts", {{"ArtifactType", "ROCCurve"}})["ArtifactSummaries"].size(), 1u);
  EXPECT_EQ(Ok("ListArtifacts", {{"SourceUri", "s3://bkt/in"}})["ArtifactSummaries"].size(), 1u);

  const std::string run = Component("census-run1")["TrialComponentArn"];
  const auto associate = [&](const std::string& from, const std::string& to, const char* type) {
    return json{{"SourceArn", from}, {"DestinationArn", to}, {"AssociationType", type}};
  };
  Ok("AddAssociation", associate(data, run, "ContributedTo"));
  w.clock.Advance(seconds(1));
  Ok("AddAssociation", associate(run, roc, "Produced"));
  EXPECT_THAT(w.Refusal("AddAssociation", associate(run, roc, "Produced")),
              testing::MatchesRegex("ValidationException: .*already exists.*"));
  EXPECT_THAT(w.Refusal("AddAssociation", associate(run, run, "SameAs")), HasSubstr("itself"));
  EXPECT_THAT(w.Refusal("AddAssociation", associate(run, roc + "x", "Produced")),
              HasSubstr("ResourceNotFound: "));
  w.Restart();
  EXPECT_THAT(Edges(Ok("ListAssociations", json::object())),
              ElementsAre("census-run1>roc", "data>census-run1"));
  EXPECT_THAT(Edges(Ok("ListAssociations", {{"DestinationArn", run}})),
              ElementsAre("data>census-run1"));
  EXPECT_THAT(Edges(Ok("ListAssociations", {{"SourceType", "DataSet"}})),
              ElementsAre("data>census-run1"));
  const json of_run = Ok("ListAssociations", {{"SourceArn", run}, {"AssociationType", "Produced"}});
  EXPECT_THAT(Edges(of_run), ElementsAre("census-run1>roc"));
  EXPECT_EQ(of_run["AssociationSummaries"][0]["SourceType"], "SageMakerExperimentTrialComponent");
  EXPECT_EQ(of_run["AssociationSummaries"][0]["DestinationType"], "ROCCurve");
  for (const char* sort_by : {"SourceArn", "DestinationType", "CreationTime"}) {
    json input = {{"SortBy", sort_by}, {"SortOrder", "Ascending"}, {"MaxResults", 1}};
    const json first = Ok("ListAssociations", input);
    input["NextToken"] = first["NextToken"];
    const json second = Ok("ListAssociations", input);
    EXPECT_NE(Edges(first), Edges(second)) << sort_by;
    EXPECT_FALSE(second.contains("NextToken"));
    input["SortBy"] = "SourceType";
    EXPECT_THAT(w.Refusal("ListAssociations", input), HasSubstr("NextToken"));
  }

  EXPECT_THAT(w.Refusal("DeleteArtifact", {{"ArtifactArn", roc}}), HasSubstr("associations"));
  EXPECT_THAT(w.Refusal("DeleteArtifact", json::object()), HasSubstr("Exactly one of"));
  Ok("DeleteAssociation", {{"SourceArn", run}, {"DestinationArn", roc}});
  EXPECT_THAT(w.Refusal("DeleteAssociation", {{"SourceArn", run}, {"DestinationArn", roc}}),
              HasSubstr("ResourceNotFound: "));
  EXPECT_EQ(Ok("DeleteArtifact", {{"Source", source}})["ArtifactArn"], roc);
  EXPECT_THAT(w.Refusal("DescribeArtifact", {{"ArtifactArn", roc}}), HasSubstr("ResourceNotFound"));
  // An association goes with its component.
  Ok("DeleteTrialComponent", {{"TrialComponentName", "census-run1"}});
  EXPECT_THAT(Edges(Ok("ListAssociations", json::object())), ElementsAre());
  Ok("DeleteArtifact", {{"ArtifactArn", data}});
}

TEST_F(Experiments, ThereAreNoContextsAndActions) {
  EXPECT_EQ(Ok("ListContexts", {{"SourceUri", "arn"}}),
            (json{{"ContextSummaries", json::array()}}));
  EXPECT_EQ(Ok("ListActions", json::object()), (json{{"ActionSummaries", json::array()}}));
  EXPECT_THAT(w.Refusal("ListContexts", {{"NextToken", "x"}}), HasSubstr("NextToken"));
}

TEST_F(Experiments, ATrainingJobMakesItsComponent) {
  json request = World::Request("job");
  request["ExperimentConfig"] = {
      {"ExperimentName", "Census"}, {"TrialName", "Group-Census"}, {"RunName", "census-run1"}};
  w.Create(request);
  EXPECT_EQ(w.Describe("job")["ExperimentConfig"], request["ExperimentConfig"]);
  w.service->Reconcile();
  w.Log("job", {"[0]\ttrain-auc:0.5"});
  w.RunToEnd("job");
  const json c = Component("job-aws-training-job");
  const std::string arn = w.Describe("job")["TrainingJobArn"];
  EXPECT_EQ(c["Source"]["SourceArn"], arn);
  EXPECT_EQ(c["Status"]["PrimaryStatus"], "Completed");
  EXPECT_EQ(c["Parameters"]["eta"]["NumberValue"], 0.3);
  EXPECT_EQ(c["Parameters"]["SageMaker.InstanceType"]["StringValue"], "ml.m5.xlarge");
  EXPECT_EQ(c["InputArtifacts"]["train"]["Value"], "s3://bkt/in/train.csv");
  EXPECT_EQ(c["OutputArtifacts"]["SageMaker.ModelArtifact"]["Value"],
            "s3://bkt/out/job/output/model.tar.gz");
  EXPECT_EQ(c["Metrics"][0]["MetricName"], "train:auc");
  EXPECT_EQ(c["Metrics"][0]["Last"], 0.5);
  EXPECT_THAT(Components({{"TrialName", "group-census"}}), ElementsAre("job-aws-training-job"));
  EXPECT_THAT(Components({{"SourceArn", arn}}), ElementsAre("job-aws-training-job"));
  const json found = SearchComponent("Source.SourceArn", arn);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["TrialComponent"]["SourceDetail"]["TrainingJob"]["TrainingJobName"], "job");

  // It goes with its job.
  ASSERT_TRUE(w.Call("DeleteTrainingJob", {{"TrainingJobName", "job"}}));
  w.service->Reconcile();
  EXPECT_THAT(w.Refusal("DescribeTrialComponent", {{"TrialComponentName", "job-aws-training-job"}}),
              HasSubstr("does not exist"));
}

TEST_F(Experiments, AnExperimentConfigMustName) {
  const auto refused = [&](const json& config) {
    json request = World::Request("job");
    request["ExperimentConfig"] = config;
    return w.Refusal("CreateTrainingJob", request);
  };
  EXPECT_EQ(refused({{"ExperimentName", "none"}}),
            "ResourceNotFound: Experiment 'none' does not exist.");
  EXPECT_EQ(refused({{"TrialName", "none"}}), "ResourceNotFound: Trial 'none' does not exist.");
  Ok("CreateExperiment", {{"ExperimentName", "two"}});
  EXPECT_THAT(refused({{"ExperimentName", "two"}, {"TrialName", "group-census"}}),
              HasSubstr("does not belong"));
  EXPECT_TRUE(w.service->JobNames().empty());
  // An experiment alone: the job gets a trial of its own.
  EXPECT_EQ(refused({{"ExperimentName", "two"}}), "accepted");
  EXPECT_THAT(Components({{"ExperimentName", "two"}}), ElementsAre("job-aws-training-job"));
}

}  // namespace
}  // namespace clary::control
