#include <cmath>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/gradient_schedules.hpp"

namespace rbmpi {
namespace {

constexpr double second_decay = 0.999;
constexpr double epsilon = 1e-8;

class Adam final : public Optimizer {
 public:
  Adam(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory)
      : schedules_(options),
        first_decay_(options.momentum),
        first_moment_(memory.take<Real>(layout.size())),
        second_moment_(memory.take<Real>(layout.size())) {}

  void begin_step(std::uint64_t epoch, std::uint64_t step, Real sample_share) override {
    const double first_decay = first_decay_.at(epoch);
    const double first_correction = 1 - power(first_decay, step);
    const double second_correction = std::sqrt(1 - power(second_decay, step));
    schedules_.begin_step(epoch, sample_share);
    step_ = {.gradient = {},
             .learning_rate = static_cast<Real>(schedules_.learning_rate() * second_correction / first_correction),
             .epsilon = static_cast<Real>(epsilon * second_correction),
             .first_share = static_cast<Real>(1 - first_decay),
             .second_share = static_cast<Real>(1 - second_decay)};
  }

  void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
              Real* parameters) noexcept override {
    AdamStep step = step_;
    step.gradient = schedules_.terms(array);
    adam_update(step, sums, count, first_moment_.data() + first, second_moment_.data() + first, parameters);
  }

  std::vector<OptimizerMemory> memory() noexcept override {
    return {{"first_moment", first_moment_}, {"second_moment", second_moment_}};
  }

 private:
  GradientSchedules schedules_;
  Schedule first_decay_;
  AdamStep step_;
  std::span<Real> first_moment_;  // flat buffers in the layout of the parameters
  std::span<Real> second_moment_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory) {
  return std::make_unique<Adam>(layout, options, memory);
}

}  // namespace rbmpi
