#include "debugger/tensor.h"

namespace clary::debugger {

size_t Tensor::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

std::vector<double> Tensor::AsDoubles() const {
  return std::visit(
      []<typename T>(const std::vector<T>& v) -> std::vector<double> {
        if constexpr (std::is_same_v<T, std::string>) {
          return {};
        } else {
          std::vector<double> out;
          out.reserve(v.size());
          for (const T x : v) out.push_back(static_cast<double>(x));
          return out;
        }
      },
      values);
}

Tensor Scalar(std::string name, double value) { return Vector<double>(std::move(name), {value}); }

}  // namespace clary::debugger
