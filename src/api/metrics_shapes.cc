// Shapes of Amazon SageMaker Metrics Service, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::metrics {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape kExperimentEntityName = String(1, 120, "^[a-z0-9](-*[a-z0-9]){0,119}");
constexpr Shape kMetricName = String(1, 255, ".+");
constexpr Shape kTimestamp = Timestamp();
constexpr Shape kStep = Integer(0);
constexpr Shape kDouble = Double();
constexpr Member kRawMetricDataMembers[] = {
    {"MetricName", &kMetricName, true}, {"Timestamp", &kTimestamp, true}, {"Step", &kStep},
    {"Value", &kDouble, true}};
constexpr Shape kRawMetricData = Structure("RawMetricData", kRawMetricDataMembers);
constexpr Shape kRawMetricDataList = List(&kRawMetricData, 1, 10);
constexpr Member kBatchPutMetricsRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityName, true}, {"MetricData", &kRawMetricDataList, true}};
constexpr Shape kBatchPutMetricsRequest = Structure("BatchPutMetricsRequest", kBatchPutMetricsRequestMembers);
constexpr std::string_view kPutMetricsErrorCodeValues[] = {
    "METRIC_LIMIT_EXCEEDED", "INTERNAL_ERROR", "VALIDATION_ERROR", "CONFLICT_ERROR"};
constexpr Shape kPutMetricsErrorCode = Enum(kPutMetricsErrorCodeValues);
constexpr Shape kInteger = Integer();
constexpr Member kBatchPutMetricsErrorMembers[] = {
    {"Code", &kPutMetricsErrorCode}, {"MetricIndex", &kInteger}};
constexpr Shape kBatchPutMetricsError = Structure("BatchPutMetricsError", kBatchPutMetricsErrorMembers);
constexpr Shape kBatchPutMetricsErrorList = List(&kBatchPutMetricsError, 1, 10);
constexpr Member kBatchPutMetricsResponseMembers[] = {{"Errors", &kBatchPutMetricsErrorList}};
constexpr Shape kBatchPutMetricsResponse = Structure("BatchPutMetricsResponse", kBatchPutMetricsResponseMembers);

constexpr Operation kOperations[] = {
    {"BatchPutMetrics", &kBatchPutMetricsRequest, &kBatchPutMetricsResponse}};

}  // namespace
}  // namespace clary::api::metrics

namespace clary::api {

std::span<const Operation> MetricsOperations() { return metrics::kOperations; }

}  // namespace clary::api
