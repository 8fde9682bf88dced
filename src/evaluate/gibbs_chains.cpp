#include "rbmpi/evaluate/gibbs_chains.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "evaluate/chain_records.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/gibbs/chains.hpp"
#include "rbmpi/gibbs/number_chains.hpp"

namespace rbmpi {
namespace {

/// Steps between two looks at whether a signal came.
constexpr std::uint64_t steps_at_once = 16;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Failure::usage, what);
}

/// Bytes of the states of a chain: of its own rank, and of all chains on every rank.
std::uint64_t state_bytes(RbmShape shape, std::uint64_t chains) {
  if (is_logistic(shape)) return (words_for(shape.visible) * 2 + words_for(shape.hidden)) * sizeof(std::uint64_t);
  Arena of_couplings(ArenaUse::count);
  const Couplings couplings(WeightRounding::one_grid, {nullptr, shape.visible, shape.hidden}, of_couplings);
  Arena counted(ArenaUse::count);
  const NumberChains all(couplings, {0, chains}, {}, counted);
  return counted.taken() / chains + shape.visible * sizeof(Real);
}

void check(RbmShape shape, const ChainStart& start, const GibbsSettings& settings, std::uint64_t chain_bytes,
           int ranks_on_node) {
  constexpr std::uint64_t most_chains = std::numeric_limits<std::uint32_t>::max();
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

  // Each rank has the visible states of all chains, and its own chains.
  const std::uint64_t row_bytes =
      chain_bytes + state_bytes(shape, settings.chains) + (settings.probabilities ? shape.visible * sizeof(Real) : 0);
  const std::uint64_t of_rank = available_memory() / static_cast<std::uint64_t>(ranks_on_node);
  if (settings.chains > of_rank / row_bytes) {
    throw Error(Failure::other, fmt::format("not enough memory for {} chains: they take {} each on every rank, which "
                                            "has {}; use fewer chains, or fewer ranks on a node",
                                            settings.chains, human_bytes(row_bytes), human_bytes(of_rank)));
  }
}

/// Rows of data that are drawn together.
constexpr std::size_t rows_at_once = 256;

/// Calls body(reader, rows, first): the chains from `first` on, among those of this rank, begin at these rows of the
/// reader.
template <typename Body>
void for_rows_of_data(const ChainStart& start, Shard mine, const Body& body) {
  RowBlocks blocks(start.samples, rows_at_once);
  for (std::uint64_t done = 0, count = 0; done < mine.count; done += count) {
    const std::uint64_t row = (start.first_row + mine.first + done) % start.samples.rows;
    count = std::min({mine.count - done, start.samples.rows - row, std::uint64_t{rows_at_once}});
    body(blocks.next(row, count), count, done);
  }
}

/// The chains of this rank, from their start to what is looked at.
class SampledChains {
 public:
  virtual ~SampledChains() = default;

  void advance(std::uint64_t steps) {
    sweep(model_, step_, steps);
    step_ += steps;
  }

  /// Collective.
  [[nodiscard]] ChainRecord record(const Communicator& world) {
    const std::size_t visible = model_.visible.count;
    ChainRecord record;
    record.step = step_;
    gather(world, record);
    if (probabilities_.empty()) return record;
    std::ranges::fill(probabilities_, Real{0});
    const MatrixView mine{probabilities_.data() + mine_.first * visible, mine_.count, visible};
    if (step_ > 0) {
      form_means(model_, mine);
    } else {
      copy_states(mine);
    }
    world.sum(std::span(probabilities_));
    record.probabilities = {probabilities_.data(), chains_of_all_, visible};
    return record;
  }

 protected:
  SampledChains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings, Shard mine)
      : couplings_(WeightRounding::one_grid, rbm.weights, memory_),
        clamped_(start.clamped.empty() ? 0 : words_for(rbm.shape().visible)),
        model_{.visible = rbm.visible_units(), .hidden = rbm.hidden_units(), .clamped = clamped_},
        mine_(mine),
        chains_of_all_(settings.chains),
        zeros_(rbm.shape().visible_parameters()),
        probabilities_(settings.probabilities ? settings.chains * rbm.shape().visible : 0) {
    const BitMatrixView clamped{clamped_.data(), 1, start.clamped.size()};
    for (std::size_t i = 0; i < start.clamped.size(); ++i) {
      if (start.clamped[i]) clamped.turn_on(0, i);
    }
  }

  [[nodiscard]] const Couplings& couplings() const { return couplings_; }
  [[nodiscard]] Arena& memory() { return memory_; }
  [[nodiscard]] std::span<const std::uint64_t> clamped() const { return clamped_; }
  /// The visible units without parameters: they begin as noise.
  [[nodiscard]] UnitRow noise() const {
    return {model_.visible.unit, model_.visible.count, zeros_.data(), model_.visible.count};
  }
  [[nodiscard]] std::size_t chains_of_all() const { return chains_of_all_; }

  virtual void sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps) = 0;
  /// Collective. The states of all chains.
  virtual void gather(const Communicator& world, ChainRecord& record) = 0;
  /// Of these chains, n x V: what the states were drawn with, and the states.
  virtual void form_means(const ChainModel& model, MatrixView means) = 0;
  virtual void copy_states(MatrixView states) = 0;

 private:
  Arena memory_;
  Couplings couplings_;
  std::vector<std::uint64_t> clamped_;  // bits, or empty
  ChainModel model_;
  Shard mine_;
  std::uint64_t step_ = 0;
  std::size_t chains_of_all_;
  std::vector<Real> zeros_;
  std::vector<Real> probabilities_;
};

class SampledBits final : public SampledChains {
 public:
  SampledBits(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings, Shard mine)
      : SampledChains(rbm, start, settings, mine),
        chains_(couplings(), mine, {.seed = settings.seed}, memory()),
        states_(settings.chains * words_for(rbm.shape().visible)) {
    chains_.for_blocks(
        [&](ChainBlock& block, Shard) { block.draw_independent(noise(), chains_.numbers(), Phase::chain_start); });
    if (start.samples.rows > 0) draw_rows_of_data(start);
  }

 private:
  /// The clamped units, or all if none is, as they are drawn from rows of the data.
  void draw_rows_of_data(const ChainStart& start) {
    const BitMatrixView visible = chains_.visible();
    const Draws draws{.seed = chains_.numbers().seed, .first = chains_.mine().first};
    std::vector<Real> probabilities(rows_at_once * visible.columns);
    std::vector<std::uint64_t> states(rows_at_once * visible.row_words());
    const std::vector<std::uint64_t> everything(visible.row_words(), ~std::uint64_t{0});
    for_rows_of_data(start, chains_.mine(), [&](const RowReader& reader, std::uint64_t count, std::uint64_t done) {
      parallel_pieces(count, [&](std::size_t first, std::size_t last) {
        Draws of_piece = draws;
        of_piece.first += done + first;
        reader.draw({first, last - first}, {0, visible.columns}, unrounded, of_piece, Phase::chain_start,
                    {probabilities.data() + first * visible.columns, last - first, visible.columns},
                    {states.data() + first * visible.row_words(), last - first, visible.columns});
        for (std::size_t i = first; i < last; ++i) {
          take_units(clamped().empty() ? everything : clamped(), states.data() + i * visible.row_words(),
                     visible.row(done + i));
        }
      });
    });
  }

  void sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps) override {
    chains_.sweep(model, first_step, sweeps);
  }
  void gather(const Communicator& world, ChainRecord& record) override {
    chains_.gather(world, states_);
    record.states = {states_.data(), chains_of_all(), chains_.visible().columns};
  }
  void form_means(const ChainModel& model, MatrixView means) override { chains_.visible_means(model, means); }
  void copy_states(MatrixView states) override {
    const ConstBitMatrixView from = chains_.visible();
    for (std::size_t i = 0; i < states.rows; ++i) {
      for (std::size_t j = 0; j < states.columns; ++j) states.row(i)[j] = from.at(i, j) ? 1 : 0;
    }
  }

  Chains chains_;
  std::vector<std::uint64_t> states_;  // of all chains
};

/// The same for units whose states are not kept as bits.
class SampledNumbers final : public SampledChains {
 public:
  SampledNumbers(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings, Shard mine)
      : SampledChains(rbm, start, settings, mine),
        chains_(couplings(), mine, {.seed = settings.seed}, memory()),
        numbers_(settings.chains * rbm.shape().visible) {
    chains_.draw_independent(noise(), Phase::chain_start);
    if (start.samples.rows > 0) draw_rows_of_data(start);
  }

 private:
  void draw_rows_of_data(const ChainStart& start) {
    const MatrixView visible = chains_.visible();
    const Draws draws{.seed = chains_.numbers().seed, .first = chains_.mine().first};
    const ConstBitMatrixView stay{clamped().data(), 1, clamped().empty() ? 0 : visible.columns};
    std::vector<Real> drawn(rows_at_once * visible.columns);
    for_rows_of_data(start, chains_.mine(), [&](const RowReader& reader, std::uint64_t count, std::uint64_t done) {
      const MatrixView rows{drawn.data(), count, visible.columns};
      reader.read_on_all_threads({0, count}, unrounded, rows);
      parallel_for(count, [&](std::size_t i) {
        noise().unit->draw_data(rows.columns, draws.stream(Phase::chain_start, done + i), rows.row(i), rows.row(i));
        for (std::size_t unit = 0; unit < rows.columns; ++unit) {
          if (stay.columns == 0 || stay.at(0, unit)) visible.row(done + i)[unit] = rows.row(i)[unit];
        }
      });
    });
  }

  void sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps) override {
    chains_.sweep(model, first_step, sweeps);
  }
  void gather(const Communicator& world, ChainRecord& record) override {
    const std::size_t visible = chains_.visible().columns;
    // Each rank has its own, and zeros elsewhere: the sum is all of them.
    std::ranges::fill(numbers_, Real{0});
    copy_states({numbers_.data() + chains_.mine().first * visible, chains_.mine().count, visible});
    world.sum(std::span(numbers_));
    record.numbers = {numbers_.data(), chains_of_all(), visible};
  }
  void form_means(const ChainModel& model, MatrixView means) override { chains_.visible_means(model, means); }
  void copy_states(MatrixView states) override { std::copy_n(chains_.visible().values, states.size(), states.values); }

  NumberChains chains_;
  std::vector<Real> numbers_;  // of all chains
};

std::unique_ptr<SampledChains> make_chains(RbmView<const Real> rbm, const ChainStart& start,
                                           const GibbsSettings& settings, Shard mine) {
  if (is_logistic(rbm.shape())) return std::make_unique<SampledBits>(rbm, start, settings, mine);
  return std::make_unique<SampledNumbers>(rbm, start, settings, mine);
}

}  // namespace

void for_chain_records(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                       std::uint64_t chain_bytes, const Communicator& world,
                       const std::function<void(const ChainRecord&)>& look, const ProgressReport& progress) {
  constexpr const char* doing = "running Gibbs chains";
  const int ranks_on_node = world.split_by_node(0).size();
  world.agree([&] { check(rbm.shape(), start, settings, chain_bytes, ranks_on_node); });
  std::unique_ptr<SampledChains> chains;
  world.agree([&] { chains = make_chains(rbm, start, settings, shard(settings.chains, world.rank(), world.size())); });

  if (settings.start_too) look(chains->record(world));
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
    if (step % every == 0) look(chains->record(world));
  }
}

void run_gibbs_chains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                      const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                      const ProgressReport& progress) {
  for_chain_records(
      rbm, start, settings, 0, world, [&](const ChainRecord& record) { world.agree_on_root([&] { take(record); }); },
      progress);
}

}  // namespace rbmpi
