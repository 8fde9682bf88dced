#pragma once

#include <string>
#include <vector>

#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/trainer.hpp"
#include "support/numbers.hpp"

namespace rbmpi::test {

/// A training between two steps, of any content.
class SomeTraining {
 public:
  explicit SomeTraining(RbmShape shape = {7, 5}, std::uint64_t seed = 1)
      : rbm_(shape),
        velocity_(shape.parameters()),
        memory_{{"velocity", velocity_.span()}},
        layout_(rbm_layout(shape)) {
    Random random(seed);
    for (Real& value : rbm_.parameters()) value = static_cast<Real>(random.uniform() - 0.5);
    for (Real& value : velocity_.span()) value = static_cast<Real>(random.uniform() - 0.5);
    for (std::byte& value : chains_) value = static_cast<std::byte>(random.below(256));
    progress_ = {.epoch = 3, .epoch_rows = 40, .steps = 1000 + seed, .epoch_loss = 12345.0, .epoch_seconds = 0.5};
  }
  SomeTraining(const SomeTraining&) = delete;
  SomeTraining& operator=(const SomeTraining&) = delete;

  [[nodiscard]] TrainingState state() const { return {rbm_.parameters(), memory_, progress_, layout_, arrays_}; }
  [[nodiscard]] TrainingProgress& progress() { return progress_; }
  [[nodiscard]] const Rbm& rbm() const { return rbm_; }
  [[nodiscard]] std::span<const Real> velocity() const { return velocity_.span(); }
  [[nodiscard]] std::span<const std::byte> chains() const { return chains_; }

  /// What a CheckpointWriter is told of it.
  [[nodiscard]] Model description() const {
    Model model{.layers = {}, .configuration = "hidden = 5\n", .provenance = {{"program", "rbmpi"}}};
    model.layers.emplace_back(rbm_.shape());
    return model;
  }

  /// The same as a checkpoint.
  [[nodiscard]] Checkpoint checkpoint() const {
    Checkpoint result;
    result.model.layers.emplace_back(rbm_.shape());
    std::ranges::copy(rbm_.parameters(), result.model.layers.front().parameters().begin());
    result.model.configuration = "hidden = 5\n";
    result.model.provenance = {{"program", "rbmpi"}, {"dataset_digest", "abc"}};
    result.optimizer.push_back({"velocity", AlignedBuffer<Real>(velocity_.size())});
    std::ranges::copy(velocity_.span(), result.optimizer.front().values.data());
    result.arrays.push_back({"chains", ElementType::uint8, 9, 2, AlignedBuffer<std::byte>(chains_.size())});
    std::ranges::copy(chains_, result.arrays.front().values.data());
    result.progress = progress_;
    result.metrics = "{\"epoch\":1}\n{\"epoch\":2}\n";
    return result;
  }

 private:
  Rbm rbm_;
  AlignedBuffer<Real> velocity_;
  std::vector<OptimizerMemory> memory_;
  std::vector<std::byte> chains_ = std::vector<std::byte>(18);
  std::vector<StateArray> arrays_{
      {.name = "chains", .rows = 9, .columns = 2, .values = chains_, .is_shared_out = true}};
  TrainingProgress progress_;
  ParameterLayout layout_;
};

inline std::vector<Real> copy(std::span<const Real> values) {
  return {values.begin(), values.end()};
}

}  // namespace rbmpi::test
