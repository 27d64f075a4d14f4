// A resizable array of plain values without the cost of std::vector's zero fill: large ones live on
// huge pages and grow without a copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>

namespace clary::data {

namespace internal {
// Storage of at least `bytes`, aligned to 64. `block` is what an earlier call with `old_bytes` gave
// (nullptr for none); its first min(old_bytes, bytes) bytes move along. Aborts when memory is out.
void* Reallocate(void* block, size_t old_bytes, size_t bytes);
void Release(void* block, size_t bytes);
}  // namespace internal

// Owns its elements; aligned to 64 bytes. New elements have no defined value.
template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  explicit Buffer(size_t size) { Resize(size); }
  explicit Buffer(std::span<const T> from) { Append(from); }
  Buffer(std::initializer_list<T> from) { Append(std::span<const T>(from.begin(), from.size())); }
  Buffer(Buffer&& o) noexcept
      : data_(std::exchange(o.data_, nullptr)),
        size_(std::exchange(o.size_, 0)),
        capacity_(std::exchange(o.capacity_, 0)) {}
  Buffer& operator=(Buffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(capacity_, o.capacity_);
    return *this;
  }
  ~Buffer() { internal::Release(data_, capacity_ * sizeof(T)); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  std::span<const T> span() const { return {data_, size_}; }

  void Reserve(size_t capacity) {
    if (capacity > capacity_) SetCapacity(capacity);
  }
  // Grows by at least half, so that repeated calls stay linear.
  void Resize(size_t size) {
    if (size > capacity_)
      SetCapacity(std::max(size, size_ == 0 ? size : capacity_ + capacity_ / 2));
    size_ = size;
  }
  void Append(std::span<const T> from) {
    const size_t at = size_;
    Resize(at + from.size());
    std::copy(from.begin(), from.end(), data_ + at);
  }
  void PushBack(T value) {
    Resize(size_ + 1);
    data_[size_ - 1] = value;
  }
  // Gives unused capacity back.
  void ShrinkToFit() {
    if (capacity_ > size_) SetCapacity(size_);
  }

 private:
  void SetCapacity(size_t capacity) {
    data_ =
        static_cast<T*>(internal::Reallocate(data_, capacity_ * sizeof(T), capacity * sizeof(T)));
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace clary::data
