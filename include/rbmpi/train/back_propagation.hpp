#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/evaluate/net_scores.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/checked_gradient.hpp"
#include "rbmpi/train/net_trainer.hpp"

namespace rbmpi {

/// Local. How the flat buffer of a net is made up: the weights of layer k are block 2 k, its bias is block 2 k + 1.
[[nodiscard]] ParameterBlocks net_blocks(const NetShape& shape);

/// The gradient of a net's log-likelihood (train/net_gradient.hpp), which `train_net` follows. In the first half each
/// rank takes its rows of the node's batch forward and their deltas back, into memory that the ranks of the node share;
/// in the second, the gradient of some rows of a layer's weights is one product of what the units below say with the
/// deltas. So there are three products a layer (two of the first), and no sum of gradients within a node.
class BackPropagation final : public CheckedGradient {
 public:
  /// Local. All must live on. `initial` are the parameters to begin with, which only the root has to have.
  BackPropagation(const NetTrainingOptions& options, const NetShape& shape, std::span<const Real> initial,
                  std::span<const std::int32_t> classes, const TrainingData& data, const Communicator& world);

  [[nodiscard]] const ParameterBlocks& blocks() const noexcept override { return blocks_; }
  void prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) override;
  void begin(std::span<Real> parameters, bool is_first_of_node) override;

  std::int64_t take_rows(const MiniBatch& batch, PhaseClock& clock) override;
  void gradient(std::size_t block, Shard rows, std::size_t thread, Real* sums) override;
  [[nodiscard]] std::size_t panel_rows(std::size_t block) const noexcept override;

  [[nodiscard]] std::string loss_name() const override { return "cross_entropy"; }
  [[nodiscard]] bool measure(TrainingProgress& progress, std::vector<Figure>& figures) override;

 private:
  /// Rows of the node: what the units say, of the inputs and each layer but the last, and the deltas of each layer.
  struct States {
    States() = default;
    States(const NetShape& shape, const NodeShare& share, Arena& memory);
    std::vector<std::span<Real>> activations;  // [k]: what layer k takes, node_rows x units[k]
    std::vector<std::span<Real>> deltas;       // [k]: of layer k, node_rows x units[k + 1]
  };
  void load_rows(const MiniBatch& batch, MatrixView inputs);
  void drop_units(const MiniBatch& batch, std::size_t layer, MatrixView activations) const;
  [[nodiscard]] bool keeps_targets() const noexcept;
  /// The share of the units below a layer that stay.
  [[nodiscard]] Real kept(std::size_t layer) const noexcept;

  const NetTrainingOptions& options_;
  const NetShape& shape_;
  std::span<const Real> initial_;
  std::span<const std::int32_t> classes_;
  const TrainingData& data_;
  const Communicator& world_;
  ParameterBlocks blocks_;
  NodeShare share_;
  std::span<Real> parameters_;
  States states_;
  std::size_t node_rows_ = 0;             // of this part of the batch
  std::span<Real> targets_;               // data to reconstruct, where dropout spoils those in `states_`
  std::span<std::uint64_t> row_numbers_;  // of this rank's rows of the batch, as the next two
  std::span<std::uint32_t> row_classes_;
  std::span<std::int64_t> losses_;
  std::optional<NetScoring> validation_;
};

}  // namespace rbmpi
