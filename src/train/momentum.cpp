#include "rbmpi/core/kernels.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/gradient_schedules.hpp"

namespace rbmpi {
namespace {

class Momentum final : public Optimizer {
 public:
  Momentum(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory)
      : schedules_(options), momentum_(options.momentum), velocity_(memory.take<Real>(layout.size())) {}

  void begin_step(std::uint64_t epoch, std::uint64_t /*step*/, Real sample_share) override {
    schedules_.begin_step(epoch, sample_share);
    step_ = {.gradient = {},
             .learning_rate = static_cast<Real>(schedules_.learning_rate()),
             .momentum = static_cast<Real>(momentum_.at(epoch))};
  }

  void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
              Real* parameters) noexcept override {
    MomentumStep step = step_;
    step.gradient = schedules_.terms(array);
    momentum_update(step, sums, count, velocity_.data() + first, parameters);
  }

  std::vector<OptimizerMemory> memory() noexcept override { return {{"velocity", velocity_}}; }

 private:
  GradientSchedules schedules_;
  Schedule momentum_;
  MomentumStep step_;
  std::span<Real> velocity_;  // one flat buffer in the layout of the parameters
};

}  // namespace

std::unique_ptr<Optimizer> make_momentum(const ParameterLayout& layout, const OptimizationOptions& options,
                                         Arena& memory) {
  return std::make_unique<Momentum>(layout, options, memory);
}

}  // namespace rbmpi
