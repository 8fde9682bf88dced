#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/optimizer.hpp"

namespace rbmpi {
namespace {

class Momentum final : public Optimizer {
 public:
  Momentum(RbmShape shape, const TrainingOptions& options)
      : learning_rate_(options.learning_rate),
        momentum_(options.momentum),
        weight_cost_(options.weight_cost),
        velocity_(shape.parameters()) {}

  void update(Rbm& rbm, GradientSums& sums, std::uint64_t epoch) override {
    MomentumStep step{.sample_share = sums.sample_share(),
                      .learning_rate = static_cast<Real>(learning_rate_.at(epoch)),
                      .momentum = static_cast<Real>(momentum_.at(epoch)),
                      .weight_cost = static_cast<Real>(weight_cost_.at(epoch))};
    const std::size_t weights = rbm.shape().weights();
    update_range(step, 0, weights, rbm, sums);
    step.weight_cost = 0;
    update_range(step, weights, rbm.shape().parameters() - weights, rbm, sums);
  }

  std::vector<OptimizerMemory> memory() noexcept override { return {{"velocity", velocity_.span()}}; }

 private:
  void update_range(const MomentumStep& step, std::size_t begin, std::size_t count, Rbm& rbm, GradientSums& sums) {
    parallel_pieces(count, [&](std::size_t first, std::size_t last) {
      momentum_update(step, sums.gradient().data() + begin + first, last - first, velocity_.data() + begin + first,
                      rbm.parameters().data() + begin + first);
    });
  }

  Schedule learning_rate_;
  Schedule momentum_;
  Schedule weight_cost_;
  AlignedBuffer<Real> velocity_;  // one flat buffer in the layout of the parameters
};

}  // namespace

std::unique_ptr<Optimizer> make_momentum(RbmShape shape, const TrainingOptions& options) {
  return std::make_unique<Momentum>(shape, options);
}

std::uint64_t momentum_memory(RbmShape shape) {
  return shape.parameters() * sizeof(Real);
}

}  // namespace rbmpi
