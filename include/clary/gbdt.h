// Gradient-boosted trees: XGBoost's algorithm on an engine of our own.
//
//   auto params = clary::gbdt::TrainParams::FromMap({{"objective", "binary:logistic"},
//   {"num_round", "100"}}); auto train = clary::gbdt::Dataset::FromDense(std::move(values), rows,
//   columns, {.label = std::move(y)}); auto model = clary::gbdt::Train(*params, *train); auto
//   probability = model->Predict(*train); auto file = model->ToUbjson();  // real XGBoost loads it
//
// Words: a *round* adds one tree per output (times num_parallel_tree); a *margin* is the sum of the
// trees plus the intercept, before the objective's link; a *gradient pair* is the first and second
// derivative of the loss by the margin; *cover* is a node's sum of second derivatives; *gain* is
// what a split takes off the regularised loss.
//
// Deterministic: the same data, parameters and seed give the same model bytes for any number of
// threads. Everything here can be used from several threads as long as each object is only read.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clary/error.h"

namespace clary::collective {
class Collective;  // src/collective/collective.h
}

namespace clary::gbdt {

// What belongs to the rows of a Dataset beside their features. Each vector is empty or has the
// length given here.
struct RowFields {
  std::vector<float> label;                // [rows], or [rows * targets] for reg:* and binary:*
  std::vector<float> weight;               // [rows], or [groups] for rank:* objectives; >= 0
  std::vector<uint32_t> group_sizes;       // rows of each query, in row order; they sum to rows
  std::vector<float> label_lower;          // [rows] for survival:aft
  std::vector<float> label_upper;          // [rows] for survival:aft; +inf = right censored
  std::vector<float> base_margin;          // [rows * outputs]: replaces the intercept
  std::vector<std::string> feature_names;  // [columns]
  std::vector<std::string> feature_types;  // [columns]: "float", "int", "i", "q" or "c" (category)
};

// Rows of float32 features with what belongs to them. Immutable; a copy is a cheap handle to the
// same data. NaN, and in CSR every entry that is not there, means missing.
class Dataset {
 public:
  // `values` is row-major [rows * columns].
  // kInvalidArgument "BadShape" if lengths disagree, "BadWeight" for a negative or NaN weight.
  // Infinite values: kInvalidArgument "BadValue" with row and column.
  static Result<Dataset> FromDense(std::vector<float> values, size_t rows, uint32_t columns,
                                   RowFields fields = {});
  // The same without a copy. `values` must outlive every handle; `owner`, if given, is kept by
  // them and may be what owns the values.
  static Result<Dataset> ViewDense(std::span<const float> values, size_t rows, uint32_t columns,
                                   RowFields fields = {},
                                   std::shared_ptr<const void> owner = nullptr);

  // Compressed sparse rows: row r owns entries [row_begin[r], row_begin[r + 1]) of `column` and
  // `value`; row_begin has rows + 1 items. Columns of a row are ascending and below the width.
  struct Csr {
    std::span<const uint64_t> row_begin;
    std::span<const uint32_t> column;
    std::span<const float> value;
  };
  static Result<Dataset> FromCsr(std::vector<uint64_t> row_begin, std::vector<uint32_t> column,
                                 std::vector<float> value, uint32_t columns, RowFields fields = {});
  static Result<Dataset> ViewCsr(const Csr& csr, uint32_t columns, RowFields fields = {},
                                 std::shared_ptr<const void> owner = nullptr);

  size_t rows() const;
  uint32_t columns() const;
  bool is_sparse() const;
  const RowFields& fields() const;

  // Row-major [rows * columns]; empty if is_sparse().
  std::span<const float> dense() const;
  Csr csr() const;  // empty spans unless is_sparse()

  // Writes row `row` with NaN for missing into `out` [columns].
  void CopyRow(size_t row, std::span<float> out) const;
  // The rows `index`, in that order, as a dataset of its own (k-fold). Groups are dropped.
  Dataset Subset(std::span<const uint32_t> index) const;
  // The rows whose weight is not 0, in their order; the same data if that is all of them. Where
  // queries have weights, whole queries go.
  Dataset Weighted() const;
  // True if both are handles to the same data.
  bool SameAs(const Dataset& other) const { return data_ == other.data_; }

 private:
  struct Data;
  explicit Dataset(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

enum class Booster : uint8_t { kGbtree, kDart, kGblinear };
enum class TreeMethod : uint8_t { kAuto, kHist, kApprox, kExact };
enum class GrowPolicy : uint8_t { kDepthwise, kLossguide };
enum class SamplingMethod : uint8_t { kUniform, kGradientBased };
enum class ProcessType : uint8_t { kDefault, kUpdate };

// XGBoost's parameters under XGBoost's names. The defaults are those of XGBoost 3.x; what differs
// in earlier releases follows `version`.
struct TrainParams {
  // The XGBoost that decides where releases differ, 100 * major + minor: 90, 102, 107, 300. Before
  // 200 the intercept is 0.5 unless given; from then on it is estimated from the labels.
  int version = 300;

  int num_round = 10;
  std::string objective = "reg:squarederror";
  std::vector<std::string> eval_metric;  // empty: the objective's own
  int num_class = 0;
  std::optional<float> base_score;  // in the space of predictions (a probability for logistic)
  float scale_pos_weight = 1;
  float tweedie_variance_power = 1.5F;
  float huber_slope = 1;
  std::vector<float> quantile_alpha;
  std::string aft_loss_distribution = "normal";
  float aft_loss_distribution_scale = 1;
  std::string lambdarank_pair_method = "topk";
  int lambdarank_num_pair_per_sample = 0;  // 0: the default of the pair method
  bool lambdarank_unbiased = false;
  bool lambdarank_normalization = true;
  bool lambdarank_score_normalization = true;
  double lambdarank_bias_norm = 1;
  bool ndcg_exp_gain = true;

  Booster booster = Booster::kGbtree;
  TreeMethod tree_method = TreeMethod::kAuto;  // kAuto is hist
  GrowPolicy grow_policy = GrowPolicy::kDepthwise;
  ProcessType process_type = ProcessType::kDefault;
  std::vector<std::string> updater;
  bool refresh_leaf = true;
  float eta = 0.3F;  // 0.5 for gblinear
  float gamma = 0;
  int max_depth = 6;   // 0: no limit
  int max_leaves = 0;  // 0: no limit
  int max_bin = 256;
  float min_child_weight = 1;
  float lambda = 1;  // 0 for gblinear
  float alpha = 0;
  float max_delta_step = 0;  // 0: no limit; 0.7 for count:poisson
  float subsample = 1;
  SamplingMethod sampling_method = SamplingMethod::kUniform;
  float colsample_bytree = 1;
  float colsample_bylevel = 1;
  float colsample_bynode = 1;
  int num_parallel_tree = 1;
  std::vector<int> monotone_constraints;  // -1, 0 or 1 a feature; missing ones are 0
  // Groups of features that may meet on a path; without any group, all may. One without features
  // allows no meeting.
  std::vector<std::vector<uint32_t>> interaction_constraints;
  int max_cat_to_onehot = 4;
  int max_cat_threshold = 64;

  // booster = dart
  std::string sample_type = "uniform";
  std::string normalize_type = "tree";
  float rate_drop = 0;
  bool one_drop = false;
  float skip_drop = 0;

  // booster = gblinear
  std::string feature_selector = "cyclic";
  int top_k = 0;

  int32_t seed = 0;
  int nthread = 0;  // 0: every core; at most 1024
  int verbosity = 1;

  // Reads XGBoost's names (and its aliases such as learning_rate, reg_lambda) and string forms;
  // lists are comma-separated. kInvalidArgument "UnknownParameter", "BadParameter" (not a number,
  // out of range; the message names parameter, value and range). Names that upstream accepts and
  // ignores are accepted.
  static Result<TrainParams> FromMap(const std::map<std::string, std::string>& text);

  // What training checks first: kInvalidArgument for combinations that make no sense, and
  // kUnimplemented "Unimplemented" for what this version cannot do. Nothing is silently ignored.
  // `updater`, where given, decides instead of tree_method.
  Status Validate() const;
};

class Model;

struct EvalSet {
  std::string name;  // "train", "validation"
  Dataset data;
};

// What tree_method=hist makes of its data before the first round, for runs on the same data to
// share. Immutable; a copy is a cheap handle.
class Bins {
 public:
  Bins();  // none
  // As Train with these arguments would make them. kInvalidArgument as Train.
  static Result<Bins> Make(const TrainParams& params, const Dataset& train,
                           const std::vector<EvalSet>& evals = {});
  // Whether a run with `params` on `train` can use them: they are of the same data
  // (Dataset::SameAs) and the same max_bin.
  bool Fit(const TrainParams& params, const Dataset& train) const;

  struct Data;  // src/gbdt/tree_builder.h
  const Data* data() const { return data_.get(); }

 private:
  std::shared_ptr<const Data> data_;
};

struct MetricValue {
  std::string dataset;
  std::string metric;  // as asked for: "error@0.6"
  double value = 0;
};

// How long training spent in one phase: "binning" (with all of the set-up), "gradient",
// "histogram", "split", "partition", "predict" (margins), "evaluate" (metrics).
struct PhaseTime {
  std::string_view name;
  double seconds = 0;  // of the clock on the wall
};

// What an observer sees after each round. Everything is borrowed for the call.
struct RoundReport {
  int round = 0;                                    // of this run, from 0
  int rounds = 0;                                   // how many are planned
  bool last = false;                                // no round follows this one
  std::span<const MetricValue> metrics;             // all of eval set 0, then all of 1, ...
  std::span<const std::span<const float>> margins;  // per eval set, [rows * outputs]
  std::span<const PhaseTime> phases;                // since the last report, without its observer
  const Model& model;                               // with the trees of this round
};

struct TrainOptions {
  std::stop_token stop;  // asked once a round; a stopped run returns kCancelled
  // Called on the calling thread after each round. Return false to stop early with the model as is.
  std::function<bool(const RoundReport&)> on_round;
  // Continue from this model, made by the same booster; its rounds are kept in front. With
  // process_type=update, instead, its first num_round rounds are what is updated.
  const Model* initial = nullptr;
  // Used as far as they fit; what does not is made anew. The model is the same either way.
  Bins bins;

  // Hosts that train together, each with its part of the rows: `train` and every set of `evals` are
  // this host's part, which may have no rows; those of rank 0 come first. Model and metrics are
  // those of one host with all rows in that order, the same on every host. Each host calls Train
  // with the same parameters and as many sets. Not for tree_method=exact (kUnimplemented); gblinear
  // and trees that are refreshed or updated bring all rows to every host. `bins` are not used.
  // Borrowed; null: one host. A failure of another host is kUnavailable "HostLost".
  collective::Collective* hosts = nullptr;
  // Whether an observer sees the margins of all hosts' rows, in their order; else those of some of
  // them, which need not be the ones that this host has given. The same on all hosts.
  bool all_margins = false;

  // Early stopping watches `metric` (empty: the last one) of the last eval set: training ends after
  // that many rounds in a row without strict improvement, and the model is cut to its best round.
  int early_stopping_rounds = 0;  // 0: off
  std::string early_stopping_metric;
  std::optional<bool> early_stopping_maximize;  // default: by the metric
};

// Trains on `train`; metrics of every set in `evals` are computed after each round.
// Rows of `train` that weigh 0 are as if they were not there.
// kInvalidArgument for parameters or labels that do not fit (reason "BadLabel" names the row),
// kCancelled when stopped, kUnimplemented for what this version cannot do.
Result<Model> Train(const TrainParams& params, const Dataset& train,
                    const std::vector<EvalSet>& evals = {}, const TrainOptions& options = {});

// Metric `name` ("rmse", "error@0.6", ...) of `predictions` (transformed, [rows * outputs]) on the
// labels and weights of `data`. Some metrics have parameters of the objective (huber_slope,
// quantile_alpha, those of survival:aft), and ranking metrics follow `version`; without `params`
// these are the defaults.
// kInvalidArgument "UnknownMetric".
Result<double> EvalMetric(std::string_view name, std::span<const float> predictions,
                          const Dataset& data, const TrainParams* params = nullptr);
// True if larger is better.
bool MetricIsMaximized(std::string_view name);

enum class PredictKind : uint8_t {
  kValue,          // [rows * outputs]; one class id per row for multi:softmax
  kMargin,         // [rows * outputs]
  kLeaf,           // [rows * trees] node ids
  kContributions,  // [rows * outputs * (columns + 1)], bias last
  kApproxContributions,
  kInteractions,  // [rows * outputs * (columns + 1)^2]
};

struct PredictOptions {
  PredictKind kind = PredictKind::kValue;
  int round_begin = 0;
  int round_end = 0;  // 0: every round
  int threads = 0;    // 0: every core
};

enum class Importance : uint8_t { kWeight, kGain, kCover, kTotalGain, kTotalCover };

struct Forest;  // the trees themselves: src/gbdt/tree.h

// A trained model. Move-only; copies are made with Slice.
class Model {
 public:
  Model();  // an empty model; only to be assigned to
  explicit Model(std::unique_ptr<Forest> forest);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  // XGBoost's JSON or UBJSON (told apart by content), or the legacy binary format.
  // kDataLoss "BadModel" with the place.
  static Result<Model> Parse(std::string_view bytes);
  // Text JSON that XGBoost 1.0 to 3.x load.
  std::string ToJson() const;
  // UBJSON that XGBoost 1.6 to 3.x load.
  std::string ToUbjson() const;

  // The predictions (PredictKind::kValue) that belong to `margins` [rows * outputs].
  std::vector<float> FromMargins(std::vector<float> margins, int threads = 1) const;

  // Narrower data is padded with missing values; wider is kInvalidArgument "BadShape".
  Result<std::vector<float>> Predict(const Dataset& data, const PredictOptions& options = {}) const;

  int num_round() const;
  uint32_t num_feature() const;
  int num_output() const;  // margins per row
  const std::string& objective() const;
  // Rounds [begin, end) as a model of its own; all of it for gblinear, which keeps no rounds.
  Model Slice(int begin, int end) const;

  // Free text kept in the file; training writes best_iteration and best_score after early stopping.
  std::map<std::string, std::string>& attributes();
  const std::map<std::string, std::string>& attributes() const;
  std::optional<int> best_iteration() const;

  // Of features with at least one split, by index. gblinear has only kWeight: each feature's
  // coefficient (their sum over the outputs), and nothing for the other kinds.
  std::map<uint32_t, double> FeatureImportance(Importance kind) const;

  const Forest& forest() const { return *forest_; }
  Forest& forest() { return *forest_; }

 private:
  std::unique_ptr<Forest> forest_;
};

// A model laid out for answering one row at a time, within microseconds and without allocation.
// Independent of the model afterwards. Const calls from any thread.
class Predictor {
 public:
  explicit Predictor(const Model& model);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  // margins [num_output] of `row`, bit for bit as Model::Predict gives them (PredictKind::kMargin).
  // NaN means missing; so does what a row of fewer than num_feature values lacks.
  void Margins(std::span<const float> row, std::span<float> margins) const;
  size_t num_output() const;

 private:
  struct Flat;
  std::unique_ptr<const Flat> flat_;
};

}  // namespace clary::gbdt
