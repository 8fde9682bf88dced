#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// The layers of a stack as its features multiply by them (evaluate/stack_features.hpp): the weights rounded once, in
/// double precision (core/real_product.hpp), in memory that the ranks of a node may share.
class StackWeights {
 public:
  /// Local, on all threads. In memory of its own. `layers`, lowest first, must live on.
  explicit StackWeights(std::vector<RbmView<const Real>> layers);
  /// Local. In memory of `size` values, which one of those who share it has to `round` into.
  StackWeights(std::vector<RbmView<const Real>> layers, std::span<double> memory);

  /// Local, on all threads.
  void round();

  [[nodiscard]] const std::vector<RbmView<const Real>>& layers() const noexcept { return layers_; }
  /// The weights of a layer as RealProduct takes them; nothing if they are too large for exact products.
  [[nodiscard]] std::span<const double> rounded(std::size_t layer) const noexcept;

  /// Values of double precision for such layers.
  [[nodiscard]] static std::size_t size(std::span<const RbmShape> shapes);
  /// Bytes that `round` needs besides.
  [[nodiscard]] static std::uint64_t rounding_memory(std::span<const RbmShape> shapes);

 private:
  [[nodiscard]] std::span<double> place(std::size_t layer) const noexcept;

  std::vector<RbmView<const Real>> layers_;
  AlignedBuffer<double> own_;
  std::span<double> memory_;  // of each layer: a line that begins with 1 if they fit, else 0; V x H values
};

}  // namespace rbmpi
