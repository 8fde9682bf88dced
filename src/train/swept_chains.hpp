#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/trainer.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"
#include "train/optimization_setup.hpp"
#include "train/rbm_gradient.hpp"

namespace rbmpi {

/// Local. All rows of what an estimator remembers when a training begins with this machine: nothing of one that
/// remembers nothing.
[[nodiscard]] std::vector<SavedState::Array> first_arrays(const TrainingOptions& training, const Rows& samples,
                                                          RbmView<const Real> rbm);
/// Local. The bytes of these arrays.
[[nodiscard]] std::uint64_t first_array_bytes(const TrainingOptions& training, RbmShape shape);

/// The persistent chains of a training that only sweeps them, as its steps do, in their ranks and with their memory.
class SweptChains {
 public:
  /// Collective over `ranks`. `samples` must live on; only the root has to give a start. Throws AgreedError.
  SweptChains(const TrainingOptions& training, const Rows& samples, const Communicator& ranks,
              const std::optional<SavedState>& start);
  // What is made here refers to what is beside it.
  SweptChains(const SweptChains&) = delete;
  SweptChains& operator=(const SweptChains&) = delete;

  /// Collective over `ranks`. The sweeps of one step, of all chains: from h to v to h each, the last with the means of
  /// h that the gradient takes.
  void sweep();

 private:
  /// Collective over the node. The couplings become those of the parameters.
  void follow_parameters();

  TrainingOptions training_;
  TrainingData data_;
  RbmGradient function_;
  OptimizationSetup setup_;
  std::optional<StepMemory> memory_;
  PhaseClock clock_;
  std::uint64_t step_ = 0;
};

}  // namespace rbmpi
