#pragma once

#include <cstddef>
#include <span>

#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// The log-likelihood of an RBM, whose gradient an estimator (train/gradient_estimator.hpp) finds from samples: the
/// function that `train_rbm` optimises. It keeps the products with the weights up to date, and measures validation and
/// likelihood after epochs.
class RbmGradient final : public GradientFunction {
 public:
  /// Local. Options and data must live on. `engine` must be chosen (engine_in_use). Throws Error(Failure::file) if all
  /// rows have weight 0.
  RbmGradient(const TrainingOptions& options, const TrainingData& data, const Communicator& world);
  /// Local. The same of data of which only the numbers are known, and these weights, for forecasts.
  RbmGradient(const TrainingOptions& options, const TrainingData& data, const RowWeights& weights,
              const Communicator& world);

  [[nodiscard]] const ParameterLayout& layout() const noexcept override { return layout_; }
  [[nodiscard]] std::uint64_t chains() const noexcept override;
  [[nodiscard]] bool has_two_phases() const noexcept override;
  [[nodiscard]] bool weighs_rows() const noexcept override { return weighting_.differ; }
  [[nodiscard]] bool shows(std::size_t array) const noexcept override;
  [[nodiscard]] std::uint64_t exact_rows() const noexcept override;
  void begin(std::span<Real> parameters, bool is_first_of_node) const override;
  [[nodiscard]] PreparedGradient prepare(const NodeShare& share, std::span<Real> parameters,
                                         Workspace& memory) const override;

 private:
  [[nodiscard]] std::size_t probability_rows(const NodeShare& share) const;

  const TrainingOptions& options_;
  const TrainingData& data_;
  const Communicator& world_;
  RbmShape shape_;
  ParameterLayout layout_;
  GradientEstimatorEntry estimator_;
  RowWeighting weighting_;
};

}  // namespace rbmpi
