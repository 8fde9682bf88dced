#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// "chains float32 50 x 64 shared out", or "no arrays".
[[nodiscard]] std::string to_text(std::span<const StateArray> arrays);

/// Local. Copies to keep.
[[nodiscard]] std::vector<SavedState::Array> copies_of(std::span<const StateArray> arrays);

/// What a gradient function remembers from step to step beside the parameters (StateArray), on one rank.
class StateArrays {
 public:
  /// Local. `arrays` are those of the node. The root takes room for all rows of those that are shared out. Throws
  /// Error(Failure::usage) for arrays that cannot be.
  StateArrays(std::vector<StateArray> arrays, const NodeShare& share, Arena& memory);

  /// Local. Throws Error(Failure::file) if a start does not have just these.
  void check_start(std::span<const SavedState::Array> start) const;
  /// Collective over `nodes`, one rank of each, the root first. Each node gets what it has of `start`, which only the
  /// root has to give.
  void fill(std::span<const SavedState::Array> start, const Communicator& nodes);
  /// Collective over `nodes`. The root gets all rows: `whole` are then those of now.
  void gather(const Communicator& nodes);

  /// Of this node.
  [[nodiscard]] std::span<const StateArray> of_node() const noexcept { return arrays_; }
  /// On the root, all rows of each; on others nothing.
  [[nodiscard]] std::span<const StateArray> whole() const noexcept { return whole_; }

 private:
  std::vector<StateArray> arrays_;
  std::vector<StateArray> whole_;
};

}  // namespace rbmpi
