#pragma once

#include <cstddef>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/shared_window.hpp"

namespace rbmpi {

/// One block of memory that the ranks of a node share, handed out as arrays of zeros on cache-line boundaries. The
/// ranks take the same arrays in the same order, so each has the same ones. A node of one rank has ordinary memory. How
/// much a block must have is found by taking from one that only counts. Move-only.
class NodeMemory {
 public:
  /// One that only counts: the arrays that it gives are empty.
  NodeMemory() = default;
  /// Collective over `node`. Throws an AgreedError(Failure::other) on all of its ranks if the memory cannot be had.
  NodeMemory(const Communicator& node, std::size_t bytes);

  /// Local. Throws Error(Failure::other) if so much is not left.
  template <typename Value>
  [[nodiscard]] std::span<Value> take(std::size_t count) {
    std::byte* const place = reserve(count, sizeof(Value));
    return place == nullptr ? std::span<Value>() : std::span(reinterpret_cast<Value*>(place), count);
  }
  /// Local. What was taken so far.
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  /// Collective over the node. What a rank has written is seen by the others from here on.
  void synchronise() const { window_.synchronise(); }

 private:
  std::byte* reserve(std::size_t count, std::size_t size);

  bool counts_only_ = true;
  AlignedBuffer<std::byte> own_;
  SharedWindow window_;
  std::span<std::byte> block_;
  std::size_t taken_ = 0;
};

}  // namespace rbmpi
