// Prediction of a whole dataset.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// The margins [outputs] of a row before the first tree.
Result<std::vector<float>> BaseMargins(const Forest& forest);

// See Model::Predict.
Result<std::vector<float>> Predict(const Forest& forest, const Dataset& data,
                                   const PredictOptions& options);

// Calls body(row, leaf) for the leaf of `tree` that each row of `data` ends in, rows in any order
// and from several threads.
template <typename Body>
void ForEachLeaf(const Tree& tree, const Dataset& data, ThreadPool& pool, Body&& body) {
  constexpr size_t kRows = 2048;
  const Dataset::Csr csr = data.csr();
  pool.ForEach((data.rows() + kRows - 1) / kRows, [&](size_t b, int) {
    for (size_t r = b * kRows; r < std::min(data.rows(), (b + 1) * kRows); ++r) {
      if (!data.is_sparse()) {
        body(r, tree.FindLeaf(data.dense().subspan(r * data.columns(), data.columns())));
        continue;
      }
      const auto size = static_cast<size_t>(csr.row_begin[r + 1] - csr.row_begin[r]);
      body(r, tree.FindLeafSparse(csr.column.subspan(csr.row_begin[r], size),
                                  csr.value.subspan(csr.row_begin[r], size)));
    }
  });
}

}  // namespace clary::gbdt
