#pragma once

#include <cstddef>
#include <span>

#include "rbmpi/core/real.hpp"
#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

/// A gradient function that uses its parameters as they are: after they have changed it only looks whether they are
/// finite. Each part notes what it sees, on a cache line of its own, and when all have waited for each other all know.
class CheckedGradient : public GradientFunction {
 public:
  void begin_part(std::size_t part) noexcept final;
  void follow(std::size_t block, Shard rows, std::size_t part) noexcept final;
  [[nodiscard]] Fit settle() noexcept final;

 protected:
  /// Local. To be called by `prepare`: what is looked at, and where it is noted.
  void check(std::span<const Real> parameters, const NodeShare& share, Arena& memory);

 private:
  std::span<const Real> checked_;
  std::span<Real> notes_;  // parts x a line, of which the first is used
};

}  // namespace rbmpi
