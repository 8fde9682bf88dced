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
  /// `layout` and `parameters` must live on; `memory` is the node's.
  FiniteParameters(const ParameterLayout& layout, std::span<const Real> parameters, const NodeShare& share,
                   Arena& memory);

  void begin(std::size_t worker) noexcept override;
  void follow(std::size_t array, Shard rows, std::size_t worker) noexcept override;
  [[nodiscard]] Fit settle() noexcept override;

 private:
  const ParameterLayout& layout_;
  std::span<const Real> parameters_;
  std::span<Real> notes_;  // parts x a line, of which the first is used
};

}  // namespace rbmpi
