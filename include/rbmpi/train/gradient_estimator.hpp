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
#include "rbmpi/train/row_weighting.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// What an estimator is made for: one layer, on one rank. The references must live on.
struct EstimatorSettings {
  RbmView<const Real> rbm;
  Couplings& couplings;
  const Rows& data;  ///< that it is trained on
  const TrainingOptions& options;
  NodeShare share;
  RowWeighting weighting = {};  ///< of the rows
};

/// One row of the table of estimators: the values of the key `estimator`. An estimator finds the gradient of the
/// log-likelihood of an RBM from samples, as a BatchGradient: it takes the rows of the node, and its chains if it has
/// any, through the machine, and forms the sums of the states.
struct GradientEstimatorEntry {
  const char* name = nullptr;
  const char* summary = nullptr;
  std::unique_ptr<BatchGradient> (*make)(const EstimatorSettings& settings, Workspace& memory) = nullptr;
  /// Chains that sample the model, in all nodes together (GradientFunction::chains).
  std::uint64_t (*chains)(const TrainingOptions& options) = [](const TrainingOptions&) { return std::uint64_t{0}; };
  /// Whether the gradient has two phases (GradientFunction::has_two_phases). With rows that count differently it always
  /// has.
  bool (*has_two_phases)(const TrainingOptions& options) = [](const TrainingOptions&) { return true; };
  /// Of how many rows or chains single precision adds up exactly what they give, in exact arithmetic; 0: sums are not
  /// exact.
  std::uint64_t (*exact_rows)(const TrainingOptions& options, RbmShape shape) =
      [](const TrainingOptions&, RbmShape shape) { return rbmpi::exact_rows(shape); };
  /// Whether it reads the weights of rows; else data that have some are refused.
  bool reads_weights = false;
  /// Which arrays of the parameters are shown (GradientFunction::shows).
  bool (*shows)(const TrainingOptions& options, std::size_t array) = [](const TrainingOptions&, std::size_t) {
    return false;
  };
  /// Whether a step has a reconstruction of its rows, whose error is the first figure of an epoch.
  bool reconstructs = false;
};
[[nodiscard]] std::span<const GradientEstimatorEntry> gradient_estimators();
/// Local. A further row, for a program with an estimator of its own: to be added before its name is used. Throws
/// Error(Failure::usage) if there is one of this name, or if it does not have all of the above.
void add_gradient_estimator(const GradientEstimatorEntry& entry);
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const GradientEstimatorEntry& gradient_estimator(const std::string& name);
/// The chains that a training has, which go on from step to step; 0: none.
[[nodiscard]] inline std::uint64_t persistent_chains(const TrainingOptions& options) {
  return gradient_estimator(options.estimator).chains(options);
}

/// The gradient by samples of the model that Gibbs sampling makes in a batch of B rows: `sweeps` from h to v to h.
/// Contrastive divergence (Hinton 2002), `cd`, begins them at the rows in each step; persistent contrastive divergence
/// (Tieleman 2008), `pcd`, has chains in a number of their own that go on from step to step. Per row
///   v0 ~ v0p = data,   h0p = sigmoid(v0 W + c),   h0 ~ h0p
/// and per chain, which begins at h0 or where it was left,
///   v ~ vp = sigmoid(h W^T + b),   hp = sigmoid(v W + c),   h ~ hp
/// With < > the means over rows and over chains, and v and hp those of the last sweep,
///   dW = <v0 h0^T> - <v hp^T>,  db = <v0> - <v>,  dc = <h0> - <hp>
/// With `statistics = means` h0p takes the place of h0, with `reconstruction = means` vp that of v. CD that is not
/// centred has v0p and vp in db, which have less noise; it has one phase, all else two (train/gradient_function.hpp).
/// Rows that count differently are weighted in < >, and so are chains that begin at them; the whole gradient has the
/// mean weight of the batch as a factor. Centred gradients are in train/centring.hpp. In exact arithmetic all means of
/// units are rounded to the grid of their number before they are summed (docs/numerics.md). The `blas` engine forms
/// matrix products of the states as floats, and each rank takes rows of the batch and chains; the `active` one keeps
/// states as bits and adds up the rows that are on, and the ranks of a node share out visible units and rows
/// (gibbs/worker_grid.hpp).
[[nodiscard]] std::unique_ptr<BatchGradient> make_sampled_gradient(const EstimatorSettings& settings,
                                                                   Workspace& memory);

}  // namespace rbmpi
