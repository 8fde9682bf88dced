#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace rbmpi {

/// So many values and a few more, so that arrays of them that lie one behind the other all begin on cache lines of
/// their own: threads that write into neighbours do not take lines from each other.
template <typename Value>
[[nodiscard]] constexpr std::size_t whole_lines(std::size_t values) noexcept {
  constexpr std::size_t line = 64 / sizeof(Value);
  return (values + line - 1) / line * line;
}

/// `size` zeros on a cache-line boundary. Move-only.
template <typename Value>
class AlignedBuffer {
 public:
  AlignedBuffer() noexcept = default;
  explicit AlignedBuffer(std::size_t size)
      : values_(static_cast<Value*>(::operator new(size * sizeof(Value), alignment))), size_(size) {
    static_assert(std::is_trivially_copyable_v<Value>);
    std::uninitialized_fill_n(values_.get(), size, Value{});
  }

  AlignedBuffer(AlignedBuffer&& other) noexcept
      : values_(std::move(other.values_)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    values_ = std::move(other.values_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  [[nodiscard]] Value* data() noexcept { return values_.get(); }
  [[nodiscard]] const Value* data() const noexcept { return values_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<Value> span() noexcept { return {values_.get(), size_}; }
  [[nodiscard]] std::span<const Value> span() const noexcept { return {values_.get(), size_}; }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(Value* values) const noexcept { ::operator delete(values, alignment); }
  };
  std::unique_ptr<Value, Free> values_;
  std::size_t size_ = 0;
};

}  // namespace rbmpi
