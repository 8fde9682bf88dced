#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/gradient_sums.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/weight_products.hpp"

namespace rbmpi {

/// Rows of a batch that go through the machine together. More rows than this are taken in parts, which bounds the
/// memory and, in exact arithmetic, changes nothing.
inline constexpr std::size_t rows_at_once = 1024;

/// Estimates the gradient of the log-likelihood from samples. One object serves one layer on one rank.
class GradientEstimator {
 public:
  virtual ~GradientEstimator() = default;

  /// Local, on all threads, without allocation. Adds to `sums` the gradient, summed over the rows of `batch`, their
  /// number and their squared reconstruction error. `products` are those of `rbm`. The time is booked on `clock`.
  virtual void add_gradient(const Rbm& rbm, WeightProducts& products, const MiniBatch& batch, GradientSums& sums,
                            PhaseClock& clock) = 0;
};

/// What an estimator is made for.
struct EstimatorSettings {
  RbmShape shape;
  std::size_t local_rows = 0;  ///< the most rows of a batch that this rank will have
  std::uint32_t layer = 0;
  const TrainingOptions* options = nullptr;
};

/// One row of the table of estimators: the values of the key `estimator`.
struct GradientEstimatorEntry {
  const char* name;
  const char* summary;
  std::unique_ptr<GradientEstimator> (*make)(const EstimatorSettings& settings);
  /// Bytes that the object will hold.
  std::uint64_t (*memory)(const EstimatorSettings& settings);
};
[[nodiscard]] std::span<const GradientEstimatorEntry> gradient_estimators();
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const GradientEstimatorEntry& gradient_estimator(const std::string& name);

/// CD-1, contrastive divergence with one step of Gibbs sampling (Hinton 2002), for B rows, per row:
///   v0 ~ v0p = data, h0 ~ sigmoid(v0 W + c), v1 ~ v1p = sigmoid(h0 W^T + b), h1p = sigmoid(v1 W + c)
///   dW = v0 h0^T - v1 h1p^T,  db = v0p - v1p,  dc = h0 - h1p
/// In exact arithmetic v0p, v1p and h1p are rounded to the grid of the batch before they are summed.
[[nodiscard]] std::unique_ptr<GradientEstimator> make_contrastive_divergence(const EstimatorSettings& settings);
[[nodiscard]] std::uint64_t contrastive_divergence_memory(const EstimatorSettings& settings);

}  // namespace rbmpi
