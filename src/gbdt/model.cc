// Model: the public handle to a Forest.
#include <charconv>

#include "clary/gbdt.h"
#include "gbdt/model_io.h"
#include "gbdt/objective.h"
#include "gbdt/predict.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

Model::Model() : forest_(std::make_unique<Forest>()) {}
Model::Model(std::unique_ptr<Forest> forest) : forest_(std::move(forest)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

Result<Model> Model::Parse(std::string_view bytes) {
  CLARY_TRY(Forest forest, ReadModel(bytes));
  return Model(std::make_unique<Forest>(std::move(forest)));
}

std::string Model::ToJson() const { return WriteJson(*forest_); }
std::string Model::ToUbjson() const { return WriteUbjson(*forest_); }

Result<std::vector<float>> Model::Predict(const Dataset& data,
                                          const PredictOptions& options) const {
  return gbdt::Predict(*forest_, data, options);
}

std::vector<float> Model::FromMargins(std::vector<float> margins, int threads) const {
  ThreadPool pool(threads);
  return FinishPrediction(forest_->objective, std::move(margins), pool);
}

int Model::num_round() const { return forest_->num_round(); }
uint32_t Model::num_feature() const { return forest_->num_feature; }
int Model::num_output() const { return forest_->num_output(); }
const std::string& Model::objective() const { return forest_->objective.name; }

Model Model::Slice(int begin, int end) const {
  auto out = std::make_unique<Forest>(*forest_);
  if (forest_->booster == Booster::kGblinear) return Model(std::move(out));
  const auto first = static_cast<std::ptrdiff_t>(forest_->round_begin[static_cast<size_t>(begin)]);
  const auto last = static_cast<std::ptrdiff_t>(forest_->round_begin[static_cast<size_t>(end)]);
  const auto cut = [&](auto& v) {
    if (v.empty()) return;
    v.erase(v.begin() + last, v.end());
    v.erase(v.begin(), v.begin() + first);
  };
  cut(out->trees);
  cut(out->tree_output);
  cut(out->tree_weight);
  out->round_begin.assign(1, 0);
  for (int r = begin; r < end; ++r) {
    const auto i = static_cast<size_t>(r);
    out->round_begin.push_back(out->round_begin.back() + forest_->round_begin[i + 1] -
                               forest_->round_begin[i]);
  }
  return Model(std::move(out));
}

std::map<std::string, std::string>& Model::attributes() { return forest_->attributes; }
const std::map<std::string, std::string>& Model::attributes() const { return forest_->attributes; }

std::optional<int> Model::best_iteration() const {
  const auto it = forest_->attributes.find("best_iteration");
  if (it == forest_->attributes.end()) return std::nullopt;
  int round = 0;
  const char* end = it->second.data() + it->second.size();
  if (std::from_chars(it->second.data(), end, round).ptr != end) return std::nullopt;
  return round;
}

std::map<uint32_t, double> Model::FeatureImportance(Importance kind) const {
  std::map<uint32_t, double> splits;
  std::map<uint32_t, double> total;
  if (forest_->booster == Booster::kGblinear) {
    if (kind != Importance::kWeight) return {};
    const auto outputs = static_cast<size_t>(forest_->num_output());
    for (size_t i = 0; i < forest_->num_feature * outputs; ++i) {
      splits[static_cast<uint32_t>(i / outputs)] += forest_->linear_weights[i];
    }
    return splits;
  }
  const bool of_gain = kind == Importance::kGain || kind == Importance::kTotalGain;
  for (const Tree& tree : forest_->trees) {
    for (size_t n = 0; n < tree.size(); ++n) {
      if (tree.left[n] == kNoNode) continue;
      splits[tree.feature[n]] += 1;
      total[tree.feature[n]] += of_gain ? tree.gain[n] : tree.cover[n];
    }
  }
  if (kind == Importance::kWeight) return splits;
  if (kind == Importance::kTotalGain || kind == Importance::kTotalCover) return total;
  for (auto& [feature, value] : total) value /= splits[feature];
  return total;
}

}  // namespace clary::gbdt
