#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/evaluate/row_mean.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// Rows that are validated together.
inline constexpr std::size_t validation_rows_at_once = 64;

/// How well a model does on rows that it is not trained on.
struct ValidationFigures {
  double reconstruction_mse = 0;  ///< mean of (v0p - v1p)^2 over validation rows and units, one Gibbs step as in CD-1
  RowMean free_energy;            ///< of the validation rows
  RowMean training_free_energy;   ///< of as many training rows: the gap between them shows overfitting
  /// Stochastic (evaluate/data_scores.hpp), of the validation rows, in nats a row. The data are drawn and the units
  /// chosen with the seed of the training, alike in each epoch, so that epochs differ by what the model has learnt.
  /// NaN for units that have none.
  double pseudo_likelihood = 0;

  /// F(validation) - F(training): near 0 until the model knows the training rows better than others.
  [[nodiscard]] RowMean free_energy_gap() const {
    RowMean gap{.mean = free_energy.mean - training_free_energy.mean, .standard_error = std::nullopt};
    if (free_energy.standard_error && training_free_energy.standard_error) {
      gap.standard_error = std::hypot(*free_energy.standard_error, *training_free_energy.standard_error);
    }
    return gap;
  }
};

/// Measures a model on validation rows. Blocks of rows are shared out over the ranks and their sums are added in one
/// order, so that the figures are the same on any number of ranks.
class Validation {
 public:
  /// `training` and `validation` are the same on all ranks and must live on.
  Validation(const Rows& training, const Rows& validation, RbmShape shape, std::uint32_t layer,
             const TrainingOptions& options, Arena& memory);

  /// Collective. `couplings` are those of `rbm`. The random numbers are those of `epoch`. Nothing, on all
  /// ranks, if a signal asked one of them to stop.
  [[nodiscard]] std::optional<ValidationFigures> measure(RbmView<const Real> rbm, Couplings& couplings,
                                                         std::uint64_t epoch, const Communicator& world);

 private:
  /// Free energies of the rows, and if `squared_error` is given, their squared errors in units of loss_unit.
  RowMean measure_rows(RbmView<const Real> rbm, Couplings& couplings, const Rows& rows, std::int64_t* squared_error,
                       std::uint64_t epoch, const Communicator& world);

  Rows training_;
  Rows validation_;
  RbmShape shape_;
  std::uint32_t layer_;
  std::uint64_t seed_;
  bool sample_data_;
  std::span<Real> visible_data_;
  std::span<Real> visible_;
  std::span<Real> hidden_;
  std::span<double> energies_;
};

}  // namespace rbmpi
