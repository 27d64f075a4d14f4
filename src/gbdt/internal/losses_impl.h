// Losses of rows, as many at a time as a register holds. Each kernels_<set>.cc includes this after
// kernels_impl.h, in the same namespace and for the same reasons. Formulas: docs/gbdt.md.

constexpr size_t kEach = kWidth / 2;  // doubles of a register
constexpr size_t kLossLanes = 16;     // sums that are the same for all sets
constexpr size_t kLossParts = kLossLanes / kEach;
using Masks = int64_t __attribute__((vector_size(4 * kWidth)));

inline Doubles AllDoubles(double x) { return x - Doubles{}; }
inline Doubles Widen(const float* from) {
  HalfFloats v;
  __builtin_memcpy(&v, from, sizeof v);
  return __builtin_convertvector(v, Doubles);
}
inline Doubles LoadDoubles(const double* from) {
  Doubles v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
inline Doubles AtLeast(Doubles x, double least) { return x < least ? AllDoubles(least) : x; }
inline Doubles Size(Doubles x) { return x < 0.0 ? -x : x; }
inline bool Any(Masks mask) {
  int64_t any = 0;
  for (size_t k = 0; k < kEach; ++k) any |= mask[k];
  return any != 0;
}

// exp, of x limited to +-700: 2^n e^f with |f| <= ln(2)/2, of which the polynomial is a Chebyshev
// fit (all but 1 + f); within 1e-15.
inline Doubles Exp(Doubles x) {
  x = x < -700.0 ? AllDoubles(-700.0) : x;
  x = x > 700.0 ? AllDoubles(700.0) : x;
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const Doubles shifted = x * 1.4426950408889634 + kRound;
  const Doubles n = shifted - kRound;
  const Doubles f = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  Doubles p = AllDoubles(2.761379555451986e-07);
  p = p * f + 2.7625102005388108e-06;
  p = p * f + 2.4801536409064087e-05;
  p = p * f + 0.0001984120875699232;
  p = p * f + 0.0013888888905871347;
  p = p * f + 0.008333333353717156;
  p = p * f + 0.041666666666651364;
  p = p * f + 0.16666666666648303;
  p = p * f + 0.5;
  p = p * (f * f) + f + 1.0;
  Longs power;
  __builtin_memcpy(&power, &shifted, sizeof power);
  Longs bits;
  __builtin_memcpy(&bits, &p, sizeof bits);
  bits += power << 52;
  __builtin_memcpy(&p, &bits, sizeof bits);
  return p;
}

// Numbers from the vector formulas. Logarithms are of positive, normal, finite numbers; others are
// marked, and what was made of them is worthless.
struct FastMath {
  Masks special = {};

  void Mark(Doubles x) {
    special |= ~((x >= 2.2250738585072014e-308) & (x <= 1.7976931348623157e308));
  }
  Doubles LogOf(Doubles x) {
    Mark(x);
    return Log(x);
  }
  // ln(a / b) with one division less: m and n of Log() from those of a and b.
  Doubles LogRatio(Doubles a, Doubles b) {
    Mark(a);
    Mark(b);
    constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
    constexpr uint64_t kOne = uint64_t{1023} << 52;
    Longs of_a;
    Longs of_b;
    __builtin_memcpy(&of_a, &a, sizeof a);
    __builtin_memcpy(&of_b, &b, sizeof b);
    const Longs whole = (of_a >> 52) - (of_b >> 52) + 0x4338000000000000U;
    Doubles n;
    __builtin_memcpy(&n, &whole, sizeof n);
    n -= 6755399441055744.0;
    of_a = (of_a & kMantissa) | kOne;
    of_b = (of_b & kMantissa) | kOne;
    __builtin_memcpy(&a, &of_a, sizeof a);
    __builtin_memcpy(&b, &of_b, sizeof b);
    const auto above = a * 0.7071067811865476 > b;
    const auto below = b * 0.7071067811865476 > a;
    n = above ? n + 1.0 : (below ? n - 1.0 : n);
    a = below ? a + a : a;
    b = above ? b + b : b;
    return LogFrom(n, (a - b) / (a + b));
  }
  static Doubles ExpOf(Doubles x) { return Exp(x); }
  // erf(x) where `gauss` is exp(-x^2): 1 - gauss * erfcx(x) with a Chebyshev fit of erfcx over
  // [0, 6], within 2e-13; beyond it is 1.
  static Doubles ErfOf(Doubles x, Doubles gauss) {
    Doubles size = Size(x);
    size = size > 6.0 ? AllDoubles(6.0) : size;
    const Doubles t = (size - 4.0) / (size + 4.0);
    Doubles p = AllDoubles(-1.1049730072777717e-05);
    p = p * t + -3.314608698580704e-05;
    p = p * t + 7.432895699597667e-05;
    p = p * t + -2.0503495336331444e-05;
    p = p * t + -0.0007969747658482485;
    p = p * t + 0.004060975415255228;
    p = p * t + -0.012843980512478656;
    p = p * t + 0.031298995825797;
    p = p * t + -0.06310782144772926;
    p = p * t + 0.10896317905453777;
    p = p * t + -0.16425781650032822;
    p = p * t + 0.21871967890087837;
    p = p * t + -0.2590680487614568;
    p = p * t + 0.1369994576250995;
    const Doubles erf = 1.0 - gauss * p;
    return x < 0.0 ? -erf : erf;
  }
};

// The same from the C library, for any number.
struct CarefulMath {
  template <typename Of>
  static Doubles Each(Doubles x, Of&& of) {
    for (size_t k = 0; k < kEach; ++k) x[k] = of(x[k]);
    return x;
  }
  static Doubles LogOf(Doubles x) {
    return Each(x, [](double v) { return __builtin_log(v); });
  }
  static Doubles LogRatio(Doubles a, Doubles b) { return LogOf(a) - LogOf(b); }
  static Doubles ExpOf(Doubles x) {
    return Each(x, [](double v) { return __builtin_exp(v); });
  }
  static Doubles ErfOf(Doubles x, Doubles) {
    return Each(x, [](double v) { return __builtin_erf(v); });
  }
};

// Losses by predictions p and labels y. Those of kParts have a logarithm that rows may share: they
// are plain - ln(inside), where the power of four of `inside` is a double.
struct Pair {
  Doubles plain;
  Doubles inside;
};

template <Loss kLoss>
struct LossOf;
template <>
struct LossOf<Loss::kSquared> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float, Math&) {
    const Doubles d = y - p;
    return d * d;
  }
};
template <>
struct LossOf<Loss::kAbsolute> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float, Math&) {
    return Size(y - p);
  }
};
template <>
struct LossOf<Loss::kSquaredLog> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float, Math& math) {
    const Doubles d = math.LogRatio(1.0 + y, 1.0 + p);  // NaN from -1 down, as log1p is
    return d * d;
  }
};
template <>
struct LossOf<Loss::kRelative> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float, Math&) {
    return Size((y - p) / y);
  }
};
template <>
struct LossOf<Loss::kHuber> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float slope, Math&) {
    const double d = static_cast<double>(slope);
    const Doubles z = (y - p) * (1 / d);
    double root[kEach];
    const Doubles square = 1.0 + z * z;
    __builtin_memcpy(root, &square, sizeof square);
    for (size_t k = 0; k < kEach; ++k) root[k] = __builtin_sqrt(root[k]);
    return d * d * (LoadDoubles(root) - 1.0);
  }
};
template <>
struct LossOf<Loss::kError> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float threshold, Math&) {
    return p > static_cast<double>(threshold) ? 1.0 - y : y;
  }
};
// But for ln(y!), which is the same in every round.
template <>
struct LossOf<Loss::kPoisson> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float, Math& math) {
    const Doubles mean = AtLeast(p, 1e-16);
    return mean - y * math.LogOf(mean);
  }
};
template <>
struct LossOf<Loss::kGamma> {
  static Pair Parts(Doubles p, Doubles y) {
    const Doubles inside = 1.0 / AtLeast(p, 1e-6);
    return {y * inside, inside};
  }
};
template <>
struct LossOf<Loss::kGammaDeviance> {
  static Pair Parts(Doubles p, Doubles y) {
    const Doubles inside = (y + 1e-6) / (p + 1e-6);
    return {inside - 1.0, inside};
  }
};
template <>
struct LossOf<Loss::kTweedie> {
  template <typename Math>
  static Doubles Of(Doubles p, Doubles y, float rho, Math& math) {
    Doubles x;          // p^(1 - rho)
    if (rho == 1.5F) {  // as nearly always: the power is a root
      float root[kEach];
      const HalfFloats narrow = __builtin_convertvector(p, HalfFloats);
      __builtin_memcpy(root, &narrow, sizeof narrow);
      for (size_t k = 0; k < kEach; ++k) root[k] = 1 / __builtin_sqrtf(root[k]);
      x = Widen(root);
    } else {
      x = math.ExpOf(math.LogOf(p) * (1 - static_cast<double>(rho)));
    }
    const double a = 1 / (1 - static_cast<double>(rho));
    const double b = 1 / (2 - static_cast<double>(rho));
    return x * (p * b - y * a);
  }
};
template <Loss kLoss>
constexpr bool kHasParts = kLoss == Loss::kGamma || kLoss == Loss::kGammaDeviance;

template <Loss kLoss, typename Math>
inline Doubles LossOfRows(const float* p, const float* y, float parameter, Math& math) {
  if constexpr (kHasParts<kLoss>) {
    const Pair of = LossOf<kLoss>::Parts(Widen(p), Widen(y));
    return of.plain - math.LogOf(of.inside);
  } else {
    return LossOf<kLoss>::Of(Widen(p), Widen(y), parameter, math);
  }
}

// Calls body(first row, lanes, a, b, c) for kEach rows of three arrays at a time; behind the last
// ones there are copies of a row.
template <typename Body>
inline void ForRows(const float* a, const float* b, const float* c, size_t count, Body&& body) {
  size_t i = 0;
  for (; i + kEach <= count; i += kEach) body(i, kEach, a + i, b + i, c + i);
  if (i == count) return;
  float rest[3][kEach];
  for (size_t k = 0; k < kEach; ++k) {
    const size_t from = i + k < count ? i + k : i;
    rest[0][k] = a[from];
    rest[1][k] = b[from];
    rest[2][k] = c[from];
  }
  body(i, count - i, rest[0], rest[1], rest[2]);
}
inline void StoreDoubles(double* to, Doubles v, size_t lanes) {
  if (lanes == kEach) {
    __builtin_memcpy(to, &v, sizeof v);
  } else {
    __builtin_memcpy(to, &v, lanes * sizeof(double));
  }
}

template <Loss kLoss, typename Math>
inline bool LossesBy(const float* p, const float* y, float parameter, size_t count, double* loss) {
  Math math;
  ForRows(p, y, y, count,
          [&](size_t i, size_t lanes, const float* rows, const float* labels, const float*) {
            StoreDoubles(loss + i, LossOfRows<kLoss>(rows, labels, parameter, math), lanes);
          });
  if constexpr (requires { math.special; }) return !Any(math.special);
  return true;
}

template <Loss kLoss, typename Math>
inline bool LossSumBy(const float* p, const float* y, float parameter, size_t count, double* sum) {
  Math math;
  Doubles sums[kLossParts] = {};
  size_t i = 0;
  if constexpr (kHasParts<kLoss>) {  // four rows share a logarithm
    for (; i + 4 * kLossLanes <= count; i += 4 * kLossLanes) {
      for (size_t k = 0; k < kLossParts; ++k) {
        Pair all = LossOf<kLoss>::Parts(Widen(p + i + k * kEach), Widen(y + i + k * kEach));
        for (size_t more = 1; more < 4; ++more) {
          const size_t at = i + more * kLossLanes + k * kEach;
          const Pair of = LossOf<kLoss>::Parts(Widen(p + at), Widen(y + at));
          all.plain += of.plain;
          all.inside *= of.inside;
        }
        sums[k] += all.plain - math.LogOf(all.inside);
      }
    }
  }
  for (; i + kLossLanes <= count; i += kLossLanes) {
    for (size_t k = 0; k < kLossParts; ++k) {
      const size_t at = i + k * kEach;
      sums[k] += LossOfRows<kLoss>(p + at, y + at, parameter, math);
    }
  }
  double all = 0;
  for (size_t k = 0; k < kLossParts; ++k) {
    for (size_t j = 0; j < kEach; ++j) all += sums[k][j];
  }
  double rest[kLossLanes];
  const bool usual = LossesBy<kLoss, Math>(p + i, y + i, parameter, count - i, rest);
  for (size_t k = 0; i + k < count; ++k) all += rest[k];
  *sum = all;
  if constexpr (requires { math.special; }) return usual && !Any(math.special);
  return true;
}

// By the vector formulas, or by the library's if there is a number that they do not take.
template <Loss kLoss>
inline void LossesFor(const float* p, const float* y, float parameter, size_t count, double* loss) {
  if (!LossesBy<kLoss, FastMath>(p, y, parameter, count, loss)) {
    LossesBy<kLoss, CarefulMath>(p, y, parameter, count, loss);
  }
}
template <Loss kLoss>
inline double LossSumFor(const float* p, const float* y, float parameter, size_t count) {
  double sum = 0;
  if (!LossSumBy<kLoss, FastMath>(p, y, parameter, count, &sum)) {
    LossSumBy<kLoss, CarefulMath>(p, y, parameter, count, &sum);
  }
  return sum;
}

// call.template operator()<kLoss>() of a loss that is known only now.
template <typename Call>
inline auto ByLoss(Loss loss, Call&& call) {
  switch (loss) {
    case Loss::kSquared:
      return call.template operator()<Loss::kSquared>();
    case Loss::kAbsolute:
      return call.template operator()<Loss::kAbsolute>();
    case Loss::kSquaredLog:
      return call.template operator()<Loss::kSquaredLog>();
    case Loss::kRelative:
      return call.template operator()<Loss::kRelative>();
    case Loss::kHuber:
      return call.template operator()<Loss::kHuber>();
    case Loss::kError:
      return call.template operator()<Loss::kError>();
    case Loss::kPoisson:
      return call.template operator()<Loss::kPoisson>();
    case Loss::kGamma:
      return call.template operator()<Loss::kGamma>();
    case Loss::kGammaDeviance:
      return call.template operator()<Loss::kGammaDeviance>();
    case Loss::kTweedie:
      break;
  }
  return call.template operator()<Loss::kTweedie>();
}

void Losses(Loss loss, const float* p, const float* y, float parameter, size_t count, double* out) {
  ByLoss(loss, [&]<Loss kLoss>() { LossesFor<kLoss>(p, y, parameter, count, out); });
}
double LossSum(Loss loss, const float* p, const float* y, float parameter, size_t count) {
  return ByLoss(loss, [&]<Loss kLoss>() { return LossSumFor<kLoss>(p, y, parameter, count); });
}

// Of a score with g rows of a and n of b, p and q rows being higher, each of the g rows adds
// share - (q - n / g p) share^2 / g ln(1 + (g + n) / (p + q)) with share = g / (g + n). The
// logarithm is 2 artanh(t) with t = (g + n) / (2 (p + q) + g + n), at most 1/33, whose series is
// cut after the power 9: the rest is below 1e-17.
double PrecisionArea(const int32_t* a, size_t a_count, const int32_t* b, size_t b_count,
                     double a_above, double b_above) {
  constexpr size_t kPieces = kLossLanes / kWidth;
  Doubles sums[kLossParts] = {};
  for (size_t first = 0; first < a_count; first += kLossLanes) {
    for (size_t piece = 0; piece < kPieces; ++piece) {
      const size_t i = first + piece * kWidth;
      if (i >= a_count) break;
      const Ints own = LoadInts(a + i);
      Ints count[5] = {};  // above and equal of a, above and equal of b, and whether the row is one
      for (size_t j = 0; j < a_count; ++j) {
        const Ints other = AllInts(a[j]);
        Count(count[0], own < other);
        Count(count[1], own == other);
      }
      for (size_t j = 0; j < b_count; ++j) {
        const Ints other = AllInts(b[j]);
        Count(count[2], own < other);
        Count(count[3], own == other);
      }
      const Ints valid = Lane() < static_cast<int32_t>(a_count - i);
      Count(count[4], valid);
      count[1] = valid ? count[1] : AllInts(1);  // behind the last row nothing may be equal
      for (size_t half = 0; half < 2; ++half) {
        Doubles of[5];
        for (size_t c = 0; c < 5; ++c) {
          int32_t some[kWidth];
          __builtin_memcpy(some, &count[c], sizeof some);
          double wide[kEach];
          for (size_t k = 0; k < kEach; ++k) wide[k] = some[half * kEach + k];
          of[c] = LoadDoubles(wide);
        }
        const Doubles p = of[0] + a_above;
        const Doubles q = of[2] + b_above;
        const Doubles rows = of[1] + of[3];
        const Doubles t = rows / (2.0 * (p + q) + rows);
        const Doubles z = t * t;
        const Doubles log =
            t * (2.0 + z * (2.0 / 3 + z * (2.0 / 5 + z * (2.0 / 7 + z * (2.0 / 9)))));
        // share^2 / g (q - n / g p) = (q g - n p) / (g + n)^2
        const Doubles each = 1.0 / rows;
        const Doubles factor = (q * of[1] - of[3] * p) * each * each;
        sums[2 * piece + half] += of[4] * (of[1] * each - factor * log);
      }
    }
  }
  double area = 0;
  for (size_t k = 0; k < kLossParts; ++k) {
    for (size_t j = 0; j < kEach; ++j) area += sums[k][j];
  }
  return area;
}

// Density or distribution function of the noise.
template <AftNoise kNoise, bool kDensity, typename Math>
inline Doubles ChanceAt(Doubles z, Math& math) {
  if constexpr (kNoise == AftNoise::kNormal) {
    const Doubles gauss = math.ExpOf(z * z * -0.5);
    if constexpr (kDensity) return gauss * 0.3989422804014327;
    return 0.5 * (1.0 + math.ErfOf(z * 0.7071067811865476, gauss));
  } else {
    const Doubles w = math.ExpOf(z);
    // Where w is infinite, or its square, the density is 0 and the other 1.
    if constexpr (kNoise == AftNoise::kLogistic) {
      const auto far = w > 1e150;
      const Doubles share = 1.0 / (1.0 + w);
      if constexpr (kDensity) return far ? Doubles{} : w * share * share;
      return far ? AllDoubles(1.0) : w * share;
    } else {
      const auto far = w > 700.0;  // e^-w is 0 then
      const Doubles rest = math.ExpOf(far ? AllDoubles(-700.0) : -w);
      if constexpr (kDensity) return far ? Doubles{} : w * rest;
      return far ? AllDoubles(1.0) : 1.0 - rest;
    }
  }
}

template <AftNoise kNoise, typename Math, AftTimes::Kind kKind>
inline bool TimesBy(const AftTimes& times, const float* p, size_t count, double* likelihood) {
  constexpr bool kAny = kKind == AftTimes::Kind::kAny;
  Math math;
  const double scale = times.scale;
  const double inverse = 1 / scale;
  ForRows(
      p, times.lower, times.upper, count,
      [&](size_t i, size_t lanes, const float* means, const float* lowers, const float* uppers) {
        const Doubles mean = Widen(means);
        const Doubles lower = Widen(lowers);
        const Doubles upper = Widen(uppers);
        const auto bounded = lower > 0.0;
        const Doubles z = math.LogRatio(bounded ? lower : AllDoubles(1.0), mean) * inverse;
        Doubles exact = {};
        if constexpr (kKind != AftTimes::Kind::kFromBelow) {
          exact = (bounded ? ChanceAt<kNoise, true>(z, math) : Doubles{}) / (scale * lower);
        }
        Doubles censored = {};
        if constexpr (kKind != AftTimes::Kind::kExact) {
          Doubles above = AllDoubles(1.0);
          if constexpr (kAny) {
            const auto ends = upper <= 1.7976931348623157e308;
            const auto some = ends & (upper > 0.0);
            const Doubles end = ChanceAt<kNoise, false>(
                math.LogRatio(some ? upper : AllDoubles(1.0), mean) * inverse, math);
            above = ends ? (some ? end : Doubles{}) : above;
          }
          censored = above - (bounded ? ChanceAt<kNoise, false>(z, math) : Doubles{});
        }
        StoreDoubles(likelihood + i,
                     AtLeast(kAny ? (lower == upper ? exact : censored) : exact + censored, 1e-12),
                     lanes);
      });
  if constexpr (requires { math.special; }) return !Any(math.special);
  return true;
}

template <AftNoise kNoise>
inline void TimesFor(const AftTimes& times, const float* p, size_t count, double* likelihood) {
  using Kind = AftTimes::Kind;
  const auto fast = [&] {
    switch (times.kind) {
      case Kind::kExact:
        return TimesBy<kNoise, FastMath, Kind::kExact>(times, p, count, likelihood);
      case Kind::kFromBelow:
        return TimesBy<kNoise, FastMath, Kind::kFromBelow>(times, p, count, likelihood);
      case Kind::kAny:
        break;
    }
    return TimesBy<kNoise, FastMath, Kind::kAny>(times, p, count, likelihood);
  };
  if (!fast()) TimesBy<kNoise, CarefulMath, Kind::kAny>(times, p, count, likelihood);
}

void AftLikelihood(const AftTimes& times, const float* p, size_t count, double* likelihood) {
  switch (times.noise) {
    case AftNoise::kNormal:
      return TimesFor<AftNoise::kNormal>(times, p, count, likelihood);
    case AftNoise::kLogistic:
      return TimesFor<AftNoise::kLogistic>(times, p, count, likelihood);
    case AftNoise::kExtreme:
      break;
  }
  TimesFor<AftNoise::kExtreme>(times, p, count, likelihood);
}
