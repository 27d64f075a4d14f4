// Metrics as pure functions of a log stream and metric definitions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/images.h"
#include "base/error.h"
#include "control/internal/training_job.h"
#include "control/service.h"
#include "meta/log_store.h"

namespace clary::control {

inline constexpr char kTrainingLogGroup[] = "/aws/sagemaker/TrainingJobs";

// kInvalidArgument "ValidationException" if a regex is none, or has no group.
Status CheckMetricDefinitions(const std::vector<api::MetricDefinition>& definitions);

// Every number that a definition finds in the lines of a job's streams, one a host, by definition,
// in order of time; definitions without one are left out. A definition counts once a line, the
// first match. A stream that is not there yet has no metrics.
Result<std::vector<MetricSeries>> ScanMetrics(
    const meta::LogStore& logs, const std::vector<std::string>& streams,
    const std::vector<api::MetricDefinition>& definitions);

// The values of the folds of cross validation that one host's log says are finished.
Result<std::vector<double>> FoldValues(const meta::LogStore& logs,
                                       const std::vector<std::string>& streams,
                                       const api::MetricDefinition& definition);

// The last value of each of them, at most 40, as FinalMetricDataList.
Result<std::vector<FinalMetric>> FinalMetrics(
    const meta::LogStore& logs, const std::vector<std::string>& streams,
    const std::vector<api::MetricDefinition>& definitions);

}  // namespace clary::control
