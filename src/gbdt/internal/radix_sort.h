// Sorting floats by their bits.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace clary::gbdt {

// Floats as integers of the same order; -0 and +0 are one value.
inline uint32_t ToKey(float x) {
  const auto bits = std::bit_cast<uint32_t>(x == 0 ? 0.0F : x);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
inline float FromKey(uint32_t key) {
  return std::bit_cast<float>((key & 0x80000000U) != 0 ? key & 0x7fffffffU : ~key);
}

// Sorts stably by the 32-bit key; T is the key itself or has it in its high half. `other` is
// scratch of the same size. Three passes of 11 bits; passes whose digit is constant are skipped.
template <typename T>
void RadixSort(std::vector<T>& items, std::vector<T>& other) {
  constexpr uint32_t kDigits = 2048;
  constexpr int kKeyShift = (sizeof(T) - sizeof(uint32_t)) * 8;
  uint32_t count[3][kDigits] = {};
  for (const T item : items) {
    const auto key = static_cast<uint32_t>(item >> kKeyShift);
    ++count[0][key % kDigits];
    ++count[1][(key >> 11) % kDigits];
    ++count[2][key >> 22];
  }
  other.resize(items.size());
  for (int pass = 0; pass < 3; ++pass) {
    uint32_t* c = count[pass];
    const int shift = kKeyShift + 11 * pass;
    if (items.empty() || c[(items[0] >> shift) % kDigits] == items.size()) continue;
    uint32_t sum = 0;
    for (uint32_t d = 0; d < kDigits; ++d) sum += std::exchange(c[d], sum);
    for (const T item : items) other[c[(item >> shift) % kDigits]++] = item;
    items.swap(other);
  }
}

}  // namespace clary::gbdt
