// Bodies of the kernels. Each kernels_<set>.cc includes this once, in a namespace of its own and
// with its own compiler flags; so nothing here may come from a header with inline functions, or the
// linker could pick a copy that the CPU cannot run.

struct SumArrays {
  alignas(64) double grad[kMaxScanBins];
  alignas(64) double hess[kMaxScanBins];
};

inline int32_t FloorToInt(double x) {
  const int32_t t = static_cast<int32_t>(x);
  return t - (x < static_cast<double>(t) ? 1 : 0);
}

// `step` or 0; no compiler makes a branch of it, which a search would often mispredict.
inline uint32_t StepIf(bool yes, uint32_t step) { return step & (0U - static_cast<uint32_t>(yes)); }

// The number of `step * 2` ascending items of `cuts` that are <= x, if the last is not.
inline uint32_t CountUpTo(const float* cuts, float x, uint32_t step) {
  uint32_t at = 0;
  for (; step != 0; step /= 2) at += StepIf(cuts[at + step - 1] <= x, step);
  return at;
}

[[maybe_unused]] void BinBytes(const float* value, size_t stride, size_t count, const float* table,
                               uint8_t missing_code, uint8_t* out) {
  constexpr size_t kLanes = 16;
  const float* const cuts = table + 16;
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    float x[kLanes];
    uint32_t at[kLanes] = {};
    for (size_t j = 0; j < kLanes; ++j) x[j] = value[(i + j) * stride];
    for (uint32_t step = 128; step != 0; step /= 2) {
      for (size_t j = 0; j < kLanes; ++j) at[j] += cuts[at[j] + step - 1] <= x[j] ? step : 0;
    }
    for (size_t j = 0; j < kLanes; ++j) {
      out[i + j] = x[j] != x[j] ? missing_code : static_cast<uint8_t>(at[j]);
    }
  }
  for (; i < count; ++i) {
    const float x = value[i * stride];
    out[i] = x != x ? missing_code : static_cast<uint8_t>(CountUpTo(cuts, x, 128));
  }
}

// Halves what is left for all lanes alike, so that no branch depends on a value.
[[maybe_unused]] void BinWords(const float* value, size_t count, const float* cuts,
                               size_t cut_count, uint16_t missing_code, uint16_t* out) {
  constexpr size_t kLanes = 16;
  for (size_t begin = 0; begin < count; begin += kLanes) {
    const size_t lanes = count - begin < kLanes ? count - begin : kLanes;
    float x[kLanes] = {};
    uint32_t at[kLanes] = {};
    for (size_t j = 0; j < lanes; ++j) x[j] = value[begin + j];
    for (size_t left = cut_count; left != 0; left /= 2) {
      const auto half = static_cast<uint32_t>((left + 1) / 2);
      for (size_t j = 0; j < kLanes; ++j) at[j] += StepIf(cuts[at[j] + half - 1] <= x[j], half);
    }
    for (size_t j = 0; j < lanes; ++j) {
      out[begin + j] = x[j] != x[j] ? missing_code : static_cast<uint16_t>(at[j]);
    }
  }
}

template <auto kBinBytes = BinBytes>
[[maybe_unused]] size_t BinPresent(const float* value, size_t count, const float* table,
                                   uint8_t missing_code, uint16_t* at, uint8_t* out, uint8_t* all) {
  constexpr size_t kChunk = 256;
  size_t kept = 0;
  for (size_t begin = 0; begin < count; begin += kChunk) {
    const size_t end = begin + kChunk < count ? begin + kChunk : count;
    float present[kChunk];
    size_t n = 0;
    for (size_t i = begin; i < end; ++i) {
      present[n] = value[i];
      at[kept + n] = static_cast<uint16_t>(i);
      n += value[i] == value[i] ? 1 : 0;
    }
    kBinBytes(present, 1, n, table, 0, out + kept);
    kept += n;
  }
  if (all != nullptr) {
    __builtin_memset(all, missing_code, count);
    for (size_t k = 0; k < kept; ++k) all[at[k]] = out[k];
  }
  return kept;
}

// BinEntries by up_to(cuts, x): how many of sixteen ascending cuts are not above x. The tables are
// large together: a line of each is fetched ahead of its use.
template <typename Count>
inline void BinEntriesBy(Count&& up_to, const uint32_t* column, const float* value, size_t count,
                         const float* tables, uint8_t* out) {
  constexpr size_t kLanes = 16;
  for (size_t begin = 0; begin < count; begin += kLanes) {
    const size_t end = begin + kLanes < count ? begin + kLanes : count;
    const size_t ahead = end + kLanes < count ? end + kLanes : count;
    for (size_t i = end; i < ahead; ++i) __builtin_prefetch(tables + kCutTable * column[i]);
    const float* block[kLanes];
    for (size_t i = begin; i < end; ++i) {
      const float* const table = tables + kCutTable * column[i];
      const uint32_t at = 16 * up_to(table, value[i]);
      block[i - begin] = table + 16 + at;
      __builtin_prefetch(block[i - begin]);
      out[i] = static_cast<uint8_t>(at);
    }
    for (size_t i = begin; i < end; ++i) {
      out[i] = static_cast<uint8_t>(out[i] + up_to(block[i - begin], value[i]));
    }
  }
}

[[maybe_unused]] void BinEntries(const uint32_t* column, const float* value, size_t count,
                                 const float* tables, uint8_t* out) {
  const auto up_to = [](const float* cuts, float x) { return CountUpTo(cuts, x, 8); };
  BinEntriesBy(up_to, column, value, count, tables, out);
}

inline void FetchItems(const float* const* row, size_t c) {
  for (size_t j = 0; j < 16; ++j) __builtin_prefetch(row[j] + c);
}

using Floats4 = float __attribute__((vector_size(16)));

[[maybe_unused]] void Transpose(const float* const* row, size_t rows, size_t columns,
                                size_t out_stride, float* out) {
  const auto load = [](const float* p) {
    Floats4 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  };
  const auto store = [](float* p, Floats4 v) { __builtin_memcpy(p, &v, sizeof v); };
  size_t begin = 0;
  for (; begin + 16 <= rows; begin += 16) {
    size_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      if (c % 16 == 0) FetchItems(row + begin + 16, c);
      for (size_t r = begin; r < begin + 16; r += 4) {
        const Floats4 a0 = load(row[r] + c);
        const Floats4 a1 = load(row[r + 1] + c);
        const Floats4 a2 = load(row[r + 2] + c);
        const Floats4 a3 = load(row[r + 3] + c);
        const Floats4 b0 = __builtin_shufflevector(a0, a1, 0, 4, 1, 5);
        const Floats4 b1 = __builtin_shufflevector(a0, a1, 2, 6, 3, 7);
        const Floats4 b2 = __builtin_shufflevector(a2, a3, 0, 4, 1, 5);
        const Floats4 b3 = __builtin_shufflevector(a2, a3, 2, 6, 3, 7);
        store(out + c * out_stride + r, __builtin_shufflevector(b0, b2, 0, 1, 4, 5));
        store(out + (c + 1) * out_stride + r, __builtin_shufflevector(b0, b2, 2, 3, 6, 7));
        store(out + (c + 2) * out_stride + r, __builtin_shufflevector(b1, b3, 0, 1, 4, 5));
        store(out + (c + 3) * out_stride + r, __builtin_shufflevector(b1, b3, 2, 3, 6, 7));
      }
    }
    for (; c < columns; ++c) {
      for (size_t r = begin; r < begin + 16; ++r) out[c * out_stride + r] = row[r][c];
    }
  }
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = begin; r < rows; ++r) out[c * out_stride + r] = row[r][c];
  }
}

using Bytes16 = uint8_t __attribute__((vector_size(16)));

// Interleaving items i and i + 8 four times transposes sixteen by sixteen.
[[maybe_unused]] void TransposeBytes(const uint8_t* codes, size_t code_stride, size_t rows,
                                     size_t columns, uint8_t* out, size_t out_stride) {
  for (size_t r = 0; r < rows; r += 16) {
    const size_t count = rows - r < 16 ? rows - r : 16;
    for (size_t c = 0; c < columns; c += 16) {
      Bytes16 a[16];
      for (size_t k = 0; k < 16; ++k) {
        __builtin_memcpy(&a[k], codes + (c + k) * code_stride + r, sizeof a[k]);
      }
      for (int pass = 0; pass < 4; ++pass) {
        Bytes16 b[16];
        for (size_t k = 0; k < 8; ++k) {
          b[2 * k] = __builtin_shufflevector(a[k], a[k + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                             21, 6, 22, 7, 23);
          b[2 * k + 1] = __builtin_shufflevector(a[k], a[k + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                 28, 13, 29, 14, 30, 15, 31);
        }
        for (size_t k = 0; k < 16; ++k) a[k] = b[k];
      }
      const size_t bytes = out_stride - c < 16 ? out_stride - c : 16;
      uint8_t* const to = out + r * out_stride + c;
      if (bytes == 16) {
        for (size_t i = 0; i < count; ++i) __builtin_memcpy(to + i * out_stride, &a[i], 16);
      } else {
        for (size_t i = 0; i < count; ++i) __builtin_memcpy(to + i * out_stride, &a[i], 8);
      }
    }
  }
}

inline uint32_t KeyOf(float x) {
  int32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  bits = x == 0.0F ? 0 : bits;
  return static_cast<uint32_t>(bits ^ ((bits >> 31) | INT32_MIN));
}

[[maybe_unused]] size_t PresentKeys(const float* value, size_t count, uint32_t* keys) {
  size_t n = 0;
  for (size_t i = 0; i < count; ++i) {
    keys[n] = KeyOf(value[i]);
    n += value[i] == value[i] ? 1 : 0;
  }
  return n;
}

[[maybe_unused]] void KeyRange(const uint32_t* keys, size_t count, uint32_t* least,
                               uint32_t* most) {
  uint32_t low = UINT32_MAX;
  uint32_t top = 0;
  for (size_t i = 0; i < count; ++i) {
    low = keys[i] < low ? keys[i] : low;
    top = keys[i] > top ? keys[i] : top;
  }
  *least = low;
  *most = top;
}

[[maybe_unused]] size_t CountKey(const uint32_t* keys, size_t count, uint32_t key) {
  uint32_t n = 0;
  for (size_t i = 0; i < count; ++i) n += keys[i] == key ? 1 : 0;
  return n;
}

[[maybe_unused]] uint32_t KeyAt(const uint32_t* keys, size_t count, size_t rank) {
  for (size_t i = 0; i + 1 < count; ++i) {
    const uint32_t key = keys[i];
    uint32_t below = 0;
    uint32_t up_to = 0;
    for (size_t j = 0; j < count; ++j) {
      below += keys[j] < key ? 1 : 0;
      up_to += keys[j] <= key ? 1 : 0;
    }
    if (below <= rank && rank < up_to) return key;
  }
  return keys[count - 1];
}

// Without a branch, which could not be predicted.
[[maybe_unused]] size_t SplitKeys(const uint32_t* keys, const float* label, size_t count,
                                  float positive, uint32_t* of_positive, uint32_t* of_others) {
  size_t n = 0;
  for (size_t i = 0; i < count; ++i) {
    of_positive[n] = keys[i];
    of_others[i - n] = keys[i];
    n += static_cast<size_t>(label[i] == positive);
  }
  return n;
}

[[maybe_unused]] void BucketKeys(const uint32_t* keys, size_t count, uint32_t least, uint32_t shift,
                                 const uint32_t* split, uint32_t* counts, uint16_t* bucket) {
  const uint32_t within = (1U << shift) - 1;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t key = keys[i] - least;
    const uint32_t of = split[key >> shift];
    const uint32_t at = (of >> 5) + ((key & within) >> (of & 31));
    ++counts[at];
    bucket[i] = static_cast<uint16_t>(at);
  }
}

[[maybe_unused]] size_t PickKeys(const uint32_t* keys, const uint16_t* bucket, size_t count,
                                 const uint32_t* wanted, uint32_t* picked, uint16_t* from) {
  size_t n = 0;
  for (size_t i = 0; i < count; ++i) {
    picked[n] = keys[i];
    from[n] = bucket[i];
    n += wanted[bucket[i] / 32] >> (bucket[i] % 32) & 1;
  }
  return n;
}

[[maybe_unused]] void ColumnRange(const float* value, size_t rows, size_t columns, float* least,
                                  float* most, uint32_t* missing) {
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = value + r * columns;
    for (size_t c = 0; c < columns; ++c) {
      const float x = row[c];
      least[c] = x < least[c] ? x : least[c];
      most[c] = x > most[c] ? x : most[c];
      missing[c] += x != x ? 1 : 0;
    }
  }
}

[[maybe_unused]] uint32_t CountPresent(const float* value, const uint32_t* counts, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += value[i] == value[i] ? counts[i] : 0;
  return sum;
}

void Difference(const PackedGrad* a, const PackedGrad* b, size_t count, PackedGrad* out) {
  for (size_t i = 0; i < count; ++i) out[i] = a[i] - b[i];
}

// XGBoost compares float32 scores; so do we, term by term.
inline float GainTerm(double g, double h, double lambda, double alpha) {
  const double over = g > alpha ? g - alpha : 0.0;
  const double under = g < -alpha ? g + alpha : 0.0;
  const double t = over + under;
  return static_cast<float>(t * t / (h + lambda));
}

// Scores every position: left sums are prefix + (add_g, add_h).
inline void Score(const SumArrays& prefix, uint32_t n, double add_g, double add_h, double total_g,
                  double total_h, const ScanInput& in, float* score) {
  const double lambda = in.lambda;
  const double alpha = in.alpha;
  const double least = in.min_child_weight > 1e-300 ? in.min_child_weight : 1e-300;
  for (uint32_t i = 0; i < n; ++i) {
    const double gl = prefix.grad[i] + add_g;
    const double hl = prefix.hess[i] + add_h;
    const double gr = total_g - gl;
    const double hr = total_h - hl;
    const float s = GainTerm(gl, hl, lambda, alpha) + GainTerm(gr, hr, lambda, alpha);
    score[i] = hl >= least && hr >= least ? s : -1.0F;
  }
}

inline double GradOfSum(PackedGrad p, const ScanInput& in) {
  return static_cast<double>(static_cast<int32_t>(p >> 32)) * in.grad_unit;
}
inline double HessOfSum(PackedGrad p, const ScanInput& in) {
  return static_cast<double>(static_cast<int32_t>(p)) * in.hess_unit;
}

inline float ExactScore(PackedGrad left, const ScanInput& in) {
  const double gl = GradOfSum(left, in);
  const double hl = HessOfSum(left, in);
  const double gr = GradOfSum(in.total, in) - gl;
  const double hr = HessOfSum(in.total, in) - hl;
  const double least = in.min_child_weight > 1e-300 ? in.min_child_weight : 1e-300;
  return hl >= least && hr >= least
             ? GainTerm(gl, hl, in.lambda, in.alpha) + GainTerm(gr, hr, in.lambda, in.alpha)
             : -1.0F;
}

// Scores in float32 and in units of levels, with one division: within 2e-6 of the exact ones, less
// a common factor. Returned and stored as the bits of floats that are not negative, which order as
// integers do; -1 where a side is too light.
inline int32_t RoughScores(const PackedGrad* sum, uint32_t n, PackedGrad add, PackedGrad total,
                           float lambda, int32_t least, int32_t* rough) {
  const auto total_g = static_cast<int32_t>(total >> 32);
  const auto total_h = static_cast<int32_t>(total);
  int32_t most = -1;
  for (uint32_t i = 0; i < n; ++i) {
    const PackedGrad left = sum[i] + add;
    const auto left_g = static_cast<int32_t>(left >> 32);
    const auto left_h = static_cast<int32_t>(left);
    const int32_t right_h = total_h - left_h;
    const auto gl = static_cast<float>(left_g);
    const auto gr = static_cast<float>(total_g - left_g);
    const float hl = static_cast<float>(left_h) + lambda;
    const float hr = static_cast<float>(right_h) + lambda;
    const float score = (gl * gl * hr + gr * gr * hl) / (hl * hr);
    int32_t bits;
    __builtin_memcpy(&bits, &score, sizeof bits);
    bits = left_h >= least && right_h >= least ? bits : -1;
    rough[i] = bits;
    most = bits > most ? bits : most;
  }
  return most;
}

// Scored backward, position k stands for every bin from its own to before the next one's; the last
// of those is looked at first. Negative: there is none.
inline int32_t BackwardBin(const Positions& at, uint32_t k, uint32_t bins) {
  const uint32_t end = k + 1 < at.count ? at.bin[k + 1] : bins - 1;
  return end > at.bin[k] ? static_cast<int32_t>(end) - 1 : -1;
}

// Scans with double scores throughout: for alpha, and for scales beyond RoughScores.
inline ScanBest ScanPlain(const ScanInput& in, const Positions& at, PackedGrad missing) {
  SumArrays prefix;
  alignas(64) float score[kMaxScanBins];
  for (uint32_t k = 0; k < at.count; ++k) {
    prefix.grad[k] = GradOfSum(at.sum[k], in);
    prefix.hess[k] = HessOfSum(at.sum[k], in);
  }
  const double total_g = GradOfSum(in.total, in);
  const double total_h = HessOfSum(in.total, in);
  ScanBest best;
  Score(prefix, at.count, 0, 0, total_g, total_h, in, score);
  for (uint32_t k = 0; k < at.count; ++k) {
    if (score[k] > best.score) {
      best.score = score[k];
      best.bin = static_cast<int32_t>(at.bin[k]);
      best.left = at.sum[k];
    }
  }
  if (missing == 0) return best;
  Score(prefix, at.count, GradOfSum(missing, in), HessOfSum(missing, in), total_g, total_h, in,
        score);
  for (uint32_t k = at.count; k-- > 0;) {
    const int32_t bin = BackwardBin(at, k, in.bins);
    if (bin >= 0 && score[k] > best.score) {
      best.score = score[k];
      best.bin = bin;
      best.default_left = true;
      best.left = at.sum[k] + missing;
    }
  }
  return best;
}

// Exact scores of the positions whose rough ones are near the best rough one.
inline ScanBest ScanFast(const ScanInput& in, const Positions& at, PackedGrad missing,
                         const RoughScale& scale) {
  constexpr uint32_t kStep = 16;
  alignas(64) int32_t rough[kMaxScanBins + kStep];
  const float lambda = scale.lambda;
  const int32_t least = scale.least;
  const uint32_t n = at.count;
  int32_t lowest;
  __builtin_memcpy(&lowest, &scale.bar, sizeof lowest);
  const auto bar_of = [&](int32_t most) {
    float bar;
    __builtin_memcpy(&bar, &most, sizeof bar);
    bar *= 0.99999F;
    int32_t bits;
    __builtin_memcpy(&bits, &bar, sizeof bits);
    return bits > lowest ? bits : lowest;
  };
  const auto any = [&](uint32_t from, int32_t bar) {
    int32_t hit = 0;
    for (uint32_t j = 0; j < kStep; ++j) hit |= rough[from + j] >= bar ? 1 : 0;
    return hit != 0;
  };
  for (uint32_t j = 0; j < kStep; ++j) rough[n + j] = -1;
  ScanBest best;
  if (const int32_t most = RoughScores(at.sum, n, 0, in.total, lambda, least, rough);
      most >= lowest) {
    const int32_t bar = bar_of(most);
    for (uint32_t from = 0; from < n; from += kStep) {
      if (!any(from, bar)) continue;
      for (uint32_t k = from; k < n && k < from + kStep; ++k) {
        if (rough[k] < bar) continue;
        if (const float score = ExactScore(at.sum[k], in); score > best.score) {
          best.score = score;
          best.bin = static_cast<int32_t>(at.bin[k]);
          best.left = at.sum[k];
        }
      }
    }
  }
  if (missing == 0 || n == 0) return best;
  const int32_t most = RoughScores(at.sum, n, missing, in.total, lambda, least, rough);
  if (most < lowest) return best;
  const int32_t bar = bar_of(most);
  for (uint32_t from = (n - 1) / kStep * kStep;; from -= kStep) {
    if (any(from, bar)) {
      for (uint32_t k = (from + kStep < n ? from + kStep : n); k-- > from;) {
        if (rough[k] < bar) continue;
        const int32_t bin = BackwardBin(at, k, in.bins);
        if (bin < 0) continue;
        if (const float score = ExactScore(at.sum[k] + missing, in); score > best.score) {
          best.score = score;
          best.bin = bin;
          best.default_left = true;
          best.left = at.sum[k] + missing;
        }
      }
    }
    if (from == 0) break;
  }
  return best;
}

ScanBest ScanPositions(const ScanInput& in, const Positions& at) {
  const PackedGrad missing = in.missing;
  const RoughScale scale = RoughScaleOf(in);
  ScanBest best;
  if (scale.usable) {
    // With missing values apart, one side of any split is a part of the present rows.
    if (static_cast<int32_t>(in.total - missing) < scale.least) return best;
    best = ScanFast(in, at, missing, scale);
  } else {
    best = ScanPlain(in, at, missing);
  }
  if (missing == 0) return best;
  // The last step backward: missing left, every value right.
  if (const float score = ExactScore(missing, in); score > best.score) {
    best.score = score;
    best.bin = at.count != 0 ? static_cast<int32_t>(at.bin[0]) - 1 : -1;
    best.default_left = true;
    best.left = missing;
  }
  return best;
}

ScanBest Scan(const ScanInput& in) {
  alignas(64) PackedGrad sum[kMaxScanBins];
  uint8_t bin[kMaxScanBins];
  PackedGrad running = 0;
  uint32_t count = 0;
  const auto take = [&](uint32_t i) {
    running += in.hist[i];
    sum[count] = running;
    bin[count] = static_cast<uint8_t>(i);
    count += in.hist[i] != 0 ? 1 : 0;
  };
  constexpr uint32_t kRun = 8;  // small nodes leave most bins empty
  uint32_t i = 0;
  for (; i + kRun <= in.bins; i += kRun) {
    PackedGrad some = 0;
    for (uint32_t j = 0; j < kRun; ++j) some |= in.hist[i + j];
    if (some == 0) continue;
    for (uint32_t j = 0; j < kRun; ++j) take(i + j);
  }
  for (; i < in.bins; ++i) take(i);
  ScanInput given = in;
  if (in.missing_is_rest) given.missing = in.total - running;
  return ScanPositions(given, {.sum = sum, .bin = bin, .count = count});
}

// Whether a split's rough score is at least `bar`, without a division.
inline bool Reaches(PackedGrad left, PackedGrad right, float bar, float lambda, int32_t least) {
  const auto left_h = static_cast<int32_t>(left);
  const auto right_h = static_cast<int32_t>(right);
  const auto gl = static_cast<float>(static_cast<int32_t>(left >> 32));
  const auto gr = static_cast<float>(static_cast<int32_t>(right >> 32));
  const float hl = static_cast<float>(left_h) + lambda;
  const float hr = static_cast<float>(right_h) + lambda;
  return left_h >= least && right_h >= least && gl * gl * hr + gr * gr * hl >= hl * hr * bar;
}

// A value that shares its bin with the next one makes no position, but to look at it does no harm.
// The last value of a node stands for the split of all present values from the missing ones.
void ReachingNodes(const PackedGrad* sum, const uint8_t* node, size_t count,
                   const NodesOfScan& nodes, uint8_t* flag) {
  for (size_t i = 0; i < count; ++i) {
    const size_t n = node[i];
    const PackedGrad left = sum[i];
    const PackedGrad rest = nodes.present[n] - left;
    const PackedGrad missing = nodes.total[n] - nodes.present[n];
    if (Reaches(left, rest + missing, nodes.bar[n], nodes.lambda, nodes.least) ||
        Reaches(left + missing, rest, nodes.bar[n], nodes.lambda, nodes.least)) {
      flag[n] = 1;
    }
  }
}

[[maybe_unused]] uint32_t Divide(uint32_t* rows, uint32_t count, const uint8_t* column, bool by_row,
                                 int32_t bin, uint32_t missing, uint32_t* right) {
  uint32_t left = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i];
    const uint32_t code = column[by_row ? row : i];
    rows[left] = row;
    right[i - left] = row;
    left += static_cast<int32_t>(code) <= bin || code == missing ? 1 : 0;
  }
  return left;
}

void Quantize(const float* grad, const float* hess, size_t count, uint64_t first_row, uint32_t seed,
              double grad_scale, double hess_scale, PackedGrad* packed) {
  constexpr double kUnit = 1.0 / 65536.0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t r = (static_cast<uint32_t>(first_row + i) ^ seed) * 0x9E3779B1U;
    r = (r ^ (r >> 15)) * 0x85EBCA77U;
    r = (r ^ (r >> 13)) * 0xC2B2AE3DU;
    r ^= r >> 16;
    const double u = static_cast<double>(static_cast<int32_t>(r >> 16)) * kUnit;
    const double v = static_cast<double>(static_cast<int32_t>(r & 0xffffU)) * kUnit;
    const int32_t g = FloorToInt(static_cast<double>(grad[i]) * grad_scale + u);
    const int32_t h = FloorToInt(static_cast<double>(hess[i]) * hess_scale + v);
    packed[i] = (static_cast<uint64_t>(static_cast<uint32_t>(g)) << 32) | static_cast<uint32_t>(h);
  }
}

void AbsoluteSums(const float* grad, const float* hess, size_t count, double* grad_sum,
                  double* hess_sum) {
  constexpr size_t kLanes = 32;
  double g[kLanes] = {};
  double h[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const float x = grad[i + j];
      g[j] += static_cast<double>(x < 0 ? -x : x);
      h[j] += static_cast<double>(hess[i + j]);
    }
  }
  for (; i < count; ++i) {
    g[0] += static_cast<double>(grad[i] < 0 ? -grad[i] : grad[i]);
    h[0] += static_cast<double>(hess[i]);
  }
  *grad_sum = 0;
  *hess_sum = 0;
  for (size_t j = 0; j < kLanes; ++j) {
    *grad_sum += g[j];
    *hess_sum += h[j];
  }
}

// As many floats as a register of the set holds. Operators work lane by lane, so that the width
// does not change the results.
#if defined(__AVX512F__)
constexpr uint32_t kWidth = 16;
#elif defined(__AVX2__)
constexpr uint32_t kWidth = 8;
#else
constexpr uint32_t kWidth = 4;
#endif
using Floats = float __attribute__((vector_size(4 * kWidth)));
using Ints = int32_t __attribute__((vector_size(4 * kWidth)));

constexpr int32_t kCounting[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
inline Ints Lane() {
  Ints v;
  __builtin_memcpy(&v, kCounting, sizeof v);
  return v;
}
inline Floats Load(const float* from) {
  Floats v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
inline void Store(float* to, Floats v) { __builtin_memcpy(to, &v, sizeof v); }
inline Floats All(float x) { return x - Floats{}; }

// Calls body(first, lanes) for parts of [0, count) of at most kWidth items.
template <typename Body>
inline void ForLanes(size_t count, Body&& body) {
  size_t i = 0;
  for (; i + kWidth <= count; i += kWidth) body(i, kWidth);
  if (i < count) body(i, count - i);
}
inline Floats LoadSome(const float* from, size_t lanes) {
  if (lanes == kWidth) return Load(from);
  Floats v = {};
  __builtin_memcpy(&v, from, lanes * sizeof(float));
  return v;
}
inline void StoreSome(float* to, Floats v, size_t lanes) {
  if (lanes == kWidth) return Store(to, v);
  __builtin_memcpy(to, &v, lanes * sizeof(float));
}

// exp, of x limited to +-87: range reduction to 2^n * e^f, |f| <= ln(2)/2, and a polynomial of
// degree 6; within 2 ulp.
inline Floats Exp(Floats x) {
  x = x < -87.0F ? All(-87.0F) : x;
  x = x > 87.0F ? All(87.0F) : x;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const Floats shifted = x * 1.44269504F + kRound;
  const Floats n = shifted - kRound;
  const Floats f = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  Floats p = All(1.9875691500e-4F);
  p = p * f + 1.3981999507e-3F;
  p = p * f + 8.3334519073e-3F;
  p = p * f + 4.1665795894e-2F;
  p = p * f + 1.6666665459e-1F;
  p = p * f + 5.0000001201e-1F;
  p = p * (f * f) + f + 1.0F;
  Ints bits;
  __builtin_memcpy(&bits, &p, sizeof bits);
  bits += __builtin_convertvector(n, Ints) << 23;
  __builtin_memcpy(&p, &bits, sizeof bits);
  return p;
}

inline void LogisticLanes(Floats s, const float* label, size_t lanes, float* grad, float* hess) {
  const Floats h = s * (1.0F - s);
  StoreSome(grad, s - LoadSome(label, lanes), lanes);
  StoreSome(hess, h > 1e-16F ? h : All(1e-16F), lanes);
}

void Logistic(const float* margin, const float* label, size_t count, float* grad, float* hess) {
  ForLanes(count, [&](size_t i, size_t lanes) {
    LogisticLanes(1.0F / (1.0F + Exp(-LoadSome(margin + i, lanes))), label + i, lanes, grad + i,
                  hess + i);
  });
}

void LogisticOf(const float* sigmoid, const float* label, size_t count, float* grad, float* hess) {
  ForLanes(count, [&](size_t i, size_t lanes) {
    LogisticLanes(LoadSome(sigmoid + i, lanes), label + i, lanes, grad + i, hess + i);
  });
}

void Sigmoid(const float* margin, size_t count, float* out) {
  ForLanes(count, [&](size_t i, size_t lanes) {
    StoreSome(out + i, 1.0F / (1.0F + Exp(-LoadSome(margin + i, lanes))), lanes);
  });
}

using HalfFloats = float __attribute__((vector_size(2 * kWidth)));
using Doubles = double __attribute__((vector_size(4 * kWidth)));
using Longs = uint64_t __attribute__((vector_size(4 * kWidth)));

bool Likelihood(const float* p, const float* label, size_t count, double* mantissa,
                int64_t* exponent) {
  constexpr size_t kRows = 16;
  constexpr size_t kEach = kWidth / 2;
  constexpr size_t kParts = kRows / kEach;
  constexpr size_t kFactors = 16;  // 1e-16 to the 16th is far from the least double
  constexpr uint64_t kOne = 1023;  // the exponent bits of 1.0
  Doubles product[kParts];
  Longs power[kParts] = {};
  for (Doubles& v : product) v = Doubles{} + 1.0;
  const auto normalise = [&] {
    for (size_t k = 0; k < kParts; ++k) {
      Longs bits;
      __builtin_memcpy(&bits, &product[k], sizeof bits);
      power[k] += (bits >> 52) - kOne;
      bits = (bits & ((uint64_t{1} << 52) - 1)) | (kOne << 52);
      __builtin_memcpy(&product[k], &bits, sizeof bits);
    }
  };
  Ints special = {};
  const auto take = [&](const float* of_one, const float* y) {
    for (size_t k = 0; k < kRows; k += kWidth) {
      Ints bits;
      __builtin_memcpy(&bits, of_one + k, sizeof bits);
      special |= (bits & INT32_MAX) > 0x58635fa9;  // beyond +-1e15, or not a number
    }
    for (size_t k = 0; k < kParts; ++k) {
      HalfFloats a;
      HalfFloats b;
      __builtin_memcpy(&a, of_one + k * kEach, sizeof a);
      __builtin_memcpy(&b, y + k * kEach, sizeof b);
      const Doubles x = __builtin_convertvector(a, Doubles);
      const Doubles hit = __builtin_convertvector(b, Doubles);
      const Doubles right = hit == 1.0 ? x : 1.0 - x;
      product[k] *= right < 1e-16 ? Doubles{} + 1e-16 : right;
    }
  };
  size_t factors = 0;
  size_t i = 0;
  for (; i + kRows <= count; i += kRows) {
    take(p + i, label + i);
    if (++factors % kFactors == 0) normalise();
  }
  if (i < count) {  // the rest among rows that are certain
    float of_one[kRows] = {};
    float y[kRows] = {};
    for (size_t k = 0; i + k < count; ++k) {
      of_one[k] = p[i + k];
      y[k] = label[i + k];
    }
    take(of_one, y);
  }
  normalise();
  double all = 1;
  uint64_t sum = 0;
  for (size_t k = 0; k < kParts; ++k) {
    for (size_t j = 0; j < kEach; ++j) {
      all *= product[k][j];  // each in [1, 2)
      sum += power[k][j];
    }
  }
  *mantissa = all;
  *exponent = static_cast<int64_t>(sum);
  int32_t any = 0;
  for (uint32_t k = 0; k < kWidth; ++k) any |= special[k];
  return any == 0;
}

void RankByCount(const float* score, uint32_t count, uint32_t* rank) {
  uint32_t first = 0;
  for (; first + kWidth <= count; first += kWidth) {
    const Floats own = Load(score + first);
    Ints before = {};  // comparisons give -1
    for (uint32_t j = 0; j < first; ++j) before -= All(score[j]) >= own;
    for (uint32_t j = 0; j < kWidth; ++j) {
      const Floats other = All(score[first + j]);
      before -= (other > own) | ((other == own) & (Lane() > static_cast<int32_t>(j)));
    }
    for (uint32_t j = first + kWidth; j < count; ++j) before -= All(score[j]) > own;
    __builtin_memcpy(rank + first, &before, sizeof before);
  }
  for (; first < count; ++first) {
    int32_t before = 0;
    for (uint32_t j = 0; j < first; ++j) before += score[j] >= score[first] ? 1 : 0;
    for (uint32_t j = first + 1; j < count; ++j) before += score[j] > score[first] ? 1 : 0;
    rank[first] = static_cast<uint32_t>(before);
  }
}

void ExpOf(const float* x, float shift, float sign, size_t count, float* out) {
  ForLanes(count, [&](size_t i, size_t lanes) {
    StoreSome(out + i, Exp((LoadSome(x + i, lanes) - shift) * sign), lanes);
  });
}

// ln(2^n m) from n and s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)]: ln m = 2 artanh(s), of
// which the polynomial is a Chebyshev fit (all but 2 s); within 3e-16.
inline Doubles LogFrom(Doubles n, Doubles s) {
  const Doubles z = s * s;
  Doubles p = Doubles{} + 0.1662181715290249;
  p = p * z + 0.18140193802862467;
  p = p * z + 0.22222862280108818;
  p = p * z + 0.2857142413832416;
  p = p * z + 0.40000000011206505;
  p = p * z + 0.6666666666666208;
  return n * 0.6931471805599453 + (s * z * p + 2.0 * s);
}

inline Doubles Log(Doubles x) {
  constexpr uint64_t kHalfRoot = 0x3fe6a09e667f3bcdU;  // the bits of sqrt(1/2)
  constexpr uint64_t kShift = 0x4338000000000000U;  // 1.5 * 2^52, whose low bits are whole numbers
  Longs bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const Longs above = bits - kHalfRoot;
  // Arithmetic shift by 52 of a 64-bit number, by the high half of which all sets know.
  const Longs power = ((above + (uint64_t{1} << 63)) >> 52) - (uint64_t{1} << 11);
  bits = (above & ((uint64_t{1} << 52) - 1)) + kHalfRoot;
  Doubles m;
  __builtin_memcpy(&m, &bits, sizeof m);
  const Longs whole = power + kShift;
  Doubles n;
  __builtin_memcpy(&n, &whole, sizeof n);
  n -= 6755399441055744.0;
  return LogFrom(n, (m - 1.0) / (m + 1.0));
}

void LogOf(const double* x, size_t count, double* out) {
  constexpr size_t kEach = kWidth / 2;
  Doubles v;
  size_t i = 0;
  for (; i + kEach <= count; i += kEach) {
    __builtin_memcpy(&v, x + i, sizeof v);
    v = Log(v);
    __builtin_memcpy(out + i, &v, sizeof v);
  }
  if (i == count) return;
  v = Doubles{} + 1.0;
  __builtin_memcpy(&v, x + i, (count - i) * sizeof(double));
  v = Log(v);
  __builtin_memcpy(out + i, &v, (count - i) * sizeof(double));
}

using Grads2 = uint64_t __attribute__((vector_size(16)));
using Grads4 = uint64_t __attribute__((vector_size(32)));

// Vector: a register of the set, of at most kLanes items.
template <typename Vector, size_t kLanes>
inline void AddLanesOf(const uint8_t* codes, size_t count, const PackedGrad* grad,
                       PackedGrad* hist) {
  constexpr size_t kEach = sizeof(Vector) / sizeof(PackedGrad);
  for (size_t i = 0; i < count; ++i) {
    PackedGrad* const to = hist + codes[i] * kLanes;
    for (size_t k = 0; k < kLanes; k += kEach) {
      Vector sum;
      Vector add;
      __builtin_memcpy(&sum, to + k, sizeof sum);
      __builtin_memcpy(&add, grad + i * kLanes + k, sizeof add);
      sum += add;
      __builtin_memcpy(to + k, &sum, sizeof sum);
    }
  }
}

void AddLanes(const uint8_t* codes, size_t count, const PackedGrad* grad, size_t lanes,
              PackedGrad* hist) {
#if defined(__AVX512F__)
  if (lanes == 8) return AddLanesOf<Longs, 8>(codes, count, grad, hist);
  if (lanes == 4) return AddLanesOf<Grads4, 4>(codes, count, grad, hist);
#elif defined(__AVX2__)
  if (lanes == 8) return AddLanesOf<Grads4, 8>(codes, count, grad, hist);
  if (lanes == 4) return AddLanesOf<Grads4, 4>(codes, count, grad, hist);
#else
  if (lanes == 8) return AddLanesOf<Grads2, 8>(codes, count, grad, hist);
  if (lanes == 4) return AddLanesOf<Grads2, 4>(codes, count, grad, hist);
#endif
  AddLanesOf<Grads2, 2>(codes, count, grad, hist);
}

inline Ints LoadInts(const int32_t* from) {
  Ints v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
inline Ints AllInts(int32_t x) { return x - Ints{}; }
// Adds 1 to the lanes of `counts` that are true, each -1: a masked addition where there are masks.
inline void Count(Ints& counts, Ints is) {
#if defined(__AVX512F__)
  counts = is ? counts + 1 : counts;
#else
  counts -= is;
#endif
}

uint64_t CountPairs(const int32_t* a, size_t a_count, const int32_t* b, size_t b_count) {
  Ints all = {};
  for (size_t i = 0; i < a_count; i += kWidth) {
    const Ints own = LoadInts(a + i);
    Ints sum = {};
    for (size_t j = 0; j < b_count; ++j) {
      const Ints other = AllInts(b[j]);
      Count(sum, own > other);
      Count(sum, own >= other);
    }
    all += sum & (Lane() < static_cast<int32_t>(a_count - i));
  }
  uint32_t total = 0;
  for (uint32_t k = 0; k < kWidth; ++k) total += static_cast<uint32_t>(all[k]);
  return total;
}

// One document against kPairLanes others at a time. With t = exp(-(distance of the scores)), the
// probability that the pair is in the right order is 1 / (1 + t) if it is, else t / (1 + t).
template <bool kByDistance, bool kByDcg>
inline float LambdaPairsOf(const PairInput& in) {
  constexpr uint32_t kParts = kPairLanes / kWidth;
  const Floats own_score = All(in.score[in.rank]);
  const Floats own_gain = All(in.gain[in.rank]);
  const float own_discount = kByDcg ? in.discount[in.rank] : 0;
  const Floats inverse = All(in.inverse_exp[in.rank]);
  const float* const others = kByDcg ? in.discount : in.delta;
  const auto after = static_cast<int32_t>(in.rank);
  const auto end = static_cast<int32_t>(in.count);
  Floats sum_grad[kParts] = {};
  Floats sum_hess[kParts] = {};
  Floats sum_size[kParts] = {};
  for (uint32_t first = (in.rank + 1) / kPairLanes * kPairLanes; first < in.count;
       first += kPairLanes) {
    for (uint32_t part = 0; part < kParts; ++part) {
      const uint32_t at = first + part * kWidth;
      const Ints number = Lane() + static_cast<int32_t>(at);
      const Ints counts = (number > after) & (number < end);
      const Floats better = own_gain - Load(in.gain + at);
      Floats delta = Load(others + at);
      if constexpr (kByDcg) delta = (better < 0.0F ? -better : better) * (own_discount - delta);
      delta = (counts & (better != 0.0F)) ? delta : Floats{};
      const Floats distance = counts ? own_score - Load(in.score + at) : Floats{};
      const Floats t = counts ? Load(in.exp + at) * inverse : Floats{};
      const Floats one = 1.0F + t;
      Floats right;             // 1 / one
      Floats weighted = delta;  // normalised
      if constexpr (kByDistance) {
        const Floats apart = distance + 0.01F;
        const Floats both = 1.0F / (one * apart);
        right = apart * both;
        weighted *= one * both;
      } else {
        right = 1.0F / one;
      }
      const Floats wrong = t * right;
      const Floats size = (better > 0.0F ? wrong : right) * weighted;
      const Floats lambda = better > 0.0F ? -size : size;
      const Floats curve = wrong * right;
      const Floats second = (curve > 1e-16F ? curve : All(1e-16F)) * weighted * 2.0F;
      Store(in.grad + at, Load(in.grad + at) - lambda);
      Store(in.hess + at, Load(in.hess + at) + second);
      sum_grad[part] += lambda;
      sum_hess[part] += second;
      sum_size[part] += size;
    }
  }
  const auto total = [](const Floats* sum) {
    float v[kPairLanes];
    __builtin_memcpy(v, sum, sizeof v);
    for (uint32_t half = kPairLanes / 2; half != 0; half /= 2) {
      for (uint32_t k = 0; k < half; ++k) v[k] += v[k + half];
    }
    return v[0];
  };
  in.grad[in.rank] += total(sum_grad);
  in.hess[in.rank] += total(sum_hess);
  return total(sum_size);
}

float LambdaPairs(const PairInput& in) {
  if (in.delta != nullptr) {
    return in.by_distance ? LambdaPairsOf<true, false>(in) : LambdaPairsOf<false, false>(in);
  }
  return in.by_distance ? LambdaPairsOf<true, true>(in) : LambdaPairsOf<false, true>(in);
}

void Softmax(const float* margin, const float* label, const float* weight, size_t classes,
             size_t count, size_t stride, float* grad, float* hess) {
  constexpr size_t kRows = 128;
  float top[kRows];
  float sum[kRows];
  for (size_t begin = 0; begin < count; begin += kRows) {
    const size_t n = count - begin < kRows ? count - begin : kRows;
    const float* const from = margin + begin * classes;
    for (size_t i = 0; i < n; ++i) top[i] = from[i * classes];
    for (size_t k = 0; k < classes; ++k) {  // by class from here on
      float* const g = grad + k * stride + begin;
      for (size_t i = 0; i < n; ++i) {
        const float x = from[i * classes + k];
        g[i] = x;
        top[i] = x > top[i] ? x : top[i];
      }
    }
    for (size_t i = 0; i < n; ++i) sum[i] = 0;
    for (size_t k = 0; k < classes; ++k) {
      float* const g = grad + k * stride + begin;
      ForLanes(n, [&](size_t i, size_t lanes) {
        const Floats e = Exp(LoadSome(g + i, lanes) - LoadSome(top + i, lanes));
        StoreSome(g + i, e, lanes);
        StoreSome(sum + i, LoadSome(sum + i, lanes) + e, lanes);
      });
    }
    for (size_t k = 0; k < classes; ++k) {
      float* const g = grad + k * stride + begin;
      float* const h = hess + k * stride + begin;
      const auto own = static_cast<float>(k);
      for (size_t i = 0; i < n; ++i) {
        const float p = g[i] / sum[i];
        const float w = weight != nullptr ? weight[begin + i] : 1.0F;
        const float curve = 2.0F * p * (1.0F - p) * w;
        g[i] = (p - (label[begin + i] == own ? 1.0F : 0.0F)) * w;
        h[i] = curve > 1e-16F ? curve : 1e-16F;
      }
    }
  }
}
