// Tuning jobs as the commands show them.
#pragma once

#include <string>

#include "clary/tuning_job.h"

namespace clary::cli {

// The best trial: its hyperparameters, its value, its name.
void PrintBest(const TuningTrial& best, const std::string& metric);

// A hyperparameter's text, fractions cut to six digits.
std::string ShortNumber(const std::string& text);

// "007" of the trial "<tuning job>-007-1a2b3c4d".
std::string TrialNumber(const std::string& tuning_job, const std::string& trial);

}  // namespace clary::cli
