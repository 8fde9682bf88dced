#include "rbmpi/evaluate/gibbs_chains.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/gibbs/chains.hpp"

namespace rbmpi {
namespace {

/// Steps between two looks at whether a signal came.
constexpr std::uint64_t steps_at_once = 16;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Failure::usage, what);
}

void check(RbmShape shape, const ChainStart& start, const GibbsSettings& settings, int ranks_on_node) {
  constexpr std::uint64_t most_chains = std::numeric_limits<std::uint32_t>::max();
  want_logistic(shape, "Gibbs sampling");
  if (settings.chains == 0 || settings.chains > most_chains) {
    refuse(fmt::format("there are {} chains; 1 to {} would be right", settings.chains, most_chains));
  }
  if (start.samples.rows > 0 && start.samples.columns != shape.visible) {
    refuse(fmt::format("the chains would begin at rows of {}, but the model has {}",
                       plural(start.samples.columns, "value"), plural(shape.visible, "visible unit")));
  }
  if (!start.clamped.empty() && start.clamped.size() != shape.visible) {
    refuse(fmt::format("{} units are told whether to stay, but the model has {}", start.clamped.size(), shape.visible));
  }
  if (!start.clamped.empty() && start.samples.rows == 0) refuse("units can only stay as they are in rows of data");

  // Views of all chains on each rank, and its own states.
  const std::uint64_t row_bytes = (words_for(shape.visible) * 2 + words_for(shape.hidden)) * sizeof(std::uint64_t) +
                                  (settings.probabilities ? shape.visible * sizeof(Real) : 0);
  const std::uint64_t of_rank = available_memory() / static_cast<std::uint64_t>(ranks_on_node);
  if (settings.chains > of_rank / row_bytes) {
    throw Error(Failure::other, fmt::format("not enough memory for {} chains: they take {} each on every rank, which "
                                            "has {}; use fewer chains, or fewer ranks on a node",
                                            settings.chains, human_bytes(row_bytes), human_bytes(of_rank)));
  }
}

/// The chains of this rank, from their start to what is looked at.
class SampledChains {
 public:
  SampledChains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings, Shard mine)
      : couplings_(WeightRounding::one_grid, rbm.weights, memory_),
        clamped_(start.clamped.empty() ? 0 : words_for(rbm.shape().visible)),
        chains_(couplings_, mine, {.seed = settings.seed}, memory_),
        model_{.visible = rbm.visible_units(), .hidden = rbm.hidden_units(), .clamped = clamped_},
        states_(settings.chains * words_for(rbm.shape().visible)),
        probabilities_(settings.probabilities ? settings.chains * rbm.shape().visible : 0) {
    for (std::size_t i = 0; i < start.clamped.size(); ++i) {
      if (start.clamped[i]) clamped_[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    const std::vector<Real> zeros(rbm.shape().visible_parameters());
    const UnitRow even_odds{rbm.visible_unit, rbm.shape().visible, zeros.data(), rbm.shape().visible};
    chains_.for_blocks(
        [&](ChainBlock& block, Shard) { block.draw_independent(even_odds, chains_.numbers(), Phase::chain_start); });
    if (start.samples.rows > 0) draw_rows_of_data(start);
  }

  void advance(std::uint64_t steps) {
    chains_.sweep(model_, step_, steps);
    step_ += steps;
  }

  /// Collective.
  [[nodiscard]] ChainRecord record(const Communicator& world) {
    const std::size_t visible = chains_.visible().columns;
    const std::size_t all = states_.size() / words_for(visible);
    chains_.gather(world, states_);
    ChainRecord record{step_, {states_.data(), all, visible}, {}};
    if (probabilities_.empty()) return record;
    std::ranges::fill(probabilities_, Real{0});
    const Shard mine = chains_.mine();
    form_probabilities({probabilities_.data() + mine.first * visible, mine.count, visible});
    world.sum(std::span(probabilities_));
    record.probabilities = {probabilities_.data(), all, visible};
    return record;
  }

 private:
  /// The clamped units, or all if none is, as they are drawn from rows of the data.
  void draw_rows_of_data(const ChainStart& start) {
    const BitMatrixView visible = chains_.visible();
    const Draws draws{.seed = chains_.numbers().seed, .first = chains_.mine().first};
    constexpr std::size_t at_once = 256;
    RowBlocks blocks(start.samples, at_once);
    std::vector<Real> probabilities(at_once * visible.columns);
    std::vector<std::uint64_t> states(at_once * visible.row_words());
    const std::vector<std::uint64_t> everything(visible.row_words(), ~std::uint64_t{0});
    for (std::uint64_t done = 0, count = 0; done < visible.rows; done += count) {
      const std::uint64_t row = (start.first_row + draws.first + done) % start.samples.rows;
      count = std::min({visible.rows - done, start.samples.rows - row, std::uint64_t{at_once}});
      const RowReader& reader = blocks.next(row, count);
      parallel_pieces(count, [&](std::size_t first, std::size_t last) {
        Draws of_piece = draws;
        of_piece.first += done + first;
        reader.draw({first, last - first}, {0, visible.columns}, unrounded, of_piece, Phase::chain_start,
                    {probabilities.data() + first * visible.columns, last - first, visible.columns},
                    {states.data() + first * visible.row_words(), last - first, visible.columns});
        for (std::size_t i = first; i < last; ++i) {
          take_units(clamped_.empty() ? everything : clamped_, states.data() + i * visible.row_words(),
                     visible.row(done + i));
        }
      });
    }
  }

  /// count x V: what the states of these chains were drawn with, or the states, where they were not drawn.
  void form_probabilities(MatrixView probabilities) {
    if (step_ > 0) return chains_.visible_means(model_, probabilities);
    const ConstBitMatrixView states = chains_.visible();
    for (std::size_t i = 0; i < probabilities.rows; ++i) {
      for (std::size_t j = 0; j < probabilities.columns; ++j) probabilities.row(i)[j] = states.at(i, j) ? 1 : 0;
    }
  }

  Arena memory_;
  Couplings couplings_;
  std::vector<std::uint64_t> clamped_;  // bits, or empty
  Chains chains_;
  ChainModel model_;
  std::uint64_t step_ = 0;
  std::vector<std::uint64_t> states_;  // of all chains
  std::vector<Real> probabilities_;
};

}  // namespace

void run_gibbs_chains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                      const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                      const ProgressReport& progress) {
  constexpr const char* doing = "running Gibbs chains";
  const int ranks_on_node = world.split_by_node(0).size();
  world.agree([&] { check(rbm.shape(), start, settings, ranks_on_node); });
  std::optional<SampledChains> chains;
  world.agree([&] { chains.emplace(rbm, start, settings, shard(settings.chains, world.rank(), world.size())); });
  const auto look = [&] {
    const ChainRecord record = chains->record(world);
    world.agree_on_root([&] { take(record); });
  };

  if (settings.start_too) look();
  const std::uint64_t every = settings.every == 0 ? settings.steps : settings.every;
  std::uint64_t step = 0;
  while (step < settings.steps) {
    const std::uint64_t end = std::min(settings.steps, step + every);
    world.agree([&] {
      while (step < end) {
        throw_if_stopped(doing);
        const std::uint64_t count = std::min(steps_at_once, end - step);
        chains->advance(count);
        step += count;
        if (progress) progress(static_cast<double>(step) / static_cast<double>(settings.steps));
      }
    });
    if (step % every == 0) look();
  }
}

}  // namespace rbmpi
