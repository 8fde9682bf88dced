#include "train/swept_chains.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "rbmpi/core/error.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi {
namespace {

/// Of the estimator alone, on one rank; it takes one row through the machine at a time, since it takes none.
NodeShare smallest_share() {
  return {.node_rows = 1, .node_chains = 1};
}

TrainingOptions with_engine(TrainingOptions training) {
  training.engine = engine_in_use(training);
  return training;
}

}  // namespace

std::vector<SavedState::Array> first_arrays(const TrainingOptions& training, const Rows& samples,
                                            RbmView<const Real> rbm) {
  Couplings couplings(WeightRounding::two_grids, rbm.weights);
  Workspace memory;
  const std::unique_ptr<BatchGradient> gradient =
      gradient_estimator(training.estimator)
          .make({.rbm = rbm, .couplings = couplings, .data = samples, .options = training, .share = smallest_share()},
                memory);
  gradient->begin_state();
  std::vector<SavedState::Array> arrays;
  for (const StateArray& state : gradient->state()) {
    SavedState::Array& array = arrays.emplace_back(SavedState::Array{
        .name = state.name, .type = state.type, .rows = state.rows, .columns = state.columns, .values = {}});
    array.values = AlignedBuffer<std::byte>(state.values.size());
    std::ranges::copy(state.values, array.values.data());
  }
  return arrays;
}

std::uint64_t first_array_bytes(const TrainingOptions& training, RbmShape shape) {
  const RbmView<const Real> rbm(shape, {});
  Workspace counted(ArenaUse::count);
  Couplings couplings(WeightRounding::two_grids, rbm.weights, 0, 1, counted);
  const Rows none = Samples{.rows = 1, .columns = shape.visible};
  const std::unique_ptr<BatchGradient> gradient =
      gradient_estimator(training.estimator)
          .make({.rbm = rbm, .couplings = couplings, .data = none, .options = training, .share = smallest_share()},
                counted);
  std::uint64_t bytes = 0;
  for (const StateArray& state : gradient->state()) bytes += state.bytes();
  return bytes;
}

SweptChains::SweptChains(const TrainingOptions& training, const Rows& samples, const Communicator& ranks,
                         const std::optional<SavedState>& start)
    : training_(with_engine(training)),
      data_{samples, {}},
      function_(training_, data_, ranks),
      setup_(set_up(function_, training_, samples, ranks)) {
  ranks.agree([&] { memory_.emplace(function_, setup_.plan, training_, samples, setup_.memory); });
  if (setup_.layout.node.is_root()) memory_->fill(start, setup_.layout.peers);
  setup_.memory.node.synchronise();
  follow_parameters();
}

void SweptChains::follow_parameters() {
  const StepPlan& plan = setup_.plan;
  ParameterFollower& follower = *memory_->function.follower;
  for (;;) {
    for (std::size_t thread = 0; thread < plan.share.threads; ++thread) follower.begin(plan.share.worker(thread));
    for (std::size_t array = 0; array < plan.mine.arrays(); ++array) {
      follower.follow(array, plan.mine.rows(array), plan.share.worker(0));
    }
    setup_.memory.node.synchronise();
    const ParameterFollower::Fit fit = follower.settle();
    if (fit == ParameterFollower::Fit::impossible) throw AgreedError(Failure::usage, follower.refusal());
    if (fit == ParameterFollower::Fit::good) return;
    setup_.memory.node.synchronise();  // all have seen why
  }
}

void SweptChains::sweep() {
  const StepPlan& plan = setup_.plan;
  const Shard chains = shard(plan.chains, setup_.layout.node_index, setup_.layout.peers.size());
  const MiniBatch no_rows{.rows = memory_->reader.get(), .step = step_++};
  for (std::uint64_t done = 0; done < chains.count; done += plan.share.node_chains) {
    const Shard part{chains.first + done, std::min<std::uint64_t>(plan.share.node_chains, chains.count - done)};
    (void)memory_->function.gradient->propagate(no_rows, part, clock_);
    setup_.memory.node.synchronise();  // the next part takes the place of these chains
  }
}

}  // namespace rbmpi
