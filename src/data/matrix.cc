#include "data/matrix.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace clary::data {
namespace internal {
namespace {

// From here on a block is its own mapping: pages come zeroed and large, and growing moves page
// tables instead of bytes.
constexpr size_t kMapFrom = size_t{4} << 20;
constexpr size_t kHugePage = size_t{2} << 20;

size_t Mapped(size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

[[noreturn]] void OutOfMemory(size_t bytes) {
  std::fprintf(stderr, "out of memory: %zu bytes for data\n", bytes);
  std::abort();
}

void* Map(size_t bytes) {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) OutOfMemory(bytes);
  ::madvise(p, bytes, MADV_HUGEPAGE);  // a hint: fine if the kernel declines
  return p;
}

}  // namespace

void* Reallocate(void* block, size_t old_bytes, size_t bytes) {
  if (bytes == 0) {
    Release(block, old_bytes);
    return nullptr;
  }
  if (old_bytes >= kMapFrom && bytes >= kMapFrom) {
    void* p = ::mremap(block, Mapped(old_bytes), Mapped(bytes), MREMAP_MAYMOVE);
    if (p == MAP_FAILED) OutOfMemory(bytes);
    ::madvise(p, Mapped(bytes), MADV_HUGEPAGE);
    return p;
  }
  void* p = bytes >= kMapFrom ? Map(Mapped(bytes)) : std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (p == nullptr) OutOfMemory(bytes);
  if (block != nullptr) std::memcpy(p, block, old_bytes < bytes ? old_bytes : bytes);
  Release(block, old_bytes);
  return p;
}

void Release(void* block, size_t bytes) {
  if (block == nullptr) return;
  if (bytes >= kMapFrom) {
    ::munmap(block, Mapped(bytes));
  } else {
    std::free(block);
  }
}

}  // namespace internal

std::string Matrix::Where(size_t row) const {
  const auto after = std::upper_bound(origins.begin(), origins.end(), row,
                                      [](size_t r, const Origin& o) { return r < o.first_row; });
  if (after == origins.begin()) return "row " + std::to_string(row + 1);
  const Origin& origin = *std::prev(after);
  return files[origin.file] + ", row " +
         std::to_string(origin.first_line + (row - origin.first_row));
}

}  // namespace clary::data
