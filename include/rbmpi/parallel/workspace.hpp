#pragma once

#include <cstddef>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/shared_window.hpp"

namespace rbmpi {

/// Memory that the ranks of a node share. The ranks take the same arrays in the same order, so each has the same ones.
/// All of it is there from the beginning, so its size is counted first. Move-only.
class NodeArena : public Arena {
 public:
  /// Local. Of a rank alone, whose arrays are its own; or one that only counts.
  explicit NodeArena(ArenaUse use = ArenaUse::give) noexcept : Arena(use) {}
  /// Collective over `node`. Throws an AgreedError(Failure::other) on all of its ranks if the memory cannot be had.
  NodeArena(const Communicator& node, std::size_t bytes);

  /// Collective over the node. What a rank has written is seen by the others from here on.
  void synchronise() const { window_.synchronise(); }

 private:
  AlignedBuffer<std::byte> own_;  // of a node of one rank
  SharedWindow window_;
};

/// From what an object takes its memory: what the ranks of a node share, and what a rank has for itself.
struct Workspace {
  explicit Workspace(ArenaUse use = ArenaUse::give) noexcept : node(use), rank(use) {}

  NodeArena node;
  Arena rank;
};

}  // namespace rbmpi
