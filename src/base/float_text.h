// Floating-point numbers as Python writes them: what clients of SageMaker's containers read.
#pragma once

#include <string>

namespace clary {

// repr() of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16;
// "nan", "inf", "-inf".
void AppendFloat(std::string& out, double value);

}  // namespace clary
