#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/trainer.hpp"
#include "rbmpi/train/validation.hpp"

namespace rbmpi {

/// The log-likelihood of an RBM, whose gradient an estimator (train/gradient_estimator.hpp) finds from samples: the
/// function that `train_rbm` optimises. It keeps the products with the weights up to date, and measures validation and
/// likelihood after epochs.
class RbmGradient final : public GradientFunction {
 public:
  /// Local. Options and data must live on. `engine` must be chosen (engine_in_use).
  RbmGradient(const TrainingOptions& options, const TrainingData& data, const Communicator& world);

  [[nodiscard]] const ParameterBlocks& blocks() const noexcept override { return blocks_; }
  [[nodiscard]] bool has_exact_sums() const noexcept override { return options_.arithmetic == Arithmetic::exact; }
  void prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) override;
  void begin(std::span<Real> parameters, bool is_first_of_node) override;

  std::int64_t take_rows(const MiniBatch& batch, PhaseClock& clock) override;
  void gradient(std::size_t block, Shard rows, std::size_t thread, Real* sums) override;
  [[nodiscard]] std::size_t panel_rows(std::size_t block) const noexcept override;

  void begin_part(std::size_t part) noexcept override { couplings_->begin_part(part); }
  void follow(std::size_t block, Shard rows, std::size_t part) noexcept override;
  [[nodiscard]] Fit settle() noexcept override;
  [[nodiscard]] std::string refusal() const override;

  [[nodiscard]] double mean_loss(double loss, std::uint64_t rows) const noexcept override;
  [[nodiscard]] std::string loss_name() const override { return "reconstruction_mse"; }
  [[nodiscard]] bool measure(TrainingProgress& progress, std::vector<Figure>& figures) override;

 private:
  [[nodiscard]] EstimatorSizes sizes(const NodeShare& share) const;
  [[nodiscard]] std::size_t probability_rows(const NodeShare& share) const;

  const TrainingOptions& options_;
  const TrainingData& data_;
  const Communicator& world_;
  RbmShape shape_;
  ParameterBlocks blocks_;
  NodeShare share_;
  const NodeArena* shared_ = nullptr;
  std::span<Real> parameters_;
  std::span<Real> made_values_;  // the node's rows of the batch, where they are made on the fly: node_rows x V
  Samples made_;                 // a view of them, in the order in which they were made
  RowOrder made_order_;
  std::span<std::uint64_t> made_numbers_;
  std::optional<Couplings> couplings_;
  std::unique_ptr<GradientEstimator> estimator_;
  std::optional<Validation> validation_;
};

}  // namespace rbmpi
