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

void BinBytes(const float* value, size_t stride, size_t count, const float* cuts,
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

ScanBest Scan(const ScanInput& in) {
  SumArrays prefix;
  alignas(64) PackedGrad sum[kMaxScanBins];
  alignas(64) float score[kMaxScanBins];
  const uint32_t n = in.bins;
  PackedGrad running = 0;
  for (uint32_t i = 0; i < n; ++i) {
    running += in.hist[i];
    sum[i] = running;
  }
  for (uint32_t i = 0; i < n; ++i) {
    prefix.grad[i] = static_cast<double>(static_cast<int32_t>(sum[i] >> 32)) * in.grad_unit;
    prefix.hess[i] = static_cast<double>(static_cast<int32_t>(sum[i])) * in.hess_unit;
  }
  const double total_g = static_cast<double>(static_cast<int32_t>(in.total >> 32)) * in.grad_unit;
  const double total_h = static_cast<double>(static_cast<int32_t>(in.total)) * in.hess_unit;

  ScanBest best;
  Score(prefix, n, 0, 0, total_g, total_h, in, score);
  for (uint32_t i = 0; i < n; ++i) {
    if (score[i] > best.score) {
      best.score = score[i];
      best.bin = static_cast<int32_t>(i);
    }
  }
  if (best.score >= 0) best.left = sum[best.bin];
  if (in.missing == 0) return best;

  const double add_g = static_cast<double>(static_cast<int32_t>(in.missing >> 32)) * in.grad_unit;
  const double add_h = static_cast<double>(static_cast<int32_t>(in.missing)) * in.hess_unit;
  if (n > 1) Score(prefix, n - 1, add_g, add_h, total_g, total_h, in, score);
  const float before = best.score;
  int32_t at = 0;
  for (int32_t i = static_cast<int32_t>(n) - 2; i >= 0; --i) {
    if (score[i] > best.score) {
      best.score = score[i];
      at = i;
    }
  }
  if (best.score > before) {
    best.bin = at;
    best.default_left = true;
    best.left = sum[at] + in.missing;
  }
  // The last step backward: missing left, every value right.
  SumArrays none;
  none.grad[0] = 0;
  none.hess[0] = 0;
  Score(none, 1, add_g, add_h, total_g, total_h, in, score);
  if (score[0] > best.score) {
    best.score = score[0];
    best.bin = -1;
    best.default_left = true;
    best.left = in.missing;
  }
  return best;
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
