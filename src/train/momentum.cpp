#include "rbmpi/core/kernels.hpp"
#include "rbmpi/train/optimizer.hpp"

namespace rbmpi {
namespace {

class Momentum final : public Optimizer {
 public:
  Momentum(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory)
      : learning_rate_(options.learning_rate),
        momentum_(options.momentum),
        weight_cost_(options.weight_cost),
        velocity_(memory.take<Real>(layout.size())) {}

  void begin_step(std::uint64_t epoch, std::uint64_t /*step*/, Real sample_share) override {
    step_ = {.sample_share = sample_share,
             .learning_rate = static_cast<Real>(learning_rate_.at(epoch)),
             .momentum = static_cast<Real>(momentum_.at(epoch)),
             .weight_cost = static_cast<Real>(weight_cost_.at(epoch))};
  }

  void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
              Real* parameters) noexcept override {
    MomentumStep step = step_;
    if (!array.weight_cost) step.weight_cost = 0;
    momentum_update(step, sums, count, velocity_.data() + first, parameters);
  }

  std::vector<OptimizerMemory> memory() noexcept override { return {{"velocity", velocity_}}; }

 private:
  Schedule learning_rate_;
  Schedule momentum_;
  Schedule weight_cost_;
  MomentumStep step_;
  std::span<Real> velocity_;  // one flat buffer in the layout of the parameters
};

}  // namespace

std::unique_ptr<Optimizer> make_momentum(const ParameterLayout& layout, const OptimizationOptions& options,
                                         Arena& memory) {
  return std::make_unique<Momentum>(layout, options, memory);
}

}  // namespace rbmpi
