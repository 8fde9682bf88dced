#pragma once

#include <cstdint>
#include <optional>

#include "rbmpi/data/samples.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/weight_products.hpp"

namespace rbmpi {

/// Rows that are validated together.
inline constexpr std::size_t validation_rows_at_once = 64;

/// How well a model does on rows that it is not trained on.
struct ValidationFigures {
  double reconstruction_mse = 0;    ///< mean of (v0p - v1p)^2 over validation rows and units, one Gibbs step as in CD-1
  double free_energy = 0;           ///< mean free energy of the validation rows
  double training_free_energy = 0;  ///< the same of equally many training rows: the gap between them shows overfitting
};

/// Measures a model on validation rows. The rows are shared out over the ranks and the sums are of integers (free
/// energies in units of 2^-16), so that the figures are the same on any number of ranks.
class Validation {
 public:
  /// `training` and `validation` are the same on all ranks and must live on.
  Validation(const Samples& training, const Samples& validation, RbmShape shape, std::uint32_t layer,
             const TrainingOptions& options);

  /// Collective. `products` are those of `rbm`. The random numbers are those of `epoch`. Nothing, on all
  /// ranks, if a signal asked one of them to stop.
  [[nodiscard]] std::optional<ValidationFigures> measure(RbmView<const Real> rbm, WeightProducts& products,
                                                         std::uint64_t epoch, const Communicator& world);

  /// Bytes that an object for this shape holds.
  [[nodiscard]] static std::uint64_t memory(RbmShape shape);

 private:
  struct Sums {
    std::int64_t squared_error = 0;  // in units of squared_error_unit
    std::int64_t free_energy = 0;    // in units of 2^-16
  };
  Sums sum_rows(RbmView<const Real> rbm, WeightProducts& products, const Samples& rows, bool reconstruct,
                std::uint64_t epoch, const Communicator& world);

  Samples training_;
  Samples validation_;
  RbmShape shape_;
  std::uint32_t layer_;
  std::uint64_t seed_;
  bool sample_data_;
  AlignedBuffer<Real> visible_data_;
  AlignedBuffer<Real> visible_;
  AlignedBuffer<Real> hidden_;
  AlignedBuffer<double> energies_;
};

}  // namespace rbmpi
