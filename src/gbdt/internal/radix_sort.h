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
// scratch of the same size. Three passes of 11 bits, or four of 8 for a few thousand items; passes
// whose digit is constant are skipped.
template <int kBits = 11, typename T>
void RadixSort(std::vector<T>& items, std::vector<T>& other) {
  constexpr int kPasses = (32 + kBits - 1) / kBits;
  constexpr uint32_t kDigits = 1U << kBits;
  constexpr int kKeyShift = (sizeof(T) - sizeof(uint32_t)) * 8;
  uint32_t count[kPasses][kDigits] = {};
  const auto digit = [](T item, int pass) {
    return static_cast<uint32_t>(item >> kKeyShift) >> (kBits * pass) & (kDigits - 1);
  };
  for (const T item : items) {
    for (int pass = 0; pass < kPasses; ++pass) ++count[pass][digit(item, pass)];
  }
  other.resize(items.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    uint32_t* c = count[pass];
    if (items.empty() || c[digit(items[0], pass)] == items.size()) continue;
    uint32_t sum = 0;
    for (uint32_t d = 0; d < kDigits; ++d) sum += std::exchange(c[d], sum);
    for (const T item : items) other[c[digit(item, pass)]++] = item;
    items.swap(other);
  }
}

}  // namespace clary::gbdt
