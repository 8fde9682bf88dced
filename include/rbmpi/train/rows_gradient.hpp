#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

/// The simplest gradient function: a plain function of some rows and the parameters, which is all that there is to
/// write for a model of one's own (examples/softmax_regression.cpp). Each rank calls it with its rows of the batch, in
/// a buffer of its own of all parameters, which the ranks of the node then add up: for models of some millions of
/// parameters at most. Results depend on the number of ranks by the rounding of these sums. The functions must not
/// throw: the other ranks would wait for this one.
class RowsGradient final : public GradientFunction {
 public:
  /// Adds to `gradient`, in the layout of the parameters, the gradient of the objective (which is to grow: a
  /// log-likelihood, or a loss with its sign changed) for each of the rows, and returns the sum of their losses. One
  /// that is not finite, or beyond 10^9, ends the training as diverged. Should not allocate.
  using Function =
      std::function<double(const MiniBatch& rows, std::span<const Real> parameters, std::span<Real> gradient)>;
  /// Sets the initial parameters, which are zeros before.
  using Beginning = std::function<void(std::span<Real> parameters)>;
  /// Measures more after an epoch, on all ranks, with the same parameters on each.
  using Measurement = std::function<void(std::span<const Real> parameters, std::vector<Figure>& figures)>;

  /// `loss`: the name of the mean loss of the rows.
  RowsGradient(ParameterLayout layout, std::string loss, Function function, Beginning beginning = {},
               Measurement measurement = {});

  [[nodiscard]] const ParameterLayout& layout() const noexcept override { return layout_; }
  void begin(std::span<Real> parameters, bool is_first_of_node) const override;
  [[nodiscard]] PreparedGradient prepare(const NodeShare& share, std::span<Real> parameters,
                                         Workspace& memory) const override;

 private:
  ParameterLayout layout_;
  std::string loss_;
  Function function_;
  Beginning beginning_;
  Measurement measurement_;
};

}  // namespace rbmpi
