#pragma once

#include <cstddef>
#include <optional>

#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// The products of rows of units with the weights of an RBM, in exact or plain arithmetic. In exact arithmetic it keeps
/// two rounded copies of the weights, which follow them in parts (core/exact_weights.hpp): one for each thread of each
/// rank of the node, which share the copies.
class WeightProducts {
 public:
  /// `rbm` must live on. `probability_rows`: the most rows that `up_from_probabilities` will have; 0 if it will not be
  /// used.
  WeightProducts(Arithmetic arithmetic, RbmView<const Real> rbm, std::size_t probability_rows, std::size_t parts,
                 Workspace& memory);

  /// Local, on the calling thread. After parameters have changed: begins, and then takes over the rows of the weights
  /// and the biases (a range of both, the visible ones first) that this part has.
  void begin_part(std::size_t part) noexcept;
  void follow_rows(Shard rows, std::size_t part) noexcept;
  void follow_biases(Shard units, std::size_t part) noexcept;

  /// Local, after all parts of the node have followed and waited for each other: with the same result for all.
  [[nodiscard]] ExactWeights::Fit settle() noexcept;

  /// Local, on all threads. All of the above, for one rank alone. False if the parameters are not finite, or too large
  /// for exact sums.
  [[nodiscard]] bool assign();

  /// Local, on all threads. fields = states W, for states of zeros and ones: n x V -> n x H.
  void up(ConstMatrixView states, MatrixView fields) const;
  /// Local, on all threads. fields = states W^T, for states of zeros and ones: n x H -> n x `down_columns`, of which
  /// those behind V are 0.
  void down(ConstMatrixView states, MatrixView fields) const;
  /// V, or padded_columns(V).
  [[nodiscard]] std::size_t down_columns() const noexcept {
    const std::size_t visible = rbm_.shape().visible;
    return arithmetic_ == Arithmetic::exact ? padded_columns(visible) : visible;
  }
  /// Local, on all threads. fields = p W, for p in [0, 1], in exact arithmetic on a grid of exponent <= 24.
  void up_from_probabilities(ConstMatrixView p, MatrixView fields);

  /// The copies, in exact arithmetic.
  [[nodiscard]] const ExactWeights& exact() const noexcept { return exact_; }

 private:
  Arithmetic arithmetic_;
  RbmView<const Real> rbm_;
  std::size_t parts_;
  ExactWeightsMemory memory_;
  ExactWeights exact_;
  std::optional<RealProduct> real_product_;
};

}  // namespace rbmpi
