#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/gradient_sums.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Moves parameters along a gradient, whatever estimated it. Every rank has one and gives it the same sums, so that the
/// parameters stay equal on all ranks without being sent.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Local, on all threads, without allocation. One step in `epoch` (from 1), up the gradient in `sums` after their
  /// exchange. The weight cost acts on the weights alone.
  virtual void update(Rbm& rbm, GradientSums& sums, std::uint64_t epoch) = 0;

  /// Local. All that the optimizer remembers from step to step: what checkpoints keep, and what is filled in to go on.
  /// The views stay valid as long as the optimizer.
  [[nodiscard]] virtual std::vector<OptimizerMemory> memory() noexcept = 0;
};

/// One row of the table of optimizers: the values of the key `optimizer`.
struct OptimizerEntry {
  const char* name;
  const char* summary;
  std::unique_ptr<Optimizer> (*make)(RbmShape shape, const TrainingOptions& options);
  /// Bytes that the object will hold.
  std::uint64_t (*memory)(RbmShape shape);
};
[[nodiscard]] std::span<const OptimizerEntry> optimizers();
/// Throws Error(Failure::usage) that names the known ones.
[[nodiscard]] const OptimizerEntry& optimizer(const std::string& name);

/// Gradient ascent with momentum (Polyak 1964; Hinton 2012, section 9), g the average gradient less weight_cost W:
///   velocity <- momentum velocity + g
///   parameters <- parameters + learning_rate velocity
[[nodiscard]] std::unique_ptr<Optimizer> make_momentum(RbmShape shape, const TrainingOptions& options);
[[nodiscard]] std::uint64_t momentum_memory(RbmShape shape);

}  // namespace rbmpi
