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

[[maybe_unused]] void BinBytes(const float* value, size_t stride, size_t count, const float* cuts,
                               uint8_t missing_code, uint8_t* out) {
  constexpr size_t kLanes = 16;
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
    uint32_t at = 0;
    for (uint32_t step = 128; step != 0; step /= 2) at += cuts[at + step - 1] <= x ? step : 0;
    out[i] = x != x ? missing_code : static_cast<uint8_t>(at);
  }
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

// The positions of a feature that differ: bins that are not empty, with the sums up to them.
struct Positions {
  alignas(64) PackedGrad sum[kMaxScanBins];
  uint32_t bin[kMaxScanBins];
  uint32_t count = 0;
};

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

// What rough scores are measured in, and how their positions are restricted.
struct RoughScale {
  bool usable;    // else scores must be exact from the start
  float lambda;   // in levels of the second derivative
  int32_t least;  // a side's levels, at least 1
  float bar;      // no position with a lower rough score is of interest; not negative
};

inline RoughScale ScaleOf(const ScanInput& in) {
  // hess_unit is a power of two, so these are exact or off by a float's rounding.
  const double lambda = in.lambda / in.hess_unit;
  const double least = in.min_child_weight / in.hess_unit;
  RoughScale scale = {};
  scale.usable = in.alpha == 0 && lambda >= 0 && lambda < 1e12 && least < 2147483647.0;
  if (!scale.usable) return scale;
  const auto whole = static_cast<int32_t>(least);
  const int32_t above = static_cast<double>(whole) < least ? whole + 1 : whole;
  scale.lambda = static_cast<float>(lambda);
  scale.least = above > 1 ? above : 1;
  const double unit = in.grad_unit * in.grad_unit / in.hess_unit;
  const double bar = static_cast<double>(in.at_least) * 0.99999 / unit;
  scale.bar = bar > 0 ? static_cast<float>(bar < 1e38 ? bar : 1e38) : 0;
  return scale;
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

ScanBest Scan(const ScanInput& in) {
  Positions at;
  PackedGrad running = 0;
  uint32_t count = 0;
  const auto take = [&](uint32_t i) {
    running += in.hist[i];
    at.sum[count] = running;
    at.bin[count] = i;
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
  at.count = count;
  const PackedGrad missing = in.missing_is_rest ? in.total - running : in.missing;

  const RoughScale scale = ScaleOf(in);
  ScanBest best;
  if (scale.usable) {
    // With missing values apart, one side of any split is a part of the present rows.
    if (static_cast<int32_t>(running) < scale.least) return best;
    best = ScanFast(in, at, missing, scale);
  } else {
    best = ScanPlain(in, at, missing);
  }
  if (missing == 0) return best;
  // The last step backward: missing left, every value right.
  if (const float score = ExactScore(missing, in); score > best.score) {
    best.score = score;
    best.bin = count != 0 ? static_cast<int32_t>(at.bin[0]) - 1 : -1;
    best.default_left = true;
    best.left = missing;
  }
  return best;
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

// exp for |x| <= 87: range reduction to 2^n * e^f, |f| <= ln(2)/2, and a polynomial of degree 6;
// within 2 ulp.
inline float Exp(float x) {
  x = x < -87.0F ? -87.0F : (x > 87.0F ? 87.0F : x);
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float f = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * f + 1.3981999507e-3F;
  p = p * f + 8.3334519073e-3F;
  p = p * f + 4.1665795894e-2F;
  p = p * f + 1.6666665459e-1F;
  p = p * f + 5.0000001201e-1F;
  p = p * (f * f) + f + 1.0F;
  int32_t bits;
  __builtin_memcpy(&bits, &p, sizeof bits);
  bits += static_cast<int32_t>(n) << 23;
  __builtin_memcpy(&p, &bits, sizeof bits);
  return p;
}

void Logistic(const float* margin, const float* label, size_t count, float* grad, float* hess) {
  for (size_t i = 0; i < count; ++i) {
    const float s = 1.0F / (1.0F + Exp(-margin[i]));
    const float h = s * (1.0F - s);
    grad[i] = s - label[i];
    hess[i] = h > 1e-16F ? h : 1e-16F;
  }
}

void Sigmoid(float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) values[i] = 1.0F / (1.0F + Exp(-values[i]));
}
