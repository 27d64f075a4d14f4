// Thin features are stored as lists; that must not show.
#include "gbdt/binned_matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gbdt/histogram.h"

namespace clary::gbdt {
namespace {

constexpr size_t kRows = 1500;
constexpr uint32_t kColumns = 90;

// Feature f has a value in one row of 1 + f % 30.
struct Data {
  Dataset dense;
  Dataset csr;
};

Data MakeData() {
  std::mt19937 rng(3);
  std::vector<float> values(kRows * kColumns, std::numeric_limits<float>::quiet_NaN());
  std::vector<uint64_t> begin = {0};
  std::vector<uint32_t> column;
  std::vector<float> value;
  RowFields fields;
  for (size_t r = 0; r < kRows; ++r) {
    float label = 0;
    for (uint32_t f = 0; f < kColumns; ++f) {
      if (rng() % (1 + f % 30) != 0) continue;
      const auto x = static_cast<float>(rng() % (f % 4 == 0 ? 7U : 900U));
      values[r * kColumns + f] = x;
      column.push_back(f);
      value.push_back(x);
      label += f % 3 == 0 ? std::sin(x) + 0.3F : 0;
    }
    begin.push_back(value.size());
    fields.label.push_back(label);
  }
  return {*Dataset::FromDense(values, kRows, kColumns, fields),
          *Dataset::FromCsr(begin, column, value, kColumns, fields)};
}

TEST(BinnedMatrix, ThinFeaturesHaveTheSameCodes) {
  const Data data = MakeData();
  ThreadPool pool(2);
  const auto cuts = std::make_shared<const Cuts>(ComputeCuts(data.dense, {}, 200, pool));
  const BinnedMatrix plain(data.dense, cuts, false, pool);
  EXPECT_TRUE(plain.tiles().empty());
  for (const Dataset* source : {&data.dense, &data.csr}) {
    const BinnedMatrix bins(*source, cuts, true, pool);
    ASSERT_FALSE(bins.tiles().empty());
    ASSERT_FALSE(bins.dense().empty());
    std::vector<uint32_t> rows(kRows);
    for (uint32_t r = 0; r < kRows; ++r) {
      rows[r] = r;
      std::vector<uint8_t> codes(kColumns);
      bins.CopyCodes(r, codes.data());
      ASSERT_EQ(codes,
                std::vector<uint8_t>(plain.row<uint8_t>(r), plain.row<uint8_t>(r) + kColumns))
          << "row " << r;
    }
    bool lists = false;
    for (uint32_t f = 0; f < kColumns; ++f) {
      std::vector<uint8_t> codes(kRows);
      if (const uint8_t* column = bins.column<uint8_t>(f)) {
        codes.assign(column, column + kRows);
      } else {
        bins.ReadColumn(f, rows, codes.data());
        lists = true;
      }
      for (uint32_t r = 0; r < kRows; ++r) ASSERT_EQ(codes[r], plain.row<uint8_t>(r)[f]);
    }
    EXPECT_TRUE(lists);
  }
}

TEST(BinnedMatrix, ThinHistogramsSumTheSameRows) {
  const Data data = MakeData();
  const auto packed = [](uint32_t r) { return (uint64_t{r} * 7 << 32) + r % 13; };
  std::vector<PackedGrad> grad;
  std::vector<uint32_t> rows;
  for (uint32_t r = 0; r < kRows; ++r) {
    grad.push_back(packed(r));
    if (r % 3 != 0) rows.push_back(r);
  }
  ThreadPool pool(1);
  const auto cuts = std::make_shared<const Cuts>(ComputeCuts(data.dense, {}, 200, pool));
  const BinnedMatrix plain(data.dense, cuts, false, pool);
  for (const Dataset* source : {&data.dense, &data.csr}) {
    const BinnedMatrix bins(*source, cuts, true, pool);
    HistogramBuilder builder(bins, pool);
    Histogram h = builder.storage().Take();
    const HistogramBuilder::Task task{.rows = rows, .out = &h};
    builder.Build(std::span(&task, 1), grad.data());
    for (uint32_t f = 0; f < kColumns; ++f) {
      std::vector<PackedGrad> want(cuts->bins(f) + 1, 0);
      for (const uint32_t r : rows) want[plain.row<uint8_t>(r)[f]] += grad[r];
      for (uint32_t b = 0; b < cuts->bins(f); ++b) {
        ASSERT_EQ(h[bins.HistOffset(f) + b], want[b]) << "feature " << f << " bin " << b;
      }
    }
  }
}

TEST(BinnedMatrix, TrainingIsTheSameFromDenseAndSparseAndAnyThreads) {
  const Data data = MakeData();
  TrainParams params;
  params.num_round = 6;
  params.subsample = 0.7F;
  params.nthread = 1;
  const std::string want = Train(params, data.dense, {{"train", data.dense}})->ToJson();
  EXPECT_EQ(Train(params, data.csr, {{"train", data.csr}})->ToJson(), want);
  params.nthread = 3;
  EXPECT_EQ(Train(params, data.csr, {{"train", data.dense}})->ToJson(), want);
}

}  // namespace
}  // namespace clary::gbdt
