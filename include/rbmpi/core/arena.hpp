#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"

namespace rbmpi {

/// Whether an arena gives memory, or only counts what it would give.
enum class ArenaUse { give, count };

/// Memory from which objects take their arrays, in their constructors: so what an object needs is counted by the
/// constructor that takes it, of an arena that only counts. Arrays are zeros, begin on cache lines, and live as long as
/// the arena or its block. Who takes from an arena that may count must not touch what it did not get. Move-only.
class Arena {
 public:
  /// Gives each array memory of its own; or only counts, and all its arrays are empty.
  explicit Arena(ArenaUse use = ArenaUse::give) noexcept : counts_(use == ArenaUse::count) {}
  /// Gives parts of a block of zeros that begins on a cache line and must live on.
  explicit Arena(std::span<std::byte> block) noexcept : block_(block), has_block_(true) {}

  /// Local. Throws Error(Failure::other) if the block has less left.
  template <typename Value>
  [[nodiscard]] std::span<Value> take(std::size_t count) {
    static_assert(alignof(Value) <= 64);
    std::byte* const place = reserve(count, sizeof(Value));
    return place == nullptr ? std::span<Value>() : std::span(reinterpret_cast<Value*>(place), count);
  }
  /// Local. For a time some bytes more will be wanted besides, which are not taken from here.
  void expect(std::uint64_t bytes) noexcept { expected_ = std::max(expected_, bytes); }

  [[nodiscard]] bool counts() const noexcept { return counts_; }
  /// Bytes that were taken so far.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  /// Bytes at the worst time: those taken and the most that were expected.
  [[nodiscard]] std::uint64_t most() const noexcept { return taken_ + expected_; }

 private:
  std::byte* reserve(std::size_t count, std::size_t size);

  bool counts_ = false;
  std::span<std::byte> block_;
  bool has_block_ = false;
  std::vector<AlignedBuffer<std::byte>> own_;
  std::uint64_t taken_ = 0;
  std::uint64_t expected_ = 0;
};

}  // namespace rbmpi
