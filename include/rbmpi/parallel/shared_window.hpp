#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Gives mapped memory back to the system.
struct Unmap {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const noexcept;
};

/// Memory that the ranks of one node share: one copy for all of them, zeros at first, on a cache-line boundary. All of
/// its pages are there from the beginning: memory that is missing is an error of the constructor, not a signal later.
/// Each rank claims a part, in the order of the ranks, so that it lies near the processor of that rank. Move-only; the
/// memory goes with the last rank that has it.
class SharedWindow {
 public:
  SharedWindow() noexcept = default;
  /// Collective over `node`. `bytes` is the size of the whole window and equal on all ranks; `what` completes "not
  /// enough memory for ...". Throws an AgreedError(Failure::other) on all ranks if the memory cannot be had.
  SharedWindow(const Communicator& node, std::size_t bytes, const std::string& what);
  /// Collective over `world`, of which `node` is this rank's node: a window on every node. One that a single node
  /// cannot provide is an error of all nodes.
  [[nodiscard]] static SharedWindow on_every_node(const Communicator& world, const Communicator& node,
                                                  std::size_t bytes, const std::string& what);

  ~SharedWindow() = default;
  SharedWindow(SharedWindow&& other) noexcept;
  SharedWindow& operator=(SharedWindow&& other) noexcept;
  SharedWindow(const SharedWindow&) = delete;
  SharedWindow& operator=(const SharedWindow&) = delete;

  /// Local. The same memory on every rank of the node. What a rank has written is seen by the others after
  /// `synchronise`.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  /// Collective over the node. Whoever waits long sleeps.
  void synchronise() const;

 private:
  struct Barrier;

  std::unique_ptr<std::byte, Unmap> mapping_;
  Barrier* barrier_ = nullptr;  // at the front of the mapping; none for a rank alone
  std::span<std::byte> bytes_;
};

}  // namespace rbmpi
