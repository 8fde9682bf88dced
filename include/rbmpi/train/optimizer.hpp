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
  /// over the samples.
  virtual void begin_step(std::uint64_t epoch, std::uint64_t step, Real sample_share) = 0;

  /// Local, on the calling thread, without allocation. One step of the parameters [first, first + count) of the flat
  /// buffer, which are of `array`, up the gradient that has these `sums`: both pointers are to those of the range.
  virtual void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
                      Real* parameters) noexcept = 0;

  /// Local. All that the optimizer remembers from step to step: what checkpoints keep, and what is filled in to go on.
  /// The views stay valid as long as the memory that it was made in.
  [[nodiscard]] virtual std::vector<OptimizerMemory> memory() noexcept = 0;
};

/// One row of the table of optimizers: the values of the key `optimizer`.
struct OptimizerEntry {
  const char* name;
  const char* summary;
  double usual_learning_rate;  ///< that suits most data
  /// Takes what it remembers from `memory`, in one piece for all ranks of the node.
  std::unique_ptr<Optimizer> (*make)(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory);
};
[[nodiscard]] std::span<const OptimizerEntry> optimizers();
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const OptimizerEntry& optimizer(const std::string& name);
/// Local. A learning rate to try where this one made parameters diverge: a tenth of it, at most the usual one of the
/// optimizer, and such that a step takes no more than a tenth off the weights for the weight cost.
[[nodiscard]] double gentler_learning_rate(const OptimizerEntry& optimizer, double learning_rate, double weight_cost);

/// Gradient ascent with momentum (Polyak 1964; Hinton 2012, section 9), g the average gradient, for arrays with weight
/// cost less weight_cost W:
///   velocity <- momentum velocity + g
///   parameters <- parameters + learning_rate velocity
[[nodiscard]] std::unique_ptr<Optimizer> make_momentum(const ParameterLayout& layout,
                                                       const OptimizationOptions& options, Arena& memory);

/// Adam (Kingma and Ba 2015): steps of much the same length for all parameters, g as above, squares by elements:
///   first_moment <- momentum first_moment + (1 - momentum) g
///   second_moment <- 0.999 second_moment + 0.001 g^2
///   parameters <- parameters + learning_rate first_moment' / (sqrt(second_moment') + 10^-8)
/// ' is the correction for moments that begin at zero: divided by 1 - momentum^step and 1 - 0.999^step.
[[nodiscard]] std::unique_ptr<Optimizer> make_adam(const ParameterLayout& layout, const OptimizationOptions& options,
                                                   Arena& memory);

}  // namespace rbmpi
