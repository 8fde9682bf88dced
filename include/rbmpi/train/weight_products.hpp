#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// The products of rows of units with the weights of an RBM, in exact or plain arithmetic. In exact arithmetic it keeps
/// two rounded copies of the weights, renewed by `assign` after every change of the parameters.
class WeightProducts {
 public:
  /// `probability_rows`: the most rows that `up_from_probabilities` will have; 0 if it will not be used.
  WeightProducts(Arithmetic arithmetic, RbmShape shape, std::size_t probability_rows);

  /// Local, on all threads. The products are from now on those of `rbm`, which must live on. Returns false if its
  /// parameters are not finite, or too large for exact sums.
  [[nodiscard]] bool assign(const Rbm& rbm);

  /// Local, on all threads. fields = states W, for states of zeros and ones: n x V -> n x H.
  void up(ConstMatrixView states, MatrixView fields) const;
  /// Local, on all threads. fields = states W^T, for states of zeros and ones: n x H -> n x V.
  void down(ConstMatrixView states, MatrixView fields) const;
  /// Local, on all threads. fields = p W, for p in [0, 1], in exact arithmetic on a grid of exponent <= 24.
  void up_from_probabilities(ConstMatrixView p, MatrixView fields);

  /// Bytes that an object for these sizes holds.
  [[nodiscard]] static std::uint64_t memory(Arithmetic arithmetic, RbmShape shape, std::size_t probability_rows);

 private:
  Arithmetic arithmetic_;
  ConstMatrixView weights_;
  ExactWeights exact_;
  std::optional<RealProduct> real_product_;
};

}  // namespace rbmpi
