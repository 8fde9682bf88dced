#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Moves parameters along a gradient, whatever estimated it. Parameters and what the optimizer remembers of them are in
/// the memory that the ranks of a node share, or each rank's own; each range of them is moved by one thread of one
/// rank, and nodes, which all have the same sums, stay equal without sending their parameters.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Local. Step `step` (from 1) of the training begins, in `epoch` (from 1); sums times `sample_share` are averages
  /// over the samples. Every rank of the node calls it after all have moved their parameters in the step before; others
  /// may already move theirs in this one.
  virtual void begin_step(std::uint64_t epoch, std::uint64_t step, Real sample_share) = 0;

  /// Local, on the calling thread, without allocation. One step of the parameters [first, first + count) of the flat
  /// buffer, which are of `array`, up the gradient that has these `sums`: both pointers are to those of the range,
  /// which begins with one of the array's groups of rows and ends with one.
  virtual void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
                      Real* parameters) noexcept = 0;

  /// Local. All that the optimizer remembers from step to step: what checkpoints keep, and what is filled in to go on.
  /// The views stay valid as long as the memory that it was made in.
  [[nodiscard]] virtual std::vector<OptimizerMemory> memory() noexcept = 0;
};

/// One row of the table of optimizers: the values of the key `optimizer`.
struct OptimizerEntry {
  const char* name = nullptr;
  const char* summary = nullptr;
  double usual_learning_rate = 0;  ///< that suits most data
  /// Takes what it remembers from `memory`, in one piece for all ranks of the node.
  std::unique_ptr<Optimizer> (*make)(const ParameterLayout& layout, const OptimizationOptions& options,
                                     Arena& memory) = nullptr;
  bool reads_momentum = false;  ///< whether the option has a meaning for it
};
[[nodiscard]] std::span<const OptimizerEntry> optimizers();
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const OptimizerEntry& optimizer(const std::string& name);
/// Local. A learning rate to try where this one made parameters diverge: a tenth of it, at most the usual one of the
/// optimizer, and such that a step takes no more than a tenth off the weights for the weight cost.
[[nodiscard]] double gentler_learning_rate(const OptimizerEntry& optimizer, double learning_rate, double weight_cost);

// In all of them g is the average gradient, its components clipped to clip_gradient either way if that is not 0, then,
// for arrays with weight cost, less weight_cost W + l1 sign(W), and for arrays with field cost, less field_cost b. The
// penalties are not clipped: what has grown too large is to come back. The learning rate is that of its schedule times
// rate_decay^(epoch - 1).

/// Gradient ascent with momentum (Polyak 1964; Hinton 2012, section 9):
///   velocity <- momentum velocity + g
///   parameters <- parameters + learning_rate velocity
[[nodiscard]] std::unique_ptr<Optimizer> make_momentum(const ParameterLayout& layout,
                                                       const OptimizationOptions& options, Arena& memory);

/// Adam (Kingma and Ba 2015): steps of much the same length for all parameters, squares by elements:
///   first_moment <- momentum first_moment + (1 - momentum) g
///   second_moment <- 0.999 second_moment + 0.001 g^2
///   parameters <- parameters + learning_rate first_moment' / (sqrt(second_moment') + 10^-8)
/// ' is the correction for moments that begin at zero: divided by 1 - momentum^step and 1 - 0.999^step.
[[nodiscard]] std::unique_ptr<Optimizer> make_adam(const ParameterLayout& layout, const OptimizationOptions& options,
                                                   Arena& memory);

/// RMSprop, with the decay of the lecture that brought it (Tieleman and Hinton 2012, Neural Networks for Machine
/// Learning, lecture 6.5); others use 0.99:
///   mean_square <- 0.9 mean_square + 0.1 g^2
///   parameters <- parameters + learning_rate g / (sqrt(mean_square) + 10^-8)
/// It begins at zero and is not corrected for that, so the first steps are up to 3 times as long.
[[nodiscard]] std::unique_ptr<Optimizer> make_rmsprop(const ParameterLayout& layout, const OptimizationOptions& options,
                                                      Arena& memory);

/// Plain ascent, whose rate follows the cosine of successive gradients:
///   parameters <- parameters + factor learning_rate g
/// The factor is 1 in the first two steps. Then it is that of the step before, times 1.002 if the product of the last
/// two gradients, those of the two steps before, is positive, else times 0.998; at most 10, so that the rate goes up to
/// that of ascent with the usual momentum of 0.9, and at least 10^-6. In an epoch whose learning rate differs it counts
/// on.
[[nodiscard]] std::unique_ptr<Optimizer> make_cossim(const ParameterLayout& layout, const OptimizationOptions& options,
                                                     Arena& memory);

}  // namespace rbmpi
