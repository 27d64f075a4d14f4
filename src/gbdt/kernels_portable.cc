// The kernels for portable; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace portable {
namespace {
#include "gbdt/internal/kernels_impl.h"
#include "gbdt/internal/losses_impl.h"
}  // namespace
}  // namespace portable

const Kernels kPortableKernels = {.name = "portable",
                                  .bin_bytes = portable::BinBytes,
                                  .bin_words = portable::BinWords,
                                  .bin_present = portable::BinPresent<>,
                                  .bin_entries = portable::BinEntries,
                                  .transpose = portable::Transpose,
                                  .transpose_bytes = portable::TransposeBytes,
                                  .present_keys = portable::PresentKeys,
                                  .key_range = portable::KeyRange,
                                  .count_key = portable::CountKey,
                                  .key_at = portable::KeyAt,
                                  .split_keys = portable::SplitKeys,
                                  .bucket_keys = portable::BucketKeys,
                                  .pick_keys = portable::PickKeys,
                                  .column_range = portable::ColumnRange,
                                  .count_present = portable::CountPresent,
                                  .add_lanes = portable::AddLanes,
                                  .difference = portable::Difference,
                                  .scan = portable::Scan,
                                  .scan_positions = portable::ScanPositions,
                                  .reaching_nodes = portable::ReachingNodes,
                                  .divide = portable::Divide,
                                  .quantize = portable::Quantize,
                                  .absolute_sums = portable::AbsoluteSums,
                                  .logistic = portable::Logistic,
                                  .logistic_of = portable::LogisticOf,
                                  .sigmoid = portable::Sigmoid,
                                  .likelihood = portable::Likelihood,
                                  .exp = portable::ExpOf,
                                  .log = portable::LogOf,
                                  .losses = portable::Losses,
                                  .loss_sum = portable::LossSum,
                                  .aft_likelihood = portable::AftLikelihood,
                                  .count_pairs = portable::CountPairs,
                                  .precision_area = portable::PrecisionArea,
                                  .rank_by_count = portable::RankByCount,
                                  .lambda_pairs = portable::LambdaPairs,
                                  .softmax = portable::Softmax};
}  // namespace clary::gbdt
