#include "api/server_spec.h"

#include <gtest/gtest.h>

namespace clary::api {
namespace {

TEST(ServerSpec, SurvivesARoundTrip) {
  ServerSpec spec;
  spec.endpoint = "e";
  spec.variant = "AllTraffic";
  spec.containers = {{.program = "xgboost",
                      .image_version = "1.7-1",
                      .model_uri = "s3://b/model.tar.gz",
                      .environment = {{"SAGEMAKER_INFERENCE_OUTPUT", "probability"}}}};
  spec.startup_timeout_s = 60;
  spec.memory_bytes = uint64_t{5} << 30;
  const auto back = ServerSpec::FromJson(spec.ToJson());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->ToJson(), spec.ToJson());
  EXPECT_EQ(back->containers.at(0).name, "primary");
}

TEST(ServerSpec, NeedsAnEndpointAndAProgram) {
  ServerSpec spec;
  spec.endpoint = "e";
  EXPECT_EQ(ServerSpec::FromJson(spec.ToJson()).error().reason, "BadServerFile");
  spec.containers = {{.name = "primary"}};
  EXPECT_FALSE(ServerSpec::FromJson(spec.ToJson()));
  spec.containers[0].program = "xgboost";
  EXPECT_TRUE(ServerSpec::FromJson(spec.ToJson()));
  spec.endpoint.clear();
  EXPECT_FALSE(ServerSpec::FromJson(spec.ToJson()));
}

TEST(TransformSpec, SurvivesARoundTrip) {
  TransformSpec spec;
  spec.job_name = "t";
  spec.containers = {{.program = "xgboost"}};
  spec.input_uri = "s3://b/in/";
  spec.output_uri = "s3://b/out";
  spec.max_payload_mb = 0;
  spec.input_filter = "$[1:]";
  spec.join_source = "Input";
  const auto back = TransformSpec::FromJson(spec.ToJson());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->ToJson(), spec.ToJson());
  EXPECT_EQ(TransformSpec::FromJson("{}").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(TransformSpec::FromJson(R"({"version":1})").error().code, Code::kDataLoss);
}

}  // namespace
}  // namespace clary::api
