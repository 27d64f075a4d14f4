// The engine as a library: no service, no files. Learns when two numbers are alike.
#include <clary/gbdt.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

using clary::gbdt::Dataset;

static clary::Result<Dataset> MakeData(size_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> values, label;
  for (size_t i = 0; i < rows; ++i) {
    const float a = uniform(random), b = uniform(random);
    values.insert(values.end(), {a, b});
    label.push_back(std::abs(a - b) < 0.3F ? 1.0F : 0.0F);
  }
  return Dataset::FromDense(std::move(values), rows, 2, {.label = std::move(label)});
}

static clary::Status Run() {
  CLARY_TRY(const auto train, MakeData(5000, 1));
  CLARY_TRY(const auto test, MakeData(1000, 2));
  CLARY_TRY(const auto params,
            clary::gbdt::TrainParams::FromMap(
                {{"objective", "binary:logistic"}, {"num_round", "50"}, {"eval_metric", "auc"}}));
  CLARY_TRY(const auto model, clary::gbdt::Train(params, train));
  CLARY_TRY(const auto probability, model.Predict(test));
  CLARY_TRY(const double auc, clary::gbdt::EvalMetric("auc", probability, test));
  std::printf("AUC on data not seen before: %.4f\n", auc);
  return {};
}
int main() {
  const auto done = Run();
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
