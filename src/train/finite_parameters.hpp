#pragma once

#include <cstddef>
#include <span>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

/// For parameters that are used as they are: looks whether they are finite. Each part notes what it sees, on a cache
/// line of its own, and when all have waited for each other all know.
class FiniteParameters final : public ParameterFollower {
 public:
  /// `blocks` and `parameters` must live on; `memory` is the node's.
  FiniteParameters(const ParameterBlocks& blocks, std::span<const Real> parameters, const NodeShare& share,
                   Arena& memory);

  void begin_part(std::size_t part) noexcept override;
  void follow(std::size_t block, Shard rows, std::size_t part) noexcept override;
  [[nodiscard]] Fit settle() noexcept override;

 private:
  const ParameterBlocks& blocks_;
  std::span<const Real> parameters_;
  std::span<Real> notes_;  // parts x a line, of which the first is used
};

}  // namespace rbmpi
