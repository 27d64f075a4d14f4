// Prediction of a whole dataset.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/flat_tree.h"
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
  const FlatTrees flat(std::span(&tree, 1));
  const Dataset::Csr csr = data.csr();
  pool.ForEach((data.rows() + kRows - 1) / kRows, [&](size_t b, int) {
    const size_t begin = b * kRows;
    const size_t end = std::min(data.rows(), begin + kRows);
    if (!data.is_sparse()) {
      NodeId leaf[kRows];
      std::vector<float> encoded;
      const std::span<const float> rows =
          flat.Encoded(data.dense().subspan(begin * data.columns(), (end - begin) * data.columns()),
                       data.columns(), encoded);
      flat.FindLeaves(0, rows.data(), data.columns(), end - begin, leaf);
      for (size_t r = begin; r < end; ++r) body(r, leaf[r - begin]);
      return;
    }
    for (size_t r = begin; r < end; ++r) {
      const auto size = static_cast<size_t>(csr.row_begin[r + 1] - csr.row_begin[r]);
      body(r, tree.FindLeafSparse(csr.column.subspan(csr.row_begin[r], size),
                                  csr.value.subspan(csr.row_begin[r], size)));
    }
  });
}

}  // namespace clary::gbdt
