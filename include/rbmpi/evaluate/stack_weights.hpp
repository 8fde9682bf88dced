#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// The layers of a stack as its features multiply by them (evaluate/stack_features.hpp): the weights rounded once, in
/// double precision (core/real_product.hpp), in memory that the ranks of a node may share.
class StackWeights {
 public:
  /// Local. `layers`, lowest first, must live on. Takes memory of `shared`, into which one of those who share it has to
  /// `round`; what that wants of its rank meanwhile is expected of `own`.
  StackWeights(std::vector<RbmView<const Real>> layers, Arena& shared, Arena& own);

  /// Local, on all threads.
  void round() const;

  [[nodiscard]] const std::vector<RbmView<const Real>>& layers() const noexcept { return layers_; }
  /// The weights of a layer as RealProduct takes them; nothing if they are too large for exact products.
  [[nodiscard]] std::span<const double> rounded(std::size_t layer) const noexcept;

 private:
  std::vector<RbmView<const Real>> layers_;
  std::vector<std::span<double>> places_;  // of each layer: a line that begins with 1 if they fit, else 0; V x H values
};

}  // namespace rbmpi
