#include "gbdt/objective.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gbdt/internal/objective_impl.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

class Softmax final : public Objective {
 public:
  explicit Softmax(const ObjectiveConfig& config)
      : classes_(static_cast<size_t>(config.num_class)) {}

  Status CheckLabels(const Dataset& data) const override {
    const auto limit = static_cast<float>(classes_);
    return CheckEach(
        data, [&](float y) { return y >= 0 && y < limit; }, "label must be in [0, num_class)");
  }
  void Gradient(std::span<const float> margin, const Dataset& data, int /*round*/, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess) override {
    const RowFields& f = data.fields();
    const size_t rows = data.rows();
    const bool weighted = f.weight.size() == rows;
    ForBlocks(pool, rows, [&](size_t begin, size_t end) {
      BestKernels().softmax(margin.data() + begin * classes_, f.label.data() + begin,
                            weighted ? f.weight.data() + begin : nullptr, classes_, end - begin,
                            rows, grad.data() + begin, hess.data() + begin);
    });
  }
  void Transform(std::span<const float> margin, std::span<float> out,
                 ThreadPool& pool) const override {
    ForBlocks(pool, margin.size() / classes_, [&](size_t begin, size_t end) {
      float* const block = out.data() + begin * classes_;
      const size_t rows = end - begin;
      for (size_t r = 0; r < rows; ++r) {
        const float* const from = margin.data() + (begin + r) * classes_;
        const float top = *std::max_element(from, from + classes_);
        for (size_t k = 0; k < classes_; ++k) block[r * classes_ + k] = from[k] - top;
      }
      BestKernels().exp(block, 0, 1, rows * classes_, block);
      for (size_t r = 0; r < rows; ++r) {
        float* const row = block + r * classes_;
        float sum = 0;
        for (size_t k = 0; k < classes_; ++k) sum += row[k];
        for (size_t k = 0; k < classes_; ++k) row[k] /= sum;
      }
    });
  }
  std::string_view default_metric() const override { return "mlogloss"; }
  size_t OutputsFor(size_t) const override { return classes_; }
  bool intercept_is_fixed() const override { return true; }

 private:
  size_t classes_;
};

// MakeRegression has a table of its own; these are the rest.
constexpr std::pair<std::string_view, ObjectiveMaker> kOthers[] = {
    {"multi:softmax", MakeFrom<Softmax>},
    {"multi:softprob", MakeFrom<Softmax>},
    {"survival:cox", MakeCox},
    {"survival:aft", MakeAft},
    {"rank:pairwise", MakeLambdaRank},
    {"rank:ndcg", MakeLambdaRank},
    {"rank:map", MakeLambdaRank},
};

}  // namespace

Result<std::unique_ptr<Objective>> MakeObjective(const ObjectiveConfig& config,
                                                 const TrainParams* params) {
  if (auto objective = MakeRegression(config, params)) return objective;
  for (const auto& [name, make] : kOthers) {
    if (name == config.name) return make(config, params);
  }
  return Fail(Code::kInvalidArgument, "UnknownObjective",
              "unknown objective '" + config.name + "'");
}

std::vector<float> FinishPrediction(const ObjectiveConfig& config, std::vector<float> margin,
                                    ThreadPool& pool) {
  if (config.name == "multi:softmax") {
    const auto classes = static_cast<size_t>(config.num_class);
    std::vector<float> ids(margin.size() / classes);
    for (size_t r = 0; r < ids.size(); ++r) {
      const auto row = margin.begin() + static_cast<std::ptrdiff_t>(r * classes);
      ids[r] = static_cast<float>(
          std::max_element(row, row + static_cast<std::ptrdiff_t>(classes)) - row);
    }
    return ids;
  }
  // A model that was read may have an objective that is not ours; its margins are right, and its
  // link is taken to be the identity.
  if (const auto objective = MakeObjective(config)) (*objective)->Transform(margin, margin, pool);
  return margin;
}

}  // namespace clary::gbdt
