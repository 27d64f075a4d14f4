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
