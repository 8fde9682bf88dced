#include "rbmpi/evaluate/gibbs_chains.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/evaluate/chain_weights.hpp"

namespace rbmpi {
namespace {

/// Chains that a thread takes through the machine together, as in training.
constexpr std::size_t block_rows = 128;
/// Steps between two looks at whether a signal came.
constexpr std::uint64_t steps_at_once = 16;
constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Failure::usage, what);
}

void check(RbmShape shape, const ChainStart& start, const GibbsSettings& settings, int ranks_on_node) {
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

/// Memory of one thread.
struct Scratch {
  Scratch(RbmShape shape, std::size_t rows)
      : fields(rows * std::max(shape.visible, shape.hidden)),
        probabilities(shape.visible),
        states(words_for(shape.visible)) {}

  AlignedBuffer<Real> fields;         // of a block of chains, of either side
  AlignedBuffer<Real> probabilities;  // of the visible units of one chain
  std::vector<std::uint64_t> states;  // the same
};

/// Some of the chains: those of one rank. Every method is Local, runs on all threads and allocates nothing.
class Chains {
 public:
  Chains(RbmView<const Real> rbm, const ChainWeights& weights, const ChainStart& start, Shard chains,
         std::uint64_t seed)
      : rbm_(rbm),
        weights_(weights),
        chains_(chains),
        seed_(seed),
        zeros_(rbm.shape().visible),
        clamped_(start.clamped.empty() ? 0 : words_for(rbm.shape().visible)),
        visible_(chains.count * words_for(rbm.shape().visible)),
        hidden_(chains.count * words_for(rbm.shape().hidden)) {
    for (std::size_t i = 0; i < start.clamped.size(); ++i) {
      if (start.clamped[i]) clamped_[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    const auto threads = static_cast<std::size_t>(threads_in_use());
    const std::size_t rows = std::min(block_rows, (chains.count + threads - 1) / threads);
    for (std::size_t thread = 0; thread < threads; ++thread) {
      scratch_.emplace_back(rbm.shape(), rows);
    }
  }

  void begin(const ChainStart& start) {
    const RbmShape shape = rbm_.shape();
    const bool noise = start.samples.rows == 0 || !start.clamped.empty();
    for_blocks([&](Shard rows, Scratch& scratch) {
      for (std::size_t i = rows.first; i < rows.first + rows.count; ++i) {
        if (noise) {
          activate_and_sample(zeros_.data(), zeros_.data(), shape.visible, stream(Phase::chain_start, i),
                              visible().row(i));
        }
        if (start.samples.rows == 0) continue;
        const std::uint64_t row = (start.first_row + chains_.first + i) % start.samples.rows;
        sample_row(start.samples, start.samples.row(row), {0, shape.visible}, unrounded, stream(Phase::chain_start, i),
                   scratch.probabilities.data(), scratch.states.data());
        if (!noise) std::ranges::copy(scratch.states, visible().row(i));
        keep_clamped(scratch.states.data(), visible().row(i));
      }
    });
  }

  void advance(std::uint64_t steps) {
    const RbmShape shape = rbm_.shape();
    for_blocks([&](Shard rows, Scratch& scratch) {
      const BitMatrixView v{visible().row(rows.first), rows.count, shape.visible};
      const BitMatrixView h{hidden().row(rows.first), rows.count, shape.hidden};
      const MatrixView hidden_fields{scratch.fields.data(), rows.count, shape.hidden};
      const MatrixView visible_fields{scratch.fields.data(), rows.count, shape.visible};
      for (std::uint64_t step = step_; step < step_ + steps; ++step) {
        weights_.up(v, hidden_fields);
        for (std::size_t i = 0; i < rows.count; ++i) {
          activate_and_sample(hidden_fields.row(i), rbm_.hidden_bias.data(), shape.hidden,
                              stream(Phase::chain_hidden, rows.first + i, step), h.row(i));
        }
        weights_.down(h, visible_fields);
        for (std::size_t i = 0; i < rows.count; ++i) {
          std::copy_n(v.row(i), scratch.states.size(), scratch.states.data());
          activate_and_sample(visible_fields.row(i), rbm_.visible_bias.data(), shape.visible,
                              stream(Phase::chain_visible, rows.first + i, step), v.row(i));
          keep_clamped(scratch.states.data(), v.row(i));
        }
      }
    });
    step_ += steps;
  }

  /// The probabilities of a record: count x V.
  void probabilities(MatrixView result) {
    const RbmShape shape = rbm_.shape();
    for_blocks([&](Shard rows, Scratch& scratch) {
      const MatrixView fields{scratch.fields.data(), rows.count, shape.visible};
      weights_.down({hidden().row(rows.first), rows.count, shape.hidden}, fields);
      for (std::size_t i = 0; i < rows.count; ++i) {
        activate(fields.row(i), rbm_.visible_bias.data(), shape.visible, unrounded);
        const std::uint64_t* const states = visible().row(rows.first + i);
        Real* const out = result.row(rows.first + i);
        for (std::size_t j = 0; j < shape.visible; ++j) {
          const bool drawn = step_ > 0 && (clamped_.empty() || (clamped_[j / 64] >> (j % 64) & 1U) == 0);
          out[j] = drawn ? fields.row(i)[j] : static_cast<Real>(states[j / 64] >> (j % 64) & 1U);
        }
      }
    });
  }

  [[nodiscard]] BitMatrixView visible() noexcept { return {visible_.data(), chains_.count, rbm_.shape().visible}; }

 private:
  [[nodiscard]] BitMatrixView hidden() noexcept { return {hidden_.data(), chains_.count, rbm_.shape().hidden}; }

  /// The random numbers of the i-th of these chains.
  [[nodiscard]] RandomStream stream(Phase phase, std::size_t i, std::uint64_t step = 0) const noexcept {
    return {seed_, 0, step, phase, static_cast<std::uint32_t>(chains_.first + i)};
  }

  void keep_clamped(const std::uint64_t* kept, std::uint64_t* states) const noexcept {
    for (std::size_t word = 0; word < clamped_.size(); ++word) {
      states[word] = (kept[word] & clamped_[word]) | (states[word] & ~clamped_[word]);
    }
  }

  /// Calls body(rows, memory) for blocks of the chains, shared out over the threads.
  template <typename Body>
  void for_blocks(const Body& body) {
    parallel_for(scratch_.size(), [&](std::size_t thread) {
      const Shard mine = shard(chains_.count, static_cast<int>(thread), static_cast<int>(scratch_.size()));
      for (std::size_t done = 0; done < mine.count; done += block_rows) {
        body(Shard{mine.first + done, std::min<std::uint64_t>(block_rows, mine.count - done)}, scratch_[thread]);
      }
    });
  }

  RbmView<const Real> rbm_;
  const ChainWeights& weights_;
  Shard chains_;
  std::uint64_t seed_;
  std::uint64_t step_ = 0;
  AlignedBuffer<Real> zeros_;
  std::vector<std::uint64_t> clamped_;  // bits, or empty
  std::vector<std::uint64_t> visible_;
  std::vector<std::uint64_t> hidden_;
  std::vector<Scratch> scratch_;  // of each thread
};

/// Brings the chains of all ranks together: each has its own and zeros elsewhere, so the sum is all of them.
class Gathering {
 public:
  Gathering(RbmShape shape, const GibbsSettings& settings, Shard mine)
      : visible_units_(shape.visible),
        chains_(settings.chains),
        mine_(mine),
        states_(settings.chains * words_for(shape.visible)),
        probabilities_(settings.probabilities ? settings.chains * shape.visible : 0) {}

  /// Collective.
  [[nodiscard]] ChainRecord record(Chains& chains, std::uint64_t step, const Communicator& world) {
    const std::size_t words = words_for(visible_units_);
    std::ranges::fill(states_, 0);
    for (std::size_t i = 0; i < mine_.count * words; ++i) {
      states_[mine_.first * words + i] = static_cast<std::int64_t>(chains.visible().words[i]);
    }
    world.sum(std::span(states_));
    ChainRecord record{step, {reinterpret_cast<const std::uint64_t*>(states_.data()), chains_, visible_units_}, {}};
    if (!probabilities_.empty()) {
      std::ranges::fill(probabilities_, Real{0});
      chains.probabilities({probabilities_.data() + mine_.first * visible_units_, mine_.count, visible_units_});
      world.sum(std::span(probabilities_));
      record.probabilities = {probabilities_.data(), chains_, visible_units_};
    }
    return record;
  }

 private:
  std::size_t visible_units_;
  std::size_t chains_;
  Shard mine_;
  std::vector<std::int64_t> states_;  // bits
  std::vector<Real> probabilities_;
};

}  // namespace

void run_gibbs_chains(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                      const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                      const ProgressReport& progress) {
  constexpr const char* doing = "running Gibbs chains";
  const int ranks_on_node = world.split_by_node(0).size();
  world.agree([&] { check(rbm.shape(), start, settings, ranks_on_node); });
  const Shard mine = shard(settings.chains, world.rank(), world.size());
  Arena memory;
  std::optional<ChainWeights> weights;
  std::optional<Chains> chains;
  std::optional<Gathering> gathering;
  world.agree([&] {
    weights.emplace(rbm.weights, memory);
    chains.emplace(rbm, *weights, start, mine, settings.seed);
    gathering.emplace(rbm.shape(), settings, mine);
  });
  const auto look = [&](std::uint64_t step) {
    const ChainRecord record = gathering->record(*chains, step, world);
    world.agree_on_root([&] { take(record); });
  };

  chains->begin(start);
  if (settings.start_too) look(0);
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
    if (step % every == 0) look(step);
  }
}

}  // namespace rbmpi
