// Train a model with the C++ SDK: who earns more than 50,000 dollars a year? Step by step as in
// tutorial.py; nothing in this file knows which service answers.
//
//   clary serve &
//   examples/data/prepare.sh census && build/release/examples/tutorial census
#include <cstdio>
#include <filesystem>
#include <string>

#include "clary/estimator.h"
#include "clary/image_uris.h"
#include "clary/session.h"

using clary::Estimator;
using clary::Rule;
using clary::Session;
using clary::TrainingInput;
namespace rule_configs = clary::rule_configs;

static clary::Status Tutorial(const std::string& data, int rounds) {
  // 1. Where are we, and as whom do we train?
  CLARY_TRY(const auto session, Session::open());
  const auto region = session.region_name();
  CLARY_TRY(const auto role, session.get_execution_role());
  std::printf("region %s role %s\n", region.c_str(), role.c_str());

  // 2. The data goes to the bucket that every account has.
  CLARY_TRY(const auto bucket, session.default_bucket());
  const std::string prefix = "demo-sagemaker-xgboost-adult-income-prediction";
  CLARY_TRY(const auto train, session.upload_data(data + "/train.csv", bucket, prefix + "/data"));
  CLARY_TRY(const auto validation,
            session.upload_data(data + "/validation.csv", bucket, prefix + "/data"));

  // 3. The algorithm, the machine, and a rule that reports on the training.
  CLARY_TRY(const auto container, clary::image_uris::retrieve("xgboost", region, "1.2-1"));
  Estimator xgb_model(session, {.image_uri = container,
                                .role = role,
                                .instance_count = 1,
                                .instance_type = "ml.m4.xlarge",
                                .volume_size = 5,
                                .output_path = "s3://" + bucket + "/" + prefix + "/xgboost_model",
                                .rules = {Rule::sagemaker(rule_configs::create_xgboost_report())}});
  xgb_model.set_hyperparameters({{"max_depth", 5},
                                 {"eta", 0.2},
                                 {"gamma", 4},
                                 {"min_child_weight", 6},
                                 {"subsample", 0.7},
                                 {"objective", "binary:logistic"},
                                 {"num_round", rounds}});

  // 4. Train, and watch the log until it is done.
  CLARY_CHECK_OK(
      xgb_model.fit({{"train", TrainingInput{.s3_data = train, .content_type = "csv"}},
                     {"validation", TrainingInput{.s3_data = validation, .content_type = "csv"}}},
                    {.wait = true}));

  // 5. What the rules found: they end a little after the job. One of them reports on the machine;
  // the service adds it to every job that is profiled.
  CLARY_TRY(const auto rules, xgb_model.wait_for_rules());
  for (const auto& rule : rules) {
    std::printf("%s %s %s\n", rule.name.c_str(), rule.status.c_str(), rule.details.c_str());
  }
  CLARY_TRY(const auto rule_output, xgb_model.latest_job_rule_output_path());
  CLARY_TRY(const auto uri, clary::S3Uri::parse(rule_output + "/"));
  CLARY_TRY(const auto files, session.download_data("rule-output", uri.bucket, uri.key));
  for (const auto& file : files) {
    const bool page = file.extension() == ".html";
    std::printf("%s%s\n", page ? "report " : "", std::filesystem::absolute(file).c_str());
  }

  // 6. The model.
  CLARY_TRY(const auto model, xgb_model.model_data());
  std::printf("model %s\n", model.c_str());
  return {};
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY [ROUNDS]\n", argv[0]);
    return 2;
  }
  const auto done = Tutorial(argv[1], argc > 2 ? std::stoi(argv[2]) : 1000);
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
