#include "rbmpi/core/kernels.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/gradient_schedules.hpp"

namespace rbmpi {
namespace {

class Rmsprop final : public Optimizer {
 public:
  Rmsprop(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory)
      : schedules_(options), mean_square_(memory.take<Real>(layout.size())) {}

  void begin_step(std::uint64_t epoch, std::uint64_t /*step*/, Real sample_share) override {
    schedules_.begin_step(epoch, sample_share);
    step_.learning_rate = static_cast<Real>(schedules_.learning_rate());
  }

  void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
              Real* parameters) noexcept override {
    RmspropStep step = step_;
    step.gradient = schedules_.terms(array);
    rmsprop_update(step, sums, count, mean_square_.data() + first, parameters);
  }

  std::vector<OptimizerMemory> memory() noexcept override { return {{"mean_square", mean_square_}}; }

 private:
  GradientSchedules schedules_;
  RmspropStep step_ = {.gradient = {}, .learning_rate = 0, .epsilon = 1e-8F, .square_share = 0.1F};
  std::span<Real> mean_square_;  // one flat buffer in the layout of the parameters
};

}  // namespace

std::unique_ptr<Optimizer> make_rmsprop(const ParameterLayout& layout, const OptimizationOptions& options,
                                        Arena& memory) {
  return std::make_unique<Rmsprop>(layout, options, memory);
}

}  // namespace rbmpi
