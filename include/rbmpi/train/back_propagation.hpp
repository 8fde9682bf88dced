#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/net_trainer.hpp"

namespace rbmpi {

/// The gradient of a net's log-likelihood (train/net_gradient.hpp), which `train_net` follows. In the first half each
/// rank takes its rows of the node's batch forward and their deltas back, into memory that the ranks of the node share;
/// in the second, the gradient of some rows of a layer's weights is one product of what the units below say with the
/// deltas. So there are three products a layer (two of the first), and no sum of gradients within a node.
class BackPropagation final : public GradientFunction {
 public:
  /// Local. All must live on. `initial` are the parameters to begin with, which only the root has to have.
  BackPropagation(const NetTrainingOptions& options, const NetShape& shape, std::span<const Real> initial,
                  std::span<const std::int32_t> classes, const TrainingData& data, const Communicator& world);

  [[nodiscard]] const ParameterLayout& layout() const noexcept override { return layout_; }
  void begin(std::span<Real> parameters, bool is_first_of_node) const override;
  [[nodiscard]] PreparedGradient prepare(const NodeShare& share, std::span<Real> parameters,
                                         Workspace& memory) const override;

 private:
  const NetTrainingOptions& options_;
  const NetShape& shape_;
  std::span<const Real> initial_;
  std::span<const std::int32_t> classes_;
  const TrainingData& data_;
  const Communicator& world_;
  ParameterLayout layout_;
};

}  // namespace rbmpi
