// Compiled for AVX-512 (F, BW, VBMI); called only on a processor that has it.
#include <immintrin.h>

#include "gbdt/predict_row.h"

namespace clary::gbdt {

void DecideSplits(const uint8_t* bytes, std::span<const RowForest::Splits> trees,
                  uint64_t* decisions) {
  const __m512i low = _mm512_load_si512(bytes);
  const __m512i high = _mm512_load_si512(bytes + 64);
  const RowForest::Splits* const all = trees.data();
  const size_t count = trees.size();
  for (size_t t = 0; t < count; ++t) {
    const __m512i asked = _mm512_permutex2var_epi8(low, _mm512_load_si512(all[t].column), high);
    decisions[t] =
        _cvtmask64_u64(_mm512_cmpge_epu8_mask(asked, _mm512_load_si512(all[t].threshold)));
  }
}

}  // namespace clary::gbdt
