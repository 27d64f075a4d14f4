// The kernels for avx2; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

#if defined(__x86_64__)
namespace clary::gbdt {
namespace avx2 {
namespace {
#include "gbdt/internal/kernels_impl.h"
}  // namespace
}  // namespace avx2

const Kernels kAvx2Kernels = {.name = "avx2",
                              .bin_bytes = avx2::BinBytes,
                              .bin_present = avx2::BinPresent,
                              .bin_entries = avx2::BinEntries,
                              .transpose = avx2::Transpose,
                              .transpose_bytes = avx2::TransposeBytes,
                              .present_keys = avx2::PresentKeys,
                              .key_range = avx2::KeyRange,
                              .count_key = avx2::CountKey,
                              .key_at = avx2::KeyAt,
                              .bucket_keys = avx2::BucketKeys,
                              .pick_keys = avx2::PickKeys,
                              .column_range = avx2::ColumnRange,
                              .count_present = avx2::CountPresent,
                              .difference = avx2::Difference,
                              .scan = avx2::Scan,
                              .scan_positions = avx2::ScanPositions,
                              .reaching_nodes = avx2::ReachingNodes,
                              .divide = avx2::Divide,
                              .quantize = avx2::Quantize,
                              .absolute_sums = avx2::AbsoluteSums,
                              .logistic = avx2::Logistic,
                              .logistic_of = avx2::LogisticOf,
                              .sigmoid = avx2::Sigmoid,
                              .likelihood = avx2::Likelihood,
                              .exp = avx2::ExpOf,
                              .rank_by_count = avx2::RankByCount,
                              .lambda_pairs = avx2::LambdaPairs,
                              .softmax = avx2::Softmax};
}  // namespace clary::gbdt
#endif
