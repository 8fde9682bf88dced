#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/parameter_blocks.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// Estimates the gradient of the log-likelihood of an RBM from samples, in the two halves of a GradientFunction
/// (train/gradient_function.hpp): the ranks of a node take the rows of the node through the machine, and leave their
/// states in memory that they share; then each forms the gradient of its own share of the parameters. One object serves
/// one layer on one rank.
class GradientEstimator {
 public:
  virtual ~GradientEstimator() = default;

  /// Collective over the node, on all threads, without allocation. The first half, for the rows of `batch`, those of
  /// the node. Returns this rank's part of their squared reconstruction error, in units of loss_unit. The time
  /// is booked on `clock`.
  virtual std::uint64_t sample_states(const MiniBatch& batch, PhaseClock& clock) = 0;

  /// Local, on the calling thread, which is number `thread` of this rank, without allocation. The second half:
  /// `gradient` [count x H] becomes the sums for these rows of the weights, at most `panel_rows` of them.
  virtual void weight_gradient(Shard rows, std::size_t thread, Real* gradient) = 0;
  /// How many rows of the weights are best done at a time; a multiple of 16.
  [[nodiscard]] virtual std::size_t panel_rows() const noexcept = 0;

  /// Local, on the calling thread. `gradient` [count] becomes the sums for these biases, counted from the first visible
  /// one.
  virtual void bias_gradient(Shard units, Real* gradient) const = 0;
};

/// How large an estimator is.
struct EstimatorSizes {
  RbmShape shape;
  Engine engine = Engine::blas;  ///< blas or active
  std::size_t node_rows = 0;     ///< the most rows that a node takes through the machine together
  std::size_t slots = 1;         ///< ranks of the node
};

/// What an estimator is made for. The references must live on.
struct EstimatorSettings {
  RbmView<const Real> rbm;
  Couplings& couplings;
  const TrainingOptions& options;
  EstimatorSizes sizes;
  std::uint32_t layer = 0;
  std::size_t slot = 0;  ///< number of this rank in its node
};

/// One row of the table of estimators: the values of the key `estimator`.
struct GradientEstimatorEntry {
  const char* name;
  const char* summary;
  std::unique_ptr<GradientEstimator> (*make)(const EstimatorSettings& settings, Workspace& memory);
};
[[nodiscard]] std::span<const GradientEstimatorEntry> gradient_estimators();
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const GradientEstimatorEntry& gradient_estimator(const std::string& name);

/// CD-1, contrastive divergence with one step of Gibbs sampling (Hinton 2002), for B rows, per row:
///   v0 ~ v0p = data, h0 ~ sigmoid(v0 W + c), v1 ~ v1p = sigmoid(h0 W^T + b), h1p = sigmoid(v1 W + c)
///   dW = v0 h0^T - v1 h1p^T,  db = v0p - v1p,  dc = h0 - h1p
/// In exact arithmetic v0p, v1p and h1p are rounded to the grid of the batch before they are summed. The `blas` engine
/// forms matrix products of the states as floats, and each rank takes rows of the batch; the `active` one keeps them as
/// bits and adds up the rows that are on, and each rank has visible units, for all rows of the node.
[[nodiscard]] std::unique_ptr<GradientEstimator> make_contrastive_divergence(const EstimatorSettings& settings,
                                                                             Workspace& memory);

}  // namespace rbmpi
