// Several hosts make the model of one host with all their rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "clary/gbdt.h"
#include "collective/collective.h"
#include "collective/testing/threads.h"
#include "gbdt/shard.h"

namespace clary::gbdt {
namespace {

using Map = std::map<std::string, std::string>;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Rows to be cut into pieces.
struct Table {
  size_t rows = 0;
  uint32_t columns = 0;
  bool sparse = false;
  std::vector<float> values;
  RowFields fields;

  // Rows [first, last); with queries, whole ones.
  Dataset Part(size_t first, size_t last) const {
    RowFields f;
    const auto slice = [&](const std::vector<float>& from) {
      const size_t width = from.size() / rows;
      return std::vector<float>(from.begin() + static_cast<std::ptrdiff_t>(first * width),
                                from.begin() + static_cast<std::ptrdiff_t>(last * width));
    };
    f.label = slice(fields.label);
    f.label_lower = slice(fields.label_lower);
    f.label_upper = slice(fields.label_upper);
    f.base_margin = slice(fields.base_margin);
    f.feature_types = fields.feature_types;
    if (fields.weight.size() == rows) f.weight = slice(fields.weight);
    size_t begin = 0;
    for (size_t q = 0; q < fields.group_sizes.size(); ++q) {
      if (begin >= first && begin < last) {
        f.group_sizes.push_back(fields.group_sizes[q]);
        if (fields.weight.size() == fields.group_sizes.size()) f.weight.push_back(fields.weight[q]);
      }
      begin += fields.group_sizes[q];
    }
    const auto own = slice(values);
    if (!sparse) return *Dataset::FromDense(own, last - first, columns, f);
    std::vector<uint64_t> row_begin = {0};
    std::vector<uint32_t> column;
    std::vector<float> value;
    for (size_t i = 0; i < own.size(); ++i) {
      if (!std::isnan(own[i])) {
        column.push_back(static_cast<uint32_t>(i % columns));
        value.push_back(own[i]);
      }
      if (i % columns == columns - 1) row_begin.push_back(value.size());
    }
    return *Dataset::FromCsr(row_begin, column, value, columns, f);
  }
};

Table Make(size_t rows, uint32_t columns, uint32_t seed, const Map& params, bool weights,
           bool sparse) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  Table t{.rows = rows, .columns = columns, .sparse = sparse};
  const auto get = [&](const char* name) {
    const auto at = params.find(name);
    return at == params.end() ? std::string() : at->second;
  };
  const std::string objective = get("objective");
  for (size_t r = 0; r < rows; ++r) {
    float z = 0;
    for (uint32_t c = 0; c < columns; ++c) {
      float x = normal(rng);
      if (c == 1) x = std::floor(4 * std::fabs(x));
      if (c == 2 && rng() % 3 == 0) x = kNaN;
      if (sparse && c > 3 && rng() % 4 != 0) x = kNaN;
      t.values.push_back(x);
      if (!std::isnan(x)) z += c % 2 == 0 ? x : -0.3F * x;
    }
    z += 0.5F * normal(rng);
    float y = z;
    if (objective.starts_with("binary:")) y = z > 0 ? 1 : 0;
    if (objective.starts_with("multi:")) y = std::clamp(std::floor(z + 1.5F), 0.0F, 2.0F);
    if (objective.starts_with("rank:")) y = std::clamp(std::floor(z + 2), 0.0F, 4.0F);
    if (objective == "count:poisson" || objective == "reg:gamma" || objective == "reg:tweedie" ||
        objective == "reg:squaredlogerror") {
      y = std::exp(z / 2);
    }
    if (objective == "reg:logistic") y = 1 / (1 + std::exp(-z));
    if (objective == "survival:cox") y = (rng() % 3 == 0 ? -1.0F : 1.0F) * std::exp(z / 2);
    t.fields.label.push_back(y);
    if (objective == "survival:aft") {
      t.fields.label_lower.push_back(std::exp(z / 2));
      t.fields.label_upper.push_back(rng() % 3 == 0   ? std::numeric_limits<float>::infinity()
                                     : rng() % 3 == 0 ? std::exp(z / 2 + 1)
                                                      : std::exp(z / 2));
    }
    if (weights && !objective.starts_with("rank:")) {
      t.fields.weight.push_back(static_cast<float>(rng() % 5) / 2);
    }
  }
  if (objective.starts_with("rank:")) {
    for (size_t left = rows; left > 0;) {
      const size_t size = std::min<size_t>(left, 1 + rng() % 40);
      t.fields.group_sizes.push_back(static_cast<uint32_t>(size));
      if (weights) t.fields.weight.push_back(static_cast<float>(1 + rng() % 3));
      left -= size;
    }
  }
  if (get("categories") == "1") {
    t.fields.feature_types.assign(columns, "q");
    t.fields.feature_types[1] = "c";
  }
  return t;
}

// Where hosts' rows begin and end [hosts + 1]; at queries where there are.
std::vector<size_t> Cut(const Table& t, size_t hosts, std::mt19937& rng, bool empty_one) {
  std::vector<size_t> at = {0};
  for (size_t k = 1; k < hosts; ++k) at.push_back(rng() % (t.rows + 1));
  at.push_back(t.rows);
  std::ranges::sort(at);
  if (empty_one && hosts > 2) at[1] = at[2];
  if (t.fields.group_sizes.empty()) return at;
  std::vector<size_t> begins = {0};
  for (const uint32_t size : t.fields.group_sizes) begins.push_back(begins.back() + size);
  for (size_t& a : at) a = *std::ranges::lower_bound(begins, a);
  return at;
}

struct Outcome {
  std::string model;
  std::vector<double> values;  // of all rounds
  std::vector<float> margins;  // of the last round, all sets
  std::string error;
};

Outcome TrainOn(const TrainParams& params, const Dataset& train, const Dataset& valid,
                collective::Collective* hosts, int early_stopping) {
  Outcome run;
  const TrainOptions options{.on_round =
                                 [&](const RoundReport& report) {
                                   for (const MetricValue& v : report.metrics)
                                     run.values.push_back(v.value);
                                   run.margins.clear();
                                   for (const auto& of_set : report.margins) {
                                     run.margins.insert(run.margins.end(), of_set.begin(),
                                                        of_set.end());
                                   }
                                   return true;
                                 },
                             .hosts = hosts,
                             .all_margins = true,
                             .early_stopping_rounds = early_stopping};
  const auto model = Train(params, train, {{"train", train}, {"validation", valid}}, options);
  if (model) {
    run.model = model->ToUbjson();
  } else {
    run.error = model.error().message;
  }
  return run;
}

std::vector<Outcome> TrainTogether(const TrainParams& params, const Table& train,
                                   const Table& valid, size_t hosts, std::mt19937& rng,
                                   int early_stopping = 0, collective::Fault fault = {}) {
  auto ends = collective::MakeThreads(static_cast<int>(hosts), fault);
  const std::vector<size_t> at = Cut(train, hosts, rng, true);
  const std::vector<size_t> valid_at = Cut(valid, hosts, rng, false);
  std::vector<Outcome> runs(hosts);
  {
    std::vector<std::jthread> threads;
    for (size_t k = 0; k < hosts; ++k) {
      threads.emplace_back([&, k] {
        collective::Collective together(std::move(ends[k]));
        runs[k] = TrainOn(params, train.Part(at[k], at[k + 1]),
                          valid.Part(valid_at[k], valid_at[k + 1]), &together, early_stopping);
      });
    }
  }
  return runs;
}

struct Case {
  const char* name;
  Map params;
  bool weights = false;
  bool sparse = false;
  int early_stopping = 0;
};

class Hosts : public testing::TestWithParam<Case> {};

TEST_P(Hosts, MakeTheModelOfOne) {
  const auto& [name, text, weights, sparse, early_stopping] = GetParam();
  Map given = {{"num_round", "4"}, {"max_depth", "4"}, {"nthread", "1"}};
  for (const auto& [key, value] : text) {
    if (key != "categories") given[key] = value;
  }
  const auto params = TrainParams::FromMap(given);
  ASSERT_TRUE(params) << params.error().message;
  const bool small = given.contains("booster") && given["booster"] == "gblinear";
  const Table train = Make(small ? 3000 : 5 * kSumBlock + 777, 6, 3, text, weights, sparse);
  const Table valid = Make(3001, 6, 4, text, weights, sparse);
  const Outcome one = TrainOn(*params, train.Part(0, train.rows), valid.Part(0, valid.rows),
                              nullptr, early_stopping);
  ASSERT_EQ(one.error, "");
  std::mt19937 rng(7);
  for (const size_t hosts : {2U, 3U, 8U}) {
    for (const Outcome& run : TrainTogether(*params, train, valid, hosts, rng, early_stopping)) {
      ASSERT_EQ(run.error, "") << hosts;
      EXPECT_TRUE(run.model == one.model) << hosts << " hosts make another model";
      EXPECT_TRUE(run.margins == one.margins);
      ASSERT_EQ(run.values.size(), one.values.size());
      for (size_t i = 0; i < run.values.size(); ++i) {
        EXPECT_EQ(run.values[i], one.values[i]) << hosts << " hosts, metric " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Objectives, Hosts,
    testing::Values(
        Case{"squarederror", {{"objective", "reg:squarederror"}, {"eval_metric", "rmse,mae"}}},
        Case{"weighted", {{"objective", "reg:squarederror"}}, true},
        Case{"logistic",
             {{"objective", "binary:logistic"},
              {"eval_metric", "logloss,error,auc,aucpr,f1"},
              {"scale_pos_weight", "2"}},
             true},
        Case{"sparse", {{"objective", "binary:logistic"}}, false, true},
        Case{"sparse_weighted", {{"objective", "binary:hinge"}}, true, true},
        Case{"softprob", {{"objective", "multi:softprob"}, {"num_class", "3"}}},
        Case{"softmax",
             {{"objective", "multi:softmax"},
              {"num_class", "3"},
              {"subsample", "0.6"},
              {"eval_metric", "merror,mlogloss"}},
             true},
        Case{"poisson", {{"objective", "count:poisson"}}, true},
        Case{"gamma", {{"objective", "reg:gamma"}}},
        Case{"tweedie", {{"objective", "reg:tweedie"}}},
        Case{"logerror", {{"objective", "reg:squaredlogerror"}}},
        Case{"pseudohuber", {{"objective", "reg:pseudohubererror"}}},
        Case{"reg_logistic", {{"objective", "reg:logistic"}}},
        Case{"absolute", {{"objective", "reg:absoluteerror"}}},
        Case{"absolute_weighted", {{"objective", "reg:absoluteerror"}, {"subsample", "0.5"}}, true},
        Case{"quantile", {{"objective", "reg:quantileerror"}, {"quantile_alpha", "0.2,0.7"}}},
        Case{"aft", {{"objective", "survival:aft"}}, true},
        Case{"cox", {{"objective", "survival:cox"}}},
        Case{"ndcg", {{"objective", "rank:ndcg"}, {"eval_metric", "ndcg@5,map,auc"}}, true},
        Case{"pairwise", {{"objective", "rank:pairwise"}, {"subsample", "0.7"}}},
        Case{"unbiased", {{"objective", "rank:ndcg"}, {"lambdarank_unbiased", "1"}}}),
    [](const auto& of) { return std::string(of.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Ways, Hosts,
    testing::Values(
        Case{"subsample", {{"objective", "binary:logistic"}, {"subsample", "0.4"}}},
        Case{"gradient_based",
             {{"objective", "binary:logistic"},
              {"subsample", "0.3"},
              {"sampling_method", "gradient_based"}}},
        Case{"colsample",
             {{"objective", "binary:logistic"},
              {"colsample_bytree", "0.7"},
              {"colsample_bynode", "0.6"},
              {"monotone_constraints", "1,0,-1"},
              {"interaction_constraints", "[[0,1,2],[3,4,5]]"}}},
        Case{"lossguide",
             {{"objective", "reg:squarederror"},
              {"grow_policy", "lossguide"},
              {"max_leaves", "13"},
              {"max_depth", "0"}}},
        Case{"threads", {{"objective", "binary:logistic"}, {"nthread", "2"}}},
        Case{"approx", {{"objective", "binary:logistic"}, {"tree_method", "approx"}}},
        Case{"approx_weighted",
             {{"objective", "reg:squarederror"}, {"tree_method", "approx"}},
             true,
             true},
        Case{"wide", {{"objective", "reg:squarederror"}, {"max_bin", "700"}}},
        Case{"categories",
             {{"objective", "reg:squarederror"}, {"categories", "1"}, {"max_cat_to_onehot", "2"}}},
        Case{"dart",
             {{"objective", "reg:squarederror"}, {"booster", "dart"}, {"rate_drop", "0.5"}}},
        Case{"forest",
             {{"objective", "reg:squarederror"}, {"num_parallel_tree", "3"}, {"subsample", "0.5"}}},
        Case{"linear", {{"objective", "reg:squarederror"}, {"booster", "gblinear"}}},
        Case{"refresh",
             {{"objective", "reg:squarederror"}, {"updater", "grow_quantile_histmaker,refresh"}}},
        Case{"prune",
             {{"objective", "reg:squarederror"},
              {"updater", "grow_quantile_histmaker,prune"},
              {"gamma", "3"}}},
        Case{"early_stopping",
             {{"objective", "binary:logistic"}, {"num_round", "30"}, {"eta", "1"}},
             false,
             false,
             2}),
    [](const auto& of) { return std::string(of.param.name); });

TEST(HostsTogether, FailTogether) {
  const auto params = TrainParams::FromMap(
      {{"objective", "binary:logistic"}, {"num_round", "3"}, {"nthread", "1"}});
  const Map text = {{"objective", "binary:logistic"}};
  const Table train = Make(3 * kSumBlock, 4, 3, text, false, false);
  const Table valid = Make(500, 4, 4, text, false, false);
  // A host that is lost at any moment ends the training of all.
  for (int64_t at = 1; at < 60; at += at < 20 ? 1 : 7) {
    std::mt19937 rng(7);
    const auto runs = TrainTogether(*params, train, valid, 3, rng, 0, {.rank = 1, .at = at});
    for (size_t k = 0; k < runs.size(); ++k) {
      EXPECT_THAT(runs[k].error, testing::HasSubstr(k == 1 ? "injected" : "host 1")) << at;
    }
  }
  // So does a host's bad label, which all are told of.
  Table bad = train;
  bad.fields.label[2 * kSumBlock + 5] = 7;
  std::mt19937 rng(7);
  for (const Outcome& run : TrainTogether(*params, bad, valid, 3, rng)) {
    EXPECT_THAT(run.error, testing::HasSubstr("label must be")) << run.error;
  }
  // What hosts cannot do, and rows that do not fit together.
  TrainParams exact = *params;
  exact.tree_method = TreeMethod::kExact;
  for (const Outcome& run : TrainTogether(exact, train, valid, 2, rng)) {
    EXPECT_THAT(run.error, testing::HasSubstr("use hist or approx"));
  }
}

}  // namespace
}  // namespace clary::gbdt
