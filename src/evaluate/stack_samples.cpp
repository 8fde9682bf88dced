#include "rbmpi/evaluate/stack_samples.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "evaluate/chain_records.hpp"
#include "evaluate/pieces.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/gibbs/draws.hpp"

namespace rbmpi {
namespace {

/// The way from the highest layer of a stack down to the data, for the chains of one rank, and what all ranks have
/// found there.
class StackDescent {
 public:
  StackDescent(std::span<const RbmView<const Real>> below, const GibbsSettings& settings, Shard mine)
      : below_(below), seed_(settings.seed), mine_(mine), chains_of_all_(settings.chains) {
    std::size_t widest = 0;
    couplings_.reserve(below.size());
    for (const RbmView<const Real>& layer : below) {
      couplings_.emplace_back(WeightRounding::one_grid, layer.weights, memory_);
      widest = std::max({widest, padded_columns(layer.shape().visible), layer.shape().hidden});
    }
    const std::size_t rows = std::min<std::size_t>(product_rows, mine.count);
    states_ = memory_.take<Real>(rows * widest);
    fields_ = memory_.take<Real>(rows * widest);
    if (keeps_bits(below.front())) {
      bits_.resize(settings.chains * words_for(visible()));
    } else {
      numbers_.resize(settings.chains * visible());
    }
    if (settings.probabilities) probabilities_.resize(settings.chains * visible());
  }

  [[nodiscard]] static bool keeps_bits(RbmView<const Real> lowest) { return is_logistic(lowest.shape()); }

  /// Local. What it takes of each chain, on each rank.
  [[nodiscard]] static std::uint64_t chain_bytes(RbmView<const Real> lowest, const GibbsSettings& settings) {
    const std::uint64_t number_bytes = lowest.shape().visible * sizeof(Real);
    return (keeps_bits(lowest) ? words_for(lowest.shape().visible) * sizeof(std::uint64_t) : number_bytes) +
           (settings.probabilities ? number_bytes : 0);
  }

  /// Local. The chains of this rank.
  void go_down(const ChainRecord& top) {
    // Each rank has its own, and zeros elsewhere: the sum is all of them.
    std::ranges::fill(bits_, std::uint64_t{0});
    std::ranges::fill(numbers_, Real{0});
    std::ranges::fill(probabilities_, Real{0});
    for (std::uint64_t done = 0; done < mine_.count; done += product_rows) {
      throw_if_stopped("sampling a stack");
      const Shard some{mine_.first + done, std::min<std::uint64_t>(product_rows, mine_.count - done)};
      take_highest(top, some);
      for (std::size_t k = below_.size(); k-- > 0;) draw_visible(k, top.step, some);
      keep(some);
    }
  }

  /// Collective.
  [[nodiscard]] ChainRecord gather(const ChainRecord& top, const Communicator& world) {
    world.sum(std::span(reinterpret_cast<std::int64_t*>(bits_.data()), bits_.size()));
    world.sum(std::span(numbers_));
    world.sum(std::span(probabilities_));
    ChainRecord record;
    record.step = top.step;
    if (!bits_.empty()) record.states = {bits_.data(), chains_of_all_, visible()};
    if (!numbers_.empty()) record.numbers = {numbers_.data(), chains_of_all_, visible()};
    if (!probabilities_.empty()) record.probabilities = {probabilities_.data(), chains_of_all_, visible()};
    return record;
  }

 private:
  [[nodiscard]] std::size_t visible() const { return below_.front().shape().visible; }
  [[nodiscard]] MatrixView fields(std::size_t layer, Shard some) const {
    return {fields_.data(), some.count, padded_columns(below_[layer].shape().visible)};
  }

  /// The visible units of the highest layer are the hidden ones of that below it.
  void take_highest(const ChainRecord& top, Shard some) {
    const std::size_t hidden = below_.back().shape().hidden;
    for (std::size_t i = 0; i < some.count; ++i) {
      const std::uint64_t chain = some.first + i;
      Real* const h = states_.data() + i * hidden;
      if (top.numbers.values != nullptr) {
        std::copy_n(top.numbers.row(chain), hidden, h);
      } else {
        for (std::size_t j = 0; j < hidden; ++j) h[j] = top.states.at(chain, j) ? 1 : 0;
      }
    }
  }

  /// From h to v of a layer, which takes the place of h; the fields become means.
  void draw_visible(std::size_t layer, std::uint64_t step, Shard some) {
    const RbmView<const Real>& rbm = below_[layer];
    const UnitRow units = rbm.visible_units();
    const MatrixView means = fields(layer, some);
    down_from_states(couplings_[layer], *rbm.hidden_unit, {states_.data(), some.count, rbm.shape().hidden}, means);
    const Draws draws{seed_, static_cast<std::uint32_t>(layer), step, some.first};
    parallel_for(some.count, [&](std::size_t i) {
      units.unit->draw(units, unrounded, draws.stream(Phase::stack_visible, i), means.row(i),
                       states_.data() + i * units.count);
    });
  }

  /// What was drawn in the lowest layer.
  void keep(Shard some) {
    const MatrixView means = fields(0, some);
    const BitMatrixView bits{bits_.data(), chains_of_all_, visible()};
    for (std::size_t i = 0; i < some.count; ++i) {
      const Real* const v = states_.data() + i * visible();
      const std::uint64_t chain = some.first + i;
      if (!numbers_.empty()) std::copy_n(v, visible(), numbers_.data() + chain * visible());
      if (!probabilities_.empty()) std::copy_n(means.row(i), visible(), probabilities_.data() + chain * visible());
      for (std::size_t unit = 0; !bits_.empty() && unit < visible(); ++unit) {
        if (v[unit] != 0) bits.turn_on(chain, unit);
      }
    }
  }

  Arena memory_;
  std::span<const RbmView<const Real>> below_;
  std::uint64_t seed_;
  Shard mine_;
  std::size_t chains_of_all_;
  std::vector<Couplings> couplings_;
  std::span<Real> states_;  // of some chains: h of a layer, then its v
  std::span<Real> fields_;
  std::vector<std::uint64_t> bits_;  // of all chains, as are the others; one of these two
  std::vector<Real> numbers_;
  std::vector<Real> probabilities_;
};

void check_stack(std::span<const RbmView<const Real>> layers) {
  for (std::size_t k = 1; k < layers.size(); ++k) {
    const RbmShape upper = layers[k].shape();
    const RbmShape lower = layers[k - 1].shape();
    const bool labels = k + 1 == layers.size();  // may be beside the hidden units of the layer below
    if (upper.visible_unit == lower.hidden_unit &&
        (upper.visible == lower.hidden || (labels && upper.visible > lower.hidden))) {
      continue;
    }
    throw Error(Failure::usage,
                fmt::format("layer {} has {} {} visible units, but the layer below it {} {} hidden ones", k + 1,
                            upper.visible, upper.visible_unit->name, lower.hidden, lower.hidden_unit->name));
  }
}

}  // namespace

void sample_stack(std::span<const RbmView<const Real>> layers, const ChainStart& start, const GibbsSettings& settings,
                  const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                  const ProgressReport& progress) {
  if (layers.size() == 1) return run_gibbs_chains(layers.front(), start, settings, world, take, progress);
  world.agree([&] { check_stack(layers); });
  GibbsSettings of_highest = settings;
  of_highest.probabilities = false;
  std::optional<StackDescent> descent;
  const auto look = [&](const ChainRecord& top) {
    world.agree([&] {
      if (!descent) {
        descent.emplace(layers.first(layers.size() - 1), settings, shard(settings.chains, world.rank(), world.size()));
      }
      descent->go_down(top);
    });
    const ChainRecord record = descent->gather(top, world);
    world.agree_on_root([&] { take(record); });
  };
  for_chain_records(layers.back(), start, of_highest, StackDescent::chain_bytes(layers.front(), settings), world, look,
                    progress);
}

}  // namespace rbmpi
