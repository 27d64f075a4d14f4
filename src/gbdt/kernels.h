// The inner loops of training, each compiled for several instruction sets and chosen at run time.
// Every set gives the same bits: the sources are the same, without contraction to fused
// multiply-adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace clary::gbdt {

// A quantised gradient pair, and sums of it, in one word: the gradient in the high 32 bits
// (signed), the second derivative in the low 31. The scales (quantize.h) keep every sum in range,
// so that one 64-bit addition adds both.
using PackedGrad = uint64_t;

inline constexpr int32_t GradOf(PackedGrad p) { return static_cast<int32_t>(p >> 32); }
inline constexpr int32_t HessOf(PackedGrad p) { return static_cast<int32_t>(p & 0xffffffffU); }

// One feature's part of a node's histogram and what its splits are scored with.
struct ScanInput {
  const PackedGrad* hist;  // [bins]
  uint32_t bins;
  PackedGrad missing;            // sum of the rows without a value
  bool missing_is_rest = false;  // `missing` is not given: it is what `hist` lacks of `total`
  PackedGrad total;              // sum of the node
  double grad_unit;              // value of one level
  double hess_unit;
  double lambda;
  double alpha;
  double min_child_weight;
  float at_least = 0;  // lower scores are of no interest: a scan may say that there is none where
                       // it can't find this one
};

// How a scan looks at scores before it computes them exactly: in float32, in units of levels.
struct RoughScale {
  bool bounds;    // no exact score is above the rough one (by more than 2e-6 of it) ...
  bool usable;    // ... nor below: there is no alpha. Else scores must be exact from the start
  float lambda;   // in levels of the second derivative
  int32_t least;  // a side's levels, at least 1
  float bar;      // what ScanInput::at_least is roughly; not negative
};
RoughScale RoughScaleOf(const ScanInput& in);

// The positions of a feature that differ: bins that are not empty, ascending, with the sums up to
// and with them.
struct Positions {
  const PackedGrad* sum;
  const uint8_t* bin;
  uint32_t count;
};

// The best position of a scan. Forward: bins <= bin go left, missing right. Backward: missing left.
struct ScanBest {
  float score = -1;  // gain(left) + gain(right); negative if no position is valid
  int32_t bin = 0;   // -1: every present value goes right
  bool default_left = false;
  PackedGrad left = 0;
};

inline constexpr uint32_t kMaxScanBins = 256;

// A query's documents in the order of their scores, for the pairs of LambdaMART. The arrays are
// readable and writable up to the next multiple of kPairLanes behind `count`.
struct PairInput {
  const float* score;        // [count], descending
  const float* exp;          // [count], of the scores less some middle
  const float* inverse_exp;  // [count], 1 / exp; all within e^+-kMaxPairExponent
  const float* gain;      // [count], what the label is worth; a pair of equal gains does not count
  const float* discount;  // [count], for pairs whose weight is what swapping changes in DCG ...
  const float* delta;     // ... or [count], the weights of the pairs of `rank`; else nullptr
  uint32_t count;
  uint32_t rank;     // pairs of this document with all behind it
  bool by_distance;  // divide weights by the distance of the scores + 0.01
  float* grad;       // [count], added to
  float* hess;       // [count], added to
};
inline constexpr uint32_t kPairLanes = 16;
inline constexpr float kMaxPairExponent = 40;
inline constexpr uint32_t kMaxRankByCount = 512;

// A feature's cuts as the kernels search them: ascending cuts [16, 16 + 255), padded with +inf,
// then NaN; before them the last of each sixteen.
inline constexpr size_t kCutTable = 272;
// `cuts`: at most 255. `table` [kCutTable].
void FillCutTable(std::span<const float> cuts, float* table);

// Up to 256 nodes in which one feature is looked at.
struct NodesOfScan {
  const PackedGrad* total;
  const PackedGrad* present;  // of the total, what belongs to rows with a value
  const float* bar;           // as in RoughScale, like the following; infinite: of no interest
  float lambda;
  int32_t least;
};

// Losses of a row by its prediction and label (internal/losses_impl.h). The parameter is kHuber's
// slope, kError's threshold, kTweedie's power of the variance.
enum class Loss : uint8_t {
  kSquared,
  kAbsolute,
  kSquaredLog,
  kRelative,
  kHuber,
  kError,
  kPoisson,  // without ln(y!)
  kGamma,
  kGammaDeviance,  // half of it
  kTweedie,
};

// Rows' times, known exactly (lower == upper), from above (lower 0), from below (upper infinite) or
// from both sides, and the noise of the logarithm of a time.
enum class AftNoise : uint8_t { kNormal, kLogistic, kExtreme };
struct AftTimes {
  enum class Kind : uint8_t { kExact, kFromBelow, kAny };  // all rows, or a mixture
  const float* lower;
  const float* upper;
  Kind kind;
  AftNoise noise;
  double scale;
};

struct Kernels {
  const char* name;
  // Building the matrix (binned_matrix.h). `table` [kCutTable] holds a feature's cuts.
  //
  // out[i] = number of cuts <= value[i * stride], `missing_code` for NaN.
  void (*bin_bytes)(const float* value, size_t stride, size_t count, const float* table,
                    uint8_t missing_code, uint8_t* out);
  // The same for more cuts than a table takes, cuts [cut_count], ascending, and values one after
  // another.
  void (*bin_words)(const float* value, size_t count, const float* cuts, size_t cut_count,
                    uint16_t missing_code, uint16_t* out);
  // What bin_bytes does for the values, one after another, that are not NaN: of value[at[k]],
  // out[k]. Returns how many; both outputs need room for `count` and sixteen more. If `all` [count]
  // is not nullptr, it gets what bin_bytes would give. count <= 512.
  size_t (*bin_present)(const float* value, size_t count, const float* table, uint8_t missing_code,
                        uint16_t* at, uint8_t* out, uint8_t* all);
  // out[i] = number of cuts of feature column[i] that are <= value[i]; its table starts at
  // tables + kCutTable * column[i]. Of no meaning for NaN.
  void (*bin_entries)(const uint32_t* column, const float* value, size_t count, const float* tables,
                      uint8_t* out);
  // out[c * out_stride + r] = row[r][c]. Sixteen more items of `row` are read: rows to fetch ahead,
  // for the next call perhaps; any address will do.
  void (*transpose)(const float* const* row, size_t rows, size_t columns, size_t out_stride,
                    float* out);
  // out[r * out_stride + c] = codes[c * code_stride + r]. Reads as if both counts were multiples of
  // sixteen, and writes the columns up to the next one, within out_stride: 8 or a multiple of 16.
  void (*transpose_bytes)(const uint8_t* codes, size_t code_stride, size_t rows, size_t columns,
                          uint8_t* out, size_t out_stride);
  // keys [count + 16] = ToKey (internal/radix_sort.h) of the values that are not NaN. Returns how
  // many.
  size_t (*present_keys)(const float* value, size_t count, uint32_t* keys);
  // The least and the greatest key; UINT32_MAX and 0 of none.
  void (*key_range)(const uint32_t* keys, size_t count, uint32_t* least, uint32_t* most);
  size_t (*count_key)(const uint32_t* keys, size_t count, uint32_t key);
  // The key at sorted position `rank` < count. For some dozens of keys.
  uint32_t (*key_at)(const uint32_t* keys, size_t count, size_t rank);
  // The keys whose label is `positive`, and those of the others, in order. Returns how many of the
  // first there are; both outputs need room for sixteen more than they get.
  size_t (*split_keys)(const uint32_t* keys, const float* label, size_t count, float positive,
                       uint32_t* of_positive, uint32_t* of_others);
  // Puts keys into the buckets of KeyQuantiles and counts them there: with d = keys[i] - least and
  // s = split[d >> shift], bucket[i] = (s >> 5) + ((d % 2^shift) >> s % 32). shift < 32.
  void (*bucket_keys)(const uint32_t* keys, size_t count, uint32_t least, uint32_t shift,
                      const uint32_t* split, uint32_t* counts, uint16_t* bucket);
  // The keys whose buckets' bits are set in `wanted` (of words of 32), with their buckets, in
  // order. Returns how many; both outputs need room for sixteen more.
  size_t (*pick_keys)(const uint32_t* keys, const uint16_t* bucket, size_t count,
                      const uint32_t* wanted, uint32_t* picked, uint16_t* from);
  // Lowers `least`, raises `most`, and counts the NaN of each column of value [rows, columns].
  void (*column_range)(const float* value, size_t rows, size_t columns, float* least, float* most,
                       uint32_t* missing);
  // Sum of counts[i] where value[i] is not NaN.
  uint32_t (*count_present)(const float* value, const uint32_t* counts, size_t count);

  // hist[codes[i] * lanes + k] += grad[i * lanes + k] for each row i and lane k; lanes is 2, 4 or
  // 8, and hist is aligned to so many items.
  void (*add_lanes)(const uint8_t* codes, size_t count, const PackedGrad* grad, size_t lanes,
                    PackedGrad* hist);
  // out[i] = a[i] - b[i]; out may be a.
  void (*difference)(const PackedGrad* a, const PackedGrad* b, size_t count, PackedGrad* out);
  // Best position for a feature of at most kMaxScanBins bins without constraints.
  ScanBest (*scan)(const ScanInput& in);
  // The same from positions (bins with a sum of 0 may be among them); in.hist is not used, and
  // in.missing is given.
  ScanBest (*scan_positions)(const ScanInput& in, const Positions& at);
  // Sets flag[n] for each node n in which scan_positions may find something of interest, given
  // `count` values of one feature in the order of their bins: value i is in node[i] and sum[i] is
  // the sum of that node's values up to and with it.
  void (*reaching_nodes)(const PackedGrad* sum, const uint8_t* node, size_t count,
                         const NodesOfScan& nodes, uint8_t* flag);
  // Divides `rows` [count], stably: those whose code goes left (code <= bin, or code == missing)
  // move to the front, the others to `right` [count]. Returns how many went left. Row r's code is
  // column[r], or, if !by_row, item i's is column[i]; three bytes behind the last are readable.
  uint32_t (*divide)(uint32_t* rows, uint32_t count, const uint8_t* column, bool by_row,
                     int32_t bin, uint32_t missing, uint32_t* right);
  // Stochastic rounding keyed by row and seed: packed[i] of row first_row + i. Inputs are
  // [count]; h >= 0.
  void (*quantize)(const float* grad, const float* hess, size_t count, uint64_t first_row,
                   uint32_t seed, double grad_scale, double hess_scale, PackedGrad* packed);
  // The sums of |grad| and of hess, [count] each.
  void (*absolute_sums)(const float* grad, const float* hess, size_t count, double* grad_sum,
                        double* hess_sum);
  // grad, hess of the logistic loss (weight and positive weight not applied).
  void (*logistic)(const float* margin, const float* label, size_t count, float* grad, float* hess);
  // The same with the sigmoid of the margin given.
  void (*logistic_of)(const float* sigmoid, const float* label, size_t count, float* grad,
                      float* hess);
  // `out` may be `margin`.
  void (*sigmoid)(const float* margin, size_t count, float* out);
  // The product of p where the label is 1 and 1 - p where it is 0, each at least 1e-16:
  // mantissa * 2^exponent. There are no other labels. False if p is NaN or far above 1.
  bool (*likelihood)(const float* p, const float* label, size_t count, double* mantissa,
                     int64_t* exponent);
  // out[i] = exp((x[i] - shift) * sign), the exponent limited to +-87.
  void (*exp)(const float* x, float shift, float sign, size_t count, float* out);
  // Natural logarithms of numbers that are positive, normal and finite, to within 2e-16 (absolute
  // or relative, whichever is more). `out` may be `x`.
  void (*log)(const double* x, size_t count, double* out);
  // The losses of rows, and their sum without weights.
  void (*losses)(Loss loss, const float* p, const float* label, float parameter, size_t count,
                 double* out);
  double (*loss_sum)(Loss loss, const float* p, const float* label, float parameter, size_t count);
  // How likely the times of `count` rows are if p is predicted, at least 1e-12.
  void (*aft_likelihood)(const AftTimes& times, const float* p, size_t count, double* likelihood);
  // Over all pairs: 2 where a[i] > b[j], 1 where they are equal. Fewer than 2^30 pairs; `a` is
  // readable up to the next multiple of kPairLanes.
  uint64_t (*count_pairs)(const int32_t* a, size_t a_count, const int32_t* b, size_t b_count);
  // What the rows of `a` add to the area under the precision-recall curve, times the number of all
  // rows of their class (internal/losses_impl.h), if a_above rows of it and b_above others are
  // above all these, together at least 16 times as many as a_count + b_count. `a` is readable as
  // above.
  double (*precision_area)(const int32_t* a, size_t a_count, const int32_t* b, size_t b_count,
                           double a_above, double b_above);
  // rank[i] = how many items come before item i by descending score, equal ones by number;
  // count <= kMaxRankByCount. Items that are not numbers get ranks that others have, too.
  void (*rank_by_count)(const float* score, uint32_t count, uint32_t* rank);
  // Adds the pairs of one document; returns the sum of their lambdas' sizes.
  float (*lambda_pairs)(const PairInput& in);
  // The gradients of the softmax loss with 2 p (1 - p) as the second derivative. margin is
  // [count * classes], row-major; label and weight (nullptr for all 1) are [count]; class k's
  // gradients begin at k * stride.
  void (*softmax)(const float* margin, const float* label, const float* weight, size_t classes,
                  size_t count, size_t stride, float* grad, float* hess);
};

extern const Kernels kPortableKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif

// The fastest that this CPU runs; CLARY_KERNELS=portable|avx2|avx512 in the environment asks for
// another (tests, measurements).
const Kernels& BestKernels();

}  // namespace clary::gbdt
