#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// What an estimator is made for: one layer, on one rank. The references must live on.
struct EstimatorSettings {
  RbmView<const Real> rbm;
  Couplings& couplings;
  const TrainingOptions& options;
  NodeShare share;
};

/// One row of the table of estimators: the values of the key `estimator`. An estimator finds the gradient of the
/// log-likelihood of an RBM from samples, as a BatchGradient: it takes the rows of the node, and its chains if it has
/// any, through the machine, and forms the sums of the states.
struct GradientEstimatorEntry {
  const char* name = nullptr;
  const char* summary = nullptr;
  std::unique_ptr<BatchGradient> (*make)(const EstimatorSettings& settings, Workspace& memory) = nullptr;
  /// Chains that sample the model, in all nodes together.
  std::uint64_t (*chains)(const TrainingOptions& options) = [](const TrainingOptions&) { return std::uint64_t{0}; };
  /// Whether it reads the weights of rows; else data that have some are refused.
  bool reads_weights = false;
  /// Which arrays of the parameters are shown (GradientFunction::shows).
  bool (*shows)(RbmShape shape, std::size_t array) = [](RbmShape, std::size_t) { return false; };
};
[[nodiscard]] std::span<const GradientEstimatorEntry> gradient_estimators();
/// Local. A further row, for a program with an estimator of its own: to be added before its name is used. Throws
/// Error(Failure::usage) if there is one of this name, or if it does not have all of the above.
void add_gradient_estimator(const GradientEstimatorEntry& entry);
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const GradientEstimatorEntry& gradient_estimator(const std::string& name);

/// CD-1, contrastive divergence with one step of Gibbs sampling (Hinton 2002), for B rows, per row:
///   v0 ~ v0p = data, h0 ~ sigmoid(v0 W + c), v1 ~ v1p = sigmoid(h0 W^T + b), h1p = sigmoid(v1 W + c)
///   dW = v0 h0^T - v1 h1p^T,  db = v0p - v1p,  dc = h0 - h1p
/// In exact arithmetic v0p, v1p and h1p are rounded to the grid of the batch before they are summed. The `blas` engine
/// forms matrix products of the states as floats, and each rank takes rows of the batch; the `active` one keeps them as
/// bits and adds up the rows that are on, and each rank has visible units, for all rows of the node.
[[nodiscard]] std::unique_ptr<BatchGradient> make_contrastive_divergence(const EstimatorSettings& settings,
                                                                         Workspace& memory);

}  // namespace rbmpi
