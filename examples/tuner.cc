// Search for good hyperparameters with the C++ SDK, in the words of sagemaker.tuner.
//
//   clary serve &
//   examples/data/prepare.sh census && build/release/examples/tuner census
#include "clary/tuner.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "clary/estimator.h"
#include "clary/image_uris.h"
#include "clary/session.h"

using clary::CategoricalParameter;
using clary::ContinuousParameter;
using clary::Estimator;
using clary::HyperparameterTuner;
using clary::IntegerParameter;
using clary::Session;

static clary::Status Tune(const std::string& data, int jobs) {
  CLARY_TRY(const auto session, Session::open());
  CLARY_TRY(const auto bucket, session.default_bucket());
  CLARY_TRY(const auto train, session.upload_data(data + "/train.csv", bucket, "tuner"));
  CLARY_TRY(const auto held_out, session.upload_data(data + "/validation.csv", bucket, "tuner"));

  // 1. What every trial has.
  CLARY_TRY(const auto image,
            clary::image_uris::retrieve("xgboost", session.region_name(), "1.7-1"));
  Estimator xgb(session, {.image_uri = image, .output_path = "s3://" + bucket + "/tuner/out"});
  xgb.set_hyperparameters({{"objective", "binary:logistic"}, {"num_round", 50}});

  // 2. What the trials differ in, what is measured, and how many there are.
  HyperparameterTuner tuner(xgb, "validation:auc",
                            {{"eta", ContinuousParameter(0.01, 0.5, "Logarithmic")},
                             {"max_depth", IntegerParameter(2, 8)},
                             {"grow_policy", CategoricalParameter({"depthwise", "lossguide"})}},
                            {.max_jobs = jobs, .max_parallel_jobs = 2});

  // 3. Search, and say how far it is.
  int told = 0;
  CLARY_CHECK_OK(tuner.fit({{"train", {.s3_data = train, .content_type = "csv"}},
                            {"validation", {.s3_data = held_out, .content_type = "csv"}}},
                           {.on_look = [&](const clary::TuningJobDescription& job) {
                             if (job.completed == told || !job.best) return;
                             told = job.completed;
                             std::printf("%d of %d trials, best %.6f\n", told, job.max_jobs,
                                         *job.best->value);
                           }}));

  // 4. All trials as a table, the best one as an estimator, the report as a page.
  CLARY_TRY(const auto trials, tuner.analytics());
  for (const auto& trial : trials) {
    std::printf("%s %s %.6f eta %s depth %s\n", trial.name.c_str(), trial.status.c_str(),
                trial.value.value_or(0), trial.hyperparameters.at("eta").c_str(),
                trial.hyperparameters.at("max_depth").c_str());
  }
  CLARY_TRY(const auto best, tuner.best_estimator());
  CLARY_TRY(const auto model, best.model_data());
  CLARY_TRY(const auto name, tuner.best_training_job());
  std::printf("best %s\nmodel %s\n", name.c_str(), model.c_str());
  CLARY_TRY(const bool written, tuner.latest_tuning_job()->wait_for_report());
  CLARY_TRY(const auto job, tuner.describe());
  if (written) std::printf("report %s/tuning-report.html\n", job.report_path.c_str());
  return {};
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: tuner DATA [TRIALS]\n");
    return 2;
  }
  const auto done = Tune(argv[1], argc > 2 ? std::atoi(argv[2]) : 10);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
